//! Names that people give.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// A text cannot be a name. The error does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a name has 1 to 64 lower-case letters, digits, dots, dashes and underscores, and begins with a letter or a digit"
)]
pub struct NameError;

/// Names are safe in paths, URLs, file names and shells as they are.
fn is_name(text: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(inner) && text.as_bytes()[0].is_ascii_alphanumeric()
}

/// Declares a name type.
macro_rules! name {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// A clone shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_name(text) { Ok(Self(text.into())) } else { Err(NameError) }
            }
        }

        /// Found in maps by its text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        lanyard_protocol::serde_as_text!($name);
    )+};
}

name! {
    /// The name of a credential.
    CredentialName;
    /// The name of an app.
    AppName;
    /// The key of a label.
    LabelKey;
    /// The name of a client.
    ClientName;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_wherever_it_is_put() {
        for good in ["acme", "lobby-2", "a.b_c", "7", &"x".repeat(64)] {
            assert!(good.parse::<CredentialName>().is_ok(), "{good}");
        }
        for bad in ["", "Acme", "-x", ".", "..", ".x", "a/b", "a b", "ä", "a\n", &"x".repeat(65)] {
            assert!(bad.parse::<CredentialName>().is_err(), "{bad:?}");
        }
    }
}
