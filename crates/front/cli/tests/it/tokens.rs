//! The live tokens that Webex knows of a credential's subject: `lanyard tokens`, and what `lanyard clear` does with them.

use lanyard_testkit::{Home, Method, Options, Webex};
use serde_json::{Value, json};

use crate::LANYARD;

const ADMIN: [&str; 5] = [
    "spark:people_read",
    "spark-admin:people_read",
    "spark-admin:organizations_read",
    "identity:tokens_read",
    "identity:tokens_write",
];

/// A home with an administrator's credential that may ask, `admin`, and the same person's `acme` through the same app.
fn home(webex: &Webex) -> Home {
    let home = Home::new(LANYARD);
    let app = &webex.description().integration;
    let client = (app.client_id.as_str(), app.client_secret.as_str());
    home.add_app_as(webex, client, &app.redirect_uris, &ADMIN).ok();
    home.sign_in(webex, "admin");
    home
}

fn list(home: &Home, words: &[&str]) -> Value {
    let all = [&["--json", "tokens", "list"], words].concat();
    serde_json::from_str(&home.run(all).ok()).unwrap()
}

#[test]
fn live_tokens_are_listed_counted_and_ended() {
    let webex = Webex::with(Options::default());
    let home = home(&webex);
    for _ in 0..3 {
        home.run(["refresh", "admin", "--force"]).ok();
    }
    let live = list(&home, &["admin"]);
    assert_eq!(
        (&live["access_tokens"], &live["most_access_tokens"], &live["via"]),
        (&json!(4), &json!(750), &json!("admin"))
    );
    let kinds: Vec<_> =
        live["tokens"].as_array().unwrap().iter().map(|token| token["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "refresh").count(), 1, "{live}");
    let shown = home.run(["tokens", "list", "admin"]);
    assert!(shown.stderr.contains("access tokens that are live: 4, of at most 750"), "{}", shown.stderr);

    // One of them, by its id; and none that is not the subject's.
    let one = live["tokens"].as_array().unwrap().iter().find(|token| token["kind"] == "access").unwrap();
    home.run(["tokens", "revoke", "admin", one["id"].as_str().unwrap()]).ok();
    // It was the one in use: the next call notices, and renews it.
    assert_eq!(list(&home, &["admin"])["access_tokens"], 4);
    let strange = home.run(["tokens", "revoke", "admin", "Y2lzY29zcGFyazovL3VzL0FVVEhPUklaQVRJT04veA"]);
    assert!(strange.hint().contains("lanyard tokens list admin"), "{}", strange.stderr);
    strange.fails(3);
}

#[test]
fn tokens_that_are_older_than_the_one_in_use_are_told_by_their_time() {
    let webex = Webex::with(Options::default());
    let home = home(&webex);
    let old = home.run(["token", "admin"]).ok();
    // The first token was made long before the one in use, by Webex's clock as by this machine's.
    webex.control(
        Method::POST,
        "/access_tokens/age",
        Some(&json!({ "client_id": webex.description().integration.client_id, "by_ms": 3_600_000 })),
    );
    home.run(["refresh", "admin", "--force"]).ok();
    let live = list(&home, &["admin"]);
    let superseded = live["tokens"].as_array().unwrap().iter().filter(|token| token["ours"] == "superseded").count();
    assert_eq!(superseded, 1, "{live}");
    let shown = home.run(["tokens", "list", "admin"]);
    assert!(shown.stderr.contains("is a guess by time"), "{}", shown.stderr);

    home.run(["tokens", "revoke", "admin", "--superseded"]).ok();
    assert!(!webex.accepts(&old));
    assert!(webex.accepts(&home.run(["token", "admin"]).ok()));
}

#[test]
fn without_an_administrator_it_says_who_is_needed() {
    let webex = Webex::with(Options::default());
    let home = crate::signed_in(&webex);
    let refused = home.run(["tokens", "list", "acme"]);
    assert!(refused.hint().contains("identity:tokens_read"), "{}", refused.stderr);
    refused.fails(4);
}

#[test]
fn clear_ends_through_an_administrator_what_the_apps_secret_cannot() {
    let webex = Webex::with(Options::default());
    let home = home(&webex);
    // Cisco's own code is seen to revoke access tokens only: then the refresh token is left.
    webex.control(Method::POST, "/behaviour", Some(&json!({ "revoke_refresh_tokens": false })));
    let colleague = webex.colleague();
    let mut login = home.begin_login("acme");
    let url = login.wait_for("/authorize?").trim().to_owned();
    login.write_line(webex.signs_in(&colleague, &url, true).as_str());
    let signed_in = login.end();
    assert!(signed_in.status.success(), "{}", signed_in.stderr);

    let cleared = home.run(["clear", "acme"]);
    assert!(cleared.stderr.contains("through the Authorizations API"), "{}", cleared.stderr);
    cleared.ok();
    let grants = webex.control(Method::GET, "/grants", None);
    let left =
        grants.as_array().unwrap().iter().filter(|grant| grant["subject"]["email"] == colleague.as_str()).count();
    assert_eq!(left, 0, "{grants}");
    let audit = home.run(["audit"]).ok();
    assert!(audit.contains("refresh token, through admin and the Authorizations API"), "{audit}");
    assert!(!audit.contains("not-revoked"), "{audit}");
}

#[test]
fn a_scope_that_the_administrator_lacks_is_named_with_the_command_that_asks_for_it() {
    let webex = Webex::with(Options::default());
    let home = crate::signed_in(&webex);
    let refused = home.run(["tokens", "list", "acme", "--via", "acme"]);
    assert!(refused.stderr.contains("acme lacks the scope identity:tokens_read"), "{}", refused.stderr);
    let hint = refused.hint();
    assert!(
        hint.contains("lanyard login acme --scope 'identity:tokens_read ") && hint.contains("spark:people_read"),
        "{hint}"
    );
    refused.fails(4);
}
