//! Replies of the token endpoint to a refresh, and their effect on the credential.

use std::time::Duration;

use lanyard_testkit::{Ended, Home, Method, RefreshBehaviour, Webex};
use serde_json::{Value, json};

use crate::signed_in;

const LIFE: Duration = Duration::from_hours(14 * 24);

/// An answer that brings no token set.
struct Failing {
    action: Value,
    /// How often the refresh token is sent before the command gives up.
    sent: usize,
    code: i32,
    kind: &'static str,
    says: &'static str,
    hint: &'static str,
}

impl Failing {
    /// Whether Webex spent the refresh token stays open: it is sent once more, at once.
    fn unclear(action: Value, says: &'static str) -> Self {
        Self {
            action,
            sent: 2,
            code: 5,
            kind: "outcome-unknown",
            says,
            hint: "Webex may have renewed it (a retry will tell); the next attempt is due in",
        }
    }

    /// Webex declined to look.
    fn limited(action: Value, hint: &'static str) -> Self {
        Self { action, sent: 1, code: 5, kind: "limited", says: "Webex limits the calls", hint }
    }
}

fn failing() -> Vec<Failing> {
    let text = |body: Value| json!({ "status": 200, "body": body });
    let refusal = |status: u16, error: &str, sentence: &str| json!({ "status": status, "body": { "error": error, "error_description": sentence, "trackingID": "NA_0123-ab" } });
    let canary = "canary-".repeat(10);
    let limits = |status: u16, wait: &str| {
        json!({ "status": status, "body": format!("<html>{canary}"), "content_type": "text/html",
            "headers": { "retry-after": wait } })
    };
    let dead_grant = "The refresh token provided is expired, revoked, malformed, or invalid.";
    vec![
        Failing::unclear(json!({ "mangle": "empty" }), "the body (0 bytes) is not a token reply in JSON"),
        Failing::unclear(json!({ "mangle": "truncate" }), "is not a token reply in JSON"),
        Failing::unclear(json!({ "mangle": "html" }), "is not a token reply in JSON"),
        Failing::unclear(json!({ "mangle": "huge" }), "is longer than 262144 bytes and was not read"),
        Failing::unclear(text(json!(format!("it works, {canary}"))), "is not a token reply in JSON"),
        Failing::unclear(text(json!([canary])), "is not a token reply in JSON"),
        Failing::unclear(text(json!({ "access_token": 5 })), "there is no access token in the body"),
        Failing::unclear(text(json!({})), "there is no access token in the body"),
        Failing::unclear(json!({ "merge": { "access_token": "" } }), "there is no access token in the body"),
        Failing::unclear(json!({ "merge": { "access_token": null } }), "there is no access token in the body"),
        Failing::unclear(json!({ "cut": "before" }), "gave no whole answer"),
        Failing::unclear(json!({ "cut": "after" }), "gave no whole answer"),
        Failing::unclear(json!({ "status": 500, "body": canary }), "the outcome is unclear (HTTP 500)"),
        Failing::unclear(json!({ "status": 502 }), "the outcome is unclear (HTTP 502)"),
        Failing::unclear(limits(503, "30"), "the outcome is unclear (HTTP 503)"),
        Failing::unclear(refusal(500, "server_error", &canary), "(HTTP 500, server_error, tracking id NA_0123-ab)"),
        Failing::unclear(json!({ "status": 404, "body": canary }), "the outcome is unclear (HTTP 404)"),
        Failing::unclear(refusal(400, &canary, &canary), "the outcome is unclear (HTTP 400, tracking id NA_0123-ab)"),
        Failing::limited(limits(429, "120"), "nothing is lost; the next attempt is due in 120 s"),
        Failing::limited(limits(423, "99999999"), "nothing is lost; the next attempt is due in 86400 s"),
        Failing::limited(limits(429, "-5"), "nothing is lost; the next attempt is due in"),
        Failing {
            action: refusal(401, "invalid_client", "The client secret is wrong."),
            sent: 1,
            code: 4,
            kind: "wrong-client",
            says: "does not accept the app's client id and secret (HTTP 401, invalid_client",
            hint: "store the app's current secret: lanyard app secret",
        },
        Failing {
            action: refusal(400, "invalid_request", dead_grant),
            sent: 1,
            code: 4,
            kind: "dead-grant",
            says: "does not accept the grant any more (HTTP 400, invalid_request",
            hint: "sign in again: lanyard login acme",
        },
    ]
}

