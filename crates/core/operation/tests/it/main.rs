//! How operations are declared, performed and found by name.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod job;
