//! Command lines that are nearly right, and what they are told.

use lanyard_testkit::{Home, Running, Terminal};

use crate::LANYARD;
use crate::snapshots::{assert_shown, furnished, transcript};

#[test]
fn a_mistake_is_told_what_was_expected() {
    let (webex, home) = furnished();
    let app: &[&str] = &["app", "add", "desk2", "--client-id", "C0123"];
    let with = |more: &'static [&'static str]| [app, more].concat();
    let (bot, foo) = (with(&["--kind", "bot"]), with(&["--kind", "integration", "--redirect-uri", "foo"]));
    let commands: [&[&str]; 6] = [
        &bot,
        &foo,
        &["app", "set", "desk"],
        &["refresh", "lobby"],
        &["show", "Lobby"],
        &["api", "Lobby", "GET", "people/me"],
    ];
    assert_shown!("mistakes", transcript(&home, Some(&webex), &commands));
}

#[test]
fn an_empty_list_of_apps_says_what_comes_next() {
    let home = Home::new(LANYARD);
    let listed = home.run(["app", "list"]);
    assert!(listed.stderr.contains("there is no app yet; add one: lanyard app add NAME"), "{}", listed.stderr);
    assert_eq!(listed.ok(), "");
    assert_eq!(home.run(["app", "list", "--json"]).ok(), "[]");
}

#[test]
fn a_webex_that_cannot_be_reached_has_one_cause() {
    let home = Home::new(LANYARD);
    let token = home.file("token", "a-token-of-nobody");
    let nowhere = ["--webex-url", "http://127.0.0.1:1/v1", "add", "bot", "lobby", "--token-file"];
    let ended = home.run([&nowhere[..], &[token.to_str().unwrap()]].concat());
    let causes: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("  because: ")).collect();
    assert!(matches!(causes[..], [cause] if cause.contains("refused")), "{}", ended.stderr);
    ended.fails(5);
}

#[test]
fn a_password_for_the_store_is_put_where_the_address_is_read() {
    let home = Home::new(LANYARD);
    let with =
        |variables: &[(&str, &str)]| Running::start(home.command(["list"]).envs(variables.iter().copied())).end();
    let in_address = with(&[("LANYARD_STORE", "postgres://x:hunter2@127.0.0.1:1/y")]);
    assert!(in_address.hint().contains("LANYARD_STORE_PASSWORD_FILE="), "{}", in_address.stderr);
    assert!(!in_address.stderr.contains("hunter2"), "{}", in_address.stderr);
    in_address.fails(2);

    let store = ("LANYARD_STORE", "postgres://x@127.0.0.1:1/y");
    let missing = with(&[store, ("LANYARD_STORE_PASSWORD_FILE", "/nosuch")]);
    assert!(missing.stderr.contains("password for the database server cannot be read"), "{}", missing.stderr);
    assert!(missing.stderr.contains("/nosuch"), "{}", missing.stderr);
    assert!(missing.hint().contains("LANYARD_STORE_PASSWORD_FILE"), "{}", missing.stderr);
    missing.fails(6);
}

#[test]
fn a_secret_given_to_app_set_is_led_to_app_secret() {
    let home = Home::new(LANYARD);
    for (words, app) in [
        (["app", "set", "fleet", "--client-secret-file", "f"], "fleet"),
        (["app", "set", "--client-secret-file", "f", "fleet"], "NAME"),
        (["app", "set", "fleet", "--client-secret", "f"], "fleet"),
    ] {
        let refused = home.run(words);
        let tip = format!("tip: to replace the client secret: lanyard app secret {app}\n");
        assert!(refused.stderr.contains(&tip) && !refused.stderr.contains("as a value"), "{refused:?}");
        refused.fails(2);
    }
}

#[test]
fn a_wide_list_has_labels_and_the_last_error_and_cuts_nothing_off() {
    let (webex, home) = furnished();
    home.run(["label", "lobby", "site=bern", "floor=2"]).ok();
    webex.fault(&serde_json::json!({
        "path": "/v1/access_token", "action": { "status": 429, "headers": { "retry-after": "600" } },
    }));
    home.run(["refresh", "acme", "--force"]).fails(5);
    let (shown, code) = Terminal::run(home.command(["list", "--wide"]), 60);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("LABELS") && shown.contains("floor=2,site=bern"), "{shown}");
    assert!(shown.contains("LAST ERROR") && shown.contains("Webex limits the calls"), "{shown}");
    assert!(!shown.contains('…'), "{shown}");
    assert!(!home.run(["list"]).ok().contains("LABELS"));
}
