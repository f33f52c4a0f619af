//! Paths and heads that try to reach what was not asked for.

use std::time::Duration;

use lanyard_testkit::{Attack, Elsewhere, Options, RefreshBehaviour, Webex, attacks};

use crate::raw::{Connection, get, request};
use crate::world::{BOUND_TO_ANOTHER, World};

#[test]
fn attacks_by_path_and_head_are_refused_and_reach_nothing() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(24));
    let world = World::new(&webex);
    let elsewhere = Elsewhere::listen();
    let other = format!("127.0.0.1:{}", elsewhere.port());
    webex.forget_record();
    for Attack { request, refused } in attacks("a", &other, None) {
        let reply = Connection::send(world.address, &request).end();
        let seen = reply.as_ref().map(|reply| (reply.status, reply.problem()));
        assert!(refused.is(seen), "{request}: {seen:?}, not {refused:?}");
    }
    assert!(webex.record().is_empty(), "{:?}", webex.record());
    elsewhere.saw_nobody();
}

#[test]
fn what_looks_like_an_attack_and_is_harmless_goes_where_it_says() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(24));
    let world = World::new(&webex);
    webex.forget_record();
    for (text, status) in [
        (get("/webex/me/%76%31/p%65ople/m%65"), 200),
        (get("/webex/me/v1/people/me/"), 200),
        (get("/webex/me/v1/people/me?next=http://evil.example/../%2e%2e"), 200),
        // Neither method nor host nor path is taken from a header.
        (
            request(
                "GET",
                "/webex/me/v1/people/me",
                &[("x-http-method-override", "DELETE"), ("x-method-override", "PUT")],
                "",
            ),
            200,
        ),
        (
            request(
                "GET",
                "/webex/me/v1/people/me",
                &[("x-forwarded-host", "evil.example"), ("x-original-url", "/v1/rooms")],
                "",
            ),
            200,
        ),
        // One segment, whatever stands in it.
        (get("/webex/me/v1/people/http:evil.example@x,y"), 404),
        (get("/webex/me/v1/people/..."), 404),
    ] {
        let reply = world.ask(&text);
        assert_eq!((reply.status, reply.problem()), (status, None), "{text}: {}", reply.text());
    }
    let record = webex.record();
    let seen: Vec<_> = record.iter().map(|entry| entry["path"].as_str().unwrap()).collect();
    assert_eq!(seen[..5], ["/v1/people/me"; 5]);
    assert_eq!(seen[5..], ["/v1/people/http:evil.example@x,y", "/v1/people/..."]);
    assert!(record.iter().all(|entry| entry["method"] == "GET"), "{record:?}");
}

#[test]
fn two_lengths_that_hyper_resolves_are_one_by_the_time_they_reach_webex() {
    let decoy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&decoy);
    // Chunked counts, a length beside it is dropped, and the connection ends with this request (RFC 9112, section 6.3); the same
    // length twice is once.
    for (lengths, body, sent) in [
        (
            "transfer-encoding: chunked\r\ncontent-length: 40\r\n",
            "4\r\nabcd\r\n0\r\n\r\n",
            "transfer-encoding: chunked",
        ),
        (
            "content-length: 40\r\ntransfer-encoding: chunked\r\n",
            "4\r\nabcd\r\n0\r\n\r\n",
            "transfer-encoding: chunked",
        ),
        ("content-length: 4\r\ncontent-length: 4\r\n", "abcd", "content-length: 4\r\n"),
    ] {
        let text = format!("POST /webex/me/v1/x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lengths}\r\n{body}");
        let client = Connection::send(world.address, text);
        let (stream, _) = decoy.accept().unwrap();
        let mut webex = Connection::over(stream);
        let seen = webex.wait_for("abcd").to_lowercase();
        assert!(seen.contains(sent), "{seen}");
        let framed = seen.matches("content-length").count() + seen.matches("transfer-encoding").count();
        assert_eq!(framed, 1, "{seen}");
        webex.more("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        drop(webex);
        assert_eq!(client.end().unwrap().status, 204);
    }
}

#[test]
fn a_link_or_redirect_that_leads_elsewhere_is_not_followed_and_not_passed_on() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(24));
    let world = World::new(&webex);
    let elsewhere = Elsewhere::listen();
    for (status, header) in [(302, "location"), (307, "location"), (201, "location"), (404, "link"), (200, "refresh")] {
        let value = match header {
            "link" => format!("<{}/people>; rel=\"next\"", elsewhere.url()),
            "refresh" => format!("0; url={}/people", elsewhere.url()),
            _ => format!("{}/people", elsewhere.url()),
        };
        let action = serde_json::json!({"status": status, "headers": {header: value}});
        webex.fault(&serde_json::json!({"path": "/v1/people/me", "action": action}));
        let reply = world.get("/webex/me/v1/people/me");
        assert_eq!((reply.status, reply.headers(header).len()), (status, 0), "{header}");
    }
    // A list that would go on elsewhere is not passed on as if it were whole.
    let next = format!("<{}/people>; rel=\"next\"", elsewhere.url());
    webex.fault(&serde_json::json!({"path": "/v1/people", "action": {"status": 200, "headers": {"link": next}}}));
    let reply = world.get("/webex/me/v1/people");
    assert_eq!((reply.status, reply.problem(), reply.headers("link").len()), (502, Some("webex-garbled"), 0));
    let inside = serde_json::json!({"status": 302, "headers": {"location": "/v1/people/me?again=1"}});
    webex.fault(&serde_json::json!({"path": "/v1/people", "action": inside}));
    let reply = world.get("/webex/me/v1/people");
    assert_eq!(reply.headers("location"), [format!("{}/v1/people/me?again=1", world.base("me"))]);
    elsewhere.saw_nobody();
}

