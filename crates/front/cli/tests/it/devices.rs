//! Devices: watched with a bot, from a bot to which nothing is granted to one whose token is dead.

use lanyard_testkit::{Home, Method, Options, Served, Webex};
use serde_json::{Value, json as value};

use crate::kinds::{add, administrator, home, json};
use crate::receiver::Receiver;

/// The scopes of somebody who sees all devices and workspaces.
const ADMINISTRATOR: [&str; 3] = ["spark:people_read", "spark-admin:devices_read", "spark-admin:workspaces_read"];

fn scene() -> (Webex, Home) {
    let webex = Webex::with(Options { devices: 12, ..Options::default() });
    let home = home();
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &webex.description().bot.access_token).ok();
    (webex, home)
}

fn grant_all(webex: &Webex) {
    for workspace in webex.workspaces() {
        webex.grant(workspace["id"].as_str().unwrap(), &webex.description().bot.email, Some("read"));
    }
}

/// Moves everything that was read back.
fn a_minute_later(home: &Home) {
    crate::client::rewrite(
        home,
        "UPDATE devices_seen SET since = since - 60000, candidate_since = candidate_since - 60000; \
         UPDATE devices_periods SET began = began - 60000, ended = ended - 60000; \
         UPDATE devices_readings SET read_at = read_at - 60000",
    );
}

/// Two readings with a minute between them.
fn sweep_twice(home: &Home) {
    home.run(["devices", "sweep"]).ok();
    a_minute_later(home);
    home.run(["devices", "sweep"]).ok();
}

/// The devices of `devices list`, as JSON.
fn listed(home: &Home) -> Vec<Value> {
    json(home, &["devices", "list"]).1["devices"].as_array().unwrap().clone()
}

#[test]
fn from_nothing_granted_to_a_device_that_is_down() {
    let (webex, home) = scene();
    administrator(&webex, &home, &ADMINISTRATOR);

    // The step that is missed most often.
    let added = home.run(["devices", "watch", "add", "lobby"]);
    assert!(added.stdout.contains("It sees 0 devices"), "{}", added.stdout);
    assert!(added.stderr.contains(&webex.description().bot.email), "{}", added.stderr);
    assert!(added.stderr.contains("Next: lanyard devices coverage lobby --letter"), "{}", added.stderr);
    added.ok();
    home.run(["devices", "watch", "add", "lobby"]).fails(1);
    let letter = home.run(["devices", "coverage", "lobby", "--against", "admin", "--letter"]);
    assert!(letter.stdout.contains(&webex.description().bot.email), "{}", letter.stdout);
    assert!(letter.stdout.contains("Edit API Access"), "{}", letter.stdout);
    letter.fails(4);
    let (code, coverage) = json(&home, &["devices", "coverage", "lobby", "--against", "admin"]);
    let missing = coverage["missing"].as_array().unwrap();
    assert_eq!((code, missing.len() as u64), (4, coverage["workspaces"].as_u64().unwrap()), "{coverage}");
    assert!(!missing.is_empty());

    home.run(["devices", "coverage", "lobby", "--against", "lobby"]).fails(2);

    grant_all(&webex);
    let (code, coverage) = json(&home, &["devices", "coverage", "lobby", "--against", "admin"]);
    assert_eq!((code, &coverage["missing"]), (0, &value!([])), "{coverage}");
    let (code, swept) = json(&home, &["devices", "sweep"]);
    assert_eq!((code, &swept[0]["gone"], &swept[0]["blind"]), (0, &value!(0), &Value::Null), "{swept}");
    let devices = listed(&home);
    assert_eq!(devices.len() as u64, coverage["devices"].as_u64().unwrap());
    let broken = devices.iter().find(|device| device["state"] == "up").unwrap();
    let name = broken["name"].as_str().unwrap();
    let is_named = |home: &Home| home.run(["devices", "list"]).ok().contains(name);
    assert!(!is_named(&home), "what is well is in the summary, for people");
    assert!(home.run(["devices", "list", "--all"]).ok().contains(name));

    // One fails. One reading is no proof.
    let script = value!({ "devices": { "ids": [broken["id"]] }, "steps": [{ "do": "fail" }] });
    webex.control(Method::POST, "/devices/script", Some(&script));
    for _ in 0..2 {
        home.run(["devices", "sweep"]).ok();
        assert!(!is_named(&home), "readings that follow each other closely are one");
    }
    a_minute_later(&home);
    home.run(["devices", "sweep"]).ok();
    let list = home.run(["devices", "list"]);
    let name = broken["name"].as_str().unwrap();
    assert_eq!(
        list.stdout.lines().filter(|line| line.starts_with("down") && line.contains(name)).count(),
        1,
        "{list:?}"
    );
    assert!(list.stderr.contains(" down, "), "{}", list.stderr);
    let mac = broken["mac"].as_str().unwrap().replace(':', "").to_lowercase();
    for meant in [broken["serial"].as_str().unwrap(), broken["id"].as_str().unwrap(), &mac] {
        let (code, detail) = json(&home, &["devices", "show", meant]);
        assert_eq!((code, &detail["state"]), (0, &value!("down")), "{meant}: {detail}");
        let states: Vec<_> = detail["periods"].as_array().unwrap().iter().map(|period| &period["state"]).collect();
        assert_eq!(states, ["down", "up"], "{detail}");
    }
    home.run(["devices", "show", "no such device"]).fails(3);

    // It recovers, and its grant is withdrawn: unknown, and not down.
    let script = value!({ "devices": { "ids": [broken["id"]] }, "steps": [{ "do": "recover" }] });
    webex.control(Method::POST, "/devices/script", Some(&script));
    webex.grant(broken["workspace"].as_str().unwrap(), &webex.description().bot.email, None);
    sweep_twice(&home);
    let (_, detail) = json(&home, &["devices", "show", broken["id"].as_str().unwrap()]);
    assert_eq!(detail["state"], "unknown", "{detail}");
    assert!(detail["why"].as_str().unwrap().contains("no longer lists it"), "{detail}");
}

