//! A guest: minted through a service app, again on demand.

use std::time::Duration;

use lanyard_testkit::{Home, Method, Options, Served, Webex, wait};
use serde_json::{Value, json as value};

use super::{add, add_service_app, home, json};

/// A home with a service app whose credential mints guests.
fn with_fleet() -> (Webex, Home) {
    let webex = Webex::with(Options::default());
    let home = home();
    let app = webex.description().service_app.clone();
    add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    add(&webex, &home, &["service-app", "fleet", "--app", "fleet", "--refresh-token-file", "-"], &app.refresh_token)
        .ok();
    (webex, home)
}

#[test]
fn a_guest_is_minted_again_whenever_its_token_ends() {
    let (webex, home) = with_fleet();
    webex.control(Method::POST, "/behaviour", Some(&value!({ "guest_token_ttl_ms": 3000 })));

    let words =
        ["add", "guest", "visitor", "--via", "fleet", "--subject", "foyer-17", "--display-name", "Visitor Foyer"];
    home.run(words).ok();
    let shown = home.show("visitor");
    assert_eq!((&shown["kind"], &shown["state"]), (&value!("guest"), &value!("active")), "{shown}");
    assert_eq!(shown["subject"]["display_name"], "Visitor Foyer");
    let first = home.run(["token", "visitor"]).ok();
    assert!(webex.accepts(&first));
    let (code, _) = json(&home, &["test", "visitor"]);
    assert_eq!(code, 0);

    wait(Duration::from_millis(3100));
    let second = home.run(["token", "visitor"]).ok();
    assert_ne!(second, first);
    assert_eq!(home.show("visitor")["generation"], 2);
    let (_, count) = json(&home, &["api", "fleet", "guests/count"]);
    assert_eq!(count["guests"], 1, "the same subject is the same guest");

    // The service app's own token is gone at Webex: it is renewed on the way.
    webex.control(
        Method::POST,
        "/access_tokens/revoke",
        Some(&value!({ "client_id": webex.description().service_app.client_id })),
    );
    home.run(["refresh", "visitor", "--force"]).ok();
    assert_eq!(home.show("fleet")["generation"], 3, "{}", home.show("fleet"));

    let disabled = home.run(["disable", "fleet"]);
    assert!(disabled.stderr.contains("these credentials cannot be renewed without it: visitor"), "{}", disabled.stderr);
    disabled.ok();
    let refused = home.run(["refresh", "visitor", "--force"]);
    assert!(refused.stderr.contains("it is minted through fleet: fleet is disabled"), "{}", refused.stderr);
    refused.fails(4);

    let cleared = home.run(["clear", "visitor"]);
    assert!(cleared.stderr.contains("NOT revoked"), "{}", cleared.stderr);
    cleared.ok();
}

#[test]
fn a_guest_that_cannot_be_minted_again_does_not_look_well() {
    let (_webex, home) = with_fleet();
    home.run(["add", "guest", "visitor", "--via", "fleet", "--subject", "foyer 17", "--display-name", "Foyer"]).ok();
    let row = || home.run(["list", "--kind", "guest"]).stdout.lines().last().unwrap_or_default().to_owned();
    let doctor = || home.run(["doctor"]);
    assert!(row().contains("always"), "{}", row());
    doctor().ok();

    let listed = || serde_json::from_str::<Value>(&home.run(["--json", "list", "--kind", "guest"]).ok()).unwrap();
    let state = || [home.show("visitor")["state"].clone(), listed()[0]["state"].clone()];
    assert_eq!(state(), ["active", "active"]);
    home.run(["disable", "fleet"]).ok();
    assert!(!row().contains("always") && row().contains("expiring"), "{}", row());
    assert_eq!(state(), ["expiring", "expiring"]);
    assert!(home.run(["list", "--state", "active"]).ok().lines().all(|line| !line.starts_with("visitor")));
    for command in [
        &["label", "visitor", "site=bern"][..],
        &["rename", "visitor", "guest"],
        &["rename", "guest", "visitor"],
        &["refresh", "visitor"],
        &["enable", "visitor"],
    ] {
        let (code, changed) = json(&home, command);
        assert_eq!((code, &changed["state"]), (0, &value!("expiring")), "{command:?}: {changed}");
    }
    let shown = home.run(["show", "visitor"]).ok();
    assert!(shown.contains("not at present: fleet, which it is minted through, is disabled"), "{shown}");
    let report = doctor();
    assert!(report.stdout.contains("hint: enable fleet: lanyard enable fleet"), "{}", report.stdout);
    report.fails(4);
    home.run(["enable", "fleet"]).ok();
    assert!(row().contains("always"), "{}", row());
    doctor().ok();

    home.run(["clear", "fleet"]).ok();
    let again = "lanyard clear visitor; lanyard add guest visitor --via NAME --subject 'foyer 17' --display-name Foyer";
    for stalled in [false, true] {
        if stalled {
            let refused = home.run(["refresh", "visitor", "--force"]);
            assert!(refused.hint().contains(again), "{}", refused.stderr);
            refused.fails(4);
        }
        assert!(!row().contains("always"), "{}", row());
        let shown = home.run(["show", "visitor"]).ok();
        assert!(shown.contains("a credential that was cleared") && shown.contains(again), "{shown}");
        let report = doctor();
        assert!(report.stdout.contains("!!  credential") && report.stdout.contains(again), "{}", report.stdout);
        report.fails(4);
        let tested = home.run(["test", "visitor"]);
        assert!(tested.stdout.contains("!!  renewal") && tested.stdout.contains(again), "{}", tested.stdout);
        tested.fails(4);
    }
    // The token that is left is handed out, and Webex is not blamed for its end.
    let token = home.run(["token", "visitor", "--min-validity", "20h"]);
    assert!(token.stderr.contains("the credential that it is minted through is gone"), "{}", token.stderr);
    token.ok();
}

