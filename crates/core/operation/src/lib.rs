//! Operations: every use case is a value that is declared once, and [`perform`] is the only way to carry one out.
//!
//! An [`Operation`] declares its name, the capability that it needs and the credentials that it is about. A [`Caller`] performs it,
//! and it runs on a [`Context`]. The process that performs it is a [`Door`]: a broker, which authorises and records, or a command
//! of the owner. A [`Registry`] holds the operations that another process may ask for by name. Every entry point reports failures
//! as a [`Problem`].

mod bytes;
mod caller;
mod declaration;
mod operation;
mod perform;
mod problem;
mod registry;

pub use bytes::{WireError, decode, encode};
pub use caller::{Actor, Caller, Starter};
pub use declaration::{About, Declaration, Needs, Recorded};
pub use operation::{Context, Operation, Provides};
pub use perform::{Authorized, Door, End, Entry, OwnerDoor, Running, admit, authorise, detached, joined, perform};
pub use problem::{Cause, Class, Code, Problem};
pub use registry::Registry;
