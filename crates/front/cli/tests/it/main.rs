//! The binary, driven as a person or a program drives it, against a local Webex.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that goes wrong panics, and one that counts says so"
)]

mod add;
mod apps;
mod crashes;
#[cfg(target_os = "linux")]
mod faults;
mod exec;
mod origins;
mod output;
mod races;
mod replies;
mod sdk;
mod sign_in;
mod snapshots;

use lanyard_testkit::{Home, RefreshBehaviour, Webex};

/// The binary under test.
const LANYARD: &str = env!("CARGO_BIN_EXE_lanyard");

/// The three ways in which a Webex may treat refresh tokens.
const BEHAVIOURS: [RefreshBehaviour; 3] =
    [RefreshBehaviour::Keep, RefreshBehaviour::Rotate, RefreshBehaviour::RotateStrict];

/// A home that is signed in as `acme`.
fn signed_in(webex: &Webex) -> Home {
    Home::signed_in(LANYARD, webex)
}
