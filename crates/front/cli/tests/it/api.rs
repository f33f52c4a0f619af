//! Any call of Webex: `lanyard api`.

use std::process::Stdio;

use lanyard_testkit::{Ended, Home, Method, Options, Running, SCOPES, Terminal, Webex};
use serde_json::{Value, json};

use crate::{LANYARD, signed_in};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn with_input(home: &Home, words: &[&str], input: &str) -> Ended {
    let mut calling = Running::start(home.command(words).stdin(Stdio::piped()));
    calling.write_line(input);
    calling.end()
}

#[test]
fn a_call_prints_the_answer_and_its_status_is_the_exit_code() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let me = parsed(&home.run(["api", "people/me"]).ok());
    assert_eq!(me["emails"][0], webex.description().admin.email.as_str());
    assert_eq!(parsed(&home.run(["api", "acme", "GET", "/v1/people/me"]).ok()), me);

    let missing = home.run(["api", "people/nobody"]);
    assert_eq!(parsed(&missing.stdout)["message"], "The requested resource could not be found.");
    assert!(missing.stderr.contains("404") && missing.stderr.contains("tracking id LANYARD_"), "{}", missing.stderr);
    missing.fails(1);
    let forbidden = home.run(["api", "licenses"]);
    assert!(forbidden.hint().contains("lanyard show acme"), "{}", forbidden.stderr);
    forbidden.fails(4);
    let named = home.run(["api", "POST", "people/me"]);
    assert!(!named.stderr.contains("hint:"), "{}", named.stderr);
    named.fails(1);
    let unnamed = home.run(["api", "people/me", "-f", "max=3"]);
    assert!(unnamed.hint().contains("lanyard api acme GET PATH"), "{}", unnamed.stderr);
    unnamed.fails(1);

    let included = home.run(["api", "-i", "people/me"]).ok();
    assert!(included.starts_with("HTTP 200") && included.contains("trackingid: LANYARD_"), "{included}");
}

#[test]
fn pages_are_one_array_or_one_item_a_line() {
    let webex = Webex::with(Options { people: 25, ..Options::default() });
    webex.control(Method::POST, "/behaviour", Some(&json!({ "empty_pages": true })));
    let home = signed_in(&webex);
    let array = parsed(&home.run(["api", "people", "-f", "max=4", "--paginate"]).ok());
    let emails: std::collections::BTreeSet<_> =
        array.as_array().unwrap().iter().map(|person| person["emails"][0].as_str().unwrap()).collect();
    assert_eq!((array.as_array().unwrap().len(), emails.len()), (25, 25));
    let lines = home.run(["api", "people?max=4", "--lines"]).ok();
    assert_eq!(lines.lines().map(parsed).count(), 25);

    // A page that fails in the middle: what came is printed, and the exit code tells.
    webex.fault(&json!({ "path": "/v1/people", "after": 2, "count": null, "action": { "status": 500 } }));
    let cut = home.run(["api", "people?max=4", "--lines"]);
    assert!(cut.stdout.lines().count() >= 4, "{}", cut.stdout);
    cut.fails(5);
}

#[test]
fn an_expression_filters_the_reply_or_each_page() {
    let webex = Webex::with(Options { people: 25, ..Options::default() });
    let home = signed_in(&webex);
    let email = webex.description().admin.email.clone();
    assert_eq!(home.run(["api", "people/me", "--jq", ".emails[0]"]).ok(), email);
    assert_eq!(home.run(["api", "people/me", "-q", "[.type, (.emails | length), null]"]).ok(), "[\"person\",1,null]");
    let pages = home.run(["api", "people?max=10", "--paginate", "--jq", ".items | length"]).ok();
    assert_eq!(pages, "10\n10\n5");
    let included = home.run(["api", "-i", "people/me", "--jq", ".type"]).ok();
    assert!(included.starts_with("HTTP 200") && included.ends_with("\n\nperson"), "{included}");

    // An error is printed unfiltered; an expression that fails on a page leaves the list incomplete.
    let missing = home.run(["api", "people/nobody", "--jq", ".emails"]);
    assert!(parsed(&missing.stdout)["message"].is_string());
    missing.fails(1);
    let failed = home.run(["api", "people?max=10", "--paginate", "--jq", ".items[0].emails[0].x"]);
    assert!(failed.stderr.contains("the --jq expression failed: cannot index"), "{}", failed.stderr);
    failed.fails(1);

    // A mistake in the expression is found before anything is sent.
    webex.forget_record();
    for (expression, said) in [(".items[", "expected a closing bracket"), ("nosuch", "there is no filter nosuch/0")] {
        let wrong = home.run(["api", "DELETE", "rooms/x", "--jq", expression]);
        assert!(wrong.stderr.contains(said), "{}", wrong.stderr);
        wrong.fails(2);
    }
    assert_eq!(webex.record().len(), 0);
}

#[test]
fn a_text_that_an_expression_prints_cannot_move_the_cursor() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let (shown, code) =
        Terminal::run(home.command(["api", "people/me", "--jq", "\"a\\u001b[2Jb\", [\"\\u009b\"]"]), 80);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("a\\u{1b}[2Jb") && shown.contains("[\"\\u009b\"]"), "{shown}");
}

