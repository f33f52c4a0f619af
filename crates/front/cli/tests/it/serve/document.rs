//! The API against its own description.

use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Reply, Served, Webex, deviations};
use serde_json::{Value, json};

use crate::LANYARD;

#[test]
fn every_operation_answers_as_the_document_says() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, [] as [&str; 0]);
    let document = broker.ask("GET", "/api/v1/openapi.json").json();
    let bot = webex.description().bot.access_token.clone();
    let body = |operation: &str| match operation {
        "addCredential" => {
            json!({ "name": "lobby", "kind": "bot", "access_token": bot, "webex_url": webex.url() }).to_string()
        }
        "test" => json!({ "for": ["devices", "calling"] }).to_string(),
        _ => String::new(),
    };
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            // What erases comes last, by itself.
            let id = operation["operationId"].as_str().unwrap();
            if id == "clearCredential" {
                continue;
            }
            let path = path.replace("{name}", "acme");
            let reply = broker.ask_with(&method.to_uppercase(), &path, &[], &body(id));
            assert!(reply.status < 300, "{id}: {reply:?}");
            fits(&document, operation, &reply);
            tried += 1;
        }
    }
    let clear = &document["paths"]["/api/v1/credentials/{name}"]["delete"];
    fits(&document, clear, &broker.ask("DELETE", "/api/v1/credentials/acme"));
    assert_eq!(tried, 9);

    // And as it says that errors look.
    for (method, path, status) in [
        ("GET", "/api/v1/credentials/acme", 404),
        ("GET", "/api/v1/credentials/acme/token", 404),
        ("PUT", "/api/v1/credentials", 405),
        ("POST", "/api/v1/credentials", 400),
        ("GET", "/api/v1/credentials/lobby/token?min_validity=soon", 400),
        ("POST", "/api/v1/credentials/lobby/refresh", 422),
    ] {
        let reply = broker.ask(method, path);
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        let found = deviations(&document, &document["components"]["schemas"]["Problem"], &reply.json());
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(reply.json()["type"].as_str().unwrap().rsplit(':').next(), reply.problem());
        assert!(reply.header("cache-control").is_some_and(|value| value == "no-store"));
    }
}

#[track_caller]
fn fits(document: &Value, operation: &Value, reply: &Reply) {
    let response = &operation["responses"][reply.status.to_string()];
    assert!(response.is_object(), "{}: {} is not described", operation["operationId"], reply.status);
    let schema = response.pointer("/content/application~1json/schema").unwrap();
    let found = deviations(document, schema, &reply.json());
    assert!(found.is_empty(), "{}: {found:?} in {}", operation["operationId"], reply.body);
}