#[test]
fn an_alert_is_raised_acknowledged_and_ended() {
    let (webex, home) = scene();
    grant_all(&webex);
    let added = home.run(["devices", "watch", "add", "lobby"]);
    assert!(added.stderr.contains("Tell whom  nobody yet"), "{}", added.stderr);
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

#[test]
fn a_dead_token_blinds_a_watch_and_takes_no_device_down() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let count = listed(&home).len();
    assert!(count > 0);
    webex.control(Method::POST, &format!("/bots/{}/regenerate", webex.description().bot.email), None);
    for _ in 0..3 {
        home.run(["devices", "sweep"]).fails(4);
    }
    let (_, view) = json(&home, &["devices", "list"]);
    assert!(view["devices"].as_array().unwrap().iter().all(|device| device["state"] == "unknown"), "{view}");
    assert_eq!(
        (&view["blind"][0]["watch"], &view["blind"][0]["devices"]),
        (&value!("lobby"), &value!(count)),
        "{view}"
    );
    let list = home.run(["devices", "list"]);
    assert_eq!(
        list.stdout.lines().filter(|line| line.starts_with("unknown")).count(),
        1,
        "one cause, one line: {list:?}"
    );
    assert!(!list.stdout.contains("down"), "{list:?}");
    assert!(list.stderr.contains("Next: lanyard test lobby"), "{list:?}");
    // Whoever asks for what is down is told that this is not known.
    assert!(home.run(["devices", "list", "--state", "down"]).ok().contains("unknown"));
    home.run(["devices", "list", "--customer", "nobody"]).fails(3);
    // No watch is added with a token that Webex refuses.
    home.run(["devices", "watch", "add", "lobby", "--name", "other"]).fails(4);
    assert_eq!(json(&home, &["devices", "watch", "list"]).1.as_array().unwrap().len(), 1);
}

