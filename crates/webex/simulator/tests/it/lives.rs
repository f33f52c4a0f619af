//! Events in devices' lives, on a clock that stands, runs or runs fast.

use std::collections::HashMap;
use std::time::Duration;

use lanyard_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::lists::every_page;
use crate::world::{World, gateway, text};

/// Everything on every page.
async fn items(world: &World, path: &str, token: &str) -> Vec<Value> {
    every_page(world, path, "items", token).await.concat()
}

async fn statuses(world: &World, path: &str) -> HashMap<String, Value> {
    let admin = world.knows().personal.access_token.clone();
    let found = items(world, path, &admin).await;
    found.into_iter().map(|device| (text(&device, "/id"), device)).collect()
}

#[tokio::test]
async fn a_thousand_devices_fail_by_script_and_are_seen_to() {
    let world = World::with(Options { devices: 1_500, ..Options::default() }).await;
    world.done("/devices/script", json!({ "steps": [{ "do": "recover" }] })).await;
    let steps = json!([
        { "after_ms": 60_000, "do": "fail", "for_ms": 120_000 },
        { "after_ms": 240_000, "do": "error", "codes": ["sipregistration", "networkquality"] },
        { "after_ms": 300_000, "do": "reboot" },
    ]);
    let script = json!({ "devices": { "first": 1000, "skip": 200 }, "steps": steps });
    let told = world.done("/devices/script", script).await;
    assert_eq!(told, json!({ "devices": 1000, "turns": 5000 }));
    let (_, list) = world.control(Method::GET, "/devices?max=20000", json!({})).await;
    let chosen: Vec<String> = list.as_array().unwrap()[200..1200].iter().map(|device| text(device, "/id")).collect();
    for (pass, expected, codes) in [
        (59, "connected", json!([])),
        (1, "disconnected", json!([])),
        (119, "disconnected", json!([])),
        (1, "connected", json!([])),
        (60, "connected_with_issues", json!(["sipregistration", "networkquality"])),
        (60, "disconnected", json!([])),
        (90, "connected", json!([])),
    ] {
        world.pass(Duration::from_secs(pass));
        let seen = statuses(&world, "/devices?max=400").await;
        assert_eq!(seen.len(), 1_500);
        for id in &chosen {
            assert_eq!((&seen[id]["connectionStatus"], &seen[id]["errorCodes"]), (&json!(expected), &codes));
        }
        let well = seen.iter().filter(|(id, _)| !chosen.contains(id));
        assert!(well.into_iter().all(|(_, device)| device["connectionStatus"] == "connected"));
        let ill = statuses(&world, "/devices?max=1000&connectionStatus=disconnected").await;
        assert_eq!(ill.len(), if expected == "disconnected" { 1000 } else { 0 });
    }
    // Forgotten, they are as they were made: some of them not well.
    assert_eq!(world.control(Method::DELETE, "/devices/script", json!({})).await.0, 204);
    let seen = statuses(&world, "/devices?max=1000").await;
    assert!(seen.values().any(|device| device["connectionStatus"] == "offline_expired"));
}

#[tokio::test]
async fn a_script_can_go_from_device_to_device_and_who_was_seen_last_is_told() {
    let world = World::with(Options { devices: 20, ..Options::default() }).await;
    let script = json!({ "devices": { "first": 3 }, "stagger_ms": 60_000, "steps": [{ "do": "fail" }] });
    world.done("/devices/script", script).await;
    let (_, list) = world.control(Method::GET, "/devices?max=3", json!({})).await;
    let coming: Vec<_> = list.as_array().unwrap().iter().map(|device| device["turns_to_come"].clone()).collect();
    assert_eq!(coming, [json!(0), json!(1), json!(1)]);
    assert_eq!(list[1]["next"], json!({ "at": "2026-03-02T08:01:00Z", "connection_status": "disconnected" }));
    world.pass(Duration::from_hours(1));
    let seen = statuses(&world, "/devices").await;
    for (number, last_seen) in ["08:00", "08:01", "08:02"].into_iter().enumerate() {
        let device = &seen[&text(&list[number], "/id")];
        assert_eq!(device["lastSeen"], format!("2026-03-02T{last_seen}:00.000Z"));
    }
    // The workspace that they stand in is not well either.
    let admin = world.knows().personal.access_token.clone();
    let workspace = text(&list[0], "/workspace_id");
    let (_, shown) = world.got(&format!("/workspaces/{workspace}?includeDevices=true"), &admin).await;
    assert_eq!(
        (&shown["health"]["level"], &shown["devices"][0]["connectionStatus"]),
        (&json!("error"), &json!("disconnected"))
    );
    let (_, ill) = world.got("/workspaces?healthLevel=error", &admin).await;
    assert!(ill["items"].as_array().unwrap().iter().any(|found| found["id"] == workspace.as_str()));
}

