//! The list of devices: its columns, and what it selects.

use serde_json::{Value, json as value};

use super::{ADMINISTRATOR, grant_all, listed, scene};
use crate::kinds::{administrator, json};

#[test]
fn two_devices_of_one_room_are_told_apart() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let devices = listed(&home);
    let text = |device: &Value, field: &str| device[field].as_str().unwrap().to_owned();
    let wide = home.run(["devices", "list", "--all", "--wide"]).ok();
    for device in &devices {
        let line = wide.lines().find(|line| line.contains(&text(device, "id"))).unwrap();
        assert!(["serial", "mac", "ip", "software"].iter().all(|field| line.contains(&text(device, field))), "{line}");
    }
    let columns = ["devices", "list", "--all", "--columns", "room,serial,availability,tags,seen"];
    let table = home.run(columns).ok();
    assert!(table.starts_with("ROOM ") && table.lines().next().unwrap().ends_with("SEEN"), "{table}");
    assert_eq!(table.lines().count(), devices.len() + 1, "{table}");
    let asked = |device: &Value| table.lines().find(|line| line.contains(&text(device, "serial"))).unwrap().to_owned();
    let up = devices.iter().find(|device| device["state"] == "up").unwrap();
    let line = asked(up);
    assert!(line.ends_with("-     now") || line.ends_with("now"), "{line}");
    assert_eq!(json(&home, &["devices", "list"]).1["availability"], value!({}), "nobody asked for it");
    home.run(["devices", "list", "--columns", "colour"]).fails(2);
    home.run(["devices", "list", "--columns", "room", "--wide"]).fails(2);

    // A name that several have.
    let name = text(&devices[0], "name");
    crate::client::rewrite(&home, &format!("UPDATE devices_seen SET facts = json_set(facts, '$.name', '{name}')"));
    let refused = home.run(["devices", "show", &name]);
    let named = devices.iter().filter(|device| refused.stderr.contains(&text(device, "serial"))).count();
    assert!(named > 1, "{refused:?}");
    refused.fails(3);
}

#[test]
fn a_list_without_devices_says_what_comes_next() {
    let (webex, home) = scene();
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let empty = home.run(["devices", "list"]);
    assert!(empty.stderr.ends_with("Next: lanyard devices coverage lobby --letter > letter.txt\n"), "{empty:?}");
    grant_all(&webex);
    let swept = home.run(["devices", "sweep"]).ok();
    assert!(!swept.contains("left out") || swept.contains("left out: phones (--phones), accessories"), "{swept}");
    assert!(!home.run(["devices", "list"]).stderr.contains("Next:"));
}

#[test]
fn devices_are_selected_by_tag() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let id = listed(&home)[0]["id"].as_str().unwrap().to_owned();
    let refused = home.run(["devices", "list", "--tag", "VIP"]);
    assert!(refused.stderr.contains("no device has the tag"), "{refused:?}");
    refused.fails(3);
    let tags = "json('[\"VIP\", \"floor 2\"]')";
    crate::client::rewrite(
        &home,
        &format!("UPDATE devices_seen SET facts = json_set(facts, '$.tags', {tags}) WHERE device = '{id}'"),
    );
    let (_, view) = json(&home, &["devices", "list", "--tag", "vip"]);
    let ids: Vec<_> = view["devices"].as_array().unwrap().iter().map(|device| &device["id"]).collect();
    assert_eq!(ids, [&value!(id)], "{view}");
    let table =
        home.run(["devices", "list", "--all", "--columns", "name,tags", "--tag", "floor 2", "--tag", "vip"]).ok();
    assert!(table.contains("VIP, floor 2") && table.lines().count() == 2, "{table}");
    let mistyped = home.run(["devices", "list", "--tag", "vpi"]);
    assert!(mistyped.stderr.contains("VIP, floor 2"), "{mistyped:?}");
    mistyped.fails(3);
}

#[test]
fn a_watch_covers_devices_with_a_tag_or_at_a_location() {
    let (webex, home) = scene();
    grant_all(&webex);
    let refused = home.run(["devices", "watch", "add", "lobby", "--location", "Bern"]);
    assert!(refused.stderr.contains("a bot cannot read them"), "{refused:?}");
    assert!(refused.hint().contains("--against CREDENTIAL"), "{refused:?}");
    refused.fails(4);
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "add", "lobby", "--against", "admin"]).ok();
    let all = listed(&home);
    let location = all[0]["place"]["location"].as_str().unwrap();
    let here = all.iter().filter(|device| device["place"]["location"] == location).count();
    assert!(here < all.len(), "{all:?}");
    let unknown = home.run(["devices", "watch", "set", "lobby", "--location", "Atlantis"]);
    assert!(unknown.stderr.contains(location), "{unknown:?}");
    unknown.fails(3);

    home.run(["devices", "watch", "set", "lobby", "--location", &location.to_uppercase()]).ok();
    home.run(["devices", "sweep"]).ok();
    assert_eq!(listed(&home).len(), here, "what is elsewhere is no loss");
    assert!(home.run(["devices", "watch", "show", "lobby"]).ok().contains(&format!("locations     {location}")));
    // Which rooms are missing is a question about this location alone.
    let (code, coverage) = json(&home, &["devices", "coverage", "lobby"]);
    assert_eq!((code, &coverage["devices"], &coverage["against"]), (0, &value!(here), &value!("admin")), "{coverage}");
    let refused = home.run(["devices", "watch", "set", "lobby", "--no-against"]);
    assert!(refused.hint().contains("--no-against --any-location"), "{refused:?}");
    refused.fails(2);
    home.run(["devices", "watch", "set", "lobby", "--any-location", "--tag", "VIP"]).ok();
    home.run(["devices", "sweep"]).ok();
    assert_eq!(listed(&home), [Value::Null; 0], "none has this tag");
    home.run(["devices", "watch", "set", "lobby", "--any-tag"]).ok();
    home.run(["devices", "sweep"]).ok();
    assert_eq!(listed(&home).len(), all.len());
    // A new watch covers them from its first reading.
    home.run(["devices", "watch", "remove", "lobby", "--yes"]).ok();
    home.run(["devices", "watch", "add", "lobby", "--against", "admin", "--location", location]).ok();
    assert_eq!(listed(&home).len(), here);
}
