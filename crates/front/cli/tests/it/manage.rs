//! Names, labels, and switching credentials off and on.

use lanyard_testkit::{Ended, Home, Method, Options, Running, Terminal, Webex};
use serde_json::{Value, json};

use crate::{LANYARD, signed_in};

/// A home with the integration `acme`, and the bot `lobby`.
fn furnished() -> (Webex, Home) {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let file = home.file("lobby", &webex.description().bot.access_token);
    let mut command = home.command(["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file"]);
    Running::start(command.arg(file)).end().ok();
    (webex, home)
}

fn listed(home: &Home, arguments: &[&str]) -> Vec<String> {
    let all: Value =
        serde_json::from_str(&home.run(["--json", "list"].iter().chain(arguments)).ok()).expect("it is JSON");
    all.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_new_name_changes_nothing_else() {
    let (_webex, home) = furnished();
    let (token, before) = (home.token(), home.show("acme"));
    home.run(["rename", "acme", "corp"]).ok();
    let mut after = home.show("corp");
    assert_eq!(home.run(["token", "corp"]).ok(), token);
    after["name"] = json!("acme");
    assert_eq!(after, before);
    home.run(["show", "acme"]).fails(3);

    let refused = home.run(["rename", "corp", "lobby"]);
    assert!(refused.stderr.contains("the name lobby is taken"), "{}", refused.stderr);
    assert!(
        refused.hint().contains("lanyard rename lobby lobby-old (lanyard clear lobby would revoke"),
        "{}",
        refused.stderr
    );
    refused.fails(1);
    home.run(["rename", "corp", "corp"]).ok();
    home.run(["rename", "corp", "Corp"]).fails(2);
    home.run(["rename", "nobody", "corp"]).fails(3);
}

#[test]
fn what_is_renamed_is_still_renewed() {
    let (webex, home) = furnished();
    home.run(["rename", "acme", "corp"]).ok();
    home.run(["refresh", "corp", "--force"]).ok();
    assert!(webex.accepts(&home.run(["token", "corp"]).ok()));
    assert_eq!(home.show("corp")["generation"], 2);
}

#[test]
fn a_label_finds_its_credentials() {
    let (_webex, home) = furnished();
    home.run(["label", "acme", "team=voice", "site=Zürich West"]).ok();
    home.run(["label", "lobby", "team=rooms", "site=Zürich West"]).ok();
    assert_eq!(home.show("acme")["labels"], json!({ "site": "Zürich West", "team": "voice" }));
    assert_eq!(listed(&home, &["--label", "team"]), ["acme", "lobby"]);
    assert_eq!(listed(&home, &["--label", "team=rooms", "--label", "site"]), ["lobby"]);
    assert_eq!(listed(&home, &["--label", "team=voice", "--label", "team=rooms"]), [""; 0]);
    assert_eq!(listed(&home, &["--label", "team", "--kind", "bot"]), ["lobby"]);
    assert_eq!(listed(&home, &["--state", "active"]), ["acme", "lobby"]);
    assert_eq!(listed(&home, &["--state", "disabled"]), [""; 0]);
    let nothing = home.run(["list", "--label", "nothing"]);
    assert!(nothing.stderr.contains("no credential matches"), "{}", nothing.stderr);
    assert_eq!(nothing.ok(), "");

    home.run(["label", "acme", "--remove", "team", "--remove", "absent", "site=Bern"]).ok();
    assert_eq!(home.show("acme")["labels"], json!({ "site": "Bern" }));
    assert!(home.run(["show", "acme"]).ok().contains("site=Bern"));
}

#[test]
fn what_is_no_label_is_refused() {
    let (_webex, home) = furnished();
    let long = format!("a={}", "x".repeat(257));
    for bad in ["team", "=x", "Team=x", "a=\u{7}", &long] {
        home.run(["label", "acme", bad]).fails(2);
    }
    home.run(["label", "acme"]).fails(2);
    home.run(["list", "--state", "fine"]).fails(2);
    home.run(["list", "--kind", "robot"]).fails(2);
    home.run(["list", "--label", "=x"]).fails(2);
    assert_eq!(home.show("acme")["labels"], json!({}));
}

#[test]
fn a_disabled_credential_rests_and_those_who_hold_its_token_are_named() {
    let (webex, home) = furnished();
    home.run(["exec", "acme", "--", "true"]).ok();
    home.token();
    home.token();
    let disabled = home.run(["disable", "acme"]);
    let said = &disabled.stderr;
    assert!(said.contains("exec true") && said.contains("token, last at") && said.contains(", 2 times"), "{said}");
    let until = home.show("acme")["access_token_expires_at"].as_str().unwrap().to_owned();
    assert!(said.contains(&until), "{said}");
    disabled.ok();

    webex.forget_record();
    let refused = home.run(["token", "acme"]);
    assert!(refused.stderr.contains("acme is disabled"), "{}", refused.stderr);
    assert!(refused.hint().contains("lanyard enable acme"), "{}", refused.stderr);
    refused.fails(1);
    home.run(["refresh", "acme", "--force"]).fails(1);
    assert!(webex.record().is_empty(), "{:?}", webex.record());
    assert_eq!(listed(&home, &["--state", "disabled"]), ["acme"]);

    let again: Value = serde_json::from_str(&home.run(["--json", "disable", "acme"]).ok()).unwrap();
    let means: Vec<_> = again["holders"].as_array().unwrap().iter().map(|holder| &holder["means"]).collect();
    assert_eq!(means, ["token", "exec true"], "the one that asked last comes first");
    assert_eq!(again["holders"][0]["times"], 2);
}

#[test]
fn holders_of_an_earlier_token_set_are_not_named() {
    let (_webex, home) = furnished();
    home.run(["exec", "acme", "--", "true"]).ok();
    home.run(["refresh", "acme", "--force"]).ok();
    let disabled = home.run(["disable", "acme"]);
    assert!(!disabled.stderr.contains("exec"), "{}", disabled.stderr);
    disabled.ok();
}

#[test]
fn enabling_says_whether_webex_still_accepts_the_token() {
    let (_webex, home) = furnished();
    home.run(["disable", "acme"]).ok();
    let enabled = home.run(["enable", "acme"]);
    assert!(enabled.stderr.contains("Webex accepts its token; valid for 14 days"), "{}", enabled.stderr);
    enabled.ok();
    assert_eq!(home.show("acme")["state"], "active");
    home.token();
    let again = home.run(["enable", "acme"]);
    assert!(again.stderr.contains("acme is not disabled"), "{}", again.stderr);
    again.ok();
}

#[test]
fn a_bots_token_that_died_meanwhile_needs_a_person() {
    let (webex, home) = furnished();
    home.run(["disable", "lobby"]).ok();
    let bot = &webex.description().bot.email;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "subject": bot })));
    let enabled = home.run(["enable", "lobby"]);
    assert!(enabled.stderr.contains("does not accept its token any more"), "{}", enabled.stderr);
    assert!(enabled.hint().contains("lanyard add bot lobby"), "{}", enabled.stderr);
    enabled.ok();
    let shown = home.show("lobby");
    assert_eq!((&shown["state"], &shown["last_error"]["kind"]), (&json!("needs-token"), &json!("dead-token")));
}

