//! Rules for alerts: changed, added, switched off and removed.

use lanyard_testkit::{Home, Method, Options, Webex};
use serde_json::{Value, json as value};

use crate::kinds::{add, home, json};

/// A watch of devices of which one is down from the first reading on; its id.
fn scene() -> (Webex, Home, String) {
    let webex = Webex::with(Options { devices: 4, ..Options::default() });
    let home = home();
    let bot = &webex.description().bot;
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &bot.access_token).ok();
    home.run(["label", "lobby", "customer=fennwick"]).ok();
    for workspace in webex.workspaces() {
        webex.grant(workspace["id"].as_str().unwrap(), &bot.email, Some("read"));
    }
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let devices = json(&home, &["devices", "list", "--all"]).1;
    let up = devices["devices"].as_array().unwrap().iter().find(|device| device["state"] == "up").unwrap();
    let id = up["id"].as_str().unwrap().to_owned();
    home.run(["devices", "watch", "remove", "lobby", "--yes"]).ok();
    let script = value!({ "devices": { "ids": [id] }, "steps": [{ "do": "fail" }] });
    webex.control(Method::POST, "/devices/script", Some(&script));
    (webex, home, id)
}

/// What an own rule and its alert are like, for the alerts that are open after a reading.
fn alerts(home: &Home, id: &str) -> Vec<(String, String)> {
    home.run(["devices", "sweep"]).ok();
    let view = json(home, &["devices", "alerts", "list"]).1;
    let of_device = |alert: &&Value| {
        json(home, &["devices", "alerts", "show", alert["alert"].as_str().unwrap()]).1["members"][0]["id"] == id
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let alerts = view["alerts"].as_array().unwrap().iter().filter(of_device);
    alerts.map(|alert| (text(&alert["rule_name"]), text(&alert["severity"]))).collect()
}

#[test]
fn a_rule_is_changed_added_switched_off_and_removed() {
    let (_webex, home, id) = scene();
    let set = |arguments: &[&str]| home.run([&["devices", "rules", "set"], arguments].concat());
    // Before the watch exists, so that its first reading shows no alert of any other rule.
    set(&["degraded", "--off"]).ok();
    let added = home.run(["devices", "watch", "add", "lobby"]);
    assert!(
        added.stderr.contains("Rules      watch blind > 5 mins, down > 5 mins, coverage fell, flapping"),
        "{added:?}"
    );
    assert_eq!(alerts(&home, &id), []);

    // Of one's own, for the watches of a customer.
    let fast = set(&["fast", "--when", "down", "--for", "0", "--severity", "info", "--customer", "other"]);
    assert!(fast.stderr.contains("no watch has the label customer=other\n"), "{fast:?}");
    fast.ok();
    assert_eq!(alerts(&home, &id), [], "the watch is not one of that customer");
    set(&["fast", "--customer", "fennwick"]).ok();
    assert_eq!(alerts(&home, &id), [("fast".to_owned(), "info".to_owned())]);
    // A more urgent one takes its place.
    set(&["down", "--for", "0"]).ok();
    assert_eq!(alerts(&home, &id), [("down".to_owned(), "critical".to_owned())]);
    let told = home.run(["events", "--json"]).ok();
    let fast = told.lines().find(|line| line.contains("\"rule_name\":\"fast\"")).expect("the event names the rule");
    assert!(fast.contains("lanyard.device.down") && fast.contains("\"info\""), "{fast}");
    set(&["down", "--off"]).ok();
    assert_eq!(alerts(&home, &id), [("fast".to_owned(), "info".to_owned())]);
    assert!(
        told_last(&home).iter().any(|line| line.contains("the rule down no longer looks at")),
        "the alert has ended"
    );
    home.run(["devices", "rules", "remove", "fast"]).ok();
    assert_eq!(alerts(&home, &id), []);

    // Its devices and hours are shown with it.
    let zurich = ["--tag", "board", "--hours", "Mon-Fri 8-18", "--time-zone", "Europe/Zurich"];
    let boards = set(&[&["boards", "--when", "down", "--for", "1m"], &zurich[..]].concat());
    assert!(boards.stderr.contains("no device has the tag board\n"), "{boards:?}");
    let shown = home.run(["devices", "watch", "show", "lobby"]).ok();
    assert!(shown.contains("; boards: down > 1 min, tag board, Mon-Fri 8-18 (Europe/Zurich); "), "{shown}");
    let later = set(&["boards", "--hours", "Mon-Fri 9-18"]);
    assert!(later.stderr.contains("Mon-Fri 9-18 (Europe/Zurich)"), "it keeps its time zone: {later:?}");
    home.run(["devices", "rules", "remove", "boards"]).ok();

    let listed = home.run(["devices", "rules", "list"]).ok();
    assert!(listed.contains("down      off") && listed.contains("coverage  coverage fell"), "{listed}");
    home.run(["devices", "rules", "remove", "down"]).ok();
    assert!(home.run(["devices", "rules", "list"]).ok().contains("down > 5 mins"));
    let refused = home.run(["devices", "rules", "remove", "down"]);
    assert!(refused.stderr.contains("rules set down --off"), "{refused:?}");
    home.run(["devices", "rules", "remove", "fast"]).fails(3);
    assert!(home.run(["audit"]).ok().contains("rule fast set"));
}

fn told_last(home: &Home) -> Vec<String> {
    home.run(["events", "--json"]).ok().lines().map(str::to_owned).collect()
}

#[test]
fn a_rule_that_could_not_count_is_refused() {
    let (_webex, home, _) = scene();
    for (arguments, expected) in [
        (&["boards"][..], "there is no rule named boards"),
        (&["down", "--when", "degraded"], "cannot be changed"),
        (&["boards", "--when", "down", "--error", "camera"], "only a degraded device reports errors"),
        (&["degraded", "--error", "camera"], "looks at every error"),
        (&["boards", "--when", "down", "--for", "31d"], "30 days at most"),
        (&["coverage", "--for", "5m"], "no time of its own"),
        (&["blind", "--tag", "x"], "has no tags"),
        (&["down", "--hours", "Mon-Fri 8-18", "--time-zone", "Atlantis/Capital"], "no time zone"),
        (&["down", "--time-zone", "UTC"], "belongs to hours"),
        (&["down", "--above", "temperature=28"], "cannot be changed"),
        (&["warm", "--above", "warmth=28"], "temperature, humidity, air-quality, people, calls"),
    ] {
        let refused = home.run([&["devices", "rules", "set"], arguments].concat());
        assert!(refused.stderr.contains(expected), "{arguments:?}: {}", refused.stderr);
        assert!(!refused.status.success(), "{arguments:?}");
    }
    assert_eq!(json(&home, &["devices", "rules", "list"]).1["rules"].as_array().unwrap().len(), 5);
    home.run(["devices", "rules", "set", "warm", "--above", "temperature=28", "--for", "30m"]).ok();
    home.run(["devices", "rules", "set", "warm", "--above", "temperature=26.5"]).ok();
    let listed = home.run(["devices", "rules", "list"]).ok();
    assert!(listed.contains("warm      temperature above 26.5 C for 30 mins  warning"), "{listed}");
}
