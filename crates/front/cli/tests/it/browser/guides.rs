//! The guides for bots and for service apps, followed page by page: the developer portal, Control Hub, and the terminal between
//! them.

use std::process::Stdio;

use lanyard_testkit::{Browser, Ended, Home, Key, Options, Page, Running, Webex};
use serde_json::{Value, json};

use super::{EMAIL, PASSWORD, SIGN_IN};
use crate::LANYARD;

/// A Webex, an empty home, and the administrator's browser.
struct Desk {
    webex: Webex,
    home: Home,
    browser: Browser,
}

impl Desk {
    fn new() -> Self {
        let webex = Webex::with(Options { devices: 3, ..Options::default() });
        Self { webex, home: Home::new(LANYARD), browser: Browser::start() }
    }

    /// Opens the developer portal, which asks who it is.
    #[track_caller]
    fn portal(&self) -> Page<'_> {
        let admin = &self.webex.description().admin;
        let page = self.browser.open(&self.webex.url().replace("/v1", "/portal"));
        page.looks_right("portal-sign-in");
        page.fill(EMAIL, &admin.email);
        page.fill(PASSWORD, &admin.password);
        page.click(SIGN_IN);
        page.wait_for("My apps");
        page.looks_right("portal");
        page
    }

    /// Runs a command that reads a secret from its standard input.
    fn pastes(&self, words: &[&str], secret: &str) -> Ended {
        let mut command = self.home.command(["--webex-url", self.webex.url()].iter().chain(words));
        let mut pasting = Running::start(command.stdin(Stdio::piped()));
        pasting.write_line(secret);
        pasting.end()
    }

    /// `lanyard test lobby --for devices --against admin`: its exit code, and the workspaces that it names as not granted.
    #[track_caller]
    fn tests_lobby(&self) -> (i32, Vec<String>) {
        let ended = self.home.run(["--json", "test", "lobby", "--for", "devices", "--against", "admin"]);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        let names = report["coverage"]["not_granted"].as_array().expect("it was compared").iter();
        (ended.code(), names.map(|workspace| workspace["name"].as_str().unwrap().to_owned()).collect())
    }
}

#[test]
fn the_guide_for_bots_ends_with_a_bot_that_sees_every_workspace() {
    let desk = Desk::new();
    let page = desk.portal();
    page.click("Create a bot");
    page.wait_for("shown once");
    page.looks_right("portal-bot-new");
    page.fill("Bot name", "Lobby Watch");
    page.fill("Bot username", "lobby-watch");
    page.click("Create bot");
    page.wait_for("Your bot is ready");
    page.looks_right("portal-bot-ready");
    let (token, bot) = (page.value("Bot access token"), page.value("Bot username"));
    assert_eq!(bot, "lobby-watch@webex.bot");
    page.click("Go to the bot");
    page.wait_for("Bot ID");
    page.looks_right("portal-bot");
    assert!(!page.text().contains(&token), "the token is shown once");
    desk.pastes(&["add", "bot", "lobby", "--token-file", "-"], &token).ok();
    let admin = &desk.webex.description().personal;
    desk.pastes(&["add", "personal", "admin", "--token-file", "-"], &admin.access_token).ok();

    // The most common mistake, by its name.
    let (code, missing) = desk.tests_lobby();
    assert_eq!(code, 4);
    assert!(!missing.is_empty());

    page.click("Control Hub");
    page.wait_for("what you allow");
    page.looks_right("hub");
    for (number, name) in missing.iter().enumerate() {
        page.click("Workspaces");
        page.wait_for("Bots with access");
        page.looks_right("hub-workspaces");
        page.click(name);
        page.wait_for("Device API access");
        if number == 0 {
            page.looks_right("hub-workspace");
            page.fill("Bot username", "nobody@webex.bot");
            page.click("Add user or bot");
            page.wait_for("No bot has this address");
            page.looks_right("hub-workspace-unknown-bot");
        }
        page.fill("Bot username", &bot);
        page.click("Add user or bot");
        page.wait_for("Change to Full");
        assert!(page.text().contains("Lobby Watch"), "{}", page.text());
        page.looks_right("hub-workspace-granted");
        assert_eq!(desk.tests_lobby().1, missing[number + 1..]);
    }
    assert_eq!(desk.tests_lobby(), (0, Vec::new()));

    // The pages that no guide comes by.
    for (place, seen, name) in [
        ("Users", "Email address", "hub-users"),
        ("Licenses", "Total units", "hub-licenses"),
        ("Integrations", "have allowed to act for them", "hub-integrations"),
    ] {
        page.click(place);
        page.wait_for(seen);
        page.looks_right(name);
    }
}

#[test]
fn what_was_typed_before_the_session_ended_is_sent_after_signing_in_again() {
    let desk = Desk::new();
    let page = desk.portal();
    page.click("Create a bot");
    page.wait_for("shown once");
    page.fill("Bot name", "Lobby Watch");
    page.fill("Bot username", "lobby-watch");
    desk.webex.advance(std::time::Duration::from_hours(9));
    page.click("Create bot");
    page.wait_for("to continue to");
    let admin = &desk.webex.description().admin;
    page.fill(EMAIL, &admin.email);
    page.fill(PASSWORD, &admin.password);
    page.click(SIGN_IN);
    page.wait_for("what you had typed was kept");
    assert!(!page.url().contains("lobby-watch"), "{}", page.url());
    page.looks_right("portal-resume");
    page.click("Send it");
    page.wait_for("Your bot is ready");
    assert_eq!(page.value("Bot username"), "lobby-watch@webex.bot");
}

