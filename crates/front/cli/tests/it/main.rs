//! The binary, driven as a person or a program drives it, against a local Webex.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that goes wrong panics, and one that counts says so"
)]

mod add;
mod api;
mod apps;
mod audit;
mod backups;
mod behind;
mod brokers;
#[cfg(target_os = "linux")]
mod browser;
#[cfg(target_os = "linux")]
mod canary;
mod client;
mod client_set;
mod command_line;
#[cfg(target_os = "linux")]
mod completions;
mod crashes;
mod damaged;
mod demo;
mod device_rules;
mod devices;
mod exec;
mod exec_login;
#[cfg(target_os = "linux")]
mod faults;
mod generated;
mod guide;
mod hints;
mod import;
mod key_kills;
#[cfg(target_os = "linux")]
mod keyring;
mod keys;
mod kinds;
mod manage;
mod mistakes;
mod on_server;
mod origins;
mod other_store;
mod output;
mod prompts;
mod races;
mod receiver;
mod release;
mod replies;
mod sdk;
mod serve;
#[cfg(target_os = "linux")]
mod server_access;
mod setup;
mod shared_keys;
mod sign_in;
mod simulator;
mod snapshots;
#[cfg(target_os = "linux")]
mod soak;
mod stopping;
mod terminal;
mod tokens;
mod transcripts;
mod visible;

use lanyard_testkit::{Home, RefreshBehaviour, Webex};

/// The binary under test.
const LANYARD: &str = env!("CARGO_BIN_EXE_lanyard");

/// The three ways in which a Webex may treat refresh tokens.
const BEHAVIOURS: [RefreshBehaviour; 3] =
    [RefreshBehaviour::Keep, RefreshBehaviour::Rotate, RefreshBehaviour::RotateStrict];

/// Opens a store as the binary does: with the tables of every job.
fn store_options() -> lanyard_home::Options {
    lanyard_home::Options { parts: PARTS, ..lanyard_home::Options::default() }
}

const PARTS: &[lanyard_store::sql::Migrations] = &[lanyard_devices::MIGRATIONS];

/// A home that is signed in as `acme`.
fn signed_in(webex: &Webex) -> Home {
    Home::signed_in(LANYARD, webex)
}
