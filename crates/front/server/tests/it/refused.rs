//! Answers that say no: 401 and 429.

use std::time::Duration;

use lanyard_testkit::{Method, RefreshBehaviour, Webex};
use serde_json::{Value, json};

use crate::raw::request;
use crate::world::World;

fn webex() -> Webex {
    Webex::start(RefreshBehaviour::Keep, Duration::from_hours(24))
}

/// Ends the access tokens of the service app, and leaves its grant.
fn end_tokens(webex: &Webex) {
    let client = &webex.description().service_app.client_id;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({"client_id": client})));
}

/// The path and the status of each call to Webex.
fn seen(record: &[Value]) -> Vec<(String, u64)> {
    record.iter().map(|entry| (entry["path"].as_str().unwrap().to_owned(), entry["status"].as_u64().unwrap())).collect()
}

#[test]
fn a_call_with_a_token_that_has_ended_is_repeated_once_with_a_new_one() {
    let webex = webex();
    let world = World::new(&webex);
    end_tokens(&webex);
    webex.forget_record();
    let reply = world.ask(request("GET", "/webex/acme/v1/people/me", &[], ""));
    assert_eq!((reply.status, reply.problem()), (200, None), "{}", reply.text());
    let me = "/v1/people/me".to_owned();
    let expected = [(me.clone(), 401), (me.clone(), 401), ("/v1/access_token".to_owned(), 200), (me, 200)];
    assert_eq!(seen(&webex.record()), expected);
}

#[test]
fn a_short_body_is_sent_again_and_one_that_cannot_be_has_its_401_passed_on() {
    let webex = webex();
    let world = World::new(&webex);
    let json = ("content-type", "application/json");
    end_tokens(&webex);
    let reply = world.ask(request("POST", "/webex/acme/v1/rooms", &[json], r#"{"title":"again"}"#));
    let posts = |record: &[Value]| {
        seen(record).iter().filter(|(path, _)| path == "/v1/rooms").map(|(_, status)| *status).collect::<Vec<_>>()
    };
    // What a service app may not do is another matter; it was asked twice, and the second time with a token that is good.
    assert_ne!(reply.status, 401, "{}", reply.text());
    assert_eq!(posts(&webex.record()).len(), 2);

    let other = World::new(&webex);
    end_tokens(&webex);
    webex.forget_record();
    let chunked = "POST /webex/acme/v1/rooms HTTP/1.1\r\nhost: broker\r\nconnection: close\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let reply = other.ask(chunked);
    assert_eq!((reply.status, reply.problem()), (401, None), "{}", reply.text());
    assert_eq!(posts(&webex.record()), [401]);
    // It was looked into all the same: the next call has the new token.
    assert_ne!(other.ask(chunked).status, 401);
}

#[test]
fn many_calls_with_a_token_that_has_ended_find_out_once() {
    let webex = webex();
    let world = World::new(&webex);
    end_tokens(&webex);
    webex.forget_record();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| world.get("/webex/acme/v1/people/me").status)).collect();
        for call in calls {
            assert_eq!(call.join().unwrap(), 200);
        }
    });
    assert_eq!(webex.refreshes().len(), 1);
}

#[test]
fn a_401_of_a_call_whose_token_is_good_is_passed_on() {
    let webex = webex();
    let world = World::new(&webex);
    let body = json!({"message": "Not for you.", "trackingId": "ROUTER_1"});
    webex.fault(&json!({"path": "/v1/rooms", "count": null, "action": {"status": 401, "body": body}}));
    webex.forget_record();
    for _ in 0..3 {
        let reply = world.get("/webex/acme/v1/rooms");
        assert_eq!((reply.status, reply.problem()), (401, None));
        assert_eq!(reply.json(), body);
    }
    // It was found out once that the token is good, and nothing was renewed.
    let asked = seen(&webex.record()).iter().filter(|(path, _)| path == "/v1/people/me").count();
    assert_eq!((asked, webex.refreshes().len()), (1, 0));
}

#[test]
fn a_dead_token_that_cannot_be_renewed_has_its_401_passed_on_and_is_a_persons_matter_from_then_on() {
    let webex = webex();
    let world = World::new(&webex);
    let subject = &webex.description().personal.email;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({"subject": subject})));
    assert_eq!(world.get("/webex/me/v1/people/me").status, 401);
    let reply = world.get("/webex/me/v1/people/me");
    assert_eq!((reply.status, reply.problem()), (409, Some("person-must-act")), "{}", reply.text());
    assert!(reply.json()["hint"].is_string(), "{}", reply.text());
}

#[test]
fn a_429_is_passed_on_and_holds_back_every_client_of_the_subject_from_its_api_alone() {
    let webex = webex();
    let world = World::new(&webex);
    let action = json!({"status": 429, "body": "<html>Slow down</html>", "content_type": "text/html",
        "headers": {"Retry-After": "300"}});
    webex.fault(&json!({"path": "/v1/people", "action": action}));
    let limited = world.get("/webex/me/v1/people");
    assert_eq!((limited.status, limited.problem(), limited.headers("retry-after")), (429, None, vec!["300"]));
    assert_eq!(
        (limited.text().as_str(), limited.headers("content-type")),
        ("<html>Slow down</html>", vec!["text/html"])
    );
    webex.forget_record();
    let held = world.get("/webex/me/v1/people?max=1");
    assert_eq!((held.status, held.problem()), (429, Some("limited")));
    // When a call is let through to find out, not when Webex said that the limit ends.
    let wait: u64 = held.headers("retry-after")[0].parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(webex.record().is_empty(), "nothing was sent");
    assert_eq!(world.get("/webex/me/v1/rooms").status, 200, "another API is not held back");
    assert_eq!(world.get("/webex/acme/v1/people/me").status, 200, "another subject is not held back");
}

#[test]
fn a_name_that_nobody_has_is_not_found() {
    let webex = webex();
    let world = World::new(&webex);
    let reply = world.get("/webex/nobody/v1/people/me");
    assert_eq!((reply.status, reply.problem()), (404, Some("no-such-name")));
}
