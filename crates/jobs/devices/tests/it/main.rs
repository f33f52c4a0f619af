//! The job, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod alerts;
mod day;
mod organisation;
mod pushes;
mod readings;
mod rollups;
mod tables;
mod world;