#[test]
fn a_broker_reads_what_is_watched_and_not_what_is_paused_or_removed() {
    let (webex, home) = scene();
    grant_all(&webex);
    let broker = Served::start(&home, [] as [&str; 0]);
    home.run(["devices", "watch", "add", "lobby", "--interval", "15"]).ok();
    let calls = || webex.record().iter().filter(|call| call["path"] == "/v1/devices").count();
    let first = calls();
    for _ in 0..1500 {
        if calls() > first {
            break;
        }
        lanyard_testkit::wait(std::time::Duration::from_millis(20));
    }
    assert!(calls() > first, "the broker reads by itself: {:#?}", broker.log());
    let page = broker.ask("GET", "/metrics").body;
    for line in ["lanyard_device_watches{state=\"active\"} 1", "lanyard_device_alerts_open{rule=\"blind\"} 0"] {
        assert!(page.contains(line), "{line}: {page}");
    }
    let devices = page.lines().filter_map(|line| line.strip_prefix("lanyard_watched_devices{")?.split_once("} "));
    let devices: f64 = devices.map(|(_, number)| number.parse::<f64>().unwrap()).sum();
    assert_eq!(format!("{devices}"), listed(&home).len().to_string());
    assert!(page.contains("lanyard_oldest_device_reading_timestamp_seconds "), "{page}");
    home.run(["devices", "watch", "pause", "lobby"]).ok();
    assert!(broker.ask("GET", "/metrics").body.contains("lanyard_device_watches{state=\"paused\"} 1"));
    let (_, view) = json(&home, &["devices", "list"]);
    assert_eq!(view["blind"][0]["why"], "the watch is paused", "{view}");
    home.run(["devices", "watch", "resume", "lobby"]).ok();
    let audit = home.run(["audit"]).ok();
    assert!(audit.contains("watch lobby added") && audit.contains("watch lobby paused"), "{audit}");
    home.run(["devices", "watch", "remove", "lobby", "--yes"]).ok();
    home.run(["devices", "watch", "remove", "lobby", "--yes"]).fails(3);
    assert_eq!(json(&home, &["devices", "list"]).1["devices"], value!([]));
    assert!(broker.stop().status.success());
}

#[test]
fn a_watch_that_was_altered_without_lanyard_is_named_and_not_read() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    crate::client::rewrite(&home, "UPDATE devices_watches SET version = version + 1");
    let before = webex.record().len();
    assert_eq!(json(&home, &["devices", "sweep"]).1, value!([]));
    assert_eq!(webex.record().len(), before, "nothing is called");
    let list = home.run(["devices", "list"]).ok();
    assert!(list.contains("unknown") && list.contains("other than Lanyard"), "it is not hidden: {list}");
    let (_, watches) = json(&home, &["devices", "watch", "list"]);
    assert!(watches[0]["reason"].as_str().unwrap().contains("other than Lanyard"), "{watches}");
    home.run(["devices", "watch", "remove", "lobby", "--yes"]).ok();
    home.run(["devices", "watch", "add", "lobby"]).ok();
}

#[test]
fn a_watch_is_added_for_every_credential_that_has_a_label() {
    let (webex, home) = scene();
    grant_all(&webex);
    let token = &webex.description().bot.access_token;
    add(&webex, &home, &["bot", "annex", "--token-file", "-"], token).ok();
    home.run(["devices", "watch", "add", "--each-labelled", "customer"]).fails(3);
    home.run(["label", "lobby", "customer=fennwick"]).ok();
    home.run(["label", "annex", "customer=elmhurst"]).ok();
    let added = home.run(["devices", "watch", "add", "--each-labelled", "customer"]).ok();
    assert!(added.starts_with("Added 2 watches: "), "{added}");
    // The label was copied: it stays if the credential's is changed.
    home.run(["label", "annex", "customer=other"]).ok();
    let (_, shown) = json(&home, &["devices", "watch", "show", "annex"]);
    assert_eq!(
        (&shown["labels"]["customer"], &shown["customer"]),
        (&value!("elmhurst"), &value!("elmhurst")),
        "{shown}"
    );
    let of =
        |words: &[&str]| json(&home, &[&["devices", "list"], words].concat()).1["devices"].as_array().unwrap().len();
    assert_eq!(of(&["--customer", "elmhurst"]), of(&["--label", "customer=elmhurst"]));
    assert_eq!((of(&[]), of(&["--label", "customer"])), (2 * of(&["--customer", "elmhurst"]), of(&[])));
    home.run(["devices", "list", "--customer", "other"]).fails(3);
    assert_eq!(json(&home, &["devices", "sweep", "--customer", "fennwick"]).1.as_array().unwrap().len(), 1);
    assert_eq!(json(&home, &["devices", "watch", "list", "--customer", "fennwick"]).1[0]["name"], "lobby");

    // Again: what exists is left alone, and a refused token is one line.
    add(&webex, &home, &["bot", "third", "--token-file", "-"], token).ok();
    home.run(["label", "third", "customer=harbour"]).ok();
    webex.control(Method::POST, &format!("/bots/{}/regenerate", webex.description().bot.email), None);
    let (code, view) = json(&home, &["devices", "watch", "add", "--each-labelled", "customer"]);
    assert_eq!((code, &view["existing"], &view["added"]), (4, &value!(2), &value!([])), "{view}");
    assert_eq!(view["failed"][0]["credential"], "third", "{view}");
    assert!(home.run(["devices", "watch", "add", "--each-labelled", "customer"]).stdout.contains("NOT ADDED"));
}

