//! Faults of the machine: its disk, its files, its clocks, and processes that stand still or are told to stop.
//!
//! Whatever happens, nothing is lost: when the fault is gone, the credential still has a token that Webex accepts, and no refresh
//! token was spent for nothing.

mod clocks;
mod disks;
mod endings;
mod hidden;
mod homes;
mod limits;
mod locks;
mod logs;
mod panics;
mod paused_brokers;
mod pauses;
mod planted;
mod sign_ins;
mod signals;
mod together;

use std::process::Command;
use std::time::Duration;

use lanyard_testkit::{Ended, Home, RefreshBehaviour, Running, Webex};
use serde_json::json;

pub(crate) use self::endings::revoke_access;

/// Long enough that no token expires within a test.
const LIFE: Duration = Duration::from_mins(20);

/// The Webex that forgives least: a refresh token is dead as soon as it was spent.
fn strict() -> Webex {
    Webex::start(RefreshBehaviour::RotateStrict, LIFE)
}

/// The token endpoint takes effect at once and answers so much later.
fn slow(webex: &Webex, milliseconds: u64) {
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_after_ms": milliseconds } }));
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

/// Lets the home grow older: its tokens by the wall clock, as after a restart of the machine, and its intents.
pub(crate) fn age(home: &Home, by: Duration) {
    let milliseconds = by.as_millis();
    let sql = format!(
        "UPDATE credentials SET obtained_boot = 'earlier', obtained_wall = obtained_wall - {milliseconds}; \
         UPDATE intents SET deadline = deadline - {milliseconds}"
    );
    let done = Command::new("sqlite3").arg(home.path().join("lanyard.db")).arg(sql).status();
    assert!(done.expect("sqlite3(1) is here").success());
}
