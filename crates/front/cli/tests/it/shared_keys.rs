//! A new home key for a store that several homes share: it becomes active once every running broker has it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use lanyard_testkit::{Ended, Home, Postgres, RefreshBehaviour, Running, Webex, left_out};
use serde_json::Value;

use crate::on_server::{beside, home};

/// Two homes of one store, on a server.
struct Shared {
    server: &'static Postgres,
    database: String,
    webex: Webex,
    first: Home,
    second: Home,
}

impl Shared {
    fn new() -> Option<Self> {
        let server = Postgres::shared().map_err(left_out).ok()?;
        let address = server.database();
        let database = address.split('?').next()?.rsplit('/').next()?.to_owned();
        let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_hours(1));
        let first = home(&address).with_acme(&webex);
        let second = beside(&first, &address);
        Some(Self { server, database, webex, first, second })
    }

    fn query(&self, statement: &str) -> String {
        self.server.query(&self.database, &format!("SET search_path = lanyard; {statement}")).unwrap()
    }

    /// Renews through one home, and takes the token from both.
    fn both_work(&self) {
        let before = self.webex.refreshes().len();
        self.first.run(["refresh", "acme", "--force"]).ok();
        self.second.run(["refresh", "acme", "--force"]).ok();
        assert_eq!(self.webex.refreshes().len(), before + 2);
        self.second.run(["audit", "--verify"]).ok();
    }
}

fn broker(home: &Home) -> Running {
    let mut broker = Running::start(&mut home.command(["serve"]));
    broker.wait_for("ready");
    broker
}

fn shown(home: &Home) -> Value {
    serde_json::from_str(&home.run(["--json", "key", "show"]).ok()).unwrap()
}

fn rotate(home: &Home, wait: &str) -> Ended {
    home.run(["key", "rotate", "--wait", wait])
}

/// Does what the hint says: copies the line of the offered key to the other home.
fn bring(from: &Home, to: &Home) {
    let line = fs::read(from.path().join("home.key.next")).unwrap();
    OpenOptions::new().append(true).open(to.path().join("home.key")).unwrap().write_all(&line).unwrap();
}

#[test]
fn a_new_key_waits_for_the_broker_that_lacks_it_and_goes_on_once_it_has_it() {
    let Some(shared) = Shared::new() else { return };
    let Shared { first, second, .. } = &shared;
    let before = shown(first)["id"].clone();
    let brokers = [broker(first), broker(second)];

    let refused = rotate(first, "0");
    let lacking = second.path().join("home.key").display().to_string();
    assert!(refused.stderr.contains(&second.path().display().to_string()), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("home.key.next >> {lacking}\n")), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("\nhint: or withdraw the new key: lanyard key rotate --cancel\n"),
        "{}",
        refused.stderr
    );
    refused.fails(4);
    let offered = shown(first);
    assert_eq!(offered["id"], before, "the old key is in force");
    assert!(offered["offered"]["id"].is_string() && offered["next"].is_null(), "{offered}");
    assert_eq!(offered["brokers"].as_array().unwrap().len(), 2, "{offered}");
    shared.both_work();
    let doctor = first.run(["doctor"]);
    assert!(
        doctor.stdout.contains("has been offered since") && doctor.stdout.contains("shared by"),
        "{}",
        doctor.stdout
    );
    doctor.fails(4);

    // The other home cannot go on with it either, and says what it needs.
    let other = rotate(second, "0");
    assert!(other.hint().contains(&lacking) && other.hint().contains("grep -m 1"), "{}", other.hint());
    other.fails(4);
    let elsewhere = first.run(["key", "rotate", "--to", "keyring"]);
    assert!(elsewhere.hint().contains("--cancel"), "{}", elsewhere.stderr);
    elsewhere.fails(2);

    bring(first, second);
    rotate(first, "60").ok();
    let after = shown(second);
    assert_eq!((&after["id"], &after["offered"]), (&offered["offered"]["id"], &Value::Null));
    shared.both_work();
    for broker in brokers {
        broker.signal("TERM");
        broker.end().ok();
    }
    assert_eq!(shared.query("SELECT count(*) FROM brokers"), "0", "a broker that ends takes its row with it");
    assert_eq!(second.token(), first.token());
    first.run(["doctor"]).ok();

    // The old key is left in the key file of the home that did not make the new one.
    assert_eq!(shown(first)["unused"], serde_json::json!([]));
    assert_eq!(shown(second)["unused"], serde_json::json!([before]));
    let doctor = second.run(["doctor"]).ok();
    let old = before.as_str().unwrap();
    assert!(doctor.contains(&format!("also holds the key {old}, which the store does not use")), "{doctor}");
    let remove = format!("sed -i.old '/{old}/d' {lacking} && rm {lacking}.old");
    assert!(doctor.contains(&remove), "{doctor}");
    assert!(Command::new("sh").args(["-c", &remove]).status().unwrap().success());
    assert!(!second.run(["doctor"]).ok().contains("also holds"));
    assert_eq!(second.token(), first.token());
}

