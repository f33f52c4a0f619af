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
    // A variable is still set when the command is pasted.
    assert!(home.run(["show", "nobody"]).hint().contains("lanyard list"));
}
