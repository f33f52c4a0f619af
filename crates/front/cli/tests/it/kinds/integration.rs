//! An integration: a person consented to it, in a browser or by a code on another device.

use std::process::Stdio;
use std::time::Duration;

use lanyard_testkit::{Home, Method, Options, Running, Webex};
use serde_json::json as value;

use super::{home, json};

/// Starts `lanyard login acme --app desk --device`, and gives the address that holds the code.
fn begin(home: &Home, more: &[&str]) -> (Running, String) {
    let mut command = home.command(["login", "acme", "--app", "desk", "--device"]);
    let mut login = Running::start(command.args(more).stdin(Stdio::null()));
    let line = login.wait_for("holds the code: ");
    let address = line.split("holds the code: ").nth(1).unwrap().trim().to_owned();
    (login, address)
}

fn desk(webex: &Webex) -> Home {
    let home = home();
    home.add_app(webex);
    webex.control(Method::POST, "/behaviour", Some(&value!({ "device_interval_s": 0 })));
    home
}

#[test]
fn a_code_on_another_device_signs_in() {
    for pending in ["webex", "rfc"] {
        let webex = Webex::with(Options::default());
        let home = desk(&webex);
        webex.control(Method::POST, "/behaviour", Some(&value!({ "device_pending": pending })));
        let (login, address) = begin(&home, &[]);
        webex.approves_device(&address, true);
        let ended = login.end();
        assert!(ended.stderr.contains(&webex.description().admin.email), "{}", ended.stderr);
        ended.ok();
        let shown = home.show("acme");
        assert_eq!((&shown["kind"], &shown["state"]), (&value!("integration"), &value!("active")));
        assert!(webex.accepts(&home.token()));
        home.run(["refresh", "acme", "--force"]).ok();
        assert_eq!(home.show("acme")["generation"], 2);
        let cleared = home.run(["clear", "acme"]);
        assert!(!cleared.stderr.contains("NOT"), "{}", cleared.stderr);
        cleared.ok();
    }
}

#[test]
fn a_denial_on_the_other_device_stores_nothing() {
    let webex = Webex::with(Options::default());
    let home = desk(&webex);
    let (login, address) = begin(&home, &[]);
    webex.approves_device(&address, false);
    let ended = login.end();
    assert!(ended.stderr.contains("access_denied") && ended.hint().contains("Deny"), "{}", ended.stderr);
    ended.fails(4);
    home.run(["show", "acme"]).fails(3);
}

#[test]
fn a_code_that_nobody_types_ends() {
    let webex = Webex::with(Options::default());
    let home = desk(&webex);
    let (login, _) = begin(&home, &[]);
    webex.advance(Duration::from_mins(6));
    let ended = login.end();
    assert!(ended.stderr.contains("the code for acme expired before a user signed in"), "{}", ended.stderr);
    assert!(ended.hint().contains("--device"), "{}", ended.stderr);
    ended.fails(4);
}

#[test]
fn what_a_job_needs_is_told_from_the_granted_scopes() {
    let webex = Webex::with(Options::default());
    let home = home();
    let app = &webex.description().integration;
    let client = (app.client_id.as_str(), app.client_secret.as_str());
    home.add_app_as(&webex, client, &app.redirect_uris, &["spark:people_read", "spark-admin:devices_read"]).ok();
    home.sign_in(&webex, "acme");
    let (code, report) = json(&home, &["test", "acme", "--for", "devices"]);
    assert_eq!(code, 4, "{report}");
    let verdicts: Vec<_> =
        report["jobs"][0]["needs"].as_array().unwrap().iter().map(|need| need["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["granted", "missing", "missing", "missing"], "{report}");
    // Nothing was tried: Webex had said what was granted.
    assert!(webex.record().iter().all(|call| call["path"] != "/v1/devices"));
}

#[test]
fn where_the_scopes_are_not_known_one_harmless_get_tells_and_nothing_is_written() {
    let webex = Webex::with(Options::default());
    webex.control(Method::POST, "/behaviour", Some(&value!({ "scope_in_reply": false })));
    let home = home();
    let app = &webex.description().integration;
    let client = (app.client_id.as_str(), app.client_secret.as_str());
    home.add_app_as(
        &webex,
        client,
        &app.redirect_uris,
        &["spark:people_read", "spark-admin:people_read", "spark-admin:licenses_read"],
    )
    .ok();
    home.sign_in(&webex, "acme");
    webex.forget_record();
    let (code, report) = json(&home, &["test", "acme", "--for", "calling"]);
    assert_eq!(code, 4, "{report}");
    let verdicts: Vec<_> =
        report["jobs"][0]["needs"].as_array().unwrap().iter().map(|need| need["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["granted", "unknown", "granted", "granted", "missing", "unknown"], "{report}");
    assert!(webex.record().iter().all(|call| call["method"] == "GET"), "only GETs");
}

#[test]
fn a_test_of_a_token_that_works_says_if_its_renewal_does_not() {
    let webex = Webex::with(Options::default());
    let home = crate::signed_in(&webex);
    home.run(["test", "acme"]).ok();
    let dead = "The refresh token provided is expired, revoked, malformed, or invalid.";
    let refused = value!({ "error": "invalid_request", "error_description": dead });
    for (action, code, says, hint) in [
        (
            value!({ "status": 429, "headers": { "retry-after": "600" } }),
            5,
            "Webex limits the calls",
            "lanyard refresh acme --force",
        ),
        (
            value!({ "status": 400, "body": refused }),
            4,
            "Webex does not accept the grant any more",
            "lanyard login acme",
        ),
    ] {
        webex.fault(&value!({ "path": "/v1/access_token", "action": action }));
        home.run(["refresh", "acme", "--force"]).fails(code);
        let one = home.run(["test", "acme"]);
        assert!(one.stdout.contains("ok  token        Webex accepts it"), "{}", one.stdout);
        assert!(one.stdout.contains("!!  renewal      failed at ") && one.stdout.contains(says), "{}", one.stdout);
        assert!(one.stdout.contains(hint), "{}", one.stdout);
        one.fails(code);
    }
}

#[test]
fn one_of_several_whose_renewal_fails_is_told_from_the_others() {
    let webex = Webex::with(Options::default());
    let home = crate::signed_in(&webex);
    home.sign_in(&webex, "second");
    webex.fault(
        &value!({ "path": "/v1/access_token", "action": { "status": 429, "headers": { "retry-after": "600" } } }),
    );
    home.run(["refresh", "acme", "--force"]).fails(5);
    let all = home.run(["test"]);
    assert!(
        all.stdout.contains("!!  acme    Webex accepts it, valid for 14 days, but its renewal fails: "),
        "{}",
        all.stdout
    );
    assert!(all.stdout.contains("ok  second  Webex accepts it"), "{}", all.stdout);
    all.fails(5);
}
