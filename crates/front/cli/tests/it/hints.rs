//! Hints: where they send a person, and commands that can be pasted.

use lanyard_testkit::{Home, Method, Options, Running, Webex};
use serde_json::json;

use crate::snapshots::furnished;
use crate::{LANYARD, signed_in};

/// Where the pages of a local Webex are.
fn origin(webex: &Webex) -> &str {
    webex.url().strip_suffix("/v1").expect("its address ends so")
}

#[test]
fn a_hint_about_a_local_webex_names_its_own_pages() {
    let (webex, home) = furnished();
    let (portal, hub) = (format!("{}/portal", origin(&webex)), format!("{}/hub", origin(&webex)));
    let blind = home.run(["test", "lobby", "--for", "devices"]);
    assert!(blind.stdout.contains(&format!("{hub}/workspaces")), "{}", blind.stdout);

    for (name, email) in [("lobby", &webex.description().bot.email), ("mine", &webex.description().personal.email)] {
        webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "subject": email })));
        home.run(["test", name]).fails(4);
        let shown = home.run(["show", name]).ok();
        assert!(shown.contains(&portal), "{shown}");
        assert!(home.run(["doctor"]).stdout.contains(&portal));
    }
    let cleared = home.run(["clear", "lobby"]);
    assert!(cleared.stderr.contains(&portal), "{}", cleared.stderr);
    for said in [blind.stdout, cleared.stderr, home.run(["doctor"]).stdout, home.run(["clear", "mine"]).stderr] {
        assert!(!said.contains("webex.com"), "{said}");
    }
}

#[test]
fn a_hint_about_an_apps_secret_names_the_app() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let wrong = home.file("wrong", "another");
    Running::start(home.command(["app", "secret", "desk", "--force", "--client-secret-file"]).arg(wrong)).end().ok();
    let refused = home.run(["refresh", "acme", "--force"]);
    assert!(refused.hint().ends_with("lanyard app secret desk"), "{}", refused.stderr);
    for said in [home.run(["show", "acme"]).stdout, home.run(["doctor"]).stdout] {
        assert!(said.contains("lanyard app secret desk"), "{said}");
    }
}

#[test]
fn a_sign_in_over_another_kind_is_told_the_command_for_that_kind() {
    let (webex, home) = furnished();
    home.run(["login", "lobby"]).fails(1);
    assert!(home.run(["login", "lobby"]).hint().contains("lanyard add bot lobby"));
    let app = webex.description().service_app.clone();
    let secret = home.file("secret", &app.client_secret);
    let mut command = home.command(["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app"]);
    Running::start(command.args(["--client-id", &app.client_id, "--client-secret-file"]).arg(secret)).end().ok();
    let refresh = home.file("refresh", &app.refresh_token);
    let mut command = home.command(["add", "service-app", "fleet", "--app", "fleet", "--refresh-token-file"]);
    Running::start(command.arg(refresh)).end().ok();
    let refused = home.run(["login", "fleet"]);
    assert!(refused.hint().contains("lanyard add service-app fleet --app fleet"), "{}", refused.stderr);
    refused.fails(1);

    let token = home.file("token", &home.run(["token", "fleet"]).ok());
    let add = |kind: &str| {
        let mut command = home.command(["--webex-url", webex.url(), "add", kind, "new", "--token-file"]);
        Running::start(command.arg(&token)).end()
    };
    let refused = add("bot");
    assert!(refused.hint().contains("lanyard add service-app NAME --app APP"), "{}", refused.stderr);
    let added = add("personal");
    assert!(added.stderr.contains("for lasting access: lanyard"), "{}", added.stderr);
}

#[test]
fn a_pasted_token_that_is_refused_is_told_where_to_copy_it() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let add = |kind: &str, token: &str| {
        let file = home.file("token", token);
        let mut command = home.command(["--webex-url", webex.url(), "add", kind, "new", "--token-file"]);
        Running::start(command.arg(file)).end()
    };
    let refused = add("personal", "nobodys");
    assert!(refused.hint().contains(origin(&webex)) && refused.hint().contains("12 hours"), "{}", refused.stderr);
    let refused = add("bot", "nobodys");
    assert!(refused.hint().contains("when it is made or regenerated"), "{}", refused.stderr);
}

#[test]
fn a_pasted_answer_that_is_none_is_told_the_whole_command() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let mut login = home.command(["login", "acme", "--paste"]);
    let refused = Running::start(login.stdin(std::process::Stdio::null())).end();
    assert!(refused.hint().ends_with("lanyard login acme --app desk --paste"), "{}", refused.stderr);
}

#[test]
fn a_method_without_a_path_and_an_address_of_nothing_are_refused() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let refused = home.run(["api", "acme", "GET"]);
    assert_eq!(refused.hint(), "lanyard api acme GET people/me");
    refused.fails(2);
    home.run(["--webex-url", "foo", "list"]).fails(2);
    let forbidden = home.run(["api", "acme", "GET", "organizations"]);
    assert!(forbidden.code() == 0 || forbidden.hint().contains("lanyard show acme"), "{}", forbidden.stderr);
}

#[test]
fn a_first_sign_in_without_an_app_is_told_which_it_could_be() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    home.add_app(&webex);
    let one = home.run(["login", "acme"]);
    assert_eq!(one.hint(), "name it: lanyard login acme --app desk");
    one.fails(3);
}

#[test]
fn a_command_in_a_hint_goes_to_the_home_that_was_given() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let path = home.path();
    let given = |arguments: &[&str]| {
        let mut command = home.command(["--home"]);
        Running::start(command.env_remove("LANYARD_HOME").arg(&path).args(arguments)).end()
    };
    let hint = format!("lanyard --home {} list", path.display());
    let missed = given(&["show", "nobody"]);
    assert!(missed.hint().contains(&hint), "{}", missed.stderr);
    let missed = given(&["--json", "show", "nobody"]);
    assert!(missed.stderr.contains(&hint), "{}", missed.stderr);
    std::fs::write(path.join("lanyard.toml"), "key_source = \"passphrase\"\n").unwrap();
    let rotate = format!("lanyard --home {} key rotate --to passphrase", path.display());
    for shown in [given(&["key", "show"]).stdout, given(&["doctor"]).stdout] {
        assert!(shown.contains(&rotate), "{shown}");
    }
    // A variable is still set when the command is pasted.
    assert!(home.run(["show", "nobody"]).hint().contains("lanyard list"));
}
