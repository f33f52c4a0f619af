//! The rotation protocol: replacing token set *g* by *g+1* without ever losing the grant.
//!
//! [`step`](State::step) is the whole protocol as a pure function. Whoever drives it performs the [`Action`] that it asks for
//! and tells it the [`Event`] that came of it, until it has [`Finished`](State::Finished). All who rotate (two commands, a
//! command and a broker, several brokers) follow it; what they share is the store and nothing else.
//!
//! What holds it together:
//! - The generation is the fence: a commit says which generation it replaces and fails if another process was faster. The intent
//!   keeps others from sending the same token; what it says of its writer may be wrong, and then the fence is left.
//! - The intent is written before the refresh token is sent, in the transaction that reads the row. A process that finds one open knows
//!   that the token may be spent, waits until its writer is gone, and sends the same token once more.
//! - A writer that runs is never taken for gone, however late it is; a person may take over. A writer of which nothing can be told is
//!   presumed gone once it had more time than any exchange takes, and the intent that follows says so.
//! - An answer, once here, is never given up: its commit is repeated until it holds, and if another process was faster its refresh
//!   token is kept as a spare.
//! - A grant is called dead only by an answer that came when no other answer could still come. After a writer was presumed gone, that
//!   takes a second refusal, one deadline later.
//!
//! | Answer to an exchange | What follows |
//! |---|---|
//! | a token set | it is committed; if the store refuses the write, the answer stays in memory and the commit is repeated |
//! | a token set, but *g+1* exists already | its refresh token is kept, sealed, as the spare until the next rotation succeeds |
//! | a token set, but the credential was erased or signed in again | the tokens are revoked |
//! | the grant is dead | the spare is tried, if there is one; otherwise `needs-login`, and the access token is handed out until it expires |
//! | the grant is dead, after a writer that was only presumed gone | `stalled` for one more deadline; the next refusal counts |
//! | the app's id or secret is refused | the app is at fault, and the refresh token is not used |
//! | 429, or the request was never sent | the intent is closed, and the next attempt waits as long as Webex asked |
//! | none, or none that can be read | one more attempt at once; then `stalled`, and the intent says that no answer will come |

mod event;
#[cfg(test)]
mod model;
mod step;

pub use event::{Action, Answer, Decision, Event, Failure, Found, IntentEnd, Snapshot, Writer};
pub use step::{Attempt, Outcome, State, decide};
