//! Setting up the first credential: `lanyard setup`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use lanyard_testkit::{End, Home, Options, Terminal, Webex, free_redirect_uris};

use crate::LANYARD;
use crate::guide::person;

/// A Webex, an empty home, and a browser that reports where it is sent.
struct Stage {
    webex: Webex,
    home: Home,
    redirect_uri: String,
}

impl Stage {
    fn new() -> Self {
        let redirect_uris = free_redirect_uris();
        let webex = Webex::with(Options { redirect_uris: redirect_uris.clone(), ..Options::default() });
        Self { webex, home: Home::new(LANYARD), redirect_uri: redirect_uris[0].clone() }
    }

    fn command(&self, options: &[&str]) -> Command {
        let words = ["--webex-url", self.webex.url(), "setup", "--redirect-uri", &self.redirect_uri];
        let mut command = self.home.command_by(Terminal::SESSION, words.iter().chain(options));
        command.env("LANYARD_KEY_SOURCE", "file");
        command
    }

    /// Answers the questions.
    fn answer(&self, typed: &str) -> (String, i32) {
        Terminal::run_typing(self.command(&[]), 200, typed)
    }

    /// Answers the questions, and signs in where the browser is sent.
    fn answer_and_sign_in(&self, typed: &str) -> (String, i32) {
        let opened = self.home.beside().join("opened");
        assert!(Command::new("mkfifo").arg(&opened).status().unwrap().success());
        let browser =
            self.home.file("browser", &format!("#!/bin/sh\nprintf '%s\\n' \"$1\" > '{}'\n", opened.display()));
        fs::set_permissions(&browser, fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = self.command(&[]);
        command.env("BROWSER", &browser);
        std::thread::scope(|scope| {
            scope.spawn(|| person(&self.webex, &opened));
            let done = Terminal::run_typing(command, 200, typed);
            fs::write(&opened, "end\n").unwrap();
            done
        })
    }
}

#[test]
fn the_defaults_make_an_integration_that_is_tested() {
    let stage = Stage::new();
    let app = &stage.webex.description().integration;
    let typed = format!("\n\n\n\n\n{}\n{}\n", app.client_id, app.client_secret);
    let (shown, code) = stage.answer_and_sign_in(&typed);
    assert_eq!(code, 0, "{shown}");
    for said in [
        "Whose identity should Lanyard use?",
        "That is an integration",
        &format!(
            "$ lanyard app add me --kind integration --redirect-uri {} --scope spark:people_read",
            stage.redirect_uri
        ),
        "$ lanyard login me --app me",
        "$ lanyard test me",
        "ok  token        Webex accepts it",
        "done. Try next:\n  lanyard api me people/me --jq .displayName\n  lanyard exec me -- python script.py\n  lanyard list",
    ] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    assert_eq!(stage.home.show("me")["kind"], "integration");
}

#[test]
fn a_bot_needs_its_token_only_and_a_name_that_is_taken_is_not_offered() {
    let stage = Stage::new();
    let token = &stage.webex.description().bot.access_token;
    let (shown, code) = stage.answer(&format!("9\n2\n2\n\n{token}\n"));
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("enter a number from 1 to 4") && shown.contains("choose Create a bot"), "{shown}");
    assert!(shown.contains("$ lanyard test bot --for devices"), "{shown}");
    assert_eq!(stage.home.show("bot")["kind"], "bot");
    let (shown, code) = stage.answer(&format!("2\n1\nbot\nNo Name\n\n{token}\n"));
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("the name bot is taken") && shown.contains("a name has 1 to 64"), "{shown}");
    assert_eq!(stage.home.show("bot-2")["kind"], "bot");
}

#[test]
fn an_organisations_service_needs_the_refresh_token_of_the_portal() {
    let stage = Stage::new();
    let app = &stage.webex.description().service_app;
    let secrets = format!("{}\n{}\n{}\n", app.client_id, app.client_secret, app.refresh_token);
    let (shown, code) = stage.answer(&format!("3\n2\n\n{secrets}"));
    assert_eq!(code, 0, "{shown}");
    for said in [
        "That is a service app",
        "choose Create a service app",
        "Choose Request admin authorization on the app's page. An administrator authorises it: Control Hub, ",
        "$ lanyard add service-app service --app service",
        "$ lanyard test service --for devices",
        "done. Try next:",
    ] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    assert_eq!(stage.home.show("service")["kind"], "service-app");
}

#[test]
fn guests_begin_with_the_service_app_that_issues_them() {
    let stage = Stage::new();
    let app = &stage.webex.description().service_app;
    let secrets = format!("{}\n{}\n{}\n", app.client_id, app.client_secret, app.refresh_token);
    let (shown, code) = stage.answer(&format!("4\n\n{secrets}"));
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\n       guest-issuer:write\n"), "{shown}");
    assert!(
        shown.contains("$ lanyard add guest guest --via guest-issuer --subject guest-1 --display-name 'A guest'"),
        "{shown}"
    );
    assert_eq!(stage.home.show("guest")["kind"], "guest");
    assert_eq!(stage.home.show("guest-issuer")["kind"], "service-app");
}

#[test]
fn a_job_that_an_identity_cannot_do_is_asked_for_again() {
    let stage = Stage::new();
    let token = &stage.webex.description().personal.access_token;
    let (shown, code) = stage.answer(&format!("3\n4\n1\n4\n2\n\n{token}\n"));
    assert!(shown.contains("that is not possible: call control is for a person's own token"), "{shown}");
    assert!(shown.contains("That is your personal token") && shown.contains("$ lanyard add personal me"), "{shown}");
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn a_setup_that_is_left_has_made_nothing() {
    let stage = Stage::new();
    let (shown, code, is_as_before) = Terminal::end_at(stage.command(&[]), "Choose", &End::Typed("\u{3}"));
    assert!(code == 130 && is_as_before, "{code}\n{shown}");
    let (shown, code) = stage.answer("\u{4}");
    assert!(code == 1 && shown.contains("cancelled"), "{code}\n{shown}");
    assert!(!stage.home.path().exists());
}

#[test]
fn an_app_whose_sign_in_is_left_is_removed_again() {
    let stage = Stage::new();
    let app = &stage.webex.description().integration;
    let denied = format!("{}?error=access_denied", stage.redirect_uri);
    let typed = format!("\n\n\n\n\n{}\n{}\n{denied}\n", app.client_id, app.client_secret);
    let (shown, code) = Terminal::run_typing(stage.command(&["--paste"]), 200, &typed);
    assert!(shown.contains("it removes the new app: lanyard app remove me --yes"), "{shown}");
    assert_eq!(code, 4, "{shown}");
    assert_eq!(stage.home.run(["--json", "app", "list"]).ok(), "[]");
}

#[test]
fn without_a_terminal_its_commands_are_the_hint() {
    let stage = Stage::new();
    let refused = stage.home.run(["setup"]);
    let hint = refused.hint();
    assert!(
        hint.contains("lanyard app add me --kind integration")
            && hint.contains("&& lanyard login me --app me && lanyard test me"),
        "{hint}"
    );
    refused.fails(2);
}
