//! Secrets that are never printed and are wiped when dropped; URLs that display safely.
//!
//! A secret has no `Display` and no `Serialize`, its `Debug` names its type only, and the one way to read it is the loud
//! [`expose_secret`](AccessToken::expose_secret).

mod bytes;
mod letters;
mod token;
pub mod travel;
mod url;

pub use bytes::SecretBytes;
pub use letters::OddLetter;
pub use token::{
    AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, DeviceCode, RefreshToken, SecretText, State,
};
pub use url::{SafeUrl, UrlError};
