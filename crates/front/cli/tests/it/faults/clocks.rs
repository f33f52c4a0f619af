//! Wall clocks that jump. Within one boot nothing is spent because of the wall clock alone: Webex is asked first.

use std::process::Command;

use lanyard_testkit::{Ended, Home, Running, Webex, left_out};

use super::{nothing_is_lost, strict};
use crate::signed_in;

/// How far the clock is off, as `faketime` takes it, and how the doctor says it.
const JUMPS: [(&str, &str); 2] = [
    ("-1d", "the wall clock was set back by 1 day since the token of acme was obtained"),
    ("+30d", "the wall clock was set forward by 30 days since the token of acme was obtained"),
];

/// The command that starts a process as if the machine had rebooted: with another boot id. Without the rights for that, it reports the
/// test as left out and returns `None`.
pub(super) fn after_a_reboot(home: &Home) -> Option<Vec<String>> {
    let boot = home.file("boot-id", "7d3f1b2e-0000-4000-8000-5ea0b0074e57\n");
    let enter = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";
    let starter = ["unshare", "--mount", "sh", "-c", enter, boot.to_str().expect("the path is text")];
    let tried = Command::new(starter[0]).args(&starter[1..]).arg("true").output().expect("unshare(1) is here");
    if !tried.status.success() {
        left_out(&format!("it takes root, to unshare and mount: {}", String::from_utf8_lossy(&tried.stderr)));
        return None;
    }
    Some(starter.map(str::to_owned).to_vec())
}

/// The binary, its wall clock off by `offset` and its boot clock right.
fn run_at(home: &Home, offset: &str, arguments: &[&str]) -> Ended {
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
        let doctor = run_at(&home, offset, &["doctor"]);
        assert!(doctor.stdout.contains(said), "{offset}: {}", doctor.stdout);
        assert!(doctor.stdout.contains("hint: see that the machine's time is right"), "{}", doctor.stdout);

        webex.forget_record();
        for _ in 0..3 {
            assert_eq!(run_at(&home, offset, &["token", "acme"]).ok(), before, "{offset}");
        }
        // A clock that is ahead is looked into once: after that, the boot clock measures the token's validity.
        let asked = webex.record().len();
        assert_eq!(asked, usize::from(offset.starts_with('+')), "{offset}: {:?}", webex.record());
        assert!(valid_for(&home, offset).contains("19 mins"), "{offset}: {}", valid_for(&home, offset));
        let refresh = run_at(&home, offset, &["refresh", "acme"]);
        assert!(refresh.stderr.contains("needs no renewal yet"), "{offset}: {}", refresh.stderr);
        refresh.ok();
        assert_eq!(webex.refreshes().len(), 0, "{offset}: {:?}", webex.refreshes());
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

/// Across boots there is only the wall clock. Wrong, it may cost a renewal that was not due, and never a token.
#[test]
fn a_reboot_into_a_wrong_wall_clock_loses_no_token_and_starts_no_storm() {
    for (offset, renewals) in [("+0", 0), ("-1d", 0), ("+30d", 1)] {
        let (webex, home) = signed_in_strictly();
        let Some(mut starter) = after_a_reboot(&home) else { return };
        starter.extend(["faketime", "-f", offset].map(str::to_owned));
        let run = |arguments: &[&str]| {
            let mut command = home.command_by(&starter, arguments);
            Running::start(command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1")).end().ok()
        };
        for _ in 0..3 {
            assert!(webex.accepts(&run(&["token", "acme"])), "{offset}");
            assert_eq!(webex.refreshes().len(), renewals, "{offset}: {:?}", webex.refreshes());
        }
        run(&["refresh", "acme", "--force"]);
        assert!(webex.accepts(&run(&["token", "acme"])), "{offset}");
        assert_eq!(webex.refreshes().len(), renewals + 1, "{offset}: {:?}", webex.refreshes());
    }
}
