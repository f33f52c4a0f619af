//! A bot: its token lasts for a century, and sees what Control Hub granted.

use lanyard_testkit::{Method, Options, Webex};
use serde_json::json as value;

use super::{add, administrator, home, json};

#[test]
fn a_bot_sees_nothing_until_it_is_granted_and_its_regenerated_token_is_found_dead() {
    let webex = Webex::with(Options { devices: 12, ..Options::default() });
    let home = home();
    let bot = &webex.description().bot;
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

    // The most common mistake: the token is valid, but nothing is granted.
    let test = home.run(["test", "lobby", "--for", "devices"]);
    assert!(test.stdout.contains("ok  token        Webex accepts it"), "{}", test.stdout);
    assert!(test.stdout.contains("no device: the token is valid, but nothing was granted"), "{}", test.stdout);
    assert!(
        test.stdout.contains("/hub/workspaces, open each workspace; under Device API access enter"),
        "{}",
        test.stdout
    );
    test.fails(4);

    // Which workspaces, is told by comparing with an administrator's view: each by its name.
    let with_devices: Vec<_> = webex
        .workspaces()
        .into_iter()
        .filter(|workspace| workspace["devices"].as_u64().is_some_and(|devices| devices > 0))
        .collect();
    let (code, report) = json(&home, &["test", "lobby", "--against", "admin"]);
    let coverage = &report["coverage"];
    assert_eq!((code, coverage["granted"].as_u64()), (4, Some(0)), "{report}");
    let named: Vec<_> = coverage["not_granted"].as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
    assert_eq!(named.len(), with_devices.len(), "{report}");
    for workspace in &with_devices {
        assert!(named.contains(&workspace["name"]), "{} is missing in {named:?}", workspace["name"]);
    }

    // One is granted, then all.
    let first = with_devices[0]["id"].as_str().unwrap();
    webex.grant(first, &bot.email, Some("read"));
    let (code, report) = json(&home, &["test", "lobby", "--against", "admin"]);
    assert_eq!((code, report["coverage"]["granted"].as_u64()), (4, Some(1)), "{report}");
    for workspace in &with_devices {
        webex.grant(workspace["id"].as_str().unwrap(), &bot.email, Some("full"));
    }
    let (code, report) = json(&home, &["test", "lobby", "--for", "devices", "--against", "admin"]);
    assert_eq!((code, &report["coverage"]["not_granted"]), (0, &value!([])), "{report}");
    assert_eq!(report["sees"]["devices"], report["sees"]["full_access"], "{report}");

    // Somebody presses Regenerate: every program that holds the old token is shut out.
    assert_eq!(home.run(["token", "lobby"]).ok(), bot.access_token);
    let fresh = webex.control(Method::POST, &format!("/bots/{}/regenerate", bot.email), None);
    let fresh = fresh["access_token"].as_str().unwrap();
    let test = home.run(["test", "lobby"]);
    assert!(test.stdout.contains("Webex does not accept this token any more"), "{}", test.stdout);
    test.fails(4);
    assert_eq!(home.show("lobby")["state"], "needs-token");
    let token = home.run(["token", "lobby"]);
    assert!(token.hint().contains("lanyard add bot lobby"), "{}", token.stderr);
    token.fails(4);

    // The new token takes its place.
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], fresh).ok();
    assert_eq!(home.show("lobby")["state"], "active");
    let (code, report) = json(&home, &["test", "lobby"]);
    assert_eq!((code, &report["token"]["finding"]), (0, &value!("accepted")), "{report}");

    let cleared = home.run(["clear", "lobby"]);
    assert!(cleared.stderr.contains("NOT revoked") && cleared.stderr.contains("regenerate it"), "{}", cleared.stderr);
    cleared.ok();
}

#[test]
fn a_call_that_a_dead_token_is_refused_at_marks_the_bot() {
    let webex = Webex::with(Options::default());
    let home = home();
    let bot = &webex.description().bot;
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &bot.access_token).ok();
    webex.control(Method::POST, &format!("/bots/{}/regenerate", bot.email), None);

    let called = home.run(["api", "lobby", "people/me"]);
    assert!(called.stderr.contains("401") && called.stderr.contains("tracking id"), "{}", called.stderr);
    called.fails(4);
    let shown = home.show("lobby");
    assert_eq!((&shown["state"], &shown["last_error"]["kind"]), (&value!("needs-token"), &value!("dead-token")));
}

