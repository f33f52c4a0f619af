//! A home, a Webex and the binary for tests, in one line each.
//!
//! A test reads as a story: [`Webex::start`], [`Home::new`], [`Home::sign_in`], then what is done and what is seen. Failures
//! panic: whatever goes wrong here, the test has failed.

mod disk;
mod home;
mod run;
mod webex;

pub use home::Home;
pub use run::{Ended, Running};
pub use webex::{RefreshBehaviour, Webex};