#[test]
fn an_integrations_dead_token_is_left_to_its_renewal() {
    let (webex, home) = furnished();
    home.run(["disable", "acme"]).ok();
    let admin = &webex.description().admin.email;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "subject": admin })));
    let enabled = home.run(["enable", "acme"]);
    assert!(enabled.hint().contains("lanyard refresh acme --force"), "{}", enabled.stderr);
    enabled.ok();
    assert!(webex.refreshes().is_empty(), "to enable spends nothing");
    assert_eq!(home.show("acme")["state"], "active");
    home.run(["refresh", "acme", "--force"]).ok();
    assert!(webex.accepts(&home.token()));
}

#[test]
fn a_webex_out_of_reach_keeps_nothing_disabled() {
    let (webex, home) = furnished();
    home.run(["disable", "acme"]).ok();
    let url = webex.url().to_owned();
    let elsewhere = home.run(["--webex-url", "https://webexapis.com/v1", "enable", "acme"]);
    assert!(elsewhere.stderr.contains(&format!("belongs to {url}")), "{}", elsewhere.stderr);
    elsewhere.fails(2);
    assert_eq!(home.show("acme")["state"], "disabled");
    drop(webex);
    let enabled = home.run(["enable", "acme"]);
    assert!(enabled.stderr.contains("is not known"), "{}", enabled.stderr);
    enabled.ok();
    assert_eq!(home.show("acme")["state"], "active");
}

#[test]
fn what_never_had_a_token_waits_again_when_it_is_enabled() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let app = &webex.description().integration;
    let client = (app.client_id.as_str(), app.client_secret.as_str());
    home.add_app_as(&webex, client, &app.redirect_uris, &["spark:applications_token"]).ok();
    home.sign_in(&webex, "via");
    let app = &webex.description().service_app;
    let secret = home.file("secret", &app.client_secret);
    let mut command = home.command(["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app"]);
    command.args(["--client-id", &app.client_id, "--application-id", &app.application_id]);
    Running::start(command.arg("--client-secret-file").arg(secret)).end().ok();
    webex.fault(&json!({ "path": "/v1/applications/*", "count": 9, "action": { "status": 503 } }));
    let org = "0a1b2c3d-0000-4000-8000-00000000000a";
    home.run(["add", "service-app", "pilot", "--app", "fleet", "--target-org", org, "--via", "via"]).fails(5);
    assert_eq!(home.show("pilot")["access_token_expires_at"], Value::Null);
    home.run(["disable", "pilot"]).ok();
    let enabled = home.run(["enable", "pilot"]);
    assert!(enabled.stderr.contains("it never had a token"), "{}", enabled.stderr);
    enabled.ok();
    assert_eq!(home.show("pilot")["state"], "pending");
}

