//! Arguments and environment variables, and the errors about invalid ones.

use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use lanyard_testkit::{Ended, Home, Options, Running, Webex};
use serde_json::{Value, json};

use crate::{LANYARD, signed_in};

fn add_app(home: &Home, arguments: &[&str]) -> Ended {
    let secret = home.file("secret", "s");
    let mut command = home.command(["app", "add", "desk", "--force", "--client-secret-file"]);
    Running::start(command.arg(secret).args(arguments)).end()
}

#[test]
fn what_no_sign_in_could_use_is_no_app() {
    let home = Home::new(LANYARD);
    let uri = "http://localhost:7418/callback";
    let integration = ["--kind", "integration", "--redirect-uri", uri];
    for (id, scope, expected) in [
        ("", "spark:people_read", "the client id is empty"),
        (" ", "spark:people_read", "the client id is empty"),
        ("C1 C2", "spark:people_read", "the client id is empty or contains white space"),
        ("C1", "", "a scope is empty"),
        ("C1", "  ", "a scope is empty"),
    ] {
        let refused = add_app(&home, &[&integration[..], &["--client-id", id, "--scope", scope]].concat());
        assert!(refused.stderr.contains(expected), "{}", refused.stderr);
        assert!(!refused.hint().is_empty());
        refused.fails(2);
    }
    let kind = ["--kind", "integration", "--client-id", "C1"];
    let refused = add_app(&home, &kind);
    assert!(refused.hint().contains("--redirect-uri") && refused.hint().contains("--device"), "{}", refused.stderr);
    refused.fails(2);
    assert!(!home.path().exists(), "a command that fails leaves nothing behind");

    let added = add_app(&home, &[&kind[..], &["--device"]].concat());
    assert!(added.stderr.contains("only `lanyard login --device` will work"), "{}", added.stderr);
    added.ok();
}

#[test]
fn an_empty_variable_is_none() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let mut command = home.command(["token"]);
    command.env("LANYARD_CREDENTIAL", "").env("LANYARD_LOG", "");
    assert_eq!(Running::start(&mut command).end().ok(), home.token());

    let mut command = home.command(["doctor"]);
    command.env("LANYARD_HOME", "").env("XDG_DATA_HOME", home.beside());
    let elsewhere = Running::start(&mut command).end().ok();
    assert!(elsewhere.contains(&*home.beside().join("lanyard").to_string_lossy()), "{elsewhere}");
}

#[test]
fn a_flag_wins_over_a_variable() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let mut command = home.command(["--environment", "commercial", "token", "acme"]);
    let refused = Running::start(command.env("LANYARD_WEBEX_URL", webex.url())).end();
    assert!(refused.stderr.contains(&format!("belongs to {}", webex.url())), "{}", refused.stderr);
    refused.fails(2);
    let mut command = home.command(["--webex-url", webex.url(), "token", "acme"]);
    Running::start(command.env("LANYARD_WEBEX_URL", "https://webexapis.com/v1")).end().ok();
    home.run(["--environment", "commercial", "--webex-url", webex.url(), "token", "acme"]).fails(2);
}

#[test]
fn no_variable_stands_in_a_usage_line() {
    let home = Home::new(LANYARD);
    let mut command = home.command(["app", "add"]);
    let refused = Running::start(command.env("LANYARD_WEBEX_URL", "https://webexapis.com/v1")).end();
    let usage = refused.stderr.lines().find(|line| line.starts_with("Usage:")).unwrap();
    assert!(!usage.contains("--home") && !usage.contains("--webex-url"), "{usage}");
    refused.fails(2);
}

/// The one JSON object that a failure is.
#[track_caller]
fn error(ended: Ended, code: i32) -> Value {
    assert_eq!(ended.stdout, "");
    let text = ended.fails(code);
    let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text:?} is one JSON object"));
    assert_eq!(error["error"]["exit_code"], code);
    error["error"].clone()
}

#[test]
fn a_failure_is_one_json_object_where_json_is_asked_for() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let missing = error(home.run(["--json", "show", "acne"]), 3);
    assert_eq!(missing["kind"], "no-such-name");
    assert_eq!(missing["message"], "there is no credential named acne");
    assert!(missing["hint"].as_str().unwrap().contains("did you mean acme?"));
    assert_eq!(error(home.run(["show", "No", "--json"]), 2)["kind"], "usage");
    assert_eq!(error(home.run(["--json", "nonsense"]), 2)["kind"], "usage");
    let absent = error(home.run(["--json", "import", "x", "/nonexistent/file", "--app", "desk"]), 1);
    let message = absent["message"].as_str().unwrap();
    assert!(message.contains("cannot read /nonexistent/file: No such file"), "the cause is said too: {message}");
    assert_eq!((&absent["kind"], &absent["hint"]), (&json!("failed"), &Value::Null));
    assert_eq!(error(home.run(["--json", "exec", "acne", "--", "true"]), 125)["kind"], "no-such-name");
    let program = home.run(["exec", "acne", "--", "true", "--json"]);
    assert!(program.stderr.starts_with("error: "), "that is the program's own: {}", program.stderr);
    home.run(["refresh", "acme", "--force"]).ok();
    drop(webex);
    assert_eq!(error(home.run(["--json", "refresh", "acme", "--force"]), 5)["kind"], "unreachable");
}

