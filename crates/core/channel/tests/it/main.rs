//! Deliveries to real peers on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod alarm;
mod http;
mod reach;
mod server;
mod world;
