//! Snapshots of the output that a person reads. Words replace times, ids, addresses and process numbers.

use std::process::Command;

use lanyard_testkit::{Home, Method, Options, Running, Webex};
use serde_json::json;

use crate::{LANYARD, signed_in};

/// Runs a command and returns all that a person sees: the command, its output, its messages, and its exit code.
fn shown(home: &Home, webex: Option<&Webex>, arguments: &[&str]) -> String {
    seen(&mut home.command(arguments), home, webex, &format!("$ lanyard {}", arguments.join(" ")))
}

fn seen(command: &mut Command, home: &Home, webex: Option<&Webex>, title: &str) -> String {
    let ended = Running::start(command.env("COLUMNS", "100")).end();
    let text = format!("{title}\n{}{}(exit {})\n", ended.stdout, ended.stderr, ended.code());
    let text = text.replace(&*home.path().to_string_lossy(), "HOME");
    match webex {
        Some(webex) => {
            let origin = webex.url().trim_end_matches("/v1");
            text.replace(webex.url(), "WEBEX").replace(origin, "ORIGIN")
        }
        None => text,
    }
}

/// Several commands, one after the other.
pub(crate) fn transcript(home: &Home, webex: Option<&Webex>, commands: &[&[&str]]) -> String {
    commands.iter().map(|arguments| shown(home, webex, arguments)).collect::<Vec<_>>().join("\n")
}

macro_rules! assert_shown {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            omit_expression => true,
            prepend_module_to_snapshot => false,
            filters => [
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
                (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
                (r"\b[0-9a-f]{32,}\b", "HEX"),
                (r#"HEX/[^ "]+"#, "WRITER"),
                (r"LANYARD_[0-9A-F]{16}", "TRACKING-ID"),
                (r"\b[0-9a-f]{16}\b", "KEY"),
                (r#""bytes": \d+"#, "\"bytes\": N"),
                // Seconds may pass before a time is shown.
                (r"\b11 hours \d\d mins", "12 hours"),
                (r"\b11 hours", "12 hours"),
                (r"\b\d\d mins", "NN mins"),
                (r"uid \d+(?: \(lanyard, pid \d+\))? {2,}", "PROCESS  "),
                (r"uid \d+(?: \(lanyard, pid \d+\))?", "PROCESS"),
                (r"BY +DETAIL", "BY  DETAIL"),
                (r"due in \d+ s", "due in N s"),
            ],
        }, { insta::assert_snapshot!($name, $text) });
    };
}
pub(crate) use assert_shown;

/// A home with an integration, a bot and a personal token.
pub(crate) fn furnished() -> (Webex, Home) {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let (bot, personal) = (&webex.description().bot, &webex.description().personal);
    for (kind, name, token) in [("bot", "lobby", &bot.access_token), ("personal", "mine", &personal.access_token)] {
        let file = home.file(name, token);
        let mut command = home.command(["--webex-url", webex.url(), "add", kind, name, "--token-file"]);
        Running::start(command.arg(file)).end().ok();
    }
    (webex, home)
}

#[test]
fn help() {
    let home = Home::new(LANYARD);
    let mut left = vec![Vec::<String>::new()];
    while let Some(words) = left.pop() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let text = shown(&home, None, &arguments);
        // The help itself says which commands are below: the top one in groups, the others in a list.
        let (mut names, mut inside) = (Vec::new(), false);
        for line in text.lines() {
            if !line.starts_with(' ') {
                inside = if words.is_empty() { line.ends_with(':') && line != "Options:" } else { line == "Commands:" };
            } else if inside && !line.starts_with("   ") {
                names.extend(line.split_whitespace().next().filter(|name| *name != "help").map(ToOwned::to_owned));
            }
        }
        for name in names {
            left.push([&words[..], &[name]].concat());
        }
        assert_shown!(["help".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join("-"), text);
    }
}

#[test]
fn help_on_what_all_commands_share() {
    let home = Home::new(LANYARD);
    for topic in ["options", "environment", "exit-codes"] {
        assert_shown!(format!("help-{topic}"), shown(&home, None, &["help", topic]));
    }
}

#[test]
fn credentials() {
    let (webex, home) = furnished();
    let commands: [&[&str]; 4] = [&["list"], &["show", "acme"], &["show", "lobby"], &["show", "mine"]];
    assert_shown!("credentials", transcript(&home, Some(&webex), &commands));
    let commands: [&[&str]; 2] = [&["--json", "list"], &["--json", "show", "acme"]];
    assert_shown!("credentials-json", transcript(&home, Some(&webex), &commands));
}

#[test]
fn apps() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let commands: [&[&str]; 4] =
        [&["app", "list"], &["app", "show", "desk"], &["--json", "app", "list"], &["--json", "app", "show", "desk"]];
    assert_shown!("apps", transcript(&home, Some(&webex), &commands));
}

#[test]
fn audit() {
    let (webex, home) = furnished();
    home.run(["refresh", "acme", "--force"]).ok();
    home.run(["exec", "acme", "--", "true"]).ok();
    home.run(["clear", "mine"]).ok();
    assert_shown!("audit", transcript(&home, Some(&webex), &[&["audit"], &["audit", "--limit", "1", "--json"]]));
    assert_shown!("audit-verify", transcript(&home, Some(&webex), &[&["audit", "--verify"]]));
}

