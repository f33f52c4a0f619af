//! A transport to Webex, and typed calls over it.
//!
//! The [`Transport`] moves one request and one response and knows what may have happened when it fails; the calls above it
//! decide what to repeat. A request goes to its environment's own origins or nowhere; a redirect is never followed.

mod resource;
mod token;
mod transport;

pub use resource::CallError;
pub use token::{ExchangeError, Obtained, RevocationError};
pub use transport::{Exchange, SendError, Transport};
