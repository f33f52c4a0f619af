//! The text secrets of OAuth.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::travel::sealed::Secret;

/// Declares a type for one kind of secret text. Each is a type of its own, so that none is passed where another is meant.
macro_rules! secret_text {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes possession of the text. Nothing is checked: what a secret may look like is its issuer's business.
            pub fn new(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }

            /// The text itself. Every use of this is a place to review.
            pub fn expose_secret(&self) -> &str {
                &self.0
            }

            /// Whether there is no text at all.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Compares in a time that depends on the lengths alone.
            pub fn matches(&self, other: &Self) -> bool {
                self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
            }
        }

        impl Secret for $name {
            fn exposed(&self) -> &[u8] {
                self.0.as_bytes()
            }

            fn revived(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
                std::str::from_utf8(&bytes).ok().map(Self::new)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_string(TextVisitor).map(Self)
            }
        }
    )+};
}

secret_text! {
    /// The token that a program sends to Webex as `Authorization: Bearer …` (RFC 6750).
    AccessToken;
    /// The token that is exchanged for the next access token (RFC 6749, section 6). Spending it may end it.
    RefreshToken;
    /// The secret by which an app proves its identity at the token endpoint.
    ClientSecret;
    /// The code that the redirect of a sign-in carries; valid for one exchange within minutes (RFC 6749, section 4.1.2).
    AuthorizationCode;
    /// The code with which a device polls until a person has signed in elsewhere; valid for one token set (RFC 8628, section 3.2).
    DeviceCode;
    /// The half of a PKCE pair that stays here until the exchange (RFC 7636).
    CodeVerifier;
    /// The value that ties a redirect to the sign-in that asked for it (RFC 6749, section 10.12).
    State;
    /// Any other text that must not be seen.
    SecretText;
}

/// Moves the text into one allocation of the right size, so that no copy of unknown whereabouts remains.
struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Box<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, mut text: String) -> Result<Self::Value, E> {
        let kept = text.as_str().into();
        text.zeroize();
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_the_type_and_nothing_else() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "only its Debug is read")]
        struct Holder {
            access: AccessToken,
            refresh: Option<RefreshToken>,
            secret: ClientSecret,
        }
        let holder = Holder {
            access: AccessToken::new("canary-1"),
            refresh: Some(RefreshToken::new("canary-2")),
            secret: ClientSecret::new("canary-3"),
        };
        let shown = format!("{holder:?} {holder:#?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert_eq!(format!("{:?}", AccessToken::new("canary")), "AccessToken");
    }

    #[test]
    fn a_refused_value_is_not_repeated_in_the_error() {
        let error = serde_json::from_str::<AccessToken>("[\"canary\"]").unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn equal_texts_match() {
        assert!(State::new("a").matches(&State::new("a")));
        assert!(!State::new("a").matches(&State::new("b")));
        assert!(!State::new("a").matches(&State::new("aa")));
    }
}
