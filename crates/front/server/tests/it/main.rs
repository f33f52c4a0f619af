//! The broker's sockets, driven from the other end.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod owner;
