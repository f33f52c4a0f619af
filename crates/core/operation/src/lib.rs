//! Operations: every use case is a value that is declared once, and [`perform`] is the only way to carry one out.
//!
//! An [`Operation`] says what it is called, which capability it needs and whom it is about. Its caller is a [`Caller`], and what it runs
//! on a [`Context`]. The process that performs it is a [`Door`]: a broker, which authorises and records, or a command of the owner's. A
//! [`Registry`] holds the operations that another process may ask for by name. Failures cross every entry point as a [`Problem`].

mod bytes;
mod caller;
mod declaration;
mod operation;
mod perform;
mod problem;
mod registry;

pub use bytes::{WireError, decode, encode};
pub use caller::{Actor, Caller};
pub use declaration::{About, Declaration, Needs, Recorded};
pub use operation::{Context, Operation};
pub use perform::{Door, End, Entry, OwnerDoor, detached, joined, perform};
pub use problem::{Cause, Class, Code, Problem};
pub use registry::Registry;