fn verify(home: &Home, heads: &Path, json: bool) -> Ended {
    let mut command = home.command(["audit", "--verify", "--heads"]);
    Running::start(command.arg(heads).args(json.then_some("--json"))).end()
}

#[test]
fn heads_that_are_none_compare_nothing() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let heads = home.run(["audit", "--verify"]).ok();
    for empty in ["", "\n \n"] {
        let refused = verify(&home, &home.file("empty", empty), false);
        assert!(refused.stderr.contains("holds no head to compare with"), "{}", refused.stderr);
        refused.fails(2);
    }
    let compared: Value = serde_json::from_str(&verify(&home, &home.file("heads", &heads), true).ok()).unwrap();
    assert_eq!(
        (&compared["intact"], &compared["compared_heads"], &compared["broken"]),
        (&json!(true), &json!(1), &Value::Null)
    );
    assert_eq!(compared["heads"], json!([heads]));

    let longer = heads.rsplit_once(' ').map(|(number, mac)| format!("{} {mac}", number.parse::<u64>().unwrap() + 100));
    let cut = verify(&home, &home.file("longer", &longer.unwrap()), true);
    let verdict: Value = serde_json::from_str(&cut.stdout).unwrap();
    assert_eq!((&verdict["intact"], &verdict["broken"]["fault"]), (&json!(false), &json!("cut")));
    assert!(cut.stderr.contains("\"exit_code\":1"), "{}", cut.stderr);
    cut.fails(1);
}

#[test]
fn what_changes_an_app_answers_a_program() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    home.add_app(&webex);
    let replace = |secret: &str, more: &[&str]| {
        let mut command = home.command(["--json", "app", "secret", "desk", "--client-secret-file"]);
        Running::start(command.arg(home.file("new", secret)).args(more)).end()
    };
    let refused = replace("another", &[]);
    assert_eq!(refused.stdout, "");
    assert!(refused.stderr.contains("\"exit_code\":4"), "{}", refused.stderr);
    refused.fails(4);
    for (more, expected) in [(&[][..], "not-refused"), (&["--force"], "unknown")] {
        let replaced = replace(&webex.description().integration.client_secret, more).ok();
        let shown: Value = serde_json::from_str(&replaced).unwrap();
        assert_eq!((&shown["name"], &shown["secret"]), (&json!("desk"), &json!(expected)));
    }
    let removed: Value = serde_json::from_str(&home.run(["--json", "app", "remove", "desk"]).ok()).unwrap();
    assert_eq!(removed, json!({ "name": "desk", "removed": true }));
}

#[test]
fn a_token_comes_with_its_end_where_json_is_asked_for() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let told: Value = serde_json::from_str(&home.run(["--json", "token", "acme"]).ok()).unwrap();
    assert_eq!(
        (&told["access_token"], &told["token_type"]),
        (&json!(home.run(["token", "acme"]).ok()), &json!("Bearer"))
    );
    assert!(told["expires_in"].as_u64().is_some_and(|left| left > 1_000_000), "14 days");
    let seconds = |time: &Value| time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
    let (end, shown) = (seconds(&told["expires_at"]), seconds(&home.show("acme")["access_token_expires_at"]));
    assert!(end.abs_diff(shown) <= 2, "{end} {shown}");
}

#[test]
fn a_token_that_was_given_as_an_argument_is_not_repeated() {
    let home = Home::new(LANYARD);
    let token = format!("NDQzM2Nh{}_P0A1_canary", "Yx9".repeat(20));
    let with = format!("--token-file={token}");
    for arguments in [
        &["add", "bot", "lobby", &token][..],
        &["add", "bot", "lobby", "--token", &token],
        &["add", "bot", &token, &token],
        &["add", "bot", "lobby", "--token-file", &token],
        &["add", "bot", "lobby", &with],
        &["refresh", "lobby", &token],
    ] {
        for json in [false, true] {
            let ended = home.run(json.then_some("--json").into_iter().chain(arguments.iter().copied()));
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(!said.contains("canary") && said.len() > 40, "{arguments:?}: {said}");
            ended.fails(2);
        }
    }
}

#[test]
fn a_home_that_is_not_named_in_utf_8_is_refused_by_every_command() {
    let home = Home::new(LANYARD);
    let odd = std::ffi::OsString::from_vec(b"/tmp/lanyard-\xff".to_vec());
    for arguments in [&["list"][..], &["doctor"], &["token", "lobby"]] {
        let output = home.command(arguments.iter().copied()).arg("--home").arg(&odd).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains("not named in UTF-8"), "{arguments:?}: {said}");
    }
}
