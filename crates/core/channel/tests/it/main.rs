//! Deliveries to real peers on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod alarm;
mod command;
mod http;
mod mail;
mod reach;
mod secrets;
mod server;
mod space;
mod world;
