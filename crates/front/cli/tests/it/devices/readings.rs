//! The statuses of devices, read by a broker.

use lanyard_testkit::Served;
use serde_json::{Value, json as value};

use super::{ADMINISTRATOR, grant_all, listed, scene};
use crate::kinds::{administrator, json};

#[test]
fn a_broker_reads_the_statuses_of_devices_that_are_online() {
    let (webex, home) = scene();
    grant_all(&webex);
    administrator(&webex, &home, &ADMINISTRATOR);
    let added = home.run(["devices", "watch", "add", "lobby"]);
    assert!(added.stderr.contains("Readings   every 15 mins, of devices that are online"), "{}", added.stderr);
    added.ok();
    let off = home.run(["devices", "watch", "add", "admin"]);
    assert!(off.stderr.contains("Readings   off: admin was not granted spark:xapi_statuses"), "{}", off.stderr);
    off.ok();
    home.run(["devices", "watch", "add", "admin", "--name", "again", "--readings", "10s"]).fails(2);
    let is_up = |device: &&Value| device["state"] == "up" && device["watch"] == "lobby";
    let device = listed(&home).iter().find(is_up).unwrap().clone();
    let id = device["id"].as_str().unwrap();
    let shown = home.run(["devices", "show", id, "--watch", "lobby"]).ok();
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["now", "?"])), "{shown}");

    let broker = Served::start(&home, [] as [&str; 0]);
    let is_online = |device: &&Value| ["up", "degraded"].contains(&device["state"].as_str().unwrap());
    let is_read = || {
        let devices = listed(&home);
        let mut online = devices.iter().filter(|device| device["watch"] == "lobby").filter(is_online);
        online.all(|device| device["statuses"]["network"]["address"] == device["ip"])
    };
    for _ in 0..1500 {
        if is_read() {
            break;
        }
        lanyard_testkit::wait(std::time::Duration::from_millis(20));
    }
    assert!(is_read(), "{:#?}", broker.log());
    for device in listed(&home) {
        if device["watch"] == "admin" || !is_online(&&device) {
            assert_eq!(device["statuses"], Value::Null, "{device}");
        }
    }
    let shown = home.run(["devices", "show", id, "--watch", "lobby"]).ok();
    assert!(
        shown.lines().any(|line| line.starts_with("now") && line.contains(" C, ") && line.contains("(read ")),
        "{shown}"
    );
    // It is kept by hour, too.
    let is_kept = |line: &str| line.starts_with("temperature  ") && line.ends_with(" within 30 days");
    assert!(shown.lines().any(is_kept), "{shown}");
    let history = ["devices", "history", id, "--watch", "lobby", "--of", "temperature"];
    let (_, view) = json(&home, &history);
    let row = &view["rows"][0];
    assert_eq!((&view["each"], &row["readings"]), (&value!("hour"), &value!(1)), "{view}");
    let temperature = row["mean"].as_f64().unwrap();
    let table = home.run(history).ok();
    let numbers = format!("{temperature:.1} C {temperature:.1} C {temperature:.1} C 1");
    let line: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().skip(1).collect();
    assert!(table.starts_with("HOUR ") && line.join(" ") == numbers, "{numbers}: {table}");
    let by_day = home.run([&history[..], &["--since", "30d", "--csv"]].concat()).ok();
    let ends = format!(",{temperature:.1},{temperature:.1},{temperature:.1},1");
    assert!(by_day.starts_with("day,lowest,mean,highest,readings\n") && by_day.ends_with(&ends), "{ends}: {by_day}");
    let none = home.run(["devices", "history", id, "--watch", "admin", "--of", "people"]);
    assert!(none.stderr.contains("reported no people in this time"), "{none:?}");
    home.run(["devices", "history", id, "--of", "noise"]).fails(2);
    let periods = home.run(["devices", "history", id, "--watch", "lobby", "--csv"]).ok();
    assert!(periods.starts_with("state,from,to,seconds,cause\nup,"), "{periods}");
    let columns = ["devices", "list", "--watch", "lobby", "--all", "--columns", "id,volume,channel"];
    let table = home.run(columns).ok();
    let line = table.lines().find(|line| line.contains(id)).unwrap();
    assert!(line.split_whitespace().skip(1).eq(["50", "stable"]), "{table}");
    let (_, detail) = json(&home, &["devices", "watch", "show", "lobby"]);
    let readings = &detail["readings"];
    assert_eq!(
        (&readings["interval_seconds"], &readings["calls_per_minute"]),
        (&value!(900), &value!(100)),
        "{detail}"
    );
    assert!(readings["oldest_at"].is_string() && readings["devices"].as_u64() > Some(0), "{detail}");

    // They are not read any more, and what was read stays.
    home.run(["devices", "watch", "set", "lobby", "--readings", "off"]).ok();
    let shown = home.run(["devices", "watch", "show", "lobby"]).ok();
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["readings", "off"])), "{shown}");
    assert!(is_read());
    assert!(broker.stop().status.success());
}
