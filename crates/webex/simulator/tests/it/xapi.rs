//! Talking to devices, and what changes them and the rooms that they stand in.

use std::time::Duration;

use lanyard_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World, answer, gateway, text};

/// The first device that is there and has the xAPI, with its workspace.
async fn room(world: &World) -> (String, String) {
    world.done("/devices/script", json!({ "steps": [{ "do": "recover" }] })).await;
    let (_, list) = world.got("/devices?capability=xapi&type=roomdesk", &world.knows().personal.access_token).await;
    (text(&list, "/items/0/id"), text(&list, "/items/0/workspaceId"))
}

async fn command(world: &World, token: &str, device: &str, name: &str, arguments: Value) -> Answer {
    world.tell(&format!("/xapi/command/{name}"), token, json!({ "deviceId": device, "arguments": arguments })).await
}

async fn status(world: &World, token: &str, device: &str, names: &str) -> Answer {
    world.got(&format!("/xapi/status?deviceId={device}&name={names}"), token).await
}

#[tokio::test]
async fn a_command_changes_what_a_status_tells() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let (device, _) = room(&world).await;
    let (code, reply) = command(&world, &admin, &device, "Audio.Volume.Set", json!({ "Level": 75 })).await;
    assert_eq!(
        (code.as_u16(), &reply["deviceId"], &reply["arguments"]),
        (200, &json!(device), &json!({ "Level": 75 }))
    );
    let (_, seen) = status(&world, &admin, &device, "Audio.Volume").await;
    assert_eq!(seen, json!({ "deviceId": device, "result": { "Audio": { "Volume": 75 } } }));
    command(&world, &admin, &device, "Standby.Activate", json!({})).await;
    let (_, seen) = status(&world, &admin, &device, "Standby.State&name=audio.microphones.*").await;
    assert_eq!(
        seen["result"],
        json!({ "Standby": { "State": "Standby" }, "Audio": { "Microphones": { "Mute": "Off" } } })
    );
    let (_, dialled) = command(&world, &admin, &device, "Dial", json!({ "Number": "sip:someone@example.com" })).await;
    assert_eq!(dialled["result"]["CallId"], 1);
    let (_, seen) = status(&world, &admin, &device, "Call[*].RemoteNumber").await;
    assert_eq!(seen["result"], json!({ "Call": [{ "RemoteNumber": "sip:someone@example.com" }] }));

    for (name, arguments) in [
        ("Audio.Volume.Set", json!({ "Level": 101 })),
        ("Audio.Volume.Set", json!({})),
        ("Dial", json!({})),
        ("Coffee.Brew", json!({})),
    ] {
        gateway(&command(&world, &admin, &device, name, arguments).await, 400);
    }
    gateway(&world.got(&format!("/xapi/status?deviceId={device}"), &admin).await, 400);
    gateway(&status(&world, &admin, &device, &["Audio"; 11].join(",")).await, 400);
}

#[tokio::test]
async fn a_device_that_starts_again_is_away_and_comes_back_as_new() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let (device, _) = room(&world).await;
    command(&world, &admin, &device, "Audio.Volume.Set", json!({ "Level": 11 })).await;
    command(&world, &admin, &device, "SystemUnit.Boot", json!({ "Action": "Restart" })).await;
    let (_, shown) = world.got(&format!("/devices/{device}"), &admin).await;
    assert_eq!(shown["connectionStatus"], "disconnected");
    gateway(&status(&world, &admin, &device, "Audio.Volume").await, 400);
    world.pass(Duration::from_secs(90));
    let (_, seen) = status(&world, &admin, &device, "Audio.Volume").await;
    assert_eq!(seen["result"], json!({ "Audio": { "Volume": 50 } }));
}

#[tokio::test]
async fn a_bot_with_read_only_access_looks_and_does_not_touch() {
    let world = World::start().await;
    let bot = world.knows().bot.clone();
    let (device, workspace) = room(&world).await;
    gateway(&status(&world, &bot.access_token, &device, "Audio.Volume").await, 404);
    world.grant(&workspace, &bot.email, json!("read")).await;
    assert_eq!(status(&world, &bot.access_token, &device, "Audio.Volume").await.0, 200);
    gateway(&command(&world, &bot.access_token, &device, "Standby.Activate", json!({})).await, 403);
    world.grant(&workspace, &bot.email, json!("full")).await;
    assert_eq!(command(&world, &bot.access_token, &device, "Standby.Activate", json!({})).await.0, 200);
}

#[tokio::test]
async fn tags_are_replaced_added_and_removed_and_found_again() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let (device, _) = room(&world).await;
    let patch = async |operations: Value, kind: &str| {
        let url = world.url(&format!("/devices/{device}"));
        let request = world.http.request(Method::PATCH, url).bearer_auth(&admin).header("content-type", kind);
        answer(request.body(operations.to_string()).send().await.unwrap()).await
    };
    let json_patch = "application/json-patch+json";
    let (status, shown) =
        patch(json!([{ "op": "replace", "path": "tags", "value": ["one", "two", "one"] }]), json_patch).await;
    assert_eq!((status.as_u16(), &shown["tags"]), (200, &json!(["one", "two"])));
    let (_, shown) = patch(json!([{ "op": "add", "path": "/tags", "value": ["three"] }]), json_patch).await;
    assert_eq!(shown["tags"], json!(["one", "two", "three"]));
    let (_, found) = world.got("/devices?tag=one,three", &admin).await;
    assert_eq!((&found["items"][0]["id"], found["items"].as_array().unwrap().len()), (&shown["id"], 1));
    let (_, none) = world.got("/devices?tag=one&tag=four", &admin).await;
    assert_eq!(none["items"], json!([]));
    let (_, shown) = patch(json!([{ "op": "remove", "path": "tags" }]), json_patch).await;
    assert_eq!(shown["tags"], json!([]));
    gateway(&patch(json!([{ "op": "replace", "path": "displayName", "value": ["x"] }]), json_patch).await, 400);
    gateway(&patch(json!([]), "application/json").await, 415);
}

