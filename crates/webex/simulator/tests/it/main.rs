//! The simulator over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod access;
mod authorizations;
mod bots;
mod control;
mod device;
mod faults;
mod guests;
mod people;
mod refresh;
mod service_apps;
mod sign_in;
mod token_expiry;
mod world;