#[test]
fn a_partner_watches_every_organisation() {
    let webex = Webex::with(Options { devices: 12, organisations: 3, ..Options::default() });
    let home = home();
    let scopes = [ADMINISTRATOR.as_slice(), &["spark-admin:organizations_read"]].concat();
    administrator(&webex, &home, &scopes);
    let (code, view) = json(&home, &["devices", "watch", "add", "admin", "--all-orgs"]);
    let added = view["added"].as_array().unwrap();
    assert_eq!((code, added.len(), &view["failed"]), (0, 3, &value!([])), "{view}");
    let own = added.iter().filter(|added| added["watch"]["org"].is_null()).count();
    assert_eq!(own, 1, "its own organisation is not named: {view}");
    let label = format!("organisation={}", added[1]["watch"]["labels"]["organisation"].as_str().unwrap());
    let (_, listed) = json(&home, &["devices", "list", "--label", &label]);
    assert_eq!(listed["watches"], 1, "{listed}");
    assert_eq!(json(&home, &["devices", "watch", "add", "admin", "--all-orgs"]).1["existing"], 3);
}

#[test]
fn new_devices_wait_until_they_are_approved() {
    let (webex, home) = scene();
    let email = &webex.description().bot.email;
    let workspaces = webex.workspaces();
    let first = workspaces[0]["id"].as_str().unwrap();
    webex.grant(first, email, Some("read"));
    home.run(["devices", "watch", "add", "lobby", "--approve-new"]).ok();
    let before = listed(&home).len();
    grant_all(&webex);
    home.run(["devices", "sweep"]).ok();
    let (_, view) = json(&home, &["devices", "list"]);
    let waiting = view["waiting"].as_array().unwrap();
    assert_eq!(view["devices"].as_array().unwrap().len(), before, "{view}");
    assert!(waiting.len() > 1, "{view}");
    assert!(home.run(["devices", "list"]).stderr.contains("wait for approval: lanyard devices approve"));
    let (one, serial) = (waiting[0]["id"].as_str().unwrap(), waiting[0]["serial"].as_str().unwrap());
    home.run(["devices", "approve", serial]).ok();
    home.run(["devices", "approve", serial]).fails(2);
    home.run(["devices", "sweep"]).ok();
    assert!(listed(&home).iter().any(|device| device["id"] == one), "it is watched");
    let periods = json(&home, &["devices", "show", one]).1["periods"].clone();
    assert_eq!(periods.as_array().unwrap().len(), 1, "{periods}");
    home.run(["devices", "approve"]).ok();
    assert_eq!(listed(&home).len(), before + waiting.len());
    assert_eq!(json(&home, &["devices", "list"]).1["waiting"], value!([]));
    assert!(home.run(["audit"]).ok().contains("approved"));

    // Phones, and no longer: neither is a loss of coverage.
    home.run(["devices", "watch", "set", "lobby"]).fails(2);
    let set = ["devices", "watch", "set", "lobby", "--phones", "--accessories", "--no-approve-new", "--interval", "5m"];
    home.run([&set[..], &["--label", "floor=2"]].concat()).ok();
    let (_, shown) = json(&home, &["devices", "watch", "show", "lobby"]);
    assert_eq!((&shown["interval_seconds"], &shown["labels"]["floor"]), (&value!(300), &value!("2")), "{shown}");
    home.run(["devices", "sweep"]).ok();
    let with_phones = listed(&home).len();
    home.run(["devices", "watch", "set", "lobby", "--no-phones", "--no-accessories", "--unlabel", "floor"]).ok();
    home.run(["devices", "watch", "set", "lobby", "--unlabel", "floor"]).fails(3);
    sweep_twice(&home);
    assert!(listed(&home).len() < with_phones, "{with_phones}");
    let swept = home.run(["devices", "sweep"]).ok();
    assert!(swept.contains("0 no longer listed"), "{swept}");
    assert!(home.run(["devices", "watch", "show", "lobby"]).ok().contains("open alerts   0"));
}

