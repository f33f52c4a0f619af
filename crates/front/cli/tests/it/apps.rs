//! Registrations: `lanyard app`.

use lanyard_testkit::{Ended, Home, Options, Running, Terminal, Webex};
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
    assert!(
        ended.stderr.contains("fleet is registered as a service-app; this needs an integration"),
        "{}",
        ended.stderr
    );
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

/// A home with the integration `desk`, and the service app `fleet`, which was added without its application id.
fn furnished() -> (Webex, Home) {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let app = &webex.description().service_app;
    let secret = home.file("secret", &app.client_secret);
    let mut command = home.command(["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app"]);
    Running::start(command.args(["--client-id", &app.client_id, "--client-secret-file"]).arg(secret)).end().ok();
    (webex, home)
}

#[test]
fn an_app_is_changed_as_it_was_at_webex() {
    let (webex, home) = furnished();
    let before: Value = serde_json::from_str(&home.run(["--json", "app", "show", "desk"]).ok()).unwrap();
    let changed = home.run(["app", "set", "desk", "--scope", "spark:people_read spark:rooms_read"]);
    assert!(changed.stderr.contains("to ask for the new ones: lanyard login acme"), "{}", changed.stderr);
    changed.ok();
    let after: Value =
        serde_json::from_str(&home.run(["--json", "app", "set", "desk", "--redirect-uri", "http://[::1]:7/x"]).ok())
            .unwrap();
    assert_eq!(after["scopes"], json!(["spark:people_read", "spark:rooms_read"]));
    assert_eq!(after["redirect_uris"], json!(["http://[::1]:7/x"]));
    for same in ["id", "name", "kind", "environment", "client_id"] {
        assert_eq!(after[same], before[same]);
    }
    assert!(webex.accepts(&home.token()), "what was granted stays granted");
    home.run(["refresh", "acme", "--force"]).ok();
    let audit = home.run(["audit"]).ok();
    assert!(audit.contains("app-changed") && audit.contains("desk, redirect URIs: http://[::1]:7/x"), "{audit}");
}

#[test]
fn an_application_id_that_was_left_out_is_made_of_the_client_id_and_can_be_given_later() {
    let (webex, home) = furnished();
    let application = || {
        let shown: Value = serde_json::from_str(&home.run(["--json", "app", "show", "fleet"]).ok()).unwrap();
        shown["application_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(application(), webex.description().service_app.application_id);
    home.run(["app", "set", "fleet", "--application-id", "Y2lz"]).ok();
    assert_eq!(application(), "Y2lz");
}

#[test]
fn what_an_app_has_no_use_for_is_not_set() {
    let (_webex, home) = furnished();
    let nothing = home.run(["app", "set", "desk"]);
    assert!(nothing.stderr.contains("--scope"), "{}", nothing.stderr);
    nothing.fails(2);
    let wrong = home.run(["app", "set", "desk", "--application-id", "x"]);
    assert!(
        wrong.stderr.contains("desk is registered as an integration; this needs a service-app"),
        "{}",
        wrong.stderr
    );
    wrong.fails(2);
    home.run(["app", "set", "fleet", "--redirect-uri", "http://localhost:1/x"]).fails(2);
    home.run(["app", "set", "desk", "--scope", "no\"scope"]).fails(2);
    home.run(["app", "set", "nobody", "--scope", "spark:kms"]).fails(3);
}

/// `lanyard app secret desk`, with whatever follows.
fn replace(home: &Home, secret: &str, more: &[&str]) -> Ended {
    let file = home.file("next", secret);
    Running::start(home.command(["app", "secret", "desk", "--client-secret-file"]).arg(file).args(more)).end()
}

#[test]
fn a_new_secret_is_tried_and_nothing_is_spent() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let wrong = replace(&home, "another", &[]);
    assert!(wrong.stderr.contains("does not accept this client secret"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("desk keeps the client secret that it had"), "{}", wrong.stderr);
    assert!(wrong.hint().contains("lanyard app secret desk"), "{}", wrong.stderr);
    wrong.fails(4);
    home.run(["refresh", "acme", "--force"]).ok();
    let right = replace(&home, &webex.description().integration.client_secret, &[]);
    assert!(right.stderr.contains("Webex accepted the new secret"), "{}", right.stderr);
    assert!(right.stderr.contains("lanyard refresh acme --force"), "{}", right.stderr);
    right.ok();
    assert_eq!(home.show("acme")["generation"], 2);
}

#[test]
fn a_new_secret_that_cannot_be_tried_is_stored_only_by_force() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let url = webex.url().to_owned();
    drop(webex);
    let unknown = replace(&home, "another", &[]);
    assert!(unknown.stderr.contains("desk keeps the client secret that it had"), "{}", unknown.stderr);
    assert!(unknown.hint().contains("lanyard app secret desk --force"), "{}", unknown.stderr);
    unknown.fails(5);
    let forced = replace(&home, "another", &["--force"]);
    assert!(forced.stderr.contains("is not known: it was not tried"), "{}", forced.stderr);
    forced.ok();

    let secret = home.file("secret", "s");
    let mut command = home.command(["--webex-url", &url, "app", "add", "second", "--kind", "integration", "--device"]);
    let added = Running::start(command.args(["--client-id", "C2", "--client-secret-file"]).arg(secret)).end();
    assert!(added.stderr.contains("it is not known whether Webex accepts the client secret"), "{}", added.stderr);
    added.ok();
}

#[test]
fn an_app_whose_secret_webex_refuses_is_not_added_but_by_force() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let app = &webex.description().integration;
    let add = |secret: &str, more: &[&str]| {
        let mut command = home.command(["--webex-url", webex.url(), "app", "add", "desk", "--kind", "integration"]);
        command.args(["--device", "--client-id", &app.client_id]).args(more);
        Running::start(command.arg("--client-secret-file").arg(home.file("next", secret))).end()
    };
    let wrong = add("another", &[]);
    assert!(wrong.stderr.contains("does not accept this client secret"), "{}", wrong.stderr);
    assert!(wrong.hint().contains("--force"), "{}", wrong.stderr);
    wrong.fails(4);
    home.run(["app", "show", "desk"]).fails(3);
    let right = add(&app.client_secret, &[]);
    assert!(!right.stderr.contains("not known"), "{}", right.stderr);
    right.ok();
    home.run(["app", "remove", "desk", "--yes"]).ok();
    add("another", &["--force"]).ok();
}

