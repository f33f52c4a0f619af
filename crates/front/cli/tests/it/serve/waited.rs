//! Clients that wait for a renewal, and those that ask for one again and again.

use std::thread;
use std::time::Duration;

use lanyard_testkit::{Ended, Home, RefreshBehaviour, Reply, Served, Webex};
use serde_json::json;

use crate::LANYARD;
use crate::faults::{age, revoke_access};

const HOUR: Duration = Duration::from_hours(1);
/// A validity that only a new token has.
const LONGER: &str = "/api/v1/credentials/acme/token?min_validity=3599";

/// So much of a token's life is over that only a new one is valid for so long.
const SOME: Duration = Duration::from_secs(1);

/// A broker with the integration `acme`, and the key of the client `waiter` that may have tokens of that alone.
fn scene() -> (Webex, Home, Served, String) {
    let webex = Webex::start(RefreshBehaviour::Keep, HOUR);
    let home = Home::signed_in(LANYARD, &webex);
    let bot = home.file("bot", &webex.description().bot.access_token);
    let bot = bot.to_str().unwrap();
    home.run(["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file", bot]).ok();
    let key = home.run(["client", "add", "waiter", "--credential", "acme", "--can", "token"]).ok();
    let broker = Served::start(&home, [] as [&str; 0]);
    home.outlive(SOME);
    (webex, home, broker, format!("Bearer {}", key.trim()))
}

/// Asks for a new token as the client, and does something else while Webex takes its time.
fn meanwhile(webex: &Webex, broker: &Served, key: &str, something: impl FnOnce() -> Vec<Ended>) -> Reply {
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_after_ms": 1500 } }));
    thread::scope(|scope| {
        let asked = scope.spawn(|| broker.ask_with("GET", LONGER, &[("authorization", key)], ""));
        while webex.refreshes().is_empty() {
            thread::yield_now();
        }
        for done in something() {
            done.ok();
        }
        asked.join().unwrap()
    })
}

#[test]
fn a_client_that_waited_is_not_given_the_token_of_another_credential_that_has_the_name_now() {
    let (webex, home, broker, key) = scene();
    let reply = meanwhile(&webex, &broker, &key, || {
        vec![home.run(["rename", "acme", "earlier"]), home.run(["rename", "lobby", "acme"])]
    });
    let bot = &webex.description().bot.access_token;
    assert!(!reply.body.contains(bot.as_str()), "{reply:?}");
    let audit = home.run(["audit", "acme"]).ok();
    assert!(!audit.contains("handed-out"), "{audit}");
}

#[test]
fn a_client_that_was_removed_while_it_waited_is_given_nothing() {
    let (webex, home, broker, key) = scene();
    let reply = meanwhile(&webex, &broker, &key, || vec![home.run(["client", "remove", "waiter", "--yes"])]);
    assert_eq!((reply.status, reply.problem()), (401, Some("unauthorized")), "{reply:?}");
}

/// Makes a proxied call as a client that is changed while the call waits for a renewal. Returns the answer, and how often Webex was called.
fn changed_during_a_call(is_expired: bool, change: &[&str]) -> (Reply, usize) {
    let webex = Webex::start(RefreshBehaviour::Keep, HOUR);
    let home = Home::signed_in(LANYARD, &webex);
    let key = home.run(["client", "add", "caller", "--credential", "acme", "--can", "proxy"]).ok();
    let key = format!("Bearer {}", key.trim());
    webex.fault(&json!({ "path": "/v1/access_token", "count": null, "action": { "delay_after_ms": 1500 } }));
    if is_expired {
        age(&home, 2 * HOUR);
    } else {
        revoke_access(&webex);
    }
    let broker = Served::start(&home, [] as [&str; 0]);
    let reply = thread::scope(|scope| {
        let call = scope.spawn(|| broker.ask_with("GET", "/webex/acme/v1/people", &[("authorization", &key)], ""));
        while webex.refreshes().is_empty() {
            thread::yield_now();
        }
        home.run(change).ok();
        call.join().unwrap()
    });
    (reply, webex.record().iter().filter(|call| call["path"] == "/v1/people").count())
}

const REMOVED: &[&str] = &["client", "remove", "caller", "--yes"];
const NARROWED: &[&str] = &["client", "set", "caller", "--methods", "POST"];

#[test]
fn a_proxied_call_that_waited_is_made_only_if_its_client_still_may() {
    let (reply, calls) = changed_during_a_call(true, REMOVED);
    assert_eq!((reply.status, reply.problem(), calls), (401, Some("unauthorized"), 0), "{reply:?}");
    let (reply, calls) = changed_during_a_call(true, NARROWED);
    assert_eq!((reply.status, reply.problem(), calls), (403, Some("refused"), 0), "{reply:?}");
}

#[test]
fn a_proxied_call_that_webex_refused_is_repeated_only_if_its_client_still_may() {
    for change in [REMOVED, NARROWED] {
        let (reply, calls) = changed_during_a_call(false, change);
        assert_eq!((reply.status, reply.problem(), calls), (401, None, 1), "{reply:?}");
    }
}

#[test]
fn a_client_has_a_token_renewed_early_once_a_minute() {
    let (webex, home, broker, key) = scene();
    for _ in 0..3 {
        let reply = broker.ask_with("GET", LONGER, &[("authorization", &key)], "");
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(home.show("acme")["generation"], 2);
        home.outlive(SOME);
    }
    assert_eq!(webex.refreshes().len(), 1, "{:?}", webex.refreshes());
}

#[test]
fn a_pause_that_webex_asked_for_ends_with_a_renewal_that_succeeds() {
    let (webex, home, broker, _) = scene();
    let limit = json!({ "status": 429, "headers": { "Retry-After": "3600" } });
    webex.fault(&json!({ "path": "/v1/access_token", "action": limit }));
    home.run(["refresh", "acme", "--force"]).fails(5);
    home.run(["refresh", "acme", "--force"]).ok();
    let reply = broker.ask("GET", LONGER).json();
    assert_eq!(reply["warning"], serde_json::Value::Null, "{reply}");
}