#[test]
fn coverage_is_compared_with_an_exported_list() {
    let (webex, home) = scene();
    let email = &webex.description().bot.email;
    let workspaces = webex.workspaces();
    webex.grant(workspaces[0]["id"].as_str().unwrap(), email, Some("read"));
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let seen = listed(&home);
    let row = |device: &Value| {
        format!("{},{},Bern,Board,roomdesk\r\n", device["name"].as_str().unwrap(), device["serial"].as_str().unwrap())
    };
    let mut export = "Display Name,Serial Number,Location,Product,Type\r\n".to_owned();
    export.extend(seen.iter().map(row));
    export += "=1+1,FOC00000000,Bern,Desk Pro,roomdesk\r\nReception,FOC00000001,Bern,Phone 8845,phone\r\n";
    let file = home.file("export.csv", &export);
    let (file, missing) = (file.to_str().unwrap(), home.beside().join("missing.csv"));
    let coverage = ["devices", "coverage", "lobby", "--against", file];
    let (code, view) = json(&home, &coverage);
    assert_eq!((code, &view["devices"], &view["not_compared"]), (4, &value!(seen.len() + 1), &value!(1)), "{view}");
    assert_eq!(view["missing"], value!([{ "workspace": "=1+1", "location": "Bern", "devices": ["Desk Pro"] }]));
    let missing = missing.to_str().unwrap();
    let shown = home.run([&coverage[..], &["--csv", missing]].concat());
    assert!(shown.stdout.contains("LOCATION") && shown.stdout.contains("Desk Pro"), "{shown:?}");
    shown.fails(4);
    let written = std::fs::read_to_string(missing).unwrap();
    assert_eq!(written, "workspace,location,devices\r\n'=1+1,Bern,Desk Pro\r\n", "no formula");
    home.run([&coverage[..], &["--csv", missing]].concat()).fails(2);
    home.run(["devices", "coverage", "lobby", "--against", "no-such.csv"]).fails(2);
    // The rooms of another customer.
    let others = home.file("others.csv", "Display Name,Serial Number\r\nCouncil Chamber,FOC99999999\r\n");
    let refused = home.run(["devices", "coverage", "lobby", "--against", others.to_str().unwrap(), "--letter"]);
    assert!(!refused.stdout.contains("Council Chamber"), "{}", refused.stdout);
    refused.fails(2);
    home.run(["devices", "coverage", "lobby", "--against", "Not A Name"]).fails(2);
}

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
    assert!(unknown.stdout.contains("\n? ") && unknown.stderr.contains("--against CREDENTIAL"), "{unknown:?}");
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "set", "lobby", "--against", "admin"]).ok();
    let (_, by_place) = json(&home, &[&month[..], &["--by", "location"]].concat());
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
fn coverage_is_not_compared_with_a_credential_that_sees_only_its_own_devices() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    // The scope shows only the devices of its own person.
    administrator(&webex, &home, &["spark:people_read", "spark:devices_read", "spark-admin:workspaces_read"]);
    let refused = home.run(["devices", "coverage", "lobby", "--against", "admin"]);
    assert!(refused.stderr.contains("it was not granted spark-admin:devices_read"), "{refused:?}");
    refused.fails(4);
    // A bot sees what it was granted, and no more.
    let other = webex.new_bot("Other");
    add(&webex, &home, &["bot", "other", "--token-file", "-"], &other.access_token).ok();
    let refused = home.run(["devices", "coverage", "lobby", "--against", "other"]);
    assert!(refused.stderr.contains("because it is a bot"), "{refused:?}");
    refused.fails(2);
}

