//! Units of work and runs, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod queue;
mod runs;
mod world;