/// Nothing that could be a token, and nothing of a body.
#[track_caller]
fn tells_no_secret(ended: &Ended) {
    let of_token = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for output in [&ended.stdout, &ended.stderr] {
        let longest = output.split(|c| !of_token(c)).map(str::len).max().unwrap_or_default();
        assert!(longest < 40, "{output}");
        assert!(!output.contains("canary"), "{output}");
    }
}

fn refresh(home: &Home) -> Ended {
    home.run(["refresh", "acme", "--force"])
}

fn generation(home: &Home) -> u64 {
    home.show("acme")["generation"].as_u64().expect("a number")
}

#[test]
fn an_answer_that_is_none_changes_nothing_and_is_said_to_be_that() {
    let webex = Webex::start(RefreshBehaviour::Rotate, LIFE);
    let home = signed_in(&webex);
    for Failing { action, sent, code, kind, says, hint } in failing() {
        let (token, before, already) = (home.token(), home.show("acme"), webex.refreshes().len());
        webex.fault(&json!({ "path": "/v1/access_token", "count": 2, "action": action }));

        let failed = refresh(&home);
        assert_eq!(failed.code(), code, "{action}: {}", failed.stderr);
        assert!(failed.stderr.contains("error: acme was not renewed: "), "{action}: {}", failed.stderr);
        assert!(failed.stderr.contains(says), "{action}: {}", failed.stderr);
        assert!(failed.hint().starts_with(hint), "{action}: {}", failed.stderr);
        tells_no_secret(&failed);
        assert_eq!(webex.refreshes().len(), already + sent, "{action}");

        let shown = home.show("acme");
        let state = if kind == "dead-grant" { "needs-login" } else { "stalled" };
        assert_eq!((&shown["state"], &shown["last_error"]["kind"]), (&json!(state), &json!(kind)), "{action}");
        for field in ["generation", "access_token_expires_at", "refresh_token_expires_at", "scopes", "subject"] {
            assert_eq!(shown[field], before[field], "{action}: {field}");
        }
        let handed = home.run(["token", "acme"]);
        assert_eq!(handed.stdout.trim_end(), &*token, "{action}");
        // A grant that is dead is worth a warning while its last token is still good.
        assert_eq!(
            handed.stderr.starts_with("warning: this is the last token of acme"),
            kind == "dead-grant",
            "{action}"
        );
        assert!(webex.accepts(&token), "{action}");

        webex.control(Method::DELETE, "/faults", None);
        refresh(&home).ok();
        let mended = home.show("acme");
        assert_eq!(mended["generation"], before["generation"].as_u64().unwrap() + 1, "{action}");
        assert_eq!((&mended["state"], &mended["last_error"]), (&json!("active"), &Value::Null), "{action}");
        assert!(webex.accepts(&home.token()), "{action}");
    }
}

#[test]
fn an_answer_with_oddities_is_taken() {
    let webex = Webex::start(RefreshBehaviour::Rotate, LIFE);
    let home = signed_in(&webex);
    // What is merged into the reply, and whether the end of each token is then known.
    let (known, unknown) = (true, false);
    for (fields, access, refresh_token) in [
        (json!({ "expires_in": -5 }), unknown, known),
        (json!({ "expires_in": 0 }), unknown, known),
        (json!({ "expires_in": u64::MAX }), unknown, known),
        (json!({ "expires_in": 1e300 }), unknown, known),
        (json!({ "expires_in": "soon" }), unknown, known),
        (json!({ "expires_in": "3600" }), known, known),
        (json!({ "expires_in": 3600.9 }), known, known),
        (json!({ "expires_in": null }), unknown, known),
        (json!({ "expires_in": [3600] }), unknown, known),
        (json!({ "refresh_token_expires_in": -1 }), known, unknown),
        (json!({ "refresh_token_expires_in": 0 }), known, unknown),
        (json!({ "refresh_token_expires_in": "never" }), known, unknown),
        (json!({ "refresh_token_expires_in": null }), known, unknown),
        (json!({ "expires_in": -1, "refresh_token_expires_in": { "days": 90 } }), unknown, unknown),
        (json!({ "token_type": "bearer" }), known, known),
        (json!({ "token_type": "BEARER" }), known, known),
        (json!({ "token_type": null }), known, known),
        (json!({ "scope": null }), known, known),
        (json!({ "scope": 5 }), known, known),
        (json!({ "unheard_of": { "access_token": "canary" } }), known, known),
    ] {
        let (earlier, before) = (home.token(), generation(&home));
        webex.fault(&json!({ "path": "/v1/access_token", "action": { "merge": fields } }));
        let renewed = refresh(&home);
        tells_no_secret(&renewed);
        assert!(renewed.stderr.contains("acme renewed"), "{fields}: {}", renewed.stderr);
        renewed.ok();

        let shown = home.show("acme");
        assert_eq!((&shown["generation"], &shown["state"]), (&json!(before + 1), &json!("active")), "{fields}");
        assert_eq!(shown["access_token_expires_at"].is_string(), access, "{fields}: {shown}");
        assert_eq!(shown["refresh_token_expires_at"].is_string(), refresh_token, "{fields}: {shown}");
        let said = home.run(["show", "acme"]).ok();
        assert_eq!(said.contains("an unknown time: Webex did not say"), !access, "{fields}: {said}");
        let later = home.token();
        assert_ne!(later, earlier, "{fields}");
        assert!(webex.accepts(&later), "{fields}");
        refresh(&home).ok();
        assert_eq!(generation(&home), before + 2, "{fields}");
    }
}