/// Names that act on a terminal, a spreadsheet, a page or a reader, and names in several scripts, which are left as they are.
const HOSTILE: [&str; 9] = [
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd",
    "<script>alert(1)</script>",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "a\nup  1 d  forged  row",
    "\u{202e}gnp.moor",
    "+\u{200b}1\",\"2",
    "\u{ff1d}HYPERLINK(\"http://x\")",
    "Zürich 会议室 غرفة חדר Зал 👩",
];

#[test]
fn no_name_acts_on_a_terminal_a_spreadsheet_a_page_or_the_metrics() {
    let (webex, home) = scene();
    grant_all(&webex);
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "add", "lobby", "--against", "admin"]).ok();
    let devices = listed(&home);
    assert!(devices.len() >= HOSTILE.len(), "{devices:?}");
    for (device, name) in devices.iter().zip(HOSTILE) {
        let (id, workspace) = (device["id"].as_str().unwrap(), device["workspace"].as_str().unwrap());
        let name = name.replace('\'', "''");
        let of_device =
            format!("'$.name', '{name}', '$.product', '{name}', '$.serial', '{name}', '$.errors[0]', '{name}'");
        let of_place =
            format!("'$.room', '{name}', '$.location', '{name}', '$.issues[0]', json_object('title', '{name}')");
        crate::client::rewrite(
            &home,
            &format!(
                "UPDATE devices_seen SET facts = json_set(facts, {of_device}) WHERE device = '{id}'; \
                 UPDATE devices_places SET facts = json_set(facts, {of_place}) WHERE workspace = '{workspace}'"
            ),
        );
    }
    let is_plain = |text: &str| !text.contains(|character| character != '\n' && lanyard_protocol::is_hidden(character));
    let list = home.run(["devices", "list", "--all"]).ok();
    assert!(is_plain(&list) && list.lines().count() == devices.len() + 1, "{list}");
    assert!(list.contains(HOSTILE[8]), "what is harmless stays as it is: {list}");
    // Programs get what Webex said.
    let names: Vec<_> = listed(&home).iter().map(|device| device["name"].as_str().unwrap().to_owned()).collect();
    let month = &devices[0]["since"].as_str().unwrap()[..7];
    for ((device, name), by) in devices.iter().zip(HOSTILE).zip(["device", "workspace", "location"].iter().cycle()) {
        assert!(names.iter().any(|found| found == name), "{name:?}: {names:?}");
        let shown = home.run(["devices", "show", device["id"].as_str().unwrap()]).ok();
        assert!(is_plain(&shown), "{shown:?}");
        let report = ["devices", "report", "--month", month, "--by", by];
        let table = home.run(report).ok();
        assert!(is_plain(&table), "{table:?}");
        let csv = home.run([&report[..], &["--csv"]].concat()).ok();
        for line in csv.lines() {
            let begins = |text: &str| text.starts_with(['=', '+', '-', '@', '\u{ff1d}']);
            let fields = line.split(',').map(|field| field.trim_start_matches('"'));
            // A quoted field goes on after its commas; none of these names has a formula there.
            assert!(is_plain(line) && !fields.into_iter().any(begins), "{line:?}");
        }
        let page = home.run([&report[..], &["--html"]].concat()).ok();
        assert!(
            is_plain(&page) && !["<script", "<a ", "<img", " href="].iter().any(|tag| page.contains(tag)),
            "{page:?}"
        );
    }
    let broker = Served::start(&home, [] as [&str; 0]);
    let metrics = broker.ask("GET", "/metrics").body;
    assert!(metrics.contains("lanyard_watched_devices{"), "{metrics}");
    assert!(
        is_plain(&metrics) && !["cmd", "script", "owned", "forged", "会议室"].iter().any(|word| metrics.contains(word))
    );
}

