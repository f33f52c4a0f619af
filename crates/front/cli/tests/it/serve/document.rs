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
    let run = broker.ask("POST", "/api/v1/tests").json()["id"].as_str().unwrap().to_owned();
    for (path, methods) in document["paths"].as_object().unwrap() {
        if path.starts_with("/webex/") {
            continue;
        }
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            // The endpoint that erases comes last, separately.
            let id = operation["operationId"].as_str().unwrap();
            // A run that has ended is not cancelled.
            if ["clearCredential", "cancelRun"].contains(&id) {
                continue;
            }
            let path = path.replace("{name}", "acme").replace("{id}", &run);
            let reply = broker.ask_with(&method.to_uppercase(), &path, &[], &body(id));
            assert!(reply.status < 300, "{id}: {reply:?}");
            fits(&document, operation, &reply);
            tried += 1;
        }
    }
    let clear = &document["paths"]["/api/v1/credentials/{name}"]["delete"];
    fits(&document, clear, &broker.ask("DELETE", "/api/v1/credentials/acme"));
    assert!(tried > 10, "{tried}");

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

#[test]
fn what_the_document_does_not_have_is_refused() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, [] as [&str; 0]);
    let document = broker.ask("GET", "/api/v1/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let run = broker.ask("POST", "/api/v1/tests").json()["id"].as_str().unwrap().to_owned();
    for (path, operations) in paths.iter().filter(|(path, _)| !path.starts_with("/webex/")) {
        let target = path.replace("{name}", "acme").replace("{id}", &run);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            if operations[method.to_lowercase()].is_object() {
                continue;
            }
            let reply = broker.ask(method, &target);
            assert_eq!((reply.status, reply.problem()), (405, Some("method-not-allowed")), "{method} {path}");
            let allow: Vec<_> = reply.header("allow").expect("it says which there are").split(", ").collect();
            assert!(!allow.contains(&method), "{method} {path}: {allow:?}");
            for known in operations.as_object().unwrap().keys().filter(|key| *key != "parameters") {
                assert!(allow.contains(&&*known.to_uppercase()), "{method} {path}: {allow:?}");
            }
            let described = &operations.as_object().unwrap().values().find(|it| it.is_object()).unwrap()["responses"];
            assert!(described["405"].is_object() || described["default"].is_object(), "{path}");
        }
        let reads = operations["get"].is_object() && !path.ends_with("/token");
        let head = broker.ask("HEAD", &target);
        assert_eq!((head.status, head.body.is_empty()), (if reads { 200 } else { 405 }, true), "HEAD {path}");
    }
    // Bodies are closed.
    for (path, schema, body) in [
        (
            "/api/v1/credentials",
            "NewCredential",
            json!({ "name": "x", "kind": "bot", "access_token": "x", "dry_run": true }),
        ),
        ("/api/v1/credentials/acme/test", "Wanted", json!({ "dry_run": true })),
    ] {
        assert_eq!(document["components"]["schemas"][schema]["additionalProperties"], false);
        let reply = broker.ask_with("POST", path, &[], &body.to_string());
        assert_eq!((reply.status, reply.problem()), (400, Some("bad-request")), "{reply:?}");
    }
}

#[test]
fn the_proxy_is_where_the_document_says_and_answers_as_it_says() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, [] as [&str; 0]);
    let document = broker.ask("GET", "/api/v1/openapi.json").json();
    let resolved = |value: &Value| match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).expect("a reference leads somewhere").clone(),
        None => value.clone(),
    };
    let services = &document["components"]["parameters"]["service"]["schema"]["enum"];
    let (mut of_webex, mut own) = (0, 0);
    for (path, operations) in
        document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/webex/"))
    {
        for service in services.as_array().unwrap().iter().filter_map(Value::as_str) {
            // Only one path has it; the others are asked again for nothing.
            let path = path.replace("{name}", "acme").replace("{service}", service);
            for method in ["get", "post", "put", "patch", "delete"] {
                let answer = resolved(&operations[method]["responses"]["default"]);
                let reply = broker.ask(&method.to_uppercase(), &path.replace("{path}", "lanyard/nothing-there"));
                match reply.problem() {
                    // The way exists; whether this Webex has the service is its own affair.
                    Some(code) => {
                        assert_eq!(code, "no-such-path", "{method} {path}: {reply:?}");
                        assert!(
                            reply.json()["detail"].as_str().unwrap().contains("the credential's Webex has no"),
                            "{reply:?}"
                        );
                        let schema = answer.pointer("/content/application~1problem+json/schema").unwrap();
                        assert!(deviations(&document, schema, &reply.json()).is_empty(), "{reply:?}");
                        own += 1;
                    }
                    None => of_webex += 1,
                }
                assert!(answer["headers"]["Lanyard-Error"].is_object());
            }
        }
    }
    assert!(of_webex > 0 && of_webex + own == 3 * 5 * 5, "{of_webex} {own}");
    assert_eq!(broker.ask("GET", "/webex/acme/v1/people/me").status, 200);
    assert_eq!(broker.ask("GET", "/webex/acme/v2/people/me").problem(), Some("bad-path"));
}

#[track_caller]
fn fits(document: &Value, operation: &Value, reply: &Reply) {
    let response = &operation["responses"][reply.status.to_string()];
    assert!(response.is_object(), "{}: {} is not described", operation["operationId"], reply.status);
    let Some(schema) = response.pointer("/content/application~1json/schema") else {
        let described = response["content"].as_object().unwrap();
        return assert!(reply.header("content-type").is_some_and(|kind| described.contains_key(kind)), "{reply:?}");
    };
    let found = deviations(document, schema, &reply.json());
    assert!(found.is_empty(), "{}: {found:?} in {}", operation["operationId"], reply.body);
}
