//! Many processes at the moment of expiry.

use std::collections::BTreeSet;
use std::time::Duration;

use lanyard_testkit::{RefreshBehaviour, Running, Webex};
use serde_json::json;

use crate::{BEHAVIOURS, signed_in};

/// Long enough that none of the processes sees the second end.
const LIFE: Duration = Duration::from_mins(1);

#[test]
fn two_hundred_processes_at_the_moment_of_expiry_make_one_exchange() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_secs(1));
    let home = signed_in(&webex);
    let old = home.token();
    home.outlive(Duration::from_secs(1));
    webex.live_longer(LIFE);

    let running: Vec<Running> = (0..200).map(|_| Running::start(&mut home.command(["token", "acme"]))).collect();
    let tokens: BTreeSet<String> = running.into_iter().map(|process| process.end().ok()).collect();

    assert_eq!(tokens.len(), 1, "all hold the same token");
    assert!(!tokens.contains(&old), "and it is a new one");
    assert!(webex.accepts(tokens.first().unwrap()));
    assert_eq!(webex.refreshes().len(), 1, "{:?}", webex.refreshes());
    assert_eq!(home.show("acme")["generation"], 2);
}

/// How many rounds of a crowd there are; `LANYARD_RACES` for the long form.
fn rounds() -> u64 {
    std::env::var("LANYARD_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

#[test]
fn a_crowd_that_forces_renewals_spends_each_refresh_token_once() {
    for behaviour in BEHAVIOURS {
        let webex = Webex::start(behaviour, Duration::from_hours(1));
        let home = signed_in(&webex);
        // Answers of some length, so that the crowd meets in the middle of a renewal.
        webex.fault(&json!({ "path": "/v1/access_token", "count": null, "action": { "delay_after_ms": 20 } }));
        for _ in 0..rounds() {
            let crowd: Vec<Running> = (0..12)
                .map(|number| {
                    let mut command = match number % 3 {
                        0 => home.command(["refresh", "acme", "--force"]),
                        1 => home.command(["token", "acme", "--min-validity", "3599"]),
                        _ => home.command(["token", "acme"]),
                    };
                    Running::start(&mut command)
                })
                .collect();
            for process in crowd {
                process.end().ok();
            }
        }
        let rotations = home.show("acme")["generation"].as_u64().unwrap() - 1;
        let exchanges = u64::try_from(webex.refreshes().len()).unwrap();
        assert_eq!(exchanges, rotations, "{behaviour}: nobody died, so every exchange is a rotation");
        assert!(webex.accepts(&home.token()), "{behaviour}");
        home.run(["audit", "--verify"]).ok();
        eprintln!("{behaviour}: {exchanges} exchanges, {rotations} rotations");
    }
}

#[test]
fn one_call_renews_once_even_where_no_token_lasts_as_long_as_asked() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_mins(10));
    let home = signed_in(&webex);
    // The reply takes longer than the margin that was asked for: what comes is too short already.
    webex.fault(&json!({ "path": "/v1/access_token", "count": null, "action": { "delay_ms": 1100 } }));
    home.outlive(Duration::from_secs(1));
    let ended = home.run(["token", "acme", "--min-validity", "599"]);
    assert!(ended.stderr.contains("warning: the token of acme lasts 9 mins"), "{}", ended.stderr);
    ended.ok();
    assert_eq!(webex.refreshes().len(), 1);
}
