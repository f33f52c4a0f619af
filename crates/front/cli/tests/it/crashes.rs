//! kill -9 in the middle of a rotation: at every named step, and at random moments, on each engine; and of the database's server.
//!
//! What may be lost is exactly what the design allows: a grant of a server that rotates strictly, whose reply was sent while no
//! process lived to write it. It is counted against the simulator's own record.

use std::time::Duration;

use lanyard_testkit::{Ended, Home, Postgres, RefreshBehaviour, Running, Webex, left_out, wait};
use lanyard_time::{Clock as _, Entropy as _, SeededEntropy, SystemClock};
use serde_json::{Value, json};

use crate::{BEHAVIOURS, on_server, signed_in};

/// Tokens outlast the test: only what is forced rotates.
const LIFE: Duration = Duration::from_hours(1);

/// The steps, in order, and how many exchanges Webex has seen when a process is killed there.
const STEPS: [(&str, usize); 4] =
    [("rotation.declared", 0), ("rotation.sending", 0), ("rotation.answered", 1), ("rotation.committed", 1)];

#[test]
fn a_kill_at_any_step_loses_nothing_but_an_unwritten_answer_of_a_strict_server() {
    for behaviour in BEHAVIOURS {
        for (step, seen) in STEPS {
            let what = format!("{behaviour} {step}");
            let webex = Webex::start(behaviour, LIFE);
            let home = signed_in(&webex);

            let mut command = home.command(["refresh", "acme", "--force"]);
            let killed = Running::start(command.env("LANYARD_FAILPOINT", format!("{step}=kill"))).end();
            assert_eq!(killed.code(), -1, "{what}: killed by the signal: {}", killed.stderr);
            assert_eq!(webex.refreshes().len(), seen, "{what}");

            let next = home.run(["refresh", "acme", "--force"]);
            let shown = home.show("acme");
            if behaviour == RefreshBehaviour::RotateStrict && step == "rotation.answered" {
                let said = next.fails(4);
                assert!(said.contains("hint: sign in again: lanyard login acme"), "{said}");
                assert_eq!(shown["state"], "needs-login", "{what}");
                assert!(webex.accepts(&home.token()), "{what}: the access token is handed out while it lasts");
                home.sign_in(&webex, "acme");
                assert_eq!(home.show("acme")["state"], "active", "{what}");
                continue;
            }
            next.ok();
            assert_eq!(shown["state"], "active", "{what}: {shown}");
            let generation = if step == "rotation.committed" { 3 } else { 2 };
            assert_eq!(shown["generation"], generation, "{what}");
            assert!(webex.accepts(&home.token()), "{what}");
        }
    }
}