#[test]
fn a_device_is_asked_and_commanded_once() {
    let (webex, home) = scene();
    grant_all(&webex);
    home.run(["devices", "watch", "add", "lobby"]).ok();
    let all = listed(&home);
    let phone = |device: &&Value| device["product"].as_str().unwrap().contains("88");
    let device = all.iter().find(|device| device["state"] == "up" && !phone(device)).unwrap();
    let (id, workspace) = (device["id"].as_str().unwrap(), device["workspace"].as_str().unwrap());
    let got = home.run(["devices", "xapi", id, "get", "Audio.Volume", "standby/state", "No.Such"]);
    assert!(got.stdout.contains("Audio.Volume") && got.stdout.contains("50"), "{got:?}");
    assert!(got.stdout.contains("Standby.State") && got.stderr.contains("nothing as No.Such"), "{got:?}");
    got.ok();
    let eleven: Vec<String> = (0..11).map(|number| format!("Audio.N{number}")).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    home.run([&["devices", "xapi", id, "get"], &eleven[..]].concat()).fails(2);
    home.run(["devices", "xapi", id, "get", "Audio?x"]).fails(2);

    // Read Only is not enough, and a person must grant more.
    let sent = || {
        webex
            .record()
            .iter()
            .filter(|call| call["method"] == "POST" && call["path"].as_str().unwrap().contains("/xapi/"))
            .count()
    };
    let command = ["devices", "xapi", id, "run", "Audio.Volume.Set", "Level=35"];
    for words in [&command[..], &[&command[..], &["--dry-run"]].concat(), &["devices", "restart", id]] {
        let refused = home.run(words);
        assert!(refused.stderr.contains("has Read Only on") && refused.stderr.contains("needs Full"), "{refused:?}");
        assert!(refused.hint().contains(&format!("change {} to Full", webex.description().bot.email)), "{refused:?}");
        refused.fails(4);
    }
    assert_eq!(sent(), 0);
    // The grant counts at once, whenever the devices were read.
    webex.grant(workspace, &webex.description().bot.email, Some("full"));
    let ran = home.run(command);
    assert!(ran.stdout.contains("Audio.Volume.Set Level=35"), "{ran:?}");
    ran.ok();
    assert_eq!(json(&home, &["devices", "xapi", id, "get", "Audio.Volume"]).1["result"]["Audio"]["Volume"], 35);
    home.run(["devices", "sweep"]).ok();
    let before = webex.record().len();
    let dry = home.run([&command[..], &["--dry-run"]].concat());
    assert!(dry.stdout.starts_with("Would send ") && dry.stderr.contains("nothing was sent"), "{dry:?}");
    assert_eq!((sent(), webex.record().len()), (1, before), "a dry run calls nothing");
    let audit = home.run(["audit"]).ok();
    let line = audit.lines().find(|line| line.contains("command Audio.Volume.Set(Level) to be sent to")).unwrap();
    let (_, what) = line.split_once("devices: ").unwrap();
    assert!(!what.contains("35"), "arguments may be secrets: {line}");
    // Webex's refusal is passed on.
    home.run(["devices", "xapi", id, "run", "No.Such"]).fails(1);
    home.run(["devices", "xapi", id, "run", "Audio.*"]).fails(2);

    // A restart is one; then the device is not connected, and nothing more is sent.
    home.run(["devices", "restart", id]).ok();
    let count = sent();
    for words in [&command[..], &["devices", "restart", id], &["devices", "xapi", id, "get", "Audio.Volume"]] {
        let refused = home.run(words);
        assert!(refused.stderr.contains("is not connected") && refused.stderr.contains("disconnected"), "{refused:?}");
        refused.fails(1);
    }
    assert_eq!(sent(), count);
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
