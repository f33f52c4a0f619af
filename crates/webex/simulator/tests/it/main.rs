//! The simulator over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod access;
mod control;
mod faults;
mod openapi;
mod people;
mod refresh;
mod sign_in;
mod world;
