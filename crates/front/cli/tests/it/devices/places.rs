//! Rooms and locations.

use lanyard_testkit::{Method, Served};
use serde_json::{Value, json as value};

use super::{ADMINISTRATOR, grant_all, listed, scene, sweep_twice};
use crate::kinds::{administrator, json};

#[test]
fn rooms_and_locations_are_those_of_a_comparing_credential() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    // A bot cannot read them.
    let before = listed(&home);
    assert!(before.iter().all(|device| device["place"].is_null()), "{before:?}");
    let all = home.run(["devices", "list", "--all"]).ok();
    assert!(all.lines().skip(1).all(|line| line.contains(" ? ")), "{all}");
    let id = before[0]["id"].as_str().unwrap();
    assert!(home.run(["devices", "show", id]).ok().contains("location      ?"));
    let refused = home.run(["devices", "list", "--location", "Bern"]);
    assert!(refused.stderr.contains("a bot cannot read them"), "{refused:?}");
    assert!(refused.stderr.contains("lanyard devices watch set lobby --against CREDENTIAL"), "{refused:?}");
    refused.fails(4);
    home.run(["devices", "watch", "set", "lobby", "--against", "lobby"]).fails(2);
    home.run(["devices", "watch", "set", "lobby", "--against", "nobody"]).fails(3);

    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "set", "lobby", "--against", "admin"]).ok();
    assert!(home.run(["devices", "watch", "show", "lobby"]).ok().contains("read as admin"));
    let devices = listed(&home);
    let rooms = webex.workspaces();
    for device in &devices {
        let room = rooms.iter().find(|room| room["id"] == device["workspace"]).unwrap();
        assert_eq!(device["place"]["room"], room["name"], "{device}");
        assert!(device["place"]["location"].is_string() && device["place"]["seats"].is_number(), "{device}");
    }
    let location = devices[0]["place"]["location"].as_str().unwrap();
    let here = |device: &&Value| device["place"]["location"] == location;
    let at = |text: &str| json(&home, &["devices", "list", "--location", text]).1["devices"].as_array().unwrap().len();
    let count = devices.iter().filter(here).count();
    assert!(count < devices.len(), "there are several locations: {devices:?}");
    assert_eq!((at(location), at(&location.to_uppercase())), (count, count));
    let unknown = home.run(["devices", "list", "--location", "Atlantis"]);
    assert!(unknown.stderr.contains(location), "{unknown:?}");
    unknown.fails(3);
    // A room with one device is enough to name it; one with several is not.
    let in_room = |room: &Value| devices.iter().filter(|device| device["place"]["room"] == *room).count();
    let alone = devices.iter().find(|device| in_room(&device["place"]["room"]) == 1).unwrap();
    let (code, shown) = json(&home, &["devices", "show", alone["place"]["room"].as_str().unwrap()]);
    assert_eq!((code, &shown["id"]), (0, &alone["id"]), "{shown}");

    // One goes down: its neighbours, Webex's words, and an alert that says where it is.
    let broken = devices.iter().filter(here).find(|device| device["state"] == "up").unwrap();
    let (id, room) = (broken["id"].as_str().unwrap(), broken["place"]["room"].as_str().unwrap());
    let others = |state: &str| devices.iter().filter(here).filter(|device| device["state"] == state).count();
    let up = others("up") + others("degraded") + others("asleep") - 1;
    webex.control(
        Method::POST,
        "/devices/script",
        Some(&value!({ "devices": { "ids": [id] }, "steps": [{ "do": "fail" }] })),
    );
    let an_hour_later = || {
        crate::client::rewrite(&home, "UPDATE devices_place_readings SET tried_at = tried_at - 3600000");
    };
    an_hour_later();
    sweep_twice(&home);
    crate::client::rewrite(&home, &format!("UPDATE devices_seen SET since = since - 600000 WHERE device = '{id}'"));
    home.run(["devices", "sweep"]).ok();
    let shown = home.run(["devices", "show", id]).ok();
    assert!(shown.contains("\"The device is offline\" (since "), "{shown}");
    assert!(shown.contains(&format!("{up} of {count} devices at {location} are up")), "{shown}");
    assert!(shown.contains(&format!("room          {room}")) && shown.contains(&format!("{location}, ")), "{shown}");
    let alert = json(&home, &["devices", "alerts", "list"]).1["alerts"][0]["summary"].as_str().unwrap().to_owned();
    assert!(alert.contains(&format!("({location}) is down")), "{alert}");

    // Webex refuses: what is known stays, and the reason is shown.
    webex.fault(&value!({ "path": "/v1/workspaces", "count": null, "action": { "status": 403 } }));
    an_hour_later();
    home.run(["devices", "sweep"]).ok();
    assert_eq!(listed(&home).iter().filter(here).count(), count);
    assert!(home.run(["devices", "watch", "show", "lobby"]).ok().contains("not all can be read"));
    webex.control(Method::DELETE, "/faults", None);

    home.run(["devices", "watch", "set", "lobby", "--no-against"]).ok();
    assert!(listed(&home).iter().all(|device| device["place"].is_null()));
    home.run(["devices", "watch", "remove", "lobby", "--yes"]).ok();
    let added = home.run(["devices", "watch", "add", "lobby", "--against", "admin"]);
    assert!(added.stderr.contains("workspaces, read as admin"), "{added:?}");
}

#[test]
fn places_stay_as_they_are_while_the_credential_that_reads_them_is_altered() {
    let (webex, home) = scene();
    grant_all(&webex);
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "add", "lobby", "--against", "admin"]).ok();
    let places = || listed(&home).iter().map(|device| device["place"].clone()).collect::<Vec<_>>();
    let before = places();
    crate::client::rewrite(
        &home,
        "UPDATE credentials SET subject_name = 'another' WHERE name = 'admin'; \
         UPDATE devices_place_readings SET tried_at = tried_at - 3600000",
    );
    home.run(["devices", "sweep"]).ok();
    assert_eq!(places(), before);
    let shown = home.run(["devices", "watch", "show", "lobby"]).ok();
    assert!(shown.contains("cannot be read: ") && shown.contains("admin"), "{shown}");
    for command in ["pause", "resume"] {
        home.run(["devices", "watch", command, "lobby"]).ok();
    }
}

#[test]
fn a_broker_reads_the_places_of_a_watch() {
    let (webex, home) = scene();
    grant_all(&webex);
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "add", "lobby", "--against", "admin"]).ok();
    // An hour later a room has another name.
    crate::client::rewrite(
        &home,
        "UPDATE devices_place_readings SET tried_at = tried_at - 3600000; \
         UPDATE devices_places SET facts = json_set(facts, '$.room', 'old', '$.location', 'old')",
    );
    assert!(listed(&home).iter().all(|device| device["place"]["room"] == "old"));
    let broker = Served::start(&home, [] as [&str; 0]);
    let is_read =
        || listed(&home).iter().all(|device| device["place"]["room"] != "old" && device["place"]["location"] != "old");
    for _ in 0..1500 {
        if is_read() {
            break;
        }
        lanyard_testkit::wait(std::time::Duration::from_millis(20));
    }
    assert!(is_read(), "{:#?}", broker.log());
    assert!(broker.stop().status.success());
}