#[test]
fn every_credential_is_tested_at_webex_where_none_is_named() {
    let webex = Webex::with(Options::default());
    let home = crate::signed_in(&webex);
    let bot = &webex.description().bot;
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &bot.access_token).ok();
    let tested = home.run(["test"]).ok();
    assert!(
        tested.contains("ok  acme   Webex accepts it") && tested.contains("ok  lobby  Webex accepts it"),
        "{tested}"
    );
    home.run(["doctor", "--online"]).ok();

    webex.control(Method::POST, &format!("/bots/{}/regenerate", bot.email), None);
    assert!(home.run(["doctor"]).ok().contains("?   online "));
    let examined = home.run(["doctor", "--online"]);
    assert!(
        examined.stdout.contains("ok  online       acme: ") && examined.stdout.contains("!!  online       lobby: "),
        "{}",
        examined.stdout
    );
    assert!(examined.stdout.contains("lanyard add bot lobby"), "{}", examined.stdout);
    examined.fails(4);
    let tested = home.run(["test"]);
    assert!(tested.stdout.contains("ok  acme ") && tested.stdout.contains("!!  lobby "), "{}", tested.stdout);
    tested.fails(4);
}

#[test]
fn another_bots_token_takes_a_name_over_only_when_told_so() {
    let webex = Webex::with(Options::default());
    let home = home();
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &webex.description().bot.access_token).ok();
    let other = webex.control(Method::POST, "/bots", Some(&value!({ "name": "Canteen Bot" })));
    let token = other["access_token"].as_str().unwrap();
    let refused = add(&webex, &home, &["bot", "lobby", "--token-file", "-"], token);
    assert!(refused.hint().contains("--replace"), "{}", refused.stderr);
    refused.fails(1);
    add(&webex, &home, &["bot", "lobby", "--replace", "--token-file", "-"], token).ok();
    assert_eq!(home.show("lobby")["subject"]["email"], other["email"]);
}

#[test]
fn a_bot_that_webex_refuses_by_mistake_is_not_given_up() {
    let webex = Webex::with(Options::default());
    let home = home();
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &webex.description().bot.access_token).ok();
    let refusing = |count: Option<u64>| {
        webex.fault(&value!({ "path": "/v1/people/me", "count": count, "action": { "status": 401 } }));
    };

    // One stray answer is not believed.
    refusing(Some(1));
    let (code, report) = json(&home, &["test", "lobby"]);
    assert_eq!((code, &report["token"]["finding"]), (0, &value!("accepted")), "{report}");
    assert_eq!(home.show("lobby")["state"], "active");

    // Several are; and yet whoever asks again is told what Webex says now.
    refusing(None);
    let test = home.run(["test", "lobby"]);
    assert!(test.stdout.contains("Webex does not accept this token any more"), "{}", test.stdout);
    test.fails(4);
    let token = home.run(["token", "lobby"]);
    assert!(token.hint().contains("to ask Webex again: lanyard test lobby"), "{}", token.stderr);
    token.fails(4);
    home.run(["test", "lobby"]).fails(4);
    webex.control(Method::DELETE, "/faults", None);
    let (code, report) = json(&home, &["test", "lobby"]);
    assert_eq!((code, &report["token"]["finding"]), (0, &value!("accepted")), "{report}");
    assert_eq!(home.show("lobby")["state"], "active");
    assert_eq!(home.run(["token", "lobby"]).ok(), webex.description().bot.access_token);
}

#[test]
fn an_answer_that_says_nothing_of_it_changes_nothing_that_is_known_of_a_bot() {
    let webex = Webex::with(Options::default());
    let home = home();
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &webex.description().bot.access_token).ok();
    let known = home.show("lobby");
    let somebody = value!({ "id": "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9zb21lYm9keQ", "type": "bot", "displayName": "Somebody else", "emails": ["else@webex.bot"] });
    let answers = [
        (value!({ "status": 200, "body": "garbage" }), 5, "unknown"),
        (value!({ "status": 200, "body": {} }), 5, "unknown"),
        (value!({ "status": 302, "headers": { "location": "https://example.org/" } }), 5, "unknown"),
        (value!({ "status": 200, "body": somebody }), 5, "unknown"),
        (value!({ "status": 500 }), 5, "unknown"),
        // It says nothing against the token, and no more of it.
        (value!({ "status": 403 }), 0, "accepted"),
    ];
    for (action, ends, finding) in answers {
        webex.fault(&value!({ "path": "/v1/people/me", "count": null, "action": action }));
        let (code, report) = json(&home, &["test", "lobby"]);
        assert_eq!((code, &report["token"]["finding"]), (ends, &value!(finding)), "{action}: {report}");
        webex.control(Method::DELETE, "/faults", None);
        let shown = home.show("lobby");
        assert_eq!(
            (&shown["subject"], &shown["organisation"]),
            (&known["subject"], &known["organisation"]),
            "{action}"
        );
        assert_eq!(shown["state"], "active", "{action}");
    }
    // And so nobody else's token goes in unnoticed.
    let other = webex.control(Method::POST, "/bots", Some(&value!({ "name": "Canteen Bot" })));
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], other["access_token"].as_str().unwrap()).fails(1);
}