#[tokio::test]
async fn a_script_that_cannot_be_followed_changes_nothing() {
    let world = World::start().await;
    for (script, status) in [
        (json!({ "steps": [] }), 400),
        (json!({ "steps": [{ "do": "explode" }] }), 400),
        (json!({ "steps": [{ "do": "fail", "when": 3 }] }), 400),
        (json!({ "devices": { "ids": ["nobody"] }, "steps": [{ "do": "fail" }] }), 404),
        (json!({ "devices": { "workspace_id": "nowhere" }, "steps": [{ "do": "fail" }] }), 404),
    ] {
        let (found, answer) = world.control(Method::POST, "/devices/script", script).await;
        assert_eq!(found, status, "{answer}");
        assert!(!text(&answer, "/error").is_empty());
    }
    let (_, list) = world.control(Method::GET, "/devices", json!({})).await;
    assert!(list.as_array().unwrap().iter().all(|device| device["since"].is_null()));
}

#[tokio::test]
async fn the_clock_stands_runs_and_runs_fast() {
    let world = World::start().await;
    let now = async || text(&world.control(Method::GET, "/clock", json!({})).await.1, "/now");
    let set = async |rate: f64| world.done("/clock", json!({ "rate": rate })).await;
    set(0.0).await;
    world.pass(Duration::from_hours(1));
    assert_eq!(now().await, "2026-03-02T08:00:00Z");
    set(60.0).await;
    world.pass(Duration::from_mins(1));
    assert_eq!(now().await, "2026-03-02T09:00:00Z");
    world.done("/clock", json!({ "advance_ms": 1000 })).await;
    assert_eq!(now().await, "2026-03-02T09:00:01Z");
    assert_eq!(set(1.0).await, json!({ "now": "2026-03-02T09:00:01Z", "rate": 1.0 }));
    world.pass(Duration::from_secs(1));
    assert_eq!(now().await, "2026-03-02T09:00:02Z");
    for rate in [json!(-1), json!(1e9), json!("fast")] {
        assert_eq!(world.control(Method::POST, "/clock", json!({ "rate": rate })).await.0, 400);
    }
}

#[tokio::test]
async fn a_lively_organisation_has_its_failures_and_the_same_ones_again() {
    let options = || Options { devices: 1_000, lively: true, ..Options::default() };
    let (one, other) = (World::with(options()).await, World::with(options()).await);
    let mut seen_down = 0;
    for _ in 0..4 {
        let seen = statuses(&one, "/devices?max=1000&connectionStatus=disconnected").await;
        let again = statuses(&other, "/devices?max=1000&connectionStatus=disconnected").await;
        assert_eq!(seen, again);
        seen_down = seen_down.max(seen.len());
        for world in [&one, &other] {
            world.done("/clock", json!({ "advance_ms": 3 * 3_600_000 })).await;
        }
    }
    // About a tenth is made disconnected; devices that fail unprompted come on top of that.
    let still = World::with(Options { lively: false, ..options() }).await;
    let made = statuses(&still, "/devices?max=1000&connectionStatus=disconnected").await.len();
    assert!(seen_down > made, "{seen_down} of {made}");
}

#[tokio::test]
async fn a_partner_sees_each_customers_rooms_and_a_customer_its_own() {
    let world = World::with(Options { organisations: 3, devices: 30, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    let (_, all) = world.control(Method::GET, "/organisations", json!({})).await;
    let customer = text(&all[1], "/id");
    let devices = items(&world, &format!("/devices?orgId={customer}"), &admin).await;
    assert_eq!(devices.len(), 4);
    assert!(devices.iter().all(|device| device["orgId"] == customer.as_str()));
    let workspaces = items(&world, &format!("/workspaces?orgId={customer}"), &admin).await;
    assert!(!workspaces.is_empty() && workspaces.iter().all(|workspace| workspace["orgId"] == customer.as_str()));

    let theirs = world.done("/personal", json!({ "subject": all[1]["admin"]["email"] })).await;
    let theirs = text(&theirs, "/access_token");
    assert_eq!(items(&world, "/devices", &theirs).await, devices);
    // Nobody's partner reaches nobody else.
    gateway(&world.got(&format!("/devices?orgId={}", text(&all[0], "/id")), &theirs).await, 403);
    gateway(&world.got("/devices?orgId=nowhere", &admin).await, 404);
    let first = items(&world, "/devices", &admin).await;
    gateway(&world.got(&format!("/devices/{}", text(&first[0], "/id")), &theirs).await, 404);
}

#[tokio::test]
async fn a_large_organisation_is_there_to_the_last_device() {
    let options = Options { people: 100_000, devices: 20_000, organisations: 50, ..Options::default() };
    let world = World::with(options).await;
    let admin = world.knows().personal.access_token.clone();
    let (_, last) = world.got("/devices?start=19999", &admin).await;
    assert_eq!(last["items"].as_array().unwrap().len(), 1);
    let (_, all) = world.control(Method::GET, "/organisations", json!({})).await;
    assert_eq!(all.as_array().unwrap().len(), 50);
}