/// How many random kills each behaviour gets; `LANYARD_KILLS` for the long form.
fn rounds() -> usize {
    std::env::var("LANYARD_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

/// The database's server is killed in each of so many rounds.
const ROUNDS_OF_A_SERVER: usize = 3;

/// Once in so many rounds the chain of the audit is verified, and the usual time of a renewal is taken.
const ROUNDS_OF_THE_AUDIT: usize = 25;

#[test]
fn random_kills_at_a_webex_that_keeps() {
    assert_eq!(random_kills(RefreshBehaviour::Keep, None), 0);
}

#[test]
fn random_kills_at_a_webex_that_repeats() {
    assert_eq!(random_kills(RefreshBehaviour::Rotate, None), 0);
}

#[test]
fn random_kills_at_a_webex_that_is_strict() {
    random_kills(RefreshBehaviour::RotateStrict, None);
}

#[test]
fn random_kills_on_postgresql_at_a_webex_that_keeps() {
    assert_eq!(random_kills_on_postgresql(RefreshBehaviour::Keep), 0);
}

#[test]
fn random_kills_on_postgresql_at_a_webex_that_repeats() {
    assert_eq!(random_kills_on_postgresql(RefreshBehaviour::Rotate), 0);
}

#[test]
fn random_kills_on_postgresql_at_a_webex_that_is_strict() {
    random_kills_on_postgresql(RefreshBehaviour::RotateStrict);
}

/// With a server of the test's own, which has its safe settings and is killed too.
fn random_kills_on_postgresql(behaviour: RefreshBehaviour) -> usize {
    match Postgres::start() {
        Ok(server) => {
            for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
                assert_eq!(server.query("postgres", &format!("SHOW {setting}")).unwrap(), "on");
            }
            random_kills(behaviour, Some(&server))
        }
        Err(why) => {
            left_out(&why);
            0
        }
    }
}

/// Kills rotations at random moments, half of them beside a rival, and with a `server` its processes too. Returns how many grants were
/// lost; each loss must be one that the record explains, and no generation that a process reported may be missing.
fn random_kills(behaviour: RefreshBehaviour, server: Option<&Postgres>) -> usize {
    let entropy = SeededEntropy::new(7);
    let (mut lost, mut landed, mut restarts) = (0, 0, 0);
    let webex = Webex::start(behaviour, LIFE);
    let home = match server {
        Some(server) => on_server::home(&server.database()).with_acme(&webex),
        None => signed_in(&webex),
    };
    // Time in which a kill can fall while a request and its reply are on their way.
    webex.fault(&json!({
        "path": "/v1/access_token", "count": null, "action": { "delay_ms": 3, "delay_after_ms": 3 }
    }));
    let renewal = || Running::start(&mut home.command(["--json", "refresh", "acme", "--force"]));
    let (mut before, mut usual) = (0, Duration::ZERO);
    for round in 0..rounds() {
        if round % ROUNDS_OF_THE_AUDIT == 0 {
            home.run(["audit", "--verify"]).ok();
            usual = time_of(|| drop(renewal().end().ok()));
            before = generation(&home);
        }
        webex.forget_record();
        let mut random = [0; 5];
        entropy.fill(&mut random);
        // From its start to a little after its usual end, however busy the machine is.
        let moment = |at: usize| usual * u32::from(u16::from_le_bytes([random[at], random[at + 1]])) / 60_000;
        let victim = renewal();
        let rival = (random[2] % 2 == 0).then(renewal);
        wait(moment(0));
        let killed_too = server.filter(|_| round % ROUNDS_OF_A_SERVER == 0);
        if let Some(server) = killed_too {
            server.kill();
            wait(moment(3));
        }
        landed += usize::from(victim.kill());
        if let Some(server) = killed_too {
            server.start_again();
            restarts += 1;
        }
        let rival = rival.map(Running::end);

        let next = renewal().end();
        // Counted last: Webex carries a request out even when its sender is gone.
        let granted =
            webex.refreshes().iter().filter(|entry| entry["status"] == 200 && entry["effect"] == true).count();
        let after = generation(&home);
        let stored = usize::try_from(after - before).unwrap();
        let what =
            format!("{behaviour}, round {round}: {granted} granted, {stored} stored, rival {rival:?}, next {next:?}");
        for reported in rival.iter().chain([&next]).filter_map(reported) {
            assert!((before..=after).contains(&reported), "{reported} was reported: {what}");
        }
        // An answer that no process lived to write, where the token that bought it is worth nothing any more.
        if behaviour == RefreshBehaviour::RotateStrict && granted > stored {
            lost += 1;
            assert_eq!(next.code(), 4, "{what}");
            assert_eq!(home.show("acme")["state"], "needs-login", "{what}");
            home.sign_in(&webex, "acme");
        } else {
            assert_eq!(next.code(), 0, "{what}");
            assert_eq!(reported(&next), Some(after), "{what}");
            assert_eq!(home.show("acme")["state"], "active", "{what}");
        }
        before = generation(&home);
    }
    assert!(webex.accepts(&home.token()));
    home.run(["audit", "--verify"]).ok();
    let engine = if server.is_some() { "PostgreSQL" } else { "SQLite" };
    eprintln!(
        "{engine}, {behaviour}: {landed} of {} processes killed alive, the server {restarts} times, {lost} grants lost, each explained",
        rounds()
    );
    lost
}

fn time_of(work: impl FnOnce()) -> Duration {
    let clock = SystemClock::new();
    let begun = clock.now();
    work();
    clock.now().since(&begun)
}

/// The generation that a renewal reported to its caller.
fn reported(renewal: &Ended) -> Option<u64> {
    let shown: Option<Value> = serde_json::from_str(&renewal.stdout).ok();
    shown.filter(|_| renewal.code() == 0).map(|shown| shown["generation"].as_u64().expect("a generation"))
}

fn generation(home: &Home) -> u64 {
    home.show("acme")["generation"].as_u64().unwrap()
}