#[test]
fn keys_and_backups() {
    let (webex, home) = furnished();
    let commands: [&[&str]; 5] = [
        &["key", "show"],
        &["--json", "key", "show"],
        &["key", "rotate"],
        &["--json", "key", "rotate"],
        &["key", "rotate", "--all"],
    ];
    assert_shown!("keys", transcript(&home, Some(&webex), &commands));

    let copy = home.beside().join("copy");
    let copy = copy.to_str().unwrap();
    let beside = home.beside().to_str().unwrap().to_owned();
    let made: [&[&str]; 3] = [&["backup", copy], &["backup", copy], &["--json", "backup", &format!("{copy}-2")]];
    assert_shown!("backup", transcript(&home, Some(&webex), &made).replace(&beside, "BESIDE"));

    let second = Home::new(LANYARD);
    let key = home.path().join("home.key");
    let restore: [&[&str]; 6] = [
        &["restore", copy, "--key-file", key.to_str().unwrap()],
        &["token", "acme"],
        &["doctor"],
        &["restore", copy],
        &["restore", "--resume"],
        &["--json", "restore", "--resume"],
    ];
    let restored = transcript(&second, Some(&webex), &restore).replace(&*home.path().to_string_lossy(), "ORIGINAL");
    assert_shown!("restore", restored.replace(&beside, "BESIDE"));
}

#[test]
fn doctor() {
    let (webex, home) = furnished();
    assert_shown!("doctor", transcript(&home, Some(&webex), &[&["doctor"], &["doctor", "--json"]]));
    let admin = &webex.description().admin.email;
    webex.control(Method::POST, "/grants/revoke", Some(&json!({ "subject": admin })));
    home.run(["refresh", "acme", "--force"]).fails(4);
    assert_shown!("doctor-needs-login", transcript(&home, Some(&webex), &[&["doctor"], &["doctor", "--json"]]));
}

#[test]
fn clear() {
    let (webex, home) = furnished();
    home.sign_in(&webex, "other");
    home.sign_in(&webex, "third");
    let commands: [&[&str]; 4] =
        [&["clear", "acme"], &["clear", "other", "--json"], &["clear", "lobby"], &["clear", "mine"]];
    assert_shown!("clear", transcript(&home, Some(&webex), &commands));
    webex.fault(&json!({ "path": "/idb/*", "count": 2, "action": { "status": 503 } }));
    assert_shown!("clear-later", transcript(&home, Some(&webex), &[&["clear", "third"], &["doctor"], &["list"]]));
}

#[test]
fn errors_before_there_is_anything() {
    let home = Home::new(LANYARD);
    let commands: [&[&str]; 9] = [
        &["list"],
        &["token"],
        &["exec", "--", "true"],
        &["doctor"],
        &["show", "No Name"],
        &["app", "add", "desk", "--kind", "integration", "--client-id", "C1", "--device"],
        &["add", "bot", "lobby"],
        &["--webex-url", "webexapis.com", "add", "bot", "lobby", "--token-file", "/dev/null"],
        &["--webex-url", "http://webexapis.com/v1", "add", "bot", "lobby", "--token-file", "/dev/null"],
    ];
    assert_shown!("errors-empty", transcript(&home, None, &commands));
}

#[test]
fn errors_of_names() {
    let (webex, home) = furnished();
    let mut second = home.command(["app", "add", "second", "--kind", "integration", "--client-id", "C2", "--device"]);
    Running::start(second.args(["--force", "--client-secret-file"]).arg(home.file("second", "s"))).end().ok();
    let commands: [&[&str]; 13] = [
        &["show", "nobody"],
        &["token", "nobody"],
        &["exec", "nobody", "--", "true"],
        &["login", "nobody"],
        &["login", "nobody", "--app", "nothing"],
        &["login", "lobby"],
        &["login", "acme", "--app", "second"],
        &["app", "show", "nothing"],
        &["app", "remove", "desk"],
        &["token"],
        &["refresh", "lobby"],
        &["refresh", "acme"],
        &["--environment", "fedramp", "token", "acme"],
    ];
    assert_shown!("errors-names", transcript(&home, Some(&webex), &commands));
    let mut command = home.command(["token"]);
    let title = "$ LANYARD_CREDENTIAL=No lanyard token";
    assert_shown!("errors-variable", seen(command.env("LANYARD_CREDENTIAL", "No"), &home, Some(&webex), title));
}

#[test]
fn errors_of_renewal() {
    let (webex, home) = furnished();
    let admin = webex.description().admin.email.clone();
    let commands: [&[&str]; 3] = [&["refresh", "acme", "--force"], &["show", "acme"], &["list"]];

    webex.fault(
        &json!({ "path": "/v1/access_token", "action": { "status": 429, "headers": { "retry-after": "600" } } }),
    );
    assert_shown!("errors-limited", transcript(&home, Some(&webex), &commands));
    webex.fault(&json!({ "path": "/v1/access_token", "count": 2, "action": { "mangle": "html" } }));
    assert_shown!("errors-unclear", transcript(&home, Some(&webex), &commands));
    webex.control(Method::POST, "/grants/revoke", Some(&json!({ "subject": admin })));
    let after: [&[&str]; 2] = [&["refresh", "acme"], &["token", "acme", "--min-validity", "1209600"]];
    // The token that is still handed out is not part of the picture.
    let token = home.token();
    let text = transcript(&home, Some(&webex), &[&commands[..], &after].concat()).replace(&token, "TOKEN");
    assert_shown!("errors-needs-login", text);
}