#[test]
fn the_guide_for_service_apps_ends_with_a_token_that_renews_itself() {
    let desk = Desk::new();
    let organisation = desk.webex.description().organisation.name.clone();
    let page = desk.portal();
    page.click("Create a service app");
    page.wait_for("Service app name");
    page.looks_right("portal-service-app-new");
    page.fill("Service app name", "Room Report");
    for scope in ["spark-admin:devices_read", "spark-admin:workspaces_read", "spark:people_read"] {
        page.tick(scope);
    }
    page.click("Create service app");
    page.wait_for("Your service app is ready");
    page.looks_right("portal-service-app-ready");
    let [secret, client, application] = ["Client secret", "Client ID", "Application ID"].map(|name| page.value(name));
    let words = ["app", "add", "report", "--kind", "service-app", "--client-id", &client, "--application-id"];
    desk.pastes(&[&words[..], &[&application, "--client-secret-file", "-"]].concat(), &secret).ok();

    page.click("Go to the service app");
    page.wait_for("not requested");
    page.looks_right("portal-service-app");
    page.click("Edit scopes");
    page.wait_for("Edit the service app");
    page.looks_right("portal-service-app-edit");
    page.click("Cancel");
    page.wait_for("not requested");
    page.click(&format!("Request admin authorization of {organisation}"));
    page.wait_for("pending");
    assert!(page.text().contains("No organization has authorized this app yet"), "{}", page.text());
    let ours = page.url();

    page.click("Control Hub");
    page.wait_for("waits for your authorization");
    page.looks_right("hub-pending");
    page.click("One service app waits for your authorization");
    page.wait_for("pending");
    page.looks_right("hub-service-apps");
    page.click("Room Report");
    page.wait_for("What it asks to do");
    page.looks_right("hub-service-app");
    page.click("Authorize");
    page.wait_for("Withdraw authorization");
    page.looks_right("hub-service-app-authorised");

    page.go(&ours);
    page.fill("Client secret", "not the secret");
    page.click("Generate tokens");
    page.wait_for("Generate tokens");
    page.looks_right("portal-service-app-wrong-secret");
    page.fill("Client secret", &secret);
    page.click("Generate tokens");
    page.wait_for("The service app's tokens");
    page.looks_right("portal-service-app-tokens");
    let refresh_token = page.value("Refresh token");
    desk.pastes(&["add", "service-app", "report", "--app", "report", "--refresh-token-file", "-"], &refresh_token).ok();

    let first = desk.home.run(["token", "report"]).ok();
    desk.home.run(["refresh", "report", "--force"]).ok();
    let second = desk.home.run(["token", "report"]).ok();
    assert!(first != second && desk.webex.accepts(&second));
    let shown = desk.home.show("report");
    assert_eq!(
        (&shown["kind"], &shown["state"], &shown["generation"]),
        (&json!("service-app"), &json!("active"), &json!(3))
    );
}

#[test]
fn both_guides_can_be_followed_without_a_mouse() {
    let desk = Desk::new();
    let (admin, organisation) = (desk.webex.description().admin.clone(), &desk.webex.description().organisation.name);
    let page = desk.browser.open(&desk.webex.url().replace("/v1", "/portal"));
    let enter = |name: &str, then: &str| {
        page.tab_to(name);
        page.press(Key::Enter);
        page.wait_for(then);
    };
    page.type_text(&admin.email);
    page.tab();
    page.type_text(&admin.password);
    page.press(Key::Enter);
    page.wait_for("My apps");

    enter("Create a bot", "shown once");
    page.type_text("Lobby Watch");
    page.tab();
    page.type_text("lobby-watch");
    page.press(Key::Enter);
    page.wait_for("Your bot is ready");
    let token = page.value("Bot access token");
    desk.pastes(&["add", "bot", "lobby", "--token-file", "-"], &token).ok();
    let admins = &desk.webex.description().personal;
    desk.pastes(&["add", "personal", "admin", "--token-file", "-"], &admins.access_token).ok();
    let missing = desk.tests_lobby().1;
    enter("Control Hub", "what you allow");
    enter("Workspaces", "Bots with access");
    enter(&missing[0], "Device API access");
    page.tab_to("Bot username");
    page.type_text("lobby-watch@webex.bot");
    page.press(Key::Enter);
    page.wait_for("Change to Full");
    assert_eq!(desk.tests_lobby().1, missing[1..]);

    enter("Developer portal", "My apps");
    enter("Create a service app", "Service app name");
    page.type_text("Room Report");
    page.tab_to("Find a scope");
    page.tab();
    page.press(Key::Space);
    page.press(Key::Enter);
    page.wait_for("Your service app is ready");
    let secret = page.value("Client secret");
    enter("Go to the service app", "not requested");
    enter(&format!("Request admin authorization of {organisation}"), "pending");
    let ours = page.url();
    enter("Control Hub", "waits for your authorization");
    enter("Service apps", "pending");
    enter("Room Report", "What it asks to do");
    enter("Authorize", "Withdraw authorization");
    page.go(&ours);
    page.tab_to("Client secret");
    page.type_text(&secret);
    page.press(Key::Enter);
    page.wait_for("The service app's tokens");
    assert!(page.value("Refresh token").contains("_PF84_"));
}
