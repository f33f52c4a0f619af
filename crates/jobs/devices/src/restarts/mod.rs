//! Restarts that are planned for a window of hours.
//!
//! A plan is the progress of a recurring unit of work. It is sent at most once: that it is about to be sent is durable before it is, and a
//! process that finds this has found the work of one that ended, whose outcome is unknown.

mod plan;
mod unit;
mod window;

pub(crate) use self::plan::key;
pub use self::plan::{Restart, RestartState};
pub(crate) use self::unit::{RESTART, remove, work};
pub use self::window::{Window, WindowError};
