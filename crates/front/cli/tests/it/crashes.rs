//! kill -9 in the middle of a rotation: at every named step, and at random moments.
//!
//! What may be lost is exactly what the design allows: a grant of a server that rotates strictly, whose reply was sent while no
//! process lived to write it. It is counted against the simulator's own record.

use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Running, Webex, wait};
use lanyard_time::{Entropy as _, SeededEntropy};
use serde_json::json;

use crate::{BEHAVIOURS, signed_in};

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

#[test]
fn random_kills_of_a_server_that_keeps() {
    assert_eq!(random_kills(RefreshBehaviour::Keep), 0);
}

#[test]
fn random_kills_of_a_server_that_repeats() {
    assert_eq!(random_kills(RefreshBehaviour::Rotate), 0);
}

#[test]
fn random_kills_of_a_server_that_is_strict() {
    random_kills(RefreshBehaviour::RotateStrict);
}

/// Kills rotations at random moments, half of them beside a rival. Returns how many grants were lost; each loss must be one that
/// the record explains.
fn random_kills(behaviour: RefreshBehaviour) -> usize {
    let entropy = SeededEntropy::new(7);
    let mut lost = 0;
    let mut landed = 0;
    let webex = Webex::start(behaviour, LIFE);
    let home = signed_in(&webex);
    // Time in which a kill can fall while a request and its reply are on their way.
    webex.fault(&json!({
        "path": "/v1/access_token", "count": null, "action": { "delay_ms": 3, "delay_after_ms": 3 }
    }));
    for round in 0..rounds() {
        webex.forget_record();
        let before = generation(&home);
        let mut random = [0; 3];
        entropy.fill(&mut random);
        let victim = Running::start(&mut home.command(["refresh", "acme", "--force"]));
        let rival = (random[2] % 2 == 0).then(|| Running::start(&mut home.command(["refresh", "acme", "--force"])));
        wait(Duration::from_micros(u64::from(u16::from_le_bytes([random[0], random[1]])) * 2 / 3));
        let killed = victim.kill();
        landed += usize::from(killed);
        let rival = rival.map(Running::end);

        let next = home.run(["refresh", "acme", "--force"]);
        // Counted last: Webex carries a request out even when its sender is gone.
        let granted =
            webex.refreshes().iter().filter(|entry| entry["status"] == 200 && entry["effect"] == true).count();
        let stored = usize::try_from(generation(&home) - before).unwrap();
        let what =
            format!("{behaviour}, round {round}: {granted} granted, {stored} stored, rival {rival:?}, next {next:?}");
        // An answer that no process lived to write, where the token that bought it is worth nothing any more.
        if behaviour == RefreshBehaviour::RotateStrict && granted > stored {
            lost += 1;
            assert_eq!(next.code(), 4, "{what}");
            assert_eq!(home.show("acme")["state"], "needs-login", "{what}");
            home.sign_in(&webex, "acme");
        } else {
            assert_eq!(next.code(), 0, "{what}");
            assert_eq!(home.show("acme")["state"], "active", "{what}");
        }
    }
    assert!(webex.accepts(&home.token()));
    home.run(["audit", "--verify"]).ok();
    eprintln!("{behaviour}: {landed} of {} processes killed alive, {lost} grants lost, each explained", rounds());
    lost
}

fn generation(home: &Home) -> u64 {
    home.show("acme")["generation"].as_u64().unwrap()
}
