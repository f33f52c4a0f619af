//! Devices, workspaces, and what a bot sees of them.

use lanyard_simulator::Options;
use serde_json::{Value, json};

use crate::lists::every_page;
use crate::world::{World, answer, gateway, text};

async fn items(world: &World, path: &str, token: &str) -> Vec<Value> {
    let (status, list) = world.got(path, token).await;
    assert_eq!(status, 200, "{path}: {list}");
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_bot_sees_what_it_was_granted_with_the_permission_that_it_was_granted() {
    let world = World::with(Options { devices: 40, ..Options::default() }).await;
    let knows = world.knows().clone();
    let (bot, admin) = (&knows.bot.access_token, &knows.personal.access_token);
    assert_eq!(items(&world, "/devices", bot).await, [] as [Value; 0], "authenticated, and nothing to see");
    let all = items(&world, "/devices", admin).await;
    assert!(all.iter().all(|device| device["permissions"] == json!(["xapi:all"])));
    let place = |device: &Value| device["workspaceId"].as_str().map(str::to_owned);
    let mut places: Vec<_> = all.iter().filter_map(place).collect();
    places.dedup();

    world.grant(&places[0], &knows.bot.email, json!("read")).await;
    world.grant(&places[1], &knows.bot.email, json!("full")).await;
    let seen = items(&world, "/devices", bot).await;
    assert_eq!(
        seen.len(),
        all.iter().filter(|device| place(device).is_some_and(|id| places[..2].contains(&id))).count()
    );
    for device in &seen {
        let expected = if place(device).as_ref() == Some(&places[0]) { "xapi:readonly" } else { "xapi:all" };
        assert_eq!(device["permissions"], json!([expected]));
    }
    let readonly = items(&world, "/devices?permission=xapi:readonly", bot).await;
    assert!(!readonly.is_empty() && readonly.iter().all(|device| place(device).as_ref() == Some(&places[0])));

    let hidden = all.iter().find(|device| place(device).as_ref() == Some(&places[2])).unwrap();
    gateway(&world.got(&format!("/devices/{}", text(hidden, "/id")), bot).await, 404);
    let (_, shown) = world.got(&format!("/devices/{}", text(&seen[0], "/id")), bot).await;
    assert_eq!(shown, seen[0]);

    // What is granted can be changed and taken away, and another bot has nothing of it.
    let other = world.done("/bots", json!({ "name": "Other" })).await;
    assert_eq!(items(&world, "/devices", &text(&other, "/access_token")).await, [] as [Value; 0]);
    world.grant(&places[1], &knows.bot.email, json!("read")).await;
    world.grant(&places[0], &knows.bot.email, Value::Null).await;
    let seen = items(&world, "/devices", bot).await;
    assert!(seen.iter().all(|device| place(device).as_ref() == Some(&places[1])));
    assert!(seen.iter().all(|device| device["permissions"] == json!(["xapi:readonly"])));
}

#[tokio::test]
async fn whether_a_bot_is_shown_workspaces_is_a_switch() {
    let world = World::start().await;
    let knows = world.knows().clone();
    let admins = items(&world, "/workspaces", &knows.personal.access_token).await;
    let id = text(&admins[0], "/id");
    world.grant(&id, &knows.bot.email, json!("read")).await;
    let bot = &knows.bot.access_token;
    assert_eq!(items(&world, "/workspaces", bot).await, [] as [Value; 0]);
    gateway(&world.got(&format!("/workspaces/{id}"), bot).await, 404);
    world.behave(json!({ "bot_sees_workspaces": true })).await;
    assert_eq!(items(&world, "/workspaces", bot).await, [admins[0].clone()]);
    assert_eq!(world.status(&format!("/workspaces/{id}"), bot).await, 200);
}

#[tokio::test]
async fn a_regenerated_bot_token_kills_the_one_in_use_at_once() {
    let world = World::start().await;
    let bot = world.knows().bot.clone();
    let fresh = world.done(&format!("/bots/{}/regenerate", bot.email), json!({})).await;
    assert_eq!(world.status("/people/me", &bot.access_token).await, 401);
    let (_, me) = world.got("/people/me", &text(&fresh, "/access_token")).await;
    assert_eq!((&me["type"], &me["emails"]), (&json!("bot"), &json!([bot.email])));
}

#[tokio::test]
async fn without_the_administrators_scope_one_sees_ones_own_devices() {
    let world = World::with(Options { devices: 100, people: 4, ..Options::default() }).await;
    let someone = world.someone().await;
    let own = text(&world.signed_in(&someone, "spark:devices_read spark:people_read").await, "/access_token");
    let (_, me) = world.got("/people/me", &own).await;
    let devices = items(&world, "/devices", &own).await;
    assert!(!devices.is_empty() && devices.len() < 10);
    assert!(devices.iter().all(|device| device["personId"] == me["id"] && device.get("workspaceId").is_none()));
    let none = text(&world.signed_in(&someone, "spark:people_read").await, "/access_token");
    for path in ["/devices", "/workspaces", "/licenses", "/locations", "/telephony/config/numbers", "/organizations"] {
        gateway(&world.got(path, &none).await, 403);
    }
}

#[tokio::test]
async fn every_filter_of_devices_takes_its_part_and_they_hold_together() {
    let world = World::with(Options { devices: 200, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    let all = items(&world, "/devices?max=1000", &admin).await;
    let value = |device: &Value, pointer: &str| device.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    for (filter, pointer) in [
        ("workspaceId", "/workspaceId"),
        ("personId", "/personId"),
        ("displayName", "/displayName"),
        ("product", "/product"),
        ("type", "/type"),
        ("connectionStatus", "/connectionStatus"),
        ("serial", "/serial"),
        ("mac", "/mac"),
        ("software", "/software"),
        ("errorCode", "/errorCodes/0"),
        ("capability", "/capabilities/0"),
        ("permission", "/permissions/0"),
        ("upgradeChannel", "/upgradeChannel"),
    ] {
        let wanted = all.iter().find_map(|device| value(device, pointer)).unwrap_or_else(|| panic!("{pointer}"));
        let request = world.get("/devices", &admin).query(&[("max", "1000"), (filter, wanted.as_str())]);
        let (_, found) = answer(request.send().await.unwrap()).await;
        let expected: Vec<_> =
            all.iter().filter(|device| value(device, pointer).as_ref() == Some(&wanted)).cloned().collect();
        assert_eq!(found["items"], json!(expected), "{filter}={wanted}");
        let (_, none) = world.got(&format!("/devices?{filter}=made-up"), &admin).await;
        assert_eq!(none["items"], json!([]), "{filter}");
    }
    let both = items(&world, "/devices?max=1000&type=phone&connectionStatus=connected", &admin).await;
    let count = |device: &&Value| device["type"] == "phone" && device["connectionStatus"] == "connected";
    assert_eq!(both.len(), all.iter().filter(count).count());
    gateway(&world.got("/devices?max=many", &admin).await, 400);
}

#[tokio::test]
async fn a_workspace_is_found_by_its_properties_and_shows_its_devices_when_asked() {
    let world = World::with(Options { devices: 60, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    let all = items(&world, "/workspaces", &admin).await;
    for (filter, pointer) in
        [("displayName", "/displayName"), ("type", "/type"), ("capacity", "/capacity"), ("calling", "/calling/type")]
    {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let wanted = plain(all[0].pointer(pointer).unwrap());
        let request = world.get("/workspaces", &admin).query(&[(filter, &wanted)]);
        let (_, found) = answer(request.send().await.unwrap()).await;
        let expected: Vec<_> =
            all.iter().filter(|one| plain(one.pointer(pointer).unwrap()) == wanted).cloned().collect();
        assert_eq!(found["items"], json!(expected), "{filter}={wanted}");
    }
    assert_eq!(items(&world, "/workspaces?calendar=google", &admin).await, [] as [Value; 0]);
    assert!(all.iter().all(|workspace| workspace.get("devices").is_none()));
    let devices = items(&world, "/devices?max=1000", &admin).await;
    let mut bare = 0;
    for workspace in items(&world, "/workspaces?includeDevices=true", &admin).await {
        let here: Vec<_> = devices
            .iter()
            .filter(|device| device["workspaceId"] == workspace["id"])
            .map(|device| &device["id"])
            .collect();
        let shown: Vec<_> = workspace["devices"].as_array().unwrap().iter().map(|device| &device["id"]).collect();
        assert_eq!(shown, here);
        bare += usize::from(here.is_empty());
    }
    assert!(bare > 0, "some workspaces are bare");
}

#[tokio::test]
async fn twenty_thousand_devices_are_paged_to_the_last() {
    let world = World::with(Options { devices: 20_000, people: 10, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    let pages = every_page(&world, "/devices?max=1000", "items", &admin).await;
    assert_eq!(pages.len(), 20);
    let ids: std::collections::HashSet<_> = pages.iter().flatten().map(|device| text(device, "/id")).collect();
    assert_eq!(ids.len(), 20_000);
    let tail = every_page(&world, "/devices?max=7&start=19990", "items", &admin).await;
    assert_eq!(tail.iter().map(Vec::len).collect::<Vec<_>>(), [7, 3]);
}
