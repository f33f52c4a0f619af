//! The client against scripted servers on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod api_client;
mod calls;
mod errors;
mod limits;
mod odd_answers;
mod pages;
mod proxies;
mod server;
mod stream;
mod typed;
mod world;