#[test]
fn an_offered_key_is_withdrawn_and_the_old_one_stays() {
    let Some(shared) = Shared::new() else { return };
    let Shared { first, second, .. } = &shared;
    let before = shown(first)["id"].clone();
    let running = broker(second);
    rotate(first, "0").fails(4);
    assert!(first.path().join("home.key.next").exists());
    first.run(["key", "rotate", "--cancel"]).ok();
    assert!(!first.path().join("home.key.next").exists());
    let after = shown(first);
    assert_eq!((&after["id"], &after["offered"]), (&before, &Value::Null));
    shared.both_work();
    let nothing = first.run(["key", "rotate", "--cancel"]);
    assert!(nothing.stderr.contains("no new key is offered"), "{}", nothing.stderr);
    nothing.fails(1);

    // Any home of the store can.
    rotate(first, "0").fails(4);
    second.run(["key", "rotate", "--cancel"]).ok();
    drop(running);
    shared.query("DELETE FROM brokers");
    let rotated = rotate(first, "0");
    assert!(rotated.stderr.contains("without a running broker"), "{}", rotated.stderr);
    rotated.ok();
    let lacking = second.run(["list"]);
    assert!(lacking.hint().contains("append the line that contains"), "{}", lacking.hint());
    lacking.fails(6);
}

#[test]
fn a_broker_that_was_killed_stops_counting() {
    let Some(shared) = Shared::new() else { return };
    let Shared { first, second, .. } = &shared;
    broker(second).kill();
    let refused = rotate(first, "0");
    assert!(refused.stderr.contains(&second.path().display().to_string()), "{}", refused.stderr);
    refused.fails(4);
    // All may be silent because the server was out of reach for them: shortly after an offer they count for longer.
    shared.query("UPDATE brokers SET seen = seen - 120000");
    rotate(first, "0").fails(4);
    shared.query("UPDATE brokers SET seen = seen - 600000");
    rotate(first, "0").ok();
    assert!(shown(first)["brokers"].as_array().unwrap().is_empty());
    // Others remove its row.
    let running = broker(first);
    assert_eq!(shared.query("SELECT host || ':' || home FROM brokers").matches(':').count(), 1);
    assert!(shared.query("SELECT home FROM brokers").contains(&first.path().display().to_string()));
    drop(running);
}

#[test]
fn a_row_that_lanyard_did_not_write_names_no_place_to_bring_a_key_to() {
    let Some(shared) = Shared::new() else { return };
    let Shared { first, second, .. } = &shared;
    let running = broker(second);
    for forgery in [
        "UPDATE brokers SET home = '/tmp/elsewhere'",
        "INSERT INTO brokers SELECT 'forged', host, home, version, keys, seal, seen FROM brokers",
    ] {
        shared.query(forgery);
    }
    let brokers = shown(first)["brokers"].clone();
    // Unless it reported itself again by now.
    assert!(brokers.as_array().unwrap().iter().all(|broker| broker["home"] == *second.path().to_string_lossy()));
    assert!(brokers.as_array().unwrap().len() <= 1, "{brokers}");
    drop(running);
}

/// A command of another home may wait for an answer, which it could not write under a key that it lacks.
#[test]
fn a_new_key_waits_for_a_renewal_of_another_home() {
    let Some(shared) = Shared::new() else { return };
    let Shared { first, second, webex, .. } = &shared;
    webex.fault(&serde_json::json!({
        "path": "/v1/access_token", "count": 1, "action": { "delay_after_ms": 4000 }
    }));
    let renewal = Running::start(&mut second.command(["refresh", "acme", "--force"]));
    while shared.query("SELECT count(*) FROM intents WHERE phase = 'open'") != "1" {
        lanyard_testkit::wait(Duration::from_millis(10));
    }
    let refused = rotate(first, "0");
    assert!(refused.stderr.contains("is renewing the credential acme"), "{}", refused.stderr);
    refused.fails(4);
    renewal.end().ok();
    rotate(first, "60").ok();
    assert_eq!(first.show("acme")["generation"], 2);
    first.run(["audit", "--verify"]).ok();
}
