//! What was: the history of a device, and reports of a month.

use serde_json::{Value, json as value};

use super::{ADMINISTRATOR, grant_all, listed, scene};
use crate::kinds::{administrator, json};

#[test]
fn what_was_is_listed_and_reported_by_month() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    home.run(["label", "lobby", "customer=fennwick"]).ok();
    let all = listed(&home);
    let id = all[0]["id"].as_str().unwrap();
    // All up since December 2024; one is down from a Friday at 16:00 to the Monday after at 09:00.
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let (began, down, up) = (at("2024-12-01T00:00:00Z"), at("2025-01-10T16:00:00Z"), at("2025-01-13T09:00:00Z"));
    crate::client::rewrite(
        &home,
        &format!(
            "UPDATE devices_periods SET began = {began}, state = 'up'; \
             UPDATE devices_periods SET ended = {down} WHERE device = '{id}'; \
             INSERT INTO devices_periods SELECT watch, device, {down}, {up}, 'down', 'offline' FROM devices_periods WHERE device = '{id}'; \
             INSERT INTO devices_periods SELECT watch, device, {up}, NULL, 'up', NULL FROM devices_periods \
             WHERE device = '{id}' AND state = 'up'"
        ),
    );
    let since = ["devices", "history", id, "--since", "2024-12-01T00:00:00Z"];
    let (code, history) = json(&home, &since);
    assert_eq!((code, history["periods"].as_array().unwrap().len()), (0, 3), "{history}");
    assert_eq!(
        (&history["periods"][1]["state"], &history["periods"][1]["cause"]),
        (&value!("down"), &value!("offline"))
    );
    assert!(home.run([&since[..], &["--limit", "2"]].concat()).stderr.contains("there are more"));

    let month = ["devices", "report", "--month", "2025-01"];
    let (_, report) = json(&home, &month);
    let row = &report["rows"][0];
    assert_eq!((&row["name"], &row["devices"], &row["outages"]), (&value!("fennwick"), &value!(all.len()), &value!(1)));
    assert_eq!(row["down_seconds"], 65 * 3600);
    let near = |found: &Value, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-9;
    let (_, report) = json(&home, &[&month[..], &["--by", "device"]].concat());
    let rows = report["rows"].as_array().unwrap();
    let (count, worst) = (rows.len(), &rows[0]);
    assert_eq!((count, &worst["serial"]), (all.len(), &all[0]["serial"]), "the least available is the first");
    assert!(near(&worst["availability"], 1.0 - 65.0 / (31.0 * 24.0)), "{worst}");
    // Two hours of the Friday, and one of the Monday; January 2025 has 23 working days.
    assert!(near(&worst["in_hours"], 1.0 - 3.0 / 230.0), "{worst}");
    // In Zurich the Friday's business hours end an hour earlier.
    let zurich = [&month[..], &["--by", "device", "--time-zone", "Europe/Zurich"]].concat();
    assert!(near(&json(&home, &zurich).1["rows"][0]["in_hours"], 1.0 - 3.0 / 230.0));
    let evening = [&month[..], &["--by", "device", "--hours", "Sat-Sun 0-24"]].concat();
    assert!(near(&json(&home, &evening).1["rows"][0]["in_hours"], 1.0 - 48.0 / (8.0 * 24.0)));
    let csv = home.run([&month[..], &["--by", "watch", "--csv"]].concat()).ok();
    assert!(csv.starts_with("name,customer,watch,") && csv.contains("\nlobby,fennwick,lobby,,"), "{csv}");
    assert!(home.run(month).ok().contains("2 days 17 hours"));
    // A bot knows which devices share a workspace, and not where that is.
    let (_, by_room) = json(&home, &[&month[..], &["--by", "workspace"]].concat());
    let counts: u64 = by_room["rows"].as_array().unwrap().iter().map(|row| row["devices"].as_u64().unwrap()).sum();
    assert!(by_room["rows"].as_array().unwrap().len() < all.len() && counts == all.len() as u64, "{by_room}");
    let unknown = home.run([&month[..], &["--by", "location"]].concat());
    assert!(unknown.stdout.contains("\n? "), "{unknown:?}");
    assert!(unknown.stderr.contains("lanyard devices watch set lobby --against CREDENTIAL"), "{unknown:?}");
    let names = by_room["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap());
    assert!(names.into_iter().all(|name| name.starts_with("? (")), "{by_room}");
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "set", "lobby", "--against", "admin"]).ok();
    let (_, by_place) = json(&home, &[&month[..], &["--by", "location"]].concat());
    let known = home.run([&month[..], &["--by", "location"]].concat());
    assert!(!known.stderr.contains("--against"), "it is set already: {known:?}");
    let (rows, here) = (by_place["rows"].as_array().unwrap(), &listed(&home)[0]["place"]);
    assert!(rows.len() > 1 && rows.iter().any(|row| row["name"] == here["location"]), "{by_place}");
    let csv = home.run([&month[..], &["--by", "workspace", "--csv"]].concat()).ok();
    let ends = format!(",{},{}", here["room"].as_str().unwrap(), here["location"].as_str().unwrap());
    assert!(csv.lines().any(|line| line.ends_with(&ends)), "{ends}: {csv}");
    let html = home.run([&month[..], &["--by", "location", "--html"]].concat());
    assert!(html.stderr.contains(&format!("wrote {} locations, {} devices", rows.len(), all.len())), "{html:?}");
    assert!(html.stdout.starts_with("<!DOCTYPE html>") && html.stdout.contains("Availability in 2025-01"), "{html:?}");
    assert_eq!(json(&home, &["devices", "report", "--month", "2024-10"]).1["rows"], value!([]));
    for bad in [["--month", "2025"], ["--hours", "always"], ["--time-zone", "Mars/Base"], ["--customer", "other"]] {
        let ended = home.run(
            [&["devices", "report"], &bad[..], &["--month", "2025-01"][..usize::from(bad[0] != "--month") * 2]]
                .concat(),
        );
        assert!(matches!(ended.code(), 2 | 3), "{bad:?}: {ended:?}");
    }
}