#[test]
fn a_name_that_leads_to_another_credential_than_was_judged_calls_nothing() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(24));
    let world = World::new(&webex);
    webex.forget_record();
    let reply = world.ask(request("GET", "/webex/me/v1/people/me", &[(BOUND_TO_ANOTHER, "1")], ""));
    assert_eq!((reply.status, reply.problem()), (404, Some("no-such-name")));
    assert!(webex.record().is_empty());
    assert_eq!(world.get("/webex/me/v1/people/me").status, 200);
}

#[test]
fn a_client_held_to_one_organisation_asks_about_no_other() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(24));
    let org = webex.description().organisation.id.clone();
    let world = World::held_to(&webex, &org);
    webex.forget_record();
    let json = [("content-type", "application/json")];
    let long = format!(r#"{{"title":"{}"}}"#, "x".repeat(1024 * 1024));
    for (text, refused) in [
        (get("/webex/me/v1/people?orgId=other"), (403, "refused")),
        (get("/webex/me/v1/people?org%49d=other"), (403, "refused")),
        (get(&format!("/webex/me/v1/people?orgId={org}&orgId=other")), (403, "refused")),
        (get("/webex/me/v1/organizations/other"), (403, "refused")),
        (get("/webex/me/v1/wholesale/customers"), (403, "refused")),
        (get("/webex/me/v1/broadworks/subscribers"), (403, "refused")),
        (get(&format!("/webex/me/v1/hds/organizations/{org}/tenants")), (403, "refused")),
        (
            request("POST", "/webex/me/v1/rooms", &json, r#"{"title":"x","organization":{"id":"other"}}"#),
            (403, "refused"),
        ),
        (get("/webex/me/identity/scim/other/v2/Users"), (403, "refused")),
        (request("POST", "/webex/me/v1/rooms", &json, r#"{"title":"x","orgId":"other"}"#), (403, "refused")),
        (request("POST", "/webex/me/v1/rooms", &json, "not json"), (403, "refused")),
        (request("POST", "/webex/me/v1/rooms", &json, &long), (413, "too-long")),
    ] {
        let reply = world.ask(&text);
        assert_eq!((reply.status, reply.problem()), (refused.0, Some(refused.1)), "{}", text.lines().next().unwrap());
    }
    assert!(webex.record().is_empty());
    assert_eq!(world.get("/webex/me/v1/people/me").status, 200);
    assert_eq!(world.get(&format!("/webex/me/v1/organizations/{org}")).status, 200);
    assert_eq!(world.ask(request("POST", "/webex/me/v1/rooms", &json, r#"{"title":"x"}"#)).status, 200);
}

#[test]
fn a_client_limited_to_a_customer_asks_a_partners_token_about_that_customer_alone() {
    let webex = Webex::with(Options { organisations: 3, ..Options::default() });
    let listed = World::new(&webex).get("/webex/me/v1/organizations").json();
    let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    let own = &webex.description().organisation.id;
    let customer = *ids.iter().find(|id| *id != own).unwrap();
    let third = *ids.iter().find(|id| *id != own && **id != customer).unwrap();
    let world = World::held_to(&webex, customer);
    webex.forget_record();
    let workspace = |org: &str| format!(r#"{{"displayName":"x","orgId":"{org}"}}"#);
    let json = [("content-type", "application/json")];
    let kinds = ["application/json", "image/png", "multipart/form-data", "multipart/form-data; boundary=x", "video/x"];
    for kind in kinds.into_iter().chain(["application/x-www-form-urlencoded; \u{e9}"]) {
        for body in [workspace(third), workspace(own), r#"{"displayName":"x"}"#.to_owned()] {
            let reply = world.ask(request("POST", "/webex/me/v1/workspaces", &[("content-type", kind)], &body));
            assert_eq!((reply.status, reply.problem()), (403, Some("refused")), "{kind}: {body}");
        }
    }
    let form = format!("displayName=x&orgId={third}");
    let twice = [json[0], ("content-type", "application/x-www-form-urlencoded")];
    let utf7 = [("content-type", "application/json; charset=utf-7")];
    for types in [&[("content-type", "application/x-www-form-urlencoded; \u{e9}")][..], &twice, &utf7] {
        for body in [&form, &workspace(customer)] {
            let reply = world.ask(request("POST", "/webex/me/v1/workspaces", types, body));
            assert!(reply.status >= 400, "{types:?}: {body}");
        }
    }
    let me = world.ask(request("PUT", "/webex/me/v1/people/me", &json, &workspace(customer)));
    assert_eq!(me.problem(), Some("refused"));
    for path in [
        "v1/organizations",
        "v1/people/me",
        "v1/people/me/features/callForwarding",
        "v1/rooms",
        &format!("v1/organizations;x/{third}"),
    ] {
        assert_eq!(world.get(&format!("/webex/me/{path}")).problem(), Some("refused"), "{path}");
    }
    assert!(webex.record().is_empty(), "{:?}", webex.record());
    assert_eq!(world.ask(request("POST", "/webex/me/v1/workspaces", &json, &workspace(customer))).status, 201);
    let people = world.get("/webex/me/v1/people").json();
    let people = people["items"].as_array().unwrap();
    assert!(!people.is_empty() && people.iter().all(|person| person["orgId"] == customer), "{people:?}");
}
