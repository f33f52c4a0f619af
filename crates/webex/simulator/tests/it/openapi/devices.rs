//! Devices, workspaces and the xAPI against Cisco's documents: what is read and what is written.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use lanyard_testkit::left_out;

use super::documents;
use crate::world::{World, text};

#[tokio::test]
async fn what_is_read_and_written_of_devices_is_as_ciscos_documents_have_it() {
    let documents = match documents() {
        Ok(documents) => documents,
        Err(why) => return left_out(&why),
    };
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    world.done("/devices/script", json!({ "devices": { "skip": 3 }, "steps": [{ "do": "error" }] })).await;
    world.done("/devices/script", json!({ "devices": { "first": 3 }, "steps": [{ "do": "recover" }] })).await;
    let (_, list) = world.got("/devices?capability=xapi&connectionStatus=connected", &admin).await;
    let (device, workspace) = (text(&list, "/items/0/id"), text(&list, "/items/0/workspaceId"));
    let metrics = |name: &str| format!("/workspaceMetrics?workspaceId={workspace}&metricName={name}");

    let mut deviating = BTreeSet::new();
    for (operation, path) in [
        ("/devices", "/devices?max=1000".to_owned()),
        ("/devices", "/devices?connectionStatus=connected_with_issues".to_owned()),
        ("/devices/{deviceId}", format!("/devices/{device}")),
        ("/workspaces", "/workspaces?includeDevices=true&includeCapabilities=true".to_owned()),
        ("/workspaces", "/workspaces?healthLevel=warning".to_owned()),
        ("/workspaces/{workspaceId}", format!("/workspaces/{workspace}?includeDevices=true")),
        ("/workspaces/{workspaceId}/capabilities", format!("/workspaces/{workspace}/capabilities")),
        ("/workspaceMetrics", metrics("temperature")),
        ("/workspaceMetrics", metrics("peopleCount&aggregation=daily")),
        ("/workspaceMetrics", metrics("soundLevel&aggregation=hourly&sortBy=oldestFirst")),
        ("/workspaceDurationMetrics", format!("/workspaceDurationMetrics?workspaceId={workspace}&aggregation=daily")),
        ("/xapi/status", format!("/xapi/status?deviceId={device}&name=Audio.Volume")),
    ] {
        let reply = world.get(&path, &admin);
        deviating.extend(documents.judge("device", "GET", operation, reply).await);
    }

    let tags = world.http.patch(world.url(&format!("/devices/{device}"))).bearer_auth(&admin);
    let tags = tags.header("content-type", "application/json-patch+json");
    let tags = tags.body(json!([{ "op": "replace", "path": "tags", "value": ["one"] }]).to_string());
    deviating.extend(documents.judge("device", "PATCH", "/devices/{deviceId}", tags).await);
    for (method, operation, path, body) in [
        ("POST", "/devices/activationCode", "/devices/activationCode".to_owned(), json!({ "workspaceId": workspace })),
        (
            "POST",
            "/devices",
            "/devices".to_owned(),
            json!({ "mac": "001e7a00aa01", "model": "DMS Cisco 8865", "workspaceId": workspace }),
        ),
        ("POST", "/workspaces", "/workspaces".to_owned(), json!({ "displayName": "Attic", "capacity": 3 })),
        (
            "PUT",
            "/workspaces/{workspaceId}",
            format!("/workspaces/{workspace}"),
            json!({ "displayName": "Loft", "notes": "warm" }),
        ),
        (
            "POST",
            "/xapi/command/{commandName}",
            "/xapi/command/Audio.Volume.Set".to_owned(),
            json!({ "deviceId": device, "arguments": { "Level": 30 } }),
        ),
    ] {
        let method_of = Method::from_bytes(method.as_bytes()).unwrap();
        let request = world.http.request(method_of, world.url(&path)).bearer_auth(&admin).json(&body);
        deviating.extend(documents.judge("device", method, operation, request).await);
    }
    assert!(deviating.is_empty(), "{deviating:#?}");
}
