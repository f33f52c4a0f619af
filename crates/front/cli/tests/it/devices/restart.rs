//! Restarts in a window of hours.

use lanyard_testkit::{Home, Served, Webex};
use serde_json::{Value, json as value};

use super::{grant_all, listed, scene};
use crate::kinds::json;

/// A watch with a device that may be commanded.
fn commanded() -> (Webex, Home, Value) {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let phone = |device: &&Value| device["product"].as_str().unwrap().contains("88");
    let device = listed(&home).into_iter().find(|device| device["state"] == "up" && !phone(&device)).unwrap();
    webex.grant(device["workspace"].as_str().unwrap(), &webex.description().bot.email, Some("full"));
    (webex, home, device)
}

/// How often a device was told to restart.
fn sent(webex: &Webex) -> usize {
    let is_boot = |path: &str| path.to_lowercase().contains("/xapi/command/systemunit.boot");
    webex.record().iter().filter(|call| is_boot(call["path"].as_str().unwrap())).count()
}

fn state(home: &Home) -> String {
    json(home, &["devices", "restart", "--list"]).1[0]["state"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn until(home: &Home, expected: &str) {
    for _ in 0..1500 {
        if state(home) == expected {
            return;
        }
        lanyard_testkit::wait(std::time::Duration::from_millis(20));
    }
    panic!("{expected}: {}", home.run(["devices", "restart", "--list"]).stdout);
}

#[test]
fn a_device_is_restarted_once_in_its_window() {
    let (webex, home, device) = commanded();
    let id = device["id"].as_str().unwrap();
    let refused = home.run(["devices", "restart", id, "--window", "2-two"]);
    assert!(refused.stderr.contains("expected hours"), "{refused:?}");
    refused.fails(2);
    home.run(["devices", "restart", id, "--window", "0-24", "--time-zone", "Mars/Base"]).fails(2);
    home.run(["devices", "restart", id, "--time-zone", "UTC"]).fails(2);
    home.run(["devices", "restart", id, "--cancel"]).fails(3);
    // Read Only is refused at once.
    let other = listed(&home).into_iter().find(|other| other["workspace"] != device["workspace"]).unwrap();
    let refused =
        home.run(["devices", "restart", other["id"].as_str().unwrap(), "--window", "0-24", "--time-zone", "UTC"]);
    assert!(refused.stderr.contains("has Read Only on"), "{refused:?}");
    refused.fails(4);

    // The device is in a call.
    home.run(["devices", "xapi", id, "run", "Dial", "Number=reception@acme.example"]).ok();
    let planned = home.run(["devices", "restart", id, "--window", "0-24", "--time-zone", "UTC"]);
    assert!(planned.stdout.contains("will be restarted on"), "{planned:?}");
    planned.ok();
    assert_eq!((state(&home).as_str(), sent(&webex)), ("planned", 0));
    assert!(home.run(["devices", "show", id]).ok().contains("restart       planned on"));
    let broker = Served::start(&home, [] as [&str; 0]);
    for _ in 0..1500 {
        let (_, list) = json(&home, &["devices", "restart", "--list"]);
        if list[0]["reason"] == "it is in a call" {
            break;
        }
        lanyard_testkit::wait(std::time::Duration::from_millis(20));
    }
    let list = home.run(["devices", "restart", "--list"]).ok();
    assert!(list.contains("it is in a call"), "{list}");
    assert_eq!(sent(&webex), 0);
    home.run(["devices", "restart", id, "--cancel"]).ok();
    home.run(["devices", "restart", id, "--cancel"]).fails(3);
    assert_eq!(json(&home, &["devices", "restart", "--list"]).1, value!([]));

    // The call has ended.
    home.run(["devices", "xapi", id, "run", "Call.Disconnect"]).ok();
    home.run(["devices", "restart", id, "--window", "0-24", "--time-zone", "UTC"]).ok();
    until(&home, "restarted");
    assert_eq!(sent(&webex), 1);
    assert!(home.run(["devices", "show", id]).ok().contains("restart       restarted "));
    let audit = home.run(["audit"]).ok();
    for what in ["planned for 0-24", "cancelled", "command SystemUnit.Boot(Action) to be sent to"] {
        assert!(audit.contains(what), "{what}: {audit}");
    }
    let events = home.run(["events", "--json"]).ok();
    let event = events.lines().find(|line| line.contains("lanyard.device.restart")).unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["data"]["details"]["outcome"], "restarted", "{event}");
    assert_eq!(event["data"]["credential"]["name"], "lobby", "channels choose by its labels: {event}");
    assert!(broker.stop().status.success());
    assert_eq!(sent(&webex), 1);
}

#[test]
fn a_restart_that_webex_refuses_is_not_tried_again() {
    let (webex, home, device) = commanded();
    let id = device["id"].as_str().unwrap();
    webex.fault(&value!({ "path": "/v1/xapi/command/SystemUnit.Boot", "count": 1, "action": { "status": 403 } }));
    home.run(["devices", "restart", id, "--window", "0-24", "--time-zone", "UTC"]).ok();
    let broker = Served::start(&home, [] as [&str; 0]);
    until(&home, "refused");
    assert!(broker.stop().status.success());
    assert_eq!(sent(&webex), 1);
    // A new plan is a new try.
    home.run(["devices", "restart", id, "--window", "0-24", "--time-zone", "UTC"]).ok();
    assert_eq!(state(&home), "planned");
    // A plan ends with its watch.
    home.run(["devices", "watch", "remove", "lobby", "--yes"]).ok();
    assert_eq!(json(&home, &["devices", "restart", "--list"]).1, value!([]));
}

#[test]
fn a_restart_whose_answer_is_lost_is_told_as_unknown_and_not_sent_again() {
    let (webex, home, device) = commanded();
    let id = device["id"].as_str().unwrap();
    webex.fault(&value!({ "path": "/v1/xapi/command/SystemUnit.Boot", "count": 1, "action": { "status": 502 } }));
    home.run(["devices", "restart", id, "--window", "0-24", "--time-zone", "UTC"]).ok();
    let broker = Served::start(&home, [] as [&str; 0]);
    until(&home, "unknown");
    let tries =
        || webex.record().iter().filter(|call| call["path"].as_str().unwrap().contains("/xapi/command")).count();
    assert_eq!(tries(), 1);
    let list = home.run(["devices", "restart", "--list"]).ok();
    assert!(list.contains("unknown") && list.contains("502"), "{list}");
    let events = home.run(["events", "--json"]).ok();
    assert!(events.contains("It is not known whether"), "{events}");
    assert!(broker.stop().status.success());
    let broker = Served::start(&home, [] as [&str; 0]);
    assert_eq!((state(&home).as_str(), tries()), ("unknown", 1));
    assert!(broker.stop().status.success());
}
