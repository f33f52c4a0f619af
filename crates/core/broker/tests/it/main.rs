//! The broker against a local Webex, on a clock that tests move.

#![expect(clippy::unwrap_used, reason = "all of this is tests; the helpers beside them fail them just so")]

mod authorized;
mod damage;
mod drained;
mod events;
mod loading;
mod origins;
mod refresher;
mod refused;
mod sink;
mod world;