#[tokio::test]
async fn a_device_is_announced_told_its_code_and_taken_away() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let room = json!({ "displayName": "Attic", "capacity": 6, "type": "huddle", "notes": "under the roof" });
    let (status, made) = world.tell("/workspaces", &admin, room).await;
    assert_eq!((status.as_u16(), &made["displayName"], &made["capacity"]), (201, &json!("Attic"), &json!(6)));
    let id = text(&made, "/id");
    gateway(&world.tell("/devices/activationCode", &admin, json!({})).await, 400);
    let (_, announced) = world.tell("/devices/activationCode", &admin, json!({ "workspaceId": id })).await;
    assert_eq!(text(&announced, "/code").len(), 16);
    let come = world.done("/devices/activate", json!({ "code": announced["code"] })).await;
    assert_eq!(world.control(Method::POST, "/devices/activate", json!({ "code": announced["code"] })).await.0, 404);
    let (_, inside) =
        world.got(&format!("/workspaces/{id}?includeDevices=true&includeCapabilities=true"), &admin).await;
    assert_eq!((&inside["devices"][0]["id"], inside["devices"].as_array().unwrap().len()), (&come["id"], 1));
    assert_eq!(inside["capabilities"]["temperature"]["supported"], true);

    let phone = json!({ "mac": "001e7a00aa01", "model": "DMS Cisco 8865", "workspaceId": id });
    let (status, phone_made) = world.tell("/devices", &admin, phone.clone()).await;
    assert_eq!(
        (status.as_u16(), &phone_made["mac"], &phone_made["type"]),
        (200, &json!("00:1E:7A:00:AA:01"), &json!("phone"))
    );
    gateway(&world.tell("/devices", &admin, phone).await, 409);

    let change = world.http.put(world.url(&format!("/workspaces/{id}"))).bearer_auth(&admin);
    let (status, changed) = answer(change.json(&json!({ "displayName": "Loft" })).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &changed["displayName"], changed.get("capacity")), (200, &json!("Loft"), None));
    let gone = |path: String| world.http.delete(world.url(&path)).bearer_auth(&admin).send();
    assert_eq!(gone(format!("/devices/{}", text(&phone_made, "/id"))).await.unwrap().status(), 204);
    assert_eq!(gone(format!("/workspaces/{id}")).await.unwrap().status(), 204);
    gateway(&world.got(&format!("/devices/{}", text(&come, "/id")), &admin).await, 404);
    gateway(&world.got(&format!("/workspaces/{id}"), &admin).await, 404);
}

#[tokio::test]
async fn a_room_is_measured_by_the_reading_by_the_hour_and_by_the_day() {
    let world = World::with(Options { devices: 40, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    let (_, workspace) = room(&world).await;
    let measured =
        async |rest: &str| world.got(&format!("/workspaceMetrics?workspaceId={workspace}&{rest}"), &admin).await;
    let span = "from=2026-03-01T08:00:00Z&to=2026-03-02T08:00:00Z";
    let (_, raw) = measured(&format!("metricName=temperature&{span}&sortBy=oldestFirst")).await;
    let items = raw["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &raw["unit"], &items[0]["timestamp"]),
        (289, &json!("celsius"), &json!("2026-03-01T08:00:00.000Z"))
    );
    assert!(items.iter().all(|item| (20.0..25.0).contains(&item["value"].as_f64().unwrap())));
    let (_, warm) = measured(&format!("metricName=temperature&unit=fahrenheit&aggregation=hourly&{span}")).await;
    let hours = warm["items"].as_array().unwrap();
    assert_eq!((hours.len(), &hours[0]["start"]), (25, &json!("2026-03-02T08:00:00.000Z")));
    assert!(
        hours
            .iter()
            .all(|hour| hour["min"].as_f64() <= hour["mean"].as_f64() && hour["mean"].as_f64() <= hour["max"].as_f64())
    );
    world.done("/clock", json!({ "advance_ms": 9 * 3_600_000 })).await;
    let (_, people) = measured("metricName=peopleCount&aggregation=daily").await;
    assert!(people["items"][0]["max"].as_f64().unwrap() >= 1.0, "{people}");
    let used =
        world.got(&format!("/workspaceDurationMetrics?workspaceId={workspace}&aggregation=daily"), &admin).await.1;
    assert!(used["items"].as_array().unwrap().iter().any(|day| day["duration"].as_u64() > Some(0)), "{used}");

    for wrong in [
        "metricName=noise",
        "metricName=tvoc&from=2026-01-01T00:00:00Z",
        "metricName=tvoc&from=soon",
        "aggregation=daily",
    ] {
        gateway(&measured(wrong).await, 400);
    }
    gateway(&world.got("/workspaceMetrics?workspaceId=nowhere&metricName=tvoc", &admin).await, 404);
}
