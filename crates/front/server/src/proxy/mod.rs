//! Calls of Webex by programs that hold no token.
//!
//! A request is read into a [`Forward`] (what cannot be understood in one way only is refused there), a policy decides about its
//! method and segments, and the [`Proxy`] sends it with the credential's token and passes the answer on.

mod address;
mod admission;
mod begun;
mod forward;
mod headers;
mod link;
mod org;
mod trouble;
mod withdrawn;

pub use address::Address;
pub(crate) use address::Means;
pub use forward::{Forward, Proxy};
