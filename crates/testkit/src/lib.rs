//! A home, a Webex and the binary for tests, in one line each.
//!
//! A test reads as a story: [`Webex::start`], [`Home::new`], [`Home::sign_in`], then what is done and what is seen. Failures
//! panic: whatever goes wrong here, the test has failed.

#![expect(clippy::missing_panics_doc, reason = "a test that goes wrong panics: that is what this crate is for")]

mod attacks;
mod authority;
mod browser;
mod credentials;
mod disk;
mod elsewhere;
mod home;
mod load;
mod mail;
mod postgres;
mod python;
mod relay;
mod run;
mod schema;
mod served;
mod terminal;
mod webex;

pub use attacks::{Attack, Refusal, attacks};
pub use authority::Authority;
pub use browser::{Browser, Focus, Key, Look, Page};
pub use credentials::{app, credential, granted, insert_fleet, service_app};
pub use elsewhere::{Elsewhere, free_redirect_uris};
pub use home::{Home, SCOPES};
pub use lanyard_protocol::Method;
pub use lanyard_simulator::Options;
pub use load::{Load, Seen, Sent};
pub use mail::{Mail, MailServer, MailTls};
pub use postgres::Postgres;
pub use python::python;
pub use relay::Relay;
pub use run::{Ended, Running, left_out, wait};
pub use schema::deviations;
pub use served::{Reply, Served, ask_on, send_on, send_to};
pub use terminal::{End, Terminal};
pub use webex::{Bot, RefreshBehaviour, RegisteredApp, Webex};
