//! Which Webex a client may add a credential of.

use std::net::TcpListener;

use lanyard_testkit::{Method, Served};
use serde_json::json;

use crate::snapshots::furnished;

#[test]
fn a_client_cannot_have_the_broker_call_an_address_of_its_choice() {
    let (webex, home) = furnished();
    let key = home.run(["client", "add", "adder", "--all-credentials", "--can", "manage,proxy"]).ok();
    let authorization = format!("Bearer {}", key.trim());
    let as_client = [("authorization", authorization.as_str())];
    let bots: Vec<_> = ["one", "two"]
        .iter()
        .map(|name| webex.control(Method::POST, "/bots", Some(&json!({ "name": name })))["access_token"].clone())
        .collect();
    // A service of this machine that wants no login; nobody connects to it.
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    service.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}/v1", service.local_addr().unwrap());
    let body = |name: &str, token: &serde_json::Value, url: &str| {
        json!({ "name": name, "kind": "bot", "access_token": token, "webex_url": url }).to_string()
    };

    let broker = Served::start(&home, [] as [&str; 0]);
    let add = |broker: &Served, headers: &[(&str, &str)], body: &str| {
        let reply = broker.ask_with("POST", "/api/v1/credentials", headers, body);
        (reply.status, reply.json()["hint"].as_str().unwrap_or_default().to_owned())
    };
    // The home has the Webex of this machine; that is the owner's own affair.
    for url in [elsewhere.as_str(), webex.url(), "https://127.0.0.1:1/v1", "http://localhost:1/v1"] {
        let (status, hint) = add(&broker, &as_client, &body("x", &bots[0], url));
        assert_eq!(status, 403, "{url}");
        assert!(hint.contains("--allow-environment"), "{hint}");
    }
    assert!(service.accept().is_err(), "the service was not called");
    assert_eq!(add(&broker, &[], &body("one", &bots[0], webex.url())).0, 201, "the owner may");
    assert!(broker.stop().status.success());

    let broker = Served::start(&home, ["--allow-environment", webex.url()]);
    assert_eq!(add(&broker, &as_client, &body("two", &bots[1], webex.url())).0, 201);
    // What has no /people/me is no Webex.
    webex.fault(&json!({ "path": "/v1/people/me", "count": null, "action": { "status": 404 } }));
    for headers in [&as_client[..], &[]] {
        let (status, _) = add(&broker, headers, &body("three", &json!("unknown"), webex.url()));
        assert_eq!(status, 422, "it is not kept");
    }
    assert_eq!(broker.ask("GET", "/api/v1/credentials/three").status, 404);

    assert_eq!(home.run(["serve", "--allow-environment", "http://example.org/v1"]).code(), 2);
}
