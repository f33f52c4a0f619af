//! Alerts: raised, silenced, acknowledged and ended.

use lanyard_testkit::{Method, Served};
use serde_json::{Value, json as value};

use super::{grant_all, listed, scene, sweep_twice};
use crate::kinds::json;
use crate::receiver::Receiver;

#[test]
fn an_alert_is_raised_acknowledged_and_ended() {
    let (webex, home) = scene();
    grant_all(&webex);
    let added = home.run(["devices", "watch", "add", "lobby"]);
    assert!(
        added.stderr.contains("Channels   none yet; see alerts with: lanyard devices alerts list"),
        "{}",
        added.stderr
    );
    home.run(["label", "lobby", "customer=fennwick"]).ok();
    let (ours, others) = (Receiver::start(), Receiver::start());
    for (name, receiver, customer) in [("ours", &ours, "customer=fennwick"), ("others", &others, "customer=other")] {
        let url = receiver.url("/");
        let add = ["channel", "add", "webhook", name, &url, "--allow-private", "--untested", "--event", "device.*"];
        home.run([&add[..], &["--label", customer]].concat()).ok();
    }
    let broken = listed(&home).into_iter().find(|device| device["state"] == "up").unwrap();
    let (id, name) = (broken["id"].as_str().unwrap(), broken["name"].as_str().unwrap());
    let step = |what: &str| {
        let script = value!({ "devices": { "ids": [id] }, "steps": [{ "do": what }] });
        webex.control(Method::POST, "/devices/script", Some(&script));
        sweep_twice(&home);
    };
    step("fail");
    assert_eq!(json(&home, &["devices", "alerts", "list"]).1["alerts"], value!([]), "not for five minutes yet");
    assert!(home.run(["devices", "alerts", "list"]).stderr.contains("there is no open alert"));
    // Silenced: the fact is shown, and nobody is told.
    crate::client::rewrite(&home, &format!("UPDATE devices_seen SET since = since - 600000 WHERE device = '{id}'"));
    home.run(["devices", "alerts", "silence", id, "--for", "2h", "--note", "works"]).ok();
    let swept = home.run(["devices", "sweep"]).ok();
    assert!(!swept.contains("alerts:"), "{swept}");
    let list = home.run(["devices", "alerts", "list"]).ok();
    assert!(list.contains("SILENCED") && list.contains("works"), "{list}");
    assert!(json(&home, &["devices", "show", id]).1["silenced_until"].is_string());
    home.run(["devices", "alerts", "silence", id, "--end"]).ok();
    home.run(["devices", "alerts", "silence", id, "--end"]).fails(3);
    let swept = home.run(["devices", "sweep"]).ok();
    assert!(swept.contains("alerts: 1 raised, 0 ended"), "{swept}");

    let list = home.run(["devices", "alerts", "list", "--customer", "fennwick"]);
    assert!(list.stdout.contains("A-1001") && list.stdout.contains(&format!("{name} down")), "{list:?}");
    assert!(list.stderr.contains("Next: lanyard devices alerts ack A-1001"), "{list:?}");
    home.run(["devices", "alerts", "list", "--customer", "other"]).fails(3);
    let shown = home.run(["devices", "show", id]);
    assert!(shown.stdout.contains("A-1001 critical") && shown.stdout.contains("not acknowledged"), "{shown:?}");
    let alert = json(&home, &["devices", "alerts", "show", "a-1001"]).1;
    assert_eq!((&alert["rule"], &alert["members"][0]["id"]), (&value!("down"), &value!(id)), "{alert}");
    home.run(["devices", "alerts", "ack", "A-1001", "--note", "site called"]).ok();
    assert!(home.run(["devices", "alerts", "show", "A-1001"]).ok().contains("site called"));
    assert!(home.run(["audit"]).ok().contains("alert A-1001 acknowledged: site called"));
    home.run(["devices", "alerts", "show", "A-999"]).fails(3);
    home.run(["devices", "alerts", "show", "B-1"]).fails(2);

    step("recover");
    assert_eq!(json(&home, &["devices", "alerts", "list"]).1["alerts"], value!([]));
    home.run(["devices", "alerts", "ack", "A-1001"]).fails(2);
    // A silence of what has ended would be one of the whole watch.
    let refused = home.run(["devices", "alerts", "silence", "A-1001", "--for", "2h"]);
    assert!(refused.stderr.contains("alert A-1001 has ended"), "{refused:?}");
    home.run(["devices", "sweep", "--customer", "fenwick"]).fails(3);
    assert!(home.run(["devices", "alerts", "list", "--all"]).ok().contains("A-1001"));
    let events = home.run(["events", "--json"]).ok();
    let events: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_devices: Vec<_> =
        events.iter().filter(|event| event["type"].as_str().unwrap().starts_with("lanyard.device")).collect();
    let [down, recovered] = &*of_devices else { panic!("{events:#?}") };
    assert_eq!((&down["type"], &down["data"]["state"]), (&value!("lanyard.device.down"), &value!("firing")));
    assert_eq!(down["data"]["hint"], "lanyard devices alerts show A-1001");
    assert_eq!(down["data"]["severity"], "critical");
    assert_eq!(down["data"]["credential"]["labels"], value!({ "customer": "fennwick" }));
    assert_eq!(
        (&recovered["type"], &recovered["data"]["state"]),
        (&value!("lanyard.device.recovered"), &value!("resolved"))
    );
    assert_eq!(recovered["data"]["details"]["alert"], down["data"]["details"]["alert"]);

    // What happened while nobody delivered arrives where it is wanted.
    let _broker = Served::start(&home, [] as [&str; 0]);
    let types = |receiver: &Receiver| {
        let events = receiver.events().into_iter();
        events.map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    for _ in 0..500 {
        if types(&ours).len() >= 2 {
            break;
        }
        lanyard_testkit::wait(std::time::Duration::from_millis(20));
    }
    assert_eq!(types(&ours), ["lanyard.device.down", "lanyard.device.recovered"]);
    assert_eq!(types(&others), [""; 0]);
}
