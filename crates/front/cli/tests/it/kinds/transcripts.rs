//! Transcripts for each kind, for a person and for a program: tests, calls, and the tokens that Webex lists.

use lanyard_testkit::{Method, Options, Webex};

use super::{add, add_service_app, administrator, home};
use crate::snapshots::{assert_shown, transcript};

#[test]
fn testing() {
    let webex = Webex::with(Options { devices: 6, ..Options::default() });
    let home = home();
    let (bot, app) = (&webex.description().bot, &webex.description().service_app);
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &bot.access_token).ok();
    administrator(
        &webex,
        &home,
        &[
            "spark:people_read",
            "spark-admin:devices_read",
            "spark-admin:workspaces_read",
            "spark-admin:organizations_read",
        ],
    );
    add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    add(&webex, &home, &["service-app", "fleet", "--app", "fleet", "--refresh-token-file", "-"], &app.refresh_token)
        .ok();
    let commands: [&[&str]; 6] = [
        &["test", "lobby", "--for", "devices"],
        &["test", "lobby", "--against", "admin"],
        &["--json", "test", "lobby", "--against", "admin"],
        &["test", "admin", "--for", "devices", "--for", "calling"],
        &["test", "fleet", "--for", "phones"],
        &["show", "fleet"],
    ];
    assert_shown!("testing", transcript(&home, Some(&webex), &commands));

    webex.control(Method::POST, &format!("/bots/{}/regenerate", bot.email), None);
    let commands: [&[&str]; 3] = [&["test", "lobby"], &["token", "lobby"], &["doctor"]];
    assert_shown!("testing-a-dead-bot", transcript(&home, Some(&webex), &commands));
}

#[test]
fn minting() {
    let webex = Webex::with(Options::default());
    let home = home();
    let (app, organisation) = (&webex.description().service_app, &webex.description().organisation.id);
    add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    administrator(&webex, &home, &["spark:people_read", "spark:applications_token"]);
    let withdraw = format!("/service-apps/{}/withdraw", app.application_id);
    webex.control(Method::POST, &withdraw, Some(&serde_json::json!({})));
    let commands: [&[&str]; 4] = [
        &["add", "service-app", "fleet", "--app", "fleet", "--target-org", organisation, "--via", "admin"],
        &["show", "fleet"],
        &["add", "guest", "visitor", "--via", "admin", "--subject", "s", "--display-name", "V"],
        &["add", "service-app", "fleet", "--app", "desk", "--target-org", organisation, "--via", "admin"],
    ];
    let text = transcript(&home, Some(&webex), &commands).replace(organisation.as_str(), "ORGANISATION");
    assert_shown!("minting", text);
}

#[test]
fn calling() {
    let webex = Webex::with(Options::default());
    let home = crate::signed_in(&webex);
    let commands: [&[&str]; 5] = [
        &["api", "licenses"],
        &["api", "people/nobody"],
        &["api", "https://webexapis.com/v1/people"],
        &["api", "acme", "fetch", "people"],
        &["tokens", "list", "acme"],
    ];
    assert_shown!("calling", transcript(&home, Some(&webex), &commands));
}

#[test]
fn a_guest_through_a_service_app_that_has_no_grant_any_more_names_what_to_do_about_that() {
    let webex = Webex::with(Options::default());
    let home = home();
    let app = &webex.description().service_app;
    add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    add(&webex, &home, &["service-app", "fleet", "--app", "fleet", "--refresh-token-file", "-"], &app.refresh_token)
        .ok();
    let withdraw = format!("/service-apps/{}/withdraw", app.application_id);
    webex.control(Method::POST, &withdraw, Some(&serde_json::json!({})));
    let renewed = home.run(["refresh", "fleet", "--force"]);
    let way = "lanyard add service-app fleet --app fleet";
    assert!(renewed.hint().contains(way) && renewed.hint().contains("was revoked"), "{}", renewed.stderr);
    renewed.fails(4);
    let guest = home.run(["add", "guest", "v", "--via", "fleet", "--subject", "s", "--display-name", "V"]);
    assert!(guest.hint().contains("mend fleet first") && guest.hint().contains(way), "{}", guest.stderr);
    guest.fails(4);
}