#[test]
fn a_scope_that_webex_does_not_have_is_warned_of_with_the_one_that_was_meant() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let (app, fleet) = (&webex.description().integration, &webex.description().service_app);
    let warnings = |ended: &Ended| -> Vec<String> {
        let lines = ended.stderr.lines().filter(|line| line.starts_with("warning:") || line.starts_with("hint:"));
        lines.map(str::to_owned).collect()
    };
    let pair = (app.client_id.as_str(), app.client_secret.as_str());
    let added = home.add_app_as(&webex, pair, &app.redirect_uris, &["spark:people_raed", "spark:rooms_read"]);
    let corrected = "hint: to correct that: lanyard app set desk --scope 'spark:people_read spark:rooms_read'";
    let unknown = "warning: Webex documents no scope spark:people_raed; did you mean spark:people_read?";
    assert_eq!(warnings(&added), [unknown, corrected]);
    added.ok();
    let set = home.run(["app", "set", "desk", "--scope", "spark:people_read spark:something_else"]);
    assert_eq!(warnings(&set)[0], "warning: Webex documents no scope spark:something_else");
    assert!(warnings(&set)[1].contains("lanyard app set desk --scope SCOPES"), "{}", set.stderr);
    set.ok();
    let known = home.run(["app", "set", "desk", "--scope", "spark:people_read,spark:rooms_read"]);
    assert_eq!(warnings(&known), [""; 0]);
    let login = home.run(["login", "acme", "--app", "desk", "--paste", "--scope", "people_read"]);
    let unknown = "warning: Webex documents no scope people_read; did you mean spark:people_read?";
    assert_eq!(warnings(&login)[0], unknown);

    let secret = home.file("secret", &fleet.client_secret);
    let mut command = home.command(["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app"]);
    command.args(["--client-id", &fleet.client_id, "--scope", "spark:messages_read"]);
    let added = Running::start(command.arg("--client-secret-file").arg(secret)).end();
    assert_eq!(warnings(&added)[0], "warning: Webex offers the scope spark:messages_read to integrations only");
    added.ok();
}

#[test]
fn what_to_register_is_printed_before_there_is_an_app() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let add = ["--webex-url", webex.url(), "app", "add", "watch", "--kind", "integration", "--for", "devices"];
    webex.forget_record();
    let printed = home.run(add);
    for said in [
        &format!("open {} and choose Create an integration", webex.url().replace("/v1", "/portal")),
        "http://localhost:7418/callback",
        "\n       spark-admin:devices_read\n",
        "\n       spark:xapi_commands\n",
        "\n       spark:people_read\n",
    ] {
        assert!(printed.stderr.contains(said), "{said}\n{}", printed.stderr);
    }
    let hint = printed.hint().to_owned();
    printed.fails(2);
    assert_eq!(webex.record().len(), 0);
    assert!(!home.path().join("lanyard.db").exists());

    // The hint works.
    let app = &webex.description().integration;
    let secret = home.file("secret", &app.client_secret);
    let command = hint.split_once("lanyard app add ").unwrap().1;
    let command = command
        .replace("FILE", secret.to_str().unwrap())
        .replace("--client-id ID", &format!("--client-id {}", app.client_id));
    let words: Vec<&str> = ["--webex-url", webex.url(), "app", "add"].into_iter().chain(command.split(' ')).collect();
    home.run(words).ok();
    let shown: Value = serde_json::from_str(&home.run(["--json", "app", "show", "watch"]).ok()).unwrap();
    assert_eq!(shown["redirect_uris"], json!(["http://localhost:7418/callback"]));
    let scopes = shown["scopes"].as_array().unwrap();
    assert!(scopes.contains(&json!("spark-admin:workspaces_read")) && scopes.len() == 5, "{scopes:?}");

    let impossible = home.run(["app", "add", "x", "--kind", "service-app", "--for", "phones"]);
    assert!(impossible.stderr.contains("a service app cannot do the job phones"), "{}", impossible.stderr);
    impossible.fails(2);
}

#[test]
fn the_client_id_is_asked_for_at_a_terminal() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let app = &webex.description().service_app;
    let secret = home.file("secret", &app.client_secret);
    let words = ["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app", "--for", "devices"];
    let mut command = home.command(words);
    command.arg("--client-secret-file").arg(secret);
    let (shown, code) = Terminal::run_typing(command, 100, &format!("\n {} \n", app.client_id));
    assert!(shown.contains("choose Create a service app") && shown.contains("client id: client id: "), "{shown}");
    assert!(shown.contains("spark-admin:organizations_read") && !shown.contains("redirect URI"), "{shown}");
    assert!(shown.contains("added the app fleet"), "{shown}");
    assert_eq!(code, 0);
}
