//! OAuth as Webex speaks it: the forms are small, and they deviate from the RFCs in ways that a general library would not
//! follow.

mod authorize;
mod basic;
mod callback;
pub mod device;
mod lifetime;
mod mint;
mod pkce;
mod revoke;
mod said;
mod service_app;
mod token;

pub use authorize::AuthorizationRequest;
pub use callback::{Callback, CallbackError};
pub(crate) use lifetime::lenient as lenient_lifetime;
pub use mint::MintRefused;
pub(crate) use mint::json;
pub use pkce::{challenge, verifier_from};
pub use revoke::{RevokeError, TokenHint, revoke, revoked};
pub use service_app::{minted, service_app_token};
pub use token::{ClientAuth, MalformedReply, Refusal, Rejection, TokenError, TokenReply, exchange_code, refresh};
