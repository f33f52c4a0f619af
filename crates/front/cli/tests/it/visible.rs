//! Names and sentences of Webex's, as whoever may give them would have them: they reach no terminal as they are.

use lanyard_protocol::is_hidden;
use lanyard_testkit::{Home, Options, Running, Terminal, Webex};
use serde_json::{Value, json};

use crate::snapshots::furnished;

/// Sets the clipboard, changes colours by a C1 character, reverses, hides, and forges a row and a line.
const HOSTILE: &str = "Z\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}31m\u{202e}\u{200b}\u{7f}\nfake  bot  active\r\u{2028}m";

/// A home whose every name at Webex is hostile.
fn surrounded() -> (Webex, Home) {
    let (webex, home) = furnished();
    let workspace = webex.workspaces()[0]["id"].as_str().unwrap().to_owned();
    home.run(["api", "mine", "PUT", &format!("workspaces/{workspace}"), "-f", &format!("displayName={HOSTILE}")]).ok();
    let entry = json!({ "id": HOSTILE, "applicationName": HOSTILE, "type": "access" });
    for (path, merged) in [
        ("/v1/people/me", json!({ "displayName": HOSTILE, "firstName": HOSTILE })),
        ("/v1/organizations/*", json!({ "displayName": HOSTILE })),
        ("/v1/authorizations*", json!({ "items": [entry] })),
    ] {
        webex.fault(&json!({ "path": path, "count": null, "action": { "merge": merged } }));
    }
    let refusal = json!({ "message": HOSTILE, "trackingId": HOSTILE, "errors": [{ "description": HOSTILE }] });
    for (path, body) in [("/v1/locations*", refusal), ("/v1/rooms*", json!(HOSTILE))] {
        let action = json!({ "status": 403, "body": body });
        webex.fault(&json!({ "path": path, "count": null, "action": action }));
    }
    // Kept as they come, and shown by every command after that.
    home.sign_in(&webex, "acme");
    let token = home.file("again", &webex.description().bot.access_token);
    let mut again = home.command(["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file"]);
    Running::start(again.arg(token)).end().ok();
    (webex, home)
}

/// Every command that shows something of Webex's.
const SHOWING: [&[&str]; 14] = [
    &["list"],
    &["show", "acme"],
    &["show", "lobby"],
    &["test", "acme"],
    &["test", "lobby", "--for", "devices", "--against", "mine"],
    &["tokens", "list", "acme", "--via", "mine"],
    &["api", "acme", "people/me"],
    &["api", "acme", "people/me", "--include"],
    &["--json", "list"],
    &["--json", "show", "acme"],
    &["--json", "test", "lobby", "--for", "devices", "--against", "mine"],
    &["--json", "tokens", "list", "acme", "--via", "mine"],
    &["api", "acme", "rooms"],
    &["api", "acme", "locations"],
];

#[track_caller]
fn is_harmless(shown: &str, how: &str) {
    let acts = |c: char| c != '\n' && is_hidden(c);
    assert!(!shown.contains(acts), "{how}: {shown:?}");
    // A body that is not JSON keeps its own lines.
    let forged = how != "api acme rooms" && shown.lines().any(|line| line.trim_start().starts_with("fake"));
    assert!(!forged, "{how}: {shown}");
}

#[test]
fn no_name_from_webex_acts_on_a_terminal() {
    let (_webex, home) = surrounded();
    for command in SHOWING {
        let (shown, _) = Terminal::run(home.command(command), 250);
        is_harmless(&shown, &command.join(" "));
        assert!(shown.contains(r"\u{1b}]52;c;") || shown.contains(r"\u001b]52;c;"), "{command:?}: {shown}");
    }
    for command in [&["audit"][..], &["doctor"], &["refresh", "acme", "--force"], &["-vv", "test", "acme"]] {
        let (shown, _) = Terminal::run(home.command(command), 250);
        is_harmless(&shown, &command.join(" "));
    }
}

#[test]
fn on_a_pipe_only_what_api_answers_is_as_it_came() {
    let (_webex, home) = surrounded();
    for command in SHOWING {
        let ended = home.run(command);
        is_harmless(&ended.stderr, &command.join(" "));
        if !command.contains(&"api") {
            is_harmless(&ended.stdout, &command.join(" "));
        }
    }
    assert_eq!(home.run(["api", "acme", "rooms"]).stdout, format!("{HOSTILE}\n"));
    let me: Value = serde_json::from_str(&home.run(["api", "acme", "people/me"]).ok()).unwrap();
    assert_eq!(me["displayName"], HOSTILE);
    // JSON says it in escapes, and means the same.
    assert_eq!(home.show("acme")["subject"]["display_name"], HOSTILE);
}

#[test]
fn what_is_typed_wrongly_is_repeated_harmlessly() {
    let webex = Webex::with(Options::default());
    let home = crate::signed_in(&webex);
    for command in [&["list", HOSTILE][..], &["show", HOSTILE], &["api", "acme", HOSTILE], &["--json", "show", HOSTILE]]
    {
        is_harmless(&home.run(command).stderr, &format!("{command:?}"));
    }
}
