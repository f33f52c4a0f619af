//! The broker's sockets, driven from the other end; and the proxy behind a bare listener, against the simulator and against servers
//! that misbehave.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod attacks;
mod owner;
mod passing;
mod raw;
mod refused;
mod trouble;
mod world;
