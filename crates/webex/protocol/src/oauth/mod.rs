//! OAuth as Webex speaks it: the forms are small, and they deviate from the RFCs in ways that a general library would not
//! follow.

mod authorize;
mod basic;
mod callback;
pub mod device;
mod lifetime;
mod mint;
mod pkce;
mod redirect_uri;
mod revoke;
mod said;
mod service_app;
mod token;

pub use authorize::AuthorizationRequest;
pub use callback::{Callback, CallbackError};
pub(crate) use lifetime::lifetime;
pub use mint::MintRefused;
pub(crate) use mint::json;
pub use pkce::{challenge, verifier_from};
pub use redirect_uri::{RedirectUri, RedirectUriError};
pub use revoke::{RevokeError, TokenHint, revoke, revoked};
pub use service_app::{minted, service_app_token};
pub use token::{
    ClientAuth, MalformedReply, Refusal, Rejection, TokenError, TokenReply, exchange_code, refresh, refresh_as_json,
};
