//! The control plane against its own description.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;
use lanyard_testkit::deviations;

#[tokio::test]
async fn every_operation_answers_as_its_description_says() {
    let world = World::start().await;
    let knows = world.knows().clone();
    let (_, document) = world.control(Method::GET, "/openapi.json", json!({})).await;
    // Something to list: a call, a script, a fault that never happens.
    world.status("/people/me", "x").await;
    world.fault(json!({ "path": "/nowhere", "action": { "status": 500 } })).await;
    let integration = world.done("/workspace-integrations", json!({ "scopes": [] })).await;
    let (_, workspaces) = world.control(Method::GET, "/workspaces", json!({})).await;
    let fill = |path: &str| match path {
        "/workspaces/{workspace_id}/grants" => path.replace("{workspace_id}", workspaces[0]["id"].as_str().unwrap()),
        "/clients/{client_id}/secret" => path.replace("{client_id}", &knows.integration.client_id),
        "/bots/{email}/regenerate" => path.replace("{email}", &knows.bot.email),
        "/people/{email}/change-password" => path.replace("{email}", &knows.admin.email),
        other if other.contains("{integration_id}") => {
            other.replace("{integration_id}", integration["id"].as_str().unwrap())
        }
        other => other.replace("{application_id}", &knows.service_app.application_id),
    };
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        // What forgets things comes last.
        let order = |method: &str| ["post", "get", "delete"].iter().position(|known| *known == method);
        let mut operations: Vec<_> =
            operations.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters").collect();
        operations.sort_by_key(|(method, _)| order(method));
        for (method, operation) in operations {
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            let mut order = schema.map_or(Value::Null, |schema| resolved(&document, schema)["example"].clone());
            assert!(schema.is_none() || order.is_object(), "{method} {path} has no example");
            if order.get("subject").is_some() {
                order["subject"] = json!(knows.admin.email);
            }
            if path.ends_with("/grants") && method == "post" {
                order["email"] = json!(knows.bot.email);
            }
            let name = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let (status, reply) = world.control(name, &fill(path), order).await;
            let responses = &operation["responses"];
            let response =
                responses.get(status.as_str()).or_else(|| responses.get("default").filter(|_| !status.is_success()));
            let response = response.unwrap_or_else(|| panic!("{method} {path}: {status} is not described: {reply}"));
            let response = resolved(&document, response);
            if let Some(content) = response.pointer("/content/application~1json/schema") {
                let found = deviations(&document, content, &reply);
                assert!(found.is_empty(), "{method} {path} ({status}): {found:?} in {reply}");
            } else {
                assert_eq!(reply, Value::Null, "{method} {path}");
            }
            // Only a code that nobody was given cannot be used.
            assert!(status.is_success() || path == "/devices/activate", "{method} {path}: {status} {reply}");
            tried += 1;
        }
    }
    assert!(tried >= 30, "{tried}");
}

#[tokio::test]
async fn its_references_lead_somewhere() {
    let (_, document) = World::start().await.control(Method::GET, "/openapi.json", json!({})).await;
    let mut seen = 0;
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        seen += usize::from(value.get("$ref").is_some());
        assert!(resolved(&document, value).is_object() || !value.is_object(), "{value}");
        open.extend(value.as_object().into_iter().flat_map(|fields| fields.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    assert!(seen >= 50, "{seen}");
}

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere"),
        None => value,
    }
}
