//! The tests that every engine has to pass. They are compiled once for each engine: [`world`] makes the home on the engine that this module
//! is named after.

mod apps;
mod audit;
mod changes;
mod clearing;
mod client_list;
mod clients;
mod concurrency;
mod credentials;
mod journal;
mod labels;
mod limits;
pub(crate) mod owned;
mod rotation;
mod seals;
mod secrecy;
pub(crate) mod world;