#[test]
fn a_guest_that_cannot_be_minted_says_whose_fault_it_is() {
    let webex = Webex::with(Options::default());
    let home = home();
    let bot = &webex.description().bot;
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &bot.access_token).ok();
    let words = |via| ["add", "guest", "visitor", "--via", via, "--subject", "s", "--display-name", "V"];
    let wrong = home.run(words("lobby"));
    assert!(wrong.stderr.contains("lobby is a bot credential"), "{}", wrong.stderr);
    wrong.fails(2);
    home.run(words("nobody")).fails(3);

    // A service app without the scope.
    let other = webex.control(Method::POST, "/service-apps", Some(&value!({ "scopes": ["spark:people_read"] })));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let id = text(&other["application_id"]);
    add_service_app(&webex, &home, &id, &text(&other["client_id"]), &text(&other["client_secret"]));
    let refresh = webex.control(Method::POST, &format!("/service-apps/{id}/authorise"), Some(&value!({})));
    let refresh = text(&refresh["refresh_token"]);
    add(&webex, &home, &["service-app", "fleet", "--app", "fleet", "--refresh-token-file", "-"], &refresh).ok();
    let refused = home.run(words("fleet"));
    assert!(refused.stderr.contains("guest-issuer:write"), "{}", refused.stderr);
    refused.fails(4);
    home.run(["show", "visitor"]).fails(3);
}

#[test]
fn a_limit_on_guest_tokens_holds_for_all_guests_of_the_issuer_and_not_for_the_issuer() {
    let (webex, home) = with_fleet();
    webex.control(Method::POST, "/behaviour", Some(&value!({ "guest_token_ttl_ms": 1000 })));
    for guest in ["anna", "bert"] {
        home.run(["add", "guest", guest, "--via", "fleet", "--subject", guest, "--display-name", guest]).ok();
    }
    wait(Duration::from_millis(1100));
    webex.forget_record();
    let limit = value!({ "status": 429, "headers": { "Retry-After": "3600" } });
    webex.fault(&value!({ "path": "/v1/guests/token", "action": limit }));
    home.run(["token", "anna"]).fails(5);
    home.run(["token", "bert"]).fails(5);
    let broker = Served::start(&home, [] as [&str; 0]);
    assert_eq!(broker.ask("GET", "/api/v1/credentials/bert/token").status, 503);
    let mints = || webex.record().iter().filter(|call| call["path"] == "/v1/guests/token").count();
    assert_eq!(mints(), 1, "{:?}", webex.record());
    assert_eq!(home.show("bert")["state"], "active", "nothing failed that was not tried");
    // The issuer's own renewals are another limit's.
    let generation = home.show("fleet")["generation"].as_u64().unwrap();
    home.run(["refresh", "fleet", "--force"]).ok();
    assert_eq!(home.show("fleet")["generation"], generation + 1);
    // A person may try; when that succeeds, the limit has ended for all.
    home.run(["refresh", "bert", "--force"]).ok();
    wait(Duration::from_millis(1100));
    assert_eq!(broker.ask("GET", "/api/v1/credentials/bert/token").status, 200);
    assert!(broker.stop().status.success());
}

#[test]
fn events_and_metrics_know_that_a_guest_depends_on_its_service_app_alone() {
    let (webex, home) = with_fleet();
    home.run(["add", "guest", "visitor", "--via", "fleet", "--subject", "v", "--display-name", "V"]).ok();
    webex.control(Method::POST, "/behaviour", Some(&value!({ "guest_token_ttl_ms": 1000 })));
    home.run(["add", "guest", "brief", "--via", "fleet", "--subject", "b", "--display-name", "B"]).ok();
    let broker = Served::start(&home, [] as [&str; 0]);
    assert_eq!(broker.ask("GET", "/api/v1/credentials").status, 200);
    wait(Duration::from_millis(1100));
    let page = broker.ask("GET", "/metrics").body;
    assert!(page.contains("lanyard_credentials{state=\"active\",kind=\"guest\"} 2.0"), "{page}");
    assert!(!page.contains("name=\"brief\""), "its end needs nobody: {page}");

    // Its own journal entries do not change; its state does.
    home.run(["disable", "fleet"]).ok();
    let told = || {
        let text = home.run(["--json", "events"]).ok();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).any(|event| event["subject"] == "visitor")
    };
    let metered = || {
        let page = broker.ask("GET", "/metrics").body;
        page.contains("lanyard_credentials{state=\"expiring\",kind=\"guest\"} 1.0") && page.contains("name=\"visitor\"")
    };
    assert!((0..200).any(|_| (told() && metered()) || {
        wait(Duration::from_millis(50));
        false
    }));
}