#[test]
fn to_clear_names_those_who_hold_what_could_not_be_revoked() {
    let (webex, home) = furnished();
    home.run(["exec", "lobby", "--", "true"]).ok();
    let cleared = home.run(["clear", "lobby"]);
    assert!(cleared.stderr.contains("exec true"), "{}", cleared.stderr);
    cleared.ok();

    home.run(["exec", "acme", "--", "true"]).ok();
    home.sign_in(&webex, "second");
    home.run(["exec", "second", "--", "true"]).ok();
    let revoked = home.run(["clear", "acme"]);
    assert!(!revoked.stderr.contains("exec true"), "what is revoked nobody holds: {}", revoked.stderr);
    revoked.ok();
    webex.fault(&json!({ "path": "/idb/*", "count": 2, "action": { "status": 503 } }));
    let later = home.run(["--json", "clear", "second"]);
    assert_eq!(later.code(), 5, "its tokens wait for Webex: {}", later.stderr);
    let later: Value = serde_json::from_str(&later.stdout).unwrap();
    assert_eq!(later["holders"][0]["means"], "exec true");
}

#[test]
fn a_missing_name_is_the_variables_or_the_only_one() {
    let (_webex, home) = furnished();
    for arguments in [&["show"][..], &["refresh"]] {
        let several = home.run(arguments);
        assert!(several.stderr.contains("there are several credentials"), "{}", several.stderr);
        several.fails(2);
        let mut command = home.command(arguments);
        Running::start(command.env("LANYARD_CREDENTIAL", "acme")).end().ok();
    }
    for arguments in [&["clear"][..], &["disable"], &["rename"], &["enable"], &["label"]] {
        let mut command = home.command(arguments);
        Running::start(command.env("LANYARD_CREDENTIAL", "acme")).end().fails(2);
    }
    home.run(["clear", "lobby"]).ok();
    assert!(home.run(["show"]).ok().contains("acme"));
    home.run(["refresh"]).ok();
}

#[test]
fn a_slip_of_the_finger_is_answered_with_what_was_meant() {
    let (_webex, home) = furnished();
    for arguments in [&["show", "amce"][..], &["token", "acm"], &["refresh", "acme2"], &["disable", "acne"]] {
        let missed = home.run(arguments);
        assert!(missed.hint().contains("did you mean acme?"), "{arguments:?}: {}", missed.stderr);
        missed.fails(3);
    }
    let app = home.run(["app", "show", "dekc"]);
    assert!(app.hint().contains("did you mean desk?"), "{}", app.stderr);
    app.fails(3);
    let far = home.run(["show", "somebody"]);
    assert!(!far.stderr.contains("did you mean"), "{}", far.stderr);
    far.fails(3);
}

/// A command at a terminal, where this is typed.
fn typed(home: &Home, arguments: &[&str], answer: &str) -> Ended {
    let terminal = Terminal::open();
    terminal.types(answer);
    Running::start(home.command(arguments).stdin(terminal.stdin())).end()
}

#[test]
fn what_cannot_be_undone_is_asked_at_a_terminal() {
    let (webex, home) = furnished();
    home.run(["client", "add", "monitor", "--credential", "acme", "--can", "read"]).ok();
    let asks = |arguments: &[&str]| {
        for answer in ["n", "", "yes please"] {
            let kept = typed(&home, arguments, answer);
            assert!(
                kept.stderr.contains("[y/N]") && kept.stderr.contains("cancelled: nothing was changed"),
                "{}",
                kept.stderr
            );
            kept.fails(1);
        }
    };
    asks(&["clear", "acme"]);
    asks(&["client", "remove", "monitor"]);
    assert!(webex.accepts(&home.token()));
    typed(&home, &["clear", "nobody"], "y").fails(3);
    let asked = typed(&home, &["clear", "acme"], "y");
    assert!(asked.stderr.contains("Clear acme, which acts as"), "{}", asked.stderr);
    asked.ok();
    asks(&["app", "remove", "desk"]);
    for arguments in [&["app", "remove", "desk", "--yes"][..], &["client", "remove", "monitor", "-y"]] {
        let done = typed(&home, arguments, "n");
        assert!(!done.stderr.contains("[y/N]"), "{}", done.stderr);
        done.ok();
    }
}