#[test]
fn fields_make_a_query_or_a_body() {
    let webex = Webex::with(Options::default());
    let home = Home::new(LANYARD);
    let app = &webex.description().integration;
    let scopes = [&SCOPES[..], &["spark:applications_token"]].concat();
    let client = (app.client_id.as_str(), app.client_secret.as_str());
    home.add_app_as(&webex, client, &app.redirect_uris, &scopes).ok();
    home.sign_in(&webex, "acme");
    let email = webex.description().admin.email.clone();
    let found = parsed(&home.run(["api", "people", "-f", &format!("email={email}"), "--paginate"]).ok());
    assert_eq!(found[0]["emails"][0], email.as_str());

    // A call whose answer is a credential is the person's own business: it is not printed in any error, but on stdout.
    let service = &webex.description().service_app;
    let path = format!("applications/{}/token", service.application_id);
    let (id, secret, org) = (
        format!("clientId={}", service.client_id),
        format!("clientSecret={}", service.client_secret),
        format!("targetOrgId={}", service.organisation_id),
    );
    let minted = parsed(&home.run(["api", &path, "-f", &id, "-f", &secret, "-f", &org]).ok());
    assert!(webex.accepts(minted["access_token"].as_str().unwrap()));
    let body =
        json!({ "clientId": service.client_id, "clientSecret": "wrong", "targetOrgId": service.organisation_id });
    let refused = with_input(&home, &["api", "POST", &path, "--input", "-"], &body.to_string());
    assert_eq!(parsed(&refused.stdout)["message"], "Invalid client credentials.");
    refused.fails(1);
}

#[test]
fn a_call_is_written_as_gh_has_it_and_is_in_the_audit() {
    let webex = Webex::with(Options { people: 25, ..Options::default() });
    let home = signed_in(&webex);
    webex.forget_record();
    for words in [&["-X", "get", "people/me"][..], &["acme", "get", "people/me"], &["get", "people/me"]] {
        home.run(["api"].iter().chain(words)).ok();
    }
    // A link to the next page, as it is copied.
    let headers = home.run(["api", "-i", "people?max=4"]).ok();
    let link = headers.lines().find_map(|line| line.strip_prefix("link: <")).unwrap();
    let page = parsed(&home.run(["api", link.split('>').next().unwrap()]).ok());
    assert_eq!(page["items"].as_array().unwrap().len(), 4);
    home.run(["api", "acme", "--lines", "people?max=4"]).ok();

    let forgotten = home.run(["api", "acme"]);
    assert_eq!(forgotten.hint(), "lanyard api acme people/me", "{}", forgotten.stderr);
    forgotten.fails(2);
    home.run(["api", "-X", "GET", "POST", "people/me"]).fails(2);

    let audit = parsed(&home.run(["--json", "audit"]).ok());
    let calls: Vec<_> = audit.as_array().unwrap().iter().filter_map(|entry| entry["detail"].as_str()).collect();
    let calls = calls.iter().filter(|detail| detail.starts_with("api GET people")).count();
    assert_eq!(calls, 6, "the pages of a list are one call: {audit:#}");
}

#[test]
fn no_call_leaves_the_credentials_webex() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    webex.forget_record();
    for path in ["https://evil.example/v1/people", "//evil.example/people", "../_sim/record", "people/%2e%2e/x", "a\\b"]
    {
        let refused = home.run(["api", path]);
        assert!(refused.stderr.contains("path"), "{}", refused.stderr);
        refused.fails(2);
    }
    let header = home.run(["api", "people/me", "-H", "Authorization: Bearer x"]);
    assert!(header.stderr.contains("not yours to set"), "{}", header.stderr);
    header.fails(2);
    assert_eq!(webex.record().len(), 0);
}

#[test]
fn a_limit_is_waited_for_and_a_write_whose_outcome_is_unknown_is_not_repeated() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    webex.forget_record();
    let limited =
        json!({ "status": 429, "headers": { "retry-after": "1" }, "content_type": "text/html", "body": "<html>" });
    webex.fault(&json!({ "path": "/v1/people/me", "count": 1, "action": limited }));
    home.run(["api", "people/me"]).ok();
    assert_eq!(webex.record().iter().filter(|call| call["path"] == "/v1/people/me").count(), 2);

    webex.fault(&json!({ "path": "/v1/guests/token", "count": null, "action": { "cut": "after" } }));
    webex.forget_record();
    home.run(["api", "guests/token", "-f", "subject=s", "-f", "displayName=D"]).fails(5);
    assert_eq!(webex.record().iter().filter(|call| call["path"] == "/v1/guests/token").count(), 1);
}

#[test]
fn a_refused_token_is_renewed_once_and_at_most_once_an_hour() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let revoke = || {
        let client = &webex.description().integration.client_id;
        webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "client_id": client })));
    };
    revoke();
    home.run(["api", "people/me"]).ok();
    assert_eq!(home.show("acme")["generation"], 2);

    // Again within the hour: a Webex that ends tokens as soon as it gives them is not asked for more and more of them.
    revoke();
    home.run(["api", "people/me"]).fails(4);
    assert_eq!(home.show("acme")["generation"], 2);
    // Whoever asks for it gets one all the same.
    home.run(["refresh", "acme", "--force"]).ok();
    home.run(["api", "people/me"]).ok();

    // A new sign-in starts again.
    home.sign_in(&webex, "acme");
    revoke();
    home.run(["api", "people/me"]).ok();
    assert_eq!(home.show("acme")["generation"], 5);

    // A call that is refused with a token that is good elsewhere renews nothing.
    webex.fault(&json!({ "path": "/v1/organizations", "count": null, "action": { "status": 401 } }));
    home.run(["api", "organizations"]).fails(4);
    assert_eq!(home.show("acme")["generation"], 5);
}
