//! Work that outlives a request, shared by the brokers of a store.
//!
//! A *unit* is a row of the table `work`. One process at a time has its [claim](Claim) and does the work; if that process ends, another one
//! takes the unit over. A *recurring* unit is due again and again, such as the delivery to a channel. A *run* ends: it is an operation that
//! takes long ([`Run`]), which a caller [starts](Start), follows and may cancel.
//!
//! The fence of a unit is counted up with every change of hands and of state, and every write names it: a process that lost its claim cannot
//! write. Everything but the times is in a [sealed document](lanyard_store::DocumentPlace), so a writer of the database cannot make a unit.

mod claim;
mod class;
mod job;
mod memory;
mod queue;
mod run;
mod unit;
mod worker;

pub use claim::{Claim, Halt};
pub use class::{call_class, is_passing, send_class};
pub use job::{CredentialSource, JobContext, Tokens};
pub use memory::Memory;
pub use queue::Queue;
pub use run::{CancelRun, HasQueue, ListRuns, Run, RunError, RunView, Runs, ShowRun, Start, add_run};
pub use unit::{State, Unit, UnitId, UnitIdError};
pub use worker::{Handlers, Next, Worker};
