//! Events, while brokers are killed in the middle of their deliveries: two in one home, and two in homes that share a PostgreSQL server.
//!
//! Every event of the journal reaches the receiver at least once, and none has two ids.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use lanyard_testkit::{Bot, Home, Postgres, RefreshBehaviour, Served, Webex, left_out, wait};
use lanyard_time::SeededEntropy;
use serde_json::Value;

use super::Dice;
use crate::receiver::Receiver;
use crate::{LANYARD, on_server};

/// How many rounds there are, each with a kill and with events; `LANYARD_DELIVERIES` for the long form.
fn rounds() -> u64 {
    std::env::var("LANYARD_DELIVERIES").ok().and_then(|text| text.parse().ok()).unwrap_or(9)
}

/// In each of so many rounds, both brokers are killed while a delivery is under way.
const BOTH: u64 = 3;

/// The longest time that the receiver takes to accept an event, in microseconds.
pub(super) const SLOW: u64 = 80_000;
/// The longest time between the events of a round and its kill, in microseconds.
const LONGEST: u64 = 1_500_000;

#[test]
fn no_event_is_lost_or_has_two_ids_if_two_brokers_of_a_home_are_killed() {
    with_two_of_a_home(|home, serve| killed_in_the_middle("two brokers, SQLite", home, serve));
}

#[test]
fn no_event_is_lost_or_has_two_ids_if_brokers_on_a_server_are_killed() {
    with_two_on_a_server(|home, serve| killed_in_the_middle("two homes, PostgreSQL", home, serve));
}

/// Two brokers of one home, each started by its number.
pub(super) fn with_two_of_a_home(test: impl FnOnce(&Home, &dyn Fn(usize) -> Served)) {
    let home = Home::new(LANYARD);
    let elsewhere = home.beside().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    test(&home, &|which| match which {
        0 => Served::start(&home, [] as [&str; 0]),
        _ => Served::start(&home, ["--sockets", elsewhere.to_str().unwrap()]),
    });
}

/// The brokers of two homes that share a PostgreSQL server, each started by its number.
pub(super) fn with_two_on_a_server(test: impl FnOnce(&Home, &dyn Fn(usize) -> Served)) {
    let server = match Postgres::shared() {
        Ok(server) => server,
        Err(why) => return left_out(why),
    };
    let address = server.database();
    let home = on_server::home(&address);
    // The home gets its key with the first credential.
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    add(&home, &webex, "first", &webex.description().bot.access_token);
    let other = on_server::beside(&home, &address);
    test(&home, &|which| Served::start(if which == 0 { &home } else { &other }, [] as [&str; 0]));
}

fn killed_in_the_middle(what: &str, home: &Home, serve: &dyn Fn(usize) -> Served) {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let bots: Vec<Bot> = ["lobby", "desk", "hall"].map(|name| webex.new_bot(name)).into();
    for (bot, name) in bots.iter().zip(["lobby", "desk", "hall"]) {
        add(home, &webex, name, &bot.access_token);
    }
    let paces = Dice(SeededEntropy::new(23));
    let receiver = Receiver::with_pace(move || Duration::from_micros(paces.below(SLOW)));
    let url = receiver.url("/");
    home.run(["channel", "add", "webhook", "ops", &url, "--allow-private", "--untested"]).ok();
    let mut brokers = [0, 1].map(|which| Some(serve(which)));
    let dice = Dice(SeededEntropy::new(17));
    let (mut kills, mut signed_in) = (0, 0);
    for round in 0..rounds() {
        // Both are killed while the receiver has an event that it has not accepted.
        let is_both = round % BOTH == 0;
        receiver.hold(is_both);
        // An administrator gives a bot a new token; Lanyard notices, or a person is faster.
        let which = dice.index(bots.len());
        let name = ["lobby", "desk", "hall"][which];
        let token = webex.regenerate_bot(&bots[which].email);
        if dice.below(2) == 0 {
            home.run(["test", name]).fails(4);
        }
        add(home, &webex, name, &token);
        signed_in += 1;
        let killed: &[usize] = if is_both {
            let logs = || brokers.iter().flatten().map(Served::log).collect::<Vec<_>>();
            assert!(receiver.wait_for_a_request(), "nothing is delivered in round {round}: {:#?}", logs());
            &[0, 1]
        } else {
            wait(Duration::from_micros(dice.below(LONGEST)));
            &[[0, 1][dice.index(2)]]
        };
        for &which in killed {
            kills += usize::from(brokers[which].take().unwrap().kill());
        }
        receiver.hold(false);
        for &which in killed {
            brokers[which] = Some(serve(which));
        }
    }
    let events = settled(home, &receiver);
    for broker in brokers.into_iter().flatten() {
        assert!(broker.stop().status.success());
    }
    home.run(["audit", "--verify"]).ok();

    let (arrived, mut deliveries) = (receiver.events(), BTreeMap::new());
    for event in &arrived {
        // A repeated delivery is the same to the letter.
        assert_eq!(*deliveries.entry(id(event)).or_insert(event), event);
    }
    let listed: BTreeMap<&str, &Value> = events.iter().map(|event| (id(event), event)).collect();
    assert_eq!(listed.len(), events.len(), "an id is that of one event");
    assert_eq!(deliveries, listed, "what arrived is what happened");
    let numbers: BTreeSet<_> = listed.keys().map(|id| id.split_once('-').unwrap().0).collect();
    assert_eq!(numbers.len(), listed.len(), "an event has one id");
    told_once(&events);
    let authorised = events.iter().filter(|event| event["type"] == "lanyard.credential.authorised").count();
    assert_eq!(authorised, signed_in, "{events:#?}");
    let again = arrived.len() - listed.len();
    assert!(again > 0, "no kill fell into a delivery");
    eprintln!("{what}: {kills} kills, {} events, {again} of them delivered again, none lost", listed.len());
}

pub(super) fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

/// Of each credential, a failure and a recovery are told in turns: no change is told twice.
fn told_once(events: &[Value]) {
    let mut last = BTreeMap::new();
    for event in events {
        let kind = event["type"].as_str().unwrap();
        if matches!(kind, "lanyard.credential.needs-login" | "lanyard.credential.recovered") {
            let subject = event["subject"].as_str().unwrap();
            let earlier = last.insert(subject, kind).unwrap_or("lanyard.credential.recovered");
            assert_ne!(earlier, kind, "{subject}: {events:#?}");
        }
    }
}

/// Waits until every event has arrived, nobody is left who must be told of something, and returns the events.
fn settled(home: &Home, receiver: &Receiver) -> Vec<Value> {
    for _ in 0..1000 {
        let text = home.run(["--json", "events", "--since", "1d"]).ok();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let arrived: BTreeSet<String> = receiver.events().iter().map(|event| id(event).to_owned()).collect();
        let kinds = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        let is_quiet = kinds("lanyard.credential.needs-login") == kinds("lanyard.credential.recovered");
        if is_quiet && events.iter().all(|event| arrived.contains(id(event))) {
            return events;
        }
        wait(Duration::from_millis(100));
    }
    panic!("not all events arrived: {:#?}", home.run(["--json", "events", "--since", "1d"]));
}

pub(super) fn add(home: &Home, webex: &Webex, name: &str, token: &str) {
    let file = home.file(name, token);
    home.run(["--webex-url", webex.url(), "add", "bot", name, "--token-file", file.to_str().unwrap()]).ok();
}