#[test]
fn an_answer_without_a_refresh_token_keeps_the_one_at_hand() {
    for fields in [json!({ "refresh_token": null, "refresh_token_expires_in": null }), json!({ "refresh_token": "" })] {
        let webex = Webex::start(RefreshBehaviour::Keep, LIFE);
        let home = signed_in(&webex);
        let end = home.show("acme")["refresh_token_expires_at"].clone();
        assert!(end.is_string());
        webex.fault(&json!({ "path": "/v1/access_token", "action": { "merge": fields } }));
        refresh(&home).ok();
        assert!(home.show("acme")["refresh_token_expires_at"].is_string(), "{fields}");
        refresh(&home).ok();
        assert_eq!(generation(&home), 3, "{fields}");
        let sent: Vec<_> = webex.refreshes().iter().map(|call| call["refresh_token_fingerprint"].to_string()).collect();
        assert_eq!(sent[0], sent[1], "{fields}");
    }
}

#[test]
fn webex_is_left_in_peace_for_as_long_as_it_asks() {
    let webex = Webex::start(RefreshBehaviour::Rotate, LIFE);
    let home = signed_in(&webex);
    let limit = json!({ "status": 429, "headers": { "retry-after": "3600" } });
    webex.fault(&json!({ "path": "/v1/access_token", "action": limit }));
    refresh(&home).fails(5);

    let waits = home.run(["refresh", "acme"]);
    assert!(waits.hint().contains("lanyard refresh acme --force"), "{}", waits.stderr);
    waits.fails(5);
    let shown = home.run(["show", "acme"]).ok();
    assert!(shown.contains("stalled") && shown.contains("Webex limits the calls"), "{shown}");
    home.run(["token", "acme", "--min-validity", "3600"]).ok();
    assert_eq!(webex.refreshes().len(), 1, "only the first was sent");
    refresh(&home).ok();
}

#[test]
fn a_token_that_has_ended_is_not_handed_out_and_the_reason_is_said() {
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_secs(1));
    let home = signed_in(&webex);
    home.outlive(Duration::from_secs(1));
    webex.live_longer(LIFE);
    let limit = json!({ "status": 429, "headers": { "retry-after": "3600" } });
    webex.fault(&json!({ "path": "/v1/access_token", "count": null, "action": limit }));

    let ended = home.run(["token", "acme"]);
    assert!(ended.stderr.contains("acme has no valid token: Webex limits the calls"), "{}", ended.stderr);
    assert!(ended.hint().contains("lanyard refresh acme --force"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    ended.fails(5);
    let ran = home.beside().join("ran");
    home.run(["exec", "acme", "--", "touch", ran.to_str().unwrap()]).fails(125);
    assert!(!ran.exists(), "the program did not run");
    assert_eq!(webex.refreshes().len(), 1, "the second command waits for its turn");

    webex.control(Method::DELETE, "/faults", None);
    refresh(&home).ok();
    assert!(webex.accepts(&home.token()));
}
