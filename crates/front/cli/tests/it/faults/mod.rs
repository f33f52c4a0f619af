//! Faults of the machine: its disk, its files, its clocks, and processes that stand still or are told to stop.
//!
//! Whatever happens, nothing is lost: when the fault is gone, the credential still has a token that Webex accepts, and no refresh
//! token was spent for nothing.

mod clocks;
mod disks;
mod endings;
mod homes;
mod locks;
mod pauses;
mod signals;

use std::process::Command;
use std::time::Duration;

use lanyard_testkit::{Ended, Home, RefreshBehaviour, Running, Webex};

use crate::left_out;

/// Long enough that no token ends within a test by itself.
const LIFE: Duration = Duration::from_mins(20);

/// The Webex that forgives least: a refresh token is dead as soon as it was spent.
fn strict() -> Webex {
    Webex::start(RefreshBehaviour::RotateStrict, LIFE)
}

/// A command that fails as it should: with this code, this sentence and this hint.
#[track_caller]
fn refused(ended: Ended, code: i32, sentence: &str, hint: &str) {
    let said = ended.fails(code);
    assert!(
        said.lines().any(|line| line.starts_with("error: ") && line.contains(sentence)),
        "{sentence:?} in:\n{said}"
    );
    assert!(said.lines().any(|line| line.starts_with("hint: ") && line.contains(hint)), "{hint:?} in:\n{said}");
}

/// The fault is gone: the token is handed out, Webex accepts it, and exactly so many refresh tokens have been spent.
#[track_caller]
fn nothing_is_lost(home: &Home, webex: &Webex, exchanges: usize) {
    assert!(webex.accepts(&home.token()));
    assert_eq!(webex.refreshes().len(), exchanges, "{:?}", webex.refreshes());
    // The refresh token is whole too: it can be spent.
    home.run(["refresh", "acme", "--force"]).ok();
    assert!(webex.accepts(&home.token()));
    assert_eq!(webex.refreshes().len(), exchanges + 1, "{:?}", webex.refreshes());
}

/// A renewal that stops itself at a step.
#[track_caller]
fn stopped_at(home: &Home, step: &str) -> Running {
    let mut command = home.command(["refresh", "acme", "--force"]);
    let running = Running::start(command.env("LANYARD_FAILPOINT", format!("{step}=stop")));
    running.wait_until_stopped();
    running
}

/// What starts a process whose boot clock, and nobody else's, is `ahead` of the machine's.
fn later(ahead: Duration) -> Option<[String; 6]> {
    let starter =
        ["unshare", "--time", "--boottime", &ahead.as_secs().to_string(), "--fork", "--kill-child"].map(str::to_owned);
    let tried = Command::new(&starter[0]).args(&starter[1..]).arg("true").output().expect("unshare(1) is here");
    if !tried.status.success() {
        left_out(&format!("it takes root, to unshare: {}", String::from_utf8_lossy(&tried.stderr)));
        return None;
    }
    Some(starter)
}
