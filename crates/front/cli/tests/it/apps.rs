//! Registrations: `lanyard app`.

use lanyard_testkit::{Home, Options, Running, Webex};
use serde_json::{Value, json};

use crate::{LANYARD, signed_in};

#[test]
fn an_app_is_listed_and_shown_without_its_secret() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    home.add_app(&webex);
    let app = &webex.description().integration;
    let listed: Value = serde_json::from_str(&home.run(["--json", "app", "list"]).ok()).unwrap();
    let shown: Value = serde_json::from_str(&home.run(["--json", "app", "show", "desk"]).ok()).unwrap();
    assert_eq!(listed, json!([shown]));
    assert_eq!(shown["client_id"], app.client_id.as_str());
    assert_eq!(shown["redirect_uris"], json!(app.redirect_uris));
    for said in [home.run(["app", "list"]).ok(), home.run(["app", "show", "desk"]).ok(), shown.to_string()] {
        assert!(said.contains(&app.client_id), "{said}");
        assert!(!said.contains(&app.client_secret), "{said}");
    }
}

#[test]
fn a_name_that_is_taken_says_how_to_free_it() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    home.add_app(&webex);
    let app = &webex.description().integration;
    let again = home.add_app_as(&webex, (&app.client_id, &app.client_secret), &app.redirect_uris, &[]);
    assert!(again.hint().contains("lanyard app secret desk"), "{}", again.stderr);
    again.fails(1);
}

#[test]
fn an_app_in_use_is_not_removed() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let refused = home.run(["app", "remove", "desk"]);
    assert!(refused.stderr.contains("desk is used by acme"), "{}", refused.stderr);
    assert!(refused.hint().contains("lanyard clear acme"), "{}", refused.stderr);
    refused.fails(1);
    assert!(webex.accepts(&home.token()));

    home.run(["clear", "acme"]).ok();
    home.run(["app", "remove", "desk"]).ok();
    for arguments in [&["app", "show", "desk"][..], &["app", "remove", "desk"], &["login", "acme", "--app", "desk"]] {
        let gone = home.run(arguments);
        assert!(gone.hint().contains("lanyard app list"), "{}", gone.stderr);
        gone.fails(3);
    }
}

#[test]
fn a_service_app_is_nobodys_sign_in() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let app = &webex.description().service_app;
    let secret = home.file("secret", &app.client_secret);
    let mut command = home.command(["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app"]);
    command.args(["--client-id", &app.client_id, "--application-id", &app.application_id]);
    Running::start(command.arg("--client-secret-file").arg(secret)).end().ok();
    let shown = home.run(["app", "show", "fleet"]).ok();
    assert!(shown.contains(&app.application_id), "{shown}");
    let ended = home.run(["login", "acme", "--app", "fleet"]);
    assert!(ended.stderr.contains("fleet is registered as service-app"), "{}", ended.stderr);
    ended.fails(2);
}

#[test]
fn what_cannot_be_an_app_is_refused_and_makes_no_home() {
    let home = Home::new(LANYARD);
    let secret = home.file("secret", "s");
    let empty = home.file("empty", " \n");
    let add = |name: &str, scope: &str, file: &std::path::Path| {
        let mut command = home.command(["app", "add", name, "--kind", "integration", "--client-id", "C1", "--device"]);
        Running::start(command.args(["--scope", scope, "--client-secret-file"]).arg(file)).end()
    };
    add("Desk", "spark:people_read", &secret).fails(2);
    let scope = add("desk", "no\"scope", &secret);
    assert!(scope.hint().contains("spark:people_read"), "{}", scope.stderr);
    scope.fails(2);
    let blank = add("desk", "spark:people_read", &empty);
    assert!(blank.stderr.contains("the client secret is empty"), "{}", blank.stderr);
    blank.fails(2);
    add("desk", "spark:people_read", &home.beside().join("absent")).fails(1);
    assert!(!home.path().exists(), "a command that fails leaves nothing behind");
}
