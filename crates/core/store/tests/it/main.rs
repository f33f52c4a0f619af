//! What every engine must do, told against [`lanyard_store::Store`]; and what only a home on a disk can show.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is tests; the helpers beside them fail them just so"
)]

mod apps;
mod audit;
mod backup;
mod changes;
mod child;
mod clearing;
mod client_list;
mod clients;
mod concurrency;
mod credentials;
mod home;
mod key_pairs;
mod key_sources;
mod keys;
mod labels;
mod replaced;
mod rotation;
mod seals;
mod secrecy;
mod world;
