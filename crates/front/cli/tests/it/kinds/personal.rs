//! A personal access token: it ends within hours and cannot be renewed.

use std::time::Duration;

use lanyard_testkit::{Method, Options, Webex};
use serde_json::{Value, json as value};

use super::{add, home, json};

#[test]
fn a_personal_token_counts_down_ends_and_is_replaced() {
    let webex = Webex::with(Options::default());
    let home = home();
    let personal = &webex.description().personal;
    let added = add(&webex, &home, &["personal", "me", "--token-file", "-"], &personal.access_token);
    // Webex was asked for the expiry: twelve hours after the token was issued, and not from now.
    let valid = ["valid for 12 hours\n", "valid for 11 hours 5"];
    assert!(valid.iter().any(|valid| added.stderr.contains(valid)), "{}", added.stderr);
    assert!(added.stderr.contains("it cannot be renewed"), "{}", added.stderr);
    added.ok();
    let shown = home.show("me");
    assert!(shown["access_token_expires_at"].is_string(), "{shown}");
    assert_eq!((&shown["state"], &shown["refresh_token_expires_at"]), (&value!("expiring"), &Value::Null));

    let (code, report) = json(&home, &["test", "me"]);
    assert_eq!((code, &report["token"]["finding"]), (0, &value!("accepted")), "{report}");
    assert_eq!(home.run(["token", "me"]).ok(), personal.access_token);
    home.run(["refresh", "me"]).fails(1);

    // Twelve hours later, at Webex: this machine's clock does not say so, and the test finds out.
    webex.advance(Duration::from_hours(12));
    let test = home.run(["test", "me"]);
    assert!(test.stdout.contains("Webex does not accept this token any more"), "{}", test.stdout);
    assert!(test.stdout.contains("hint:"), "{}", test.stdout);
    test.fails(4);
    let shown = home.show("me");
    assert_eq!((&shown["state"], &shown["last_error"]["kind"]), (&value!("needs-token"), &value!("dead-token")));

    // The next day's token takes the place of this one: the name and the id stay.
    let fresh = webex.control(Method::POST, "/personal", Some(&value!({ "subject": personal.email })));
    let fresh = fresh["access_token"].as_str().unwrap();
    let again = add(&webex, &home, &["personal", "me", "--token-file", "-"], fresh);
    assert!(again.stderr.contains("gave a new token to me"), "{}", again.stderr);
    again.ok();
    assert_eq!(home.show("me")["id"], shown["id"]);
    assert_eq!(home.show("me")["state"], "expiring");
    assert_eq!(home.run(["token", "me"]).ok(), fresh);

    let cleared = home.run(["clear", "me"]);
    assert!(cleared.stderr.contains("access token: NOT revoked"), "{}", cleared.stderr);
    assert!(cleared.stderr.contains("it expires within 12 hours"), "{}", cleared.stderr);
    cleared.ok();
    home.run(["show", "me"]).fails(3);
}

#[test]
fn where_webex_does_not_tell_the_end_is_unknown_and_at_most_twelve_hours_off() {
    let webex = Webex::with(Options::default());
    webex.control(Method::POST, "/behaviour", Some(&value!({ "token_expiry_for": "none" })));
    let home = home();
    let token = &webex.description().personal.access_token;
    let added = add(&webex, &home, &["personal", "me", "--token-file", "-"], token);
    assert!(added.stderr.contains("an unknown time, at most 12 hours"), "{}", added.stderr);
    added.ok();
    assert_eq!(home.show("me")["access_token_expires_at"], Value::Null);
}

#[test]
fn another_persons_token_takes_a_name_over_only_when_told_so() {
    let webex = Webex::with(Options::default());
    let home = home();
    let personal = &webex.description().personal;
    add(&webex, &home, &["personal", "me", "--token-file", "-"], &personal.access_token).ok();
    let colleague = webex.colleague();
    let theirs = webex.control(Method::POST, "/personal", Some(&value!({ "subject": colleague })));
    let theirs = theirs["access_token"].as_str().unwrap();

    let refused = add(&webex, &home, &["personal", "me", "--token-file", "-"], theirs);
    assert!(refused.stderr.contains(&colleague) && refused.hint().contains("--replace"), "{}", refused.stderr);
    refused.fails(1);
    assert_eq!(home.run(["token", "me"]).ok(), personal.access_token);

    add(&webex, &home, &["personal", "me", "--replace", "--token-file", "-"], theirs).ok();
    assert_eq!(home.show("me")["subject"]["email"], colleague.as_str());
}
