//! The tests that every engine has to pass, against [`lanyard_store::Store`], and the tests of a home on a disk, against [`lanyard_home`],
//! which shares this world.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is tests; the helpers beside them fail them just so"
)]

// What only a home on a disk can show.
mod backup;
mod boots;
mod child;
mod files;
mod home;
mod key_pairs;
mod key_sources;
mod keys;
mod relocation;
mod replaced;
mod schema;
mod server;

#[path = "conformance.rs"]
mod on_sqlite;

#[path = "conformance.rs"]
#[expect(clippy::duplicate_mod, reason = "one suite runs on both engines")]
mod on_postgres;

use on_sqlite::world;
