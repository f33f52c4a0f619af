//! OAuth as Webex speaks it: the forms are small, and they deviate from the RFCs in ways that a general library would not
//! follow.

mod authorize;
mod callback;
mod lifetime;
mod pkce;
mod revoke;
mod token;

pub use authorize::AuthorizationRequest;
pub use callback::{Callback, CallbackError};
pub use pkce::{challenge, verifier_from};
pub use revoke::{RevokeError, TokenHint, revoke, revoked};
pub use token::{ClientAuth, MalformedReply, Refusal, Rejection, TokenError, TokenReply, exchange_code, refresh};
