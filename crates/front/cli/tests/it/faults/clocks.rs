//! Wall clocks that jump. Within one boot a token's life is counted by the boot clock, which nobody can set.

use lanyard_testkit::{Home, Running, Webex};

use super::{nothing_is_lost, strict};
use crate::signed_in;

/// How far the clock is off, as `faketime` takes it, and how the doctor says it.
const JUMPS: [(&str, &str); 2] = [
    ("-1d", "the wall clock was set back by 1 day since the token of acme was obtained"),
    ("+30d", "the wall clock was set forward by 30 days since the token of acme was obtained"),
];

/// The binary, its wall clock off by `offset` and its boot clock right.
fn run_at(home: &Home, offset: &str, arguments: &[&str]) -> lanyard_testkit::Ended {
    let mut command = home.command_by(["faketime", "-f", offset], arguments);
    Running::start(command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1")).end()
}

#[track_caller]
fn valid_for(home: &Home, offset: &str) -> String {
    let shown = run_at(home, offset, &["show", "acme"]).ok();
    shown.lines().find(|line| line.starts_with("valid for")).expect("how long it is valid").to_owned()
}

fn signed_in_strictly() -> (Webex, Home) {
    let webex = strict();
    let home = signed_in(&webex);
    (webex, home)
}

#[test]
fn a_wall_clock_that_jumps_loses_no_token_and_starts_no_renewal() {
    for (offset, said) in JUMPS {
        let (webex, home) = signed_in_strictly();
        let before = home.token();
        for _ in 0..3 {
            assert_eq!(run_at(&home, offset, &["token", "acme"]).ok(), before, "{offset}");
        }
        assert!(valid_for(&home, offset).contains("19 mins"), "{offset}: {}", valid_for(&home, offset));
        let refresh = run_at(&home, offset, &["refresh", "acme"]);
        assert!(refresh.stderr.contains("needs no renewal yet"), "{offset}: {}", refresh.stderr);
        refresh.ok();
        assert_eq!(webex.refreshes().len(), 0, "{offset}: {:?}", webex.refreshes());

        let doctor = run_at(&home, offset, &["doctor"]);
        assert!(doctor.stdout.contains(said), "{offset}: {}", doctor.stdout);
        assert!(doctor.stdout.contains("hint: see that the machine's time is right"), "{}", doctor.stdout);
        nothing_is_lost(&home, &webex, 0);
    }
}

#[test]
fn a_renewal_under_a_wrong_wall_clock_is_as_good_as_any() {
    for (offset, _) in JUMPS {
        let (webex, home) = signed_in_strictly();
        run_at(&home, offset, &["refresh", "acme", "--force"]).ok();
        // The clock is right again: neither is the token taken for one that has ended, nor for one that never ends.
        let token = home.token();
        assert!(webex.accepts(&token), "{offset}");
        assert_eq!(run_at(&home, "+0", &["token", "acme"]).ok(), token);
        assert!(valid_for(&home, "+0").contains("19 mins"), "{offset}: {}", valid_for(&home, "+0"));
        nothing_is_lost(&home, &webex, 1);
    }
}
