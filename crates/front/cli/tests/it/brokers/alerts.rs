//! Alerts of watched devices, while the brokers that read them are killed: two in one home, and two in homes that share a PostgreSQL server.
//!
//! Grants are withdrawn and given back. Each withdrawal becomes one alert, which begins and ends with an event of its own, and each of those
//! events arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lanyard_testkit::{Bot, Home, Options, Served, Webex, wait};
use lanyard_time::SeededEntropy;
use serde_json::Value;

use super::Dice;
use super::deliveries::{SLOW, add, id, with_two_of_a_home, with_two_on_a_server};
use crate::receiver::Receiver;

/// How often the grants of all bots are withdrawn and given back; `LANYARD_ALERTS` for the long form.
fn rounds() -> usize {
    std::env::var("LANYARD_ALERTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

const BOTS: usize = 6;
/// The longest time between the request for a reading and the kill, in microseconds: a reading takes about as long.
const LONGEST: u64 = 150_000;
/// A change counts after two readings that are ten seconds apart; within so many kills it must have been noticed.
const MOST_KILLS: usize = 400;

#[test]
fn no_alert_is_lost_if_two_brokers_of_a_home_are_killed() {
    with_two_of_a_home(|home, serve| killed_while_alerts_come_and_go("two brokers, SQLite", home, serve));
}

#[test]
fn no_alert_is_lost_if_brokers_on_a_server_are_killed() {
    with_two_on_a_server(|home, serve| killed_while_alerts_come_and_go("two homes, PostgreSQL", home, serve));
}

fn killed_while_alerts_come_and_go(what: &str, home: &Home, serve: &dyn Fn(usize) -> Served) {
    let webex = Webex::with(Options { devices: 60, people: 20, ..Options::default() });
    let bots: Vec<Bot> = (0..BOTS).map(|number| webex.new_bot(&format!("bot-{number}"))).collect();
    // A room for each, so that a withdrawal is one change.
    let mut rooms = webex.workspaces();
    rooms.sort_by_key(|room| room["name"].as_str().map(str::to_owned));
    let grant = |access: Option<&str>| {
        for (room, bot) in rooms.iter().zip(&bots) {
            webex.grant(room["id"].as_str().unwrap(), &bot.email, access);
        }
    };
    grant(Some("read"));
    for (number, bot) in bots.iter().enumerate() {
        let name = format!("bot-{number}");
        add(home, &webex, &name, &bot.access_token);
        let added = home.run(["devices", "watch", "add", &name]).ok();
        assert!(!added.contains("It sees 0 devices"), "{added}");
    }
    let paces = Dice(SeededEntropy::new(29));
    let receiver = Receiver::with_pace(move || Duration::from_micros(paces.below(SLOW)));
    let url = receiver.url("/");
    home.run(["channel", "add", "webhook", "ops", &url, "--allow-private", "--untested", "--event", "watch.*"]).ok();

    let dice = Dice(SeededEntropy::new(31));
    let mut brokers = [0, 1].map(|which| Some(serve(which)));
    let mut kills = 0;
    for _ in 0..rounds() {
        for (access, open) in [(None, BOTS), (Some("read"), 0)] {
            grant(access);
            let before = kills;
            while open_alerts(home) != open {
                assert!(kills - before < MOST_KILLS, "{:#?}", home.run(["devices", "alerts", "list"]));
                // A command asks one of the brokers to read; the other may be the one that does it next.
                let reading = lanyard_testkit::Running::start(&mut home.command(["devices", "sweep"]));
                wait(Duration::from_micros(dice.below(LONGEST)));
                let which = dice.index(2);
                kills += usize::from(brokers[which].take().unwrap().kill());
                brokers[which] = Some(serve(which));
                // It fails if its broker was killed.
                let _ = reading.end();
            }
        }
    }
    let alerts = alerts(home, &["--all"]);
    let expected: BTreeSet<(String, &str)> = alerts
        .iter()
        .flat_map(|alert| {
            let number = alert["alert"].as_str().unwrap();
            [(number.to_owned(), "lanyard.watch.coverage-fell"), (number.to_owned(), "lanyard.watch.recovered")]
        })
        .collect();
    let told = arrived(&receiver, expected.len());
    for broker in brokers.into_iter().flatten() {
        assert!(broker.stop().status.success());
    }
    home.run(["audit", "--verify"]).ok();

    let found: BTreeSet<_> = told.values().map(|(number, kind)| (number.clone(), kind.as_str())).collect();
    assert_eq!(found, expected, "{alerts:#?}");
    assert_eq!(told.len(), expected.len(), "an event has one id");
    let mut of_watch: BTreeMap<&str, usize> = BTreeMap::new();
    for alert in &alerts {
        assert_eq!(alert["rule"], "coverage", "{alert}");
        *of_watch.entry(alert["watch"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(of_watch.into_values().collect::<Vec<_>>(), [rounds(); BOTS], "a withdrawal is one alert");
    let again = receiver.events().len() - told.len();
    eprintln!("{what}: {kills} kills, {} alerts, {again} of their events delivered again, none lost", alerts.len());
}

fn alerts(home: &Home, more: &[&str]) -> Vec<Value> {
    let text = home.run([&["--json", "devices", "alerts", "list"], more].concat()).ok();
    let listed: Value = serde_json::from_str(&text).unwrap();
    listed["alerts"].as_array().unwrap().clone()
}

fn open_alerts(home: &Home) -> usize {
    alerts(home, &[]).len()
}

/// The events that arrived, by id: the number of the alert, and the type. Waits until there are so many.
fn arrived(receiver: &Receiver, count: usize) -> BTreeMap<String, (String, String)> {
    let mut told = BTreeMap::new();
    for _ in 0..1000 {
        told = receiver
            .events()
            .iter()
            .map(|event| {
                let number = event["data"]["details"]["alert"].as_str().unwrap().to_owned();
                (id(event).to_owned(), (number, event["type"].as_str().unwrap().to_owned()))
            })
            .collect();
        if told.len() >= count {
            break;
        }
        wait(Duration::from_millis(100));
    }
    told
}
