//! The rotation protocol: replacing token set *g* by *g+1* without ever losing the grant.
//!
//! [`step`](State::step) is the whole protocol as a pure function. Whoever drives it performs the [`Action`] that it asks for
//! and tells it the [`Event`] that came of it, until it has [`Finished`](State::Finished). All who rotate (two commands, a
//! command and a broker, several brokers) follow it; what they share is the store and nothing else.
//!
//! What holds it together:
//! - The generation is the fence: a commit says which generation it replaces and fails when another was faster. The lease only
//!   saves work.
//! - The intent is written before the refresh token is sent. Whoever finds one open knows that the token may be spent, waits
//!   until its writer is surely gone, and sends the same token once more.
//! - An answer, once here, is never given up: its commit is repeated until it holds, and where another was faster its refresh
//!   token is kept as a spare.
//! - A grant is called dead only by an answer that came when nobody else's answer could still come.

mod event;
#[cfg(test)]
mod model;
mod step;

pub use event::{Action, Answer, Event, Failure, Found, Snapshot, Writer};
pub use step::{Outcome, State};
