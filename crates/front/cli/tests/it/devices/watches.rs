//! Watches, from a bot to which nothing is granted to one whose token is dead.

use lanyard_testkit::{Home, Method, Options, Served, Webex};
use serde_json::{Value, json as value};

use super::{ADMINISTRATOR, a_minute_later, grant_all, listed, scene, sweep_twice};
use crate::kinds::{add, administrator, home, json};

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

/// How many of the units that read devices and places wait for a later time.
fn waiting(home: &Home) -> u64 {
    let query = "SELECT COUNT(*) FROM work WHERE kind IN ('devices.sweep', 'devices.places') AND due > (CAST(strftime('%s', 'now') AS INTEGER) + 5) * 1000";
    let mut sqlite = std::process::Command::new("sqlite3");
    let output = sqlite.args(["-cmd", ".timeout 20000"]).arg(home.path().join("lanyard.db")).arg(query).output();
    String::from_utf8(output.expect("sqlite3 is there").stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn a_watch_that_is_changed_or_resumed_wakes_all_its_units() {
    let (webex, home) = scene();
    grant_all(&webex);
    administrator(&webex, &home, &ADMINISTRATOR);
    home.run(["devices", "watch", "add", "lobby", "--against", "admin"]).ok();
    for change in [&["set", "lobby", "--interval", "5m"][..], &["pause", "lobby"], &["resume", "lobby"]] {
        let broker = Served::start(&home, [] as [&str; 0]);
        for _ in 0..1500 {
            if waiting(&home) == 2 {
                break;
            }
            lanyard_testkit::wait(std::time::Duration::from_millis(20));
        }
        assert!(broker.stop().status.success());
        assert_eq!(waiting(&home), 2, "the devices and the places were read, before {change:?}");
        home.run([&["devices", "watch"], change].concat()).ok();
        assert_eq!(waiting(&home), 0, "{change:?}");
    }
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
