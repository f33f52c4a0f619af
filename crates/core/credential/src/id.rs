//! Ids that never change, whatever is renamed.

use std::fmt;
use std::str::FromStr;

use lanyard_time::Entropy;
use thiserror::Error;
use uuid::Uuid;

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an id")]
pub struct IdError;

/// Declares an id type: a random UUID.
macro_rules! random_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id (RFC 9562, version 4).
            pub fn random(entropy: &dyn Entropy) -> Self {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// Its sixteen bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }

        lanyard_protocol::serde_as_text!($name);
    )+};
}

random_id! {
    /// A credential's immutable id; the name can change.
    CredentialId;
    /// An app's immutable id.
    AppId;
    /// The id of one token that waits to be revoked.
    RevocationId;
    /// A client's immutable id. It stands in the client's key.
    ClientId;
}

impl ClientId {
    /// The id as a number, to be written shortly.
    pub(crate) fn number(self) -> u128 {
        self.0.as_u128()
    }

    /// The id of that number.
    pub(crate) fn from_number(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }
}
