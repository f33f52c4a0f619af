//! Secrets on their way between two processes of one user.
//!
//! A secret has no `Serialize`, so that none is ever written by accident. A field that must cross the owner's socket (mode 0600,
//! peers checked) says so itself: `#[serde(with = "lanyard_secret::travel")]`. **For the owner's socket alone**: never for a file,
//! a log or the network. Each use of this module is a place to review, as each `expose_secret` is.
//!
//! The text on the wire is base64url without padding: it holds nothing that JSON escapes, so that reading it makes no copy of
//! unknown whereabouts.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use zeroize::Zeroizing;

use self::sealed::Secret;
use crate::{SafeUrl, SecretBytes};

/// Named nowhere else, so that nothing but this module reads a secret by it.
pub(crate) mod sealed {
    use zeroize::Zeroizing;

    /// A secret that may travel.
    pub trait Secret: Sized {
        /// The bytes to write.
        fn exposed(&self) -> &[u8];
        /// Takes the bytes that were read; `None` if they cannot be such a secret.
        fn revived(bytes: Zeroizing<Vec<u8>>) -> Option<Self>;
    }
}

impl Secret for SecretBytes {
    fn exposed(&self) -> &[u8] {
        self.expose_secret()
    }

    fn revived(mut bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        Some(Self::new(std::mem::take(&mut *bytes)))
    }
}

/// A URL whose query may hold a code or a state.
impl Secret for SafeUrl {
    fn exposed(&self) -> &[u8] {
        self.expose().as_str().as_bytes()
    }

    fn revived(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    }
}

/// Writes a secret. For the owner's socket alone.
pub fn serialize<T: Secret, S: Serializer>(secret: &T, serializer: S) -> Result<S::Ok, S::Error> {
    // Piece by piece: there is no second copy of the whole.
    serializer.collect_str(&Base64Display::new(secret.exposed(), &URL_SAFE_NO_PAD))
}

/// Reads a secret that came over the owner's socket.
pub fn deserialize<'de, T: Secret, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(SecretVisitor(PhantomData))
}

/// Reads and writes optional secrets: `#[serde(with = "lanyard_secret::travel::optional")]`.
pub mod optional {
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    use super::sealed::Secret;

    /// Writes a secret, or that there is none. For the owner's socket alone.
    pub fn serialize<T: Secret, S: Serializer>(secret: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        struct Written<'a, T>(&'a T);
        impl<T: Secret> Serialize for Written<'_, T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                super::serialize(self.0, serializer)
            }
        }
        secret.as_ref().map(Written).serialize(serializer)
    }

    /// Reads a secret that came over the owner's socket, or that there is none.
    pub fn deserialize<'de, T: Secret, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        struct Read<T>(T);
        impl<'de, T: Secret> Deserialize<'de> for Read<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                super::deserialize(deserializer).map(Self)
            }
        }
        Ok(Option::<Read<T>>::deserialize(deserializer)?.map(|read| read.0))
    }
}

struct SecretVisitor<T>(PhantomData<T>);

impl<T: Secret> Visitor<'_> for SecretVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret in base64url")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        // What is wrong with a secret is not said: the error would repeat a part of it.
        let odd = || E::custom("this is no secret in base64url");
        let length = text.len() / 4 * 3 + [0, 0, 1, 2][text.len() % 4];
        let mut bytes = Zeroizing::new(vec![0; length]);
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| odd())?;
        if written != length {
            return Err(odd());
        }
        T::revived(bytes).ok_or_else(odd)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::{AccessToken, RefreshToken, SafeUrl, SecretBytes};

    #[derive(Debug, Serialize, Deserialize)]
    struct Luggage {
        #[serde(with = "super")]
        access: AccessToken,
        #[serde(with = "super::optional")]
        refresh: Option<RefreshToken>,
        #[serde(with = "super::optional")]
        none: Option<RefreshToken>,
        #[serde(with = "super")]
        body: SecretBytes,
        #[serde(with = "super")]
        url: SafeUrl,
    }

    #[test]
    fn a_secret_arrives_as_it_left_whatever_it_holds() {
        for text in ["", "a", "ab", "abc", "abcd", "with \"quotes\" and \\ and ä\n"] {
            let luggage = Luggage {
                access: AccessToken::new(text),
                refresh: Some(RefreshToken::new(text)),
                none: None,
                body: SecretBytes::new(vec![0, 255, 34]),
                url: "https://host.example/a?code=1".parse().unwrap(),
            };
            let wire = serde_json::to_vec(&luggage).unwrap();
            let back: Luggage = serde_json::from_slice(&wire).unwrap();
            assert_eq!(back.access.expose_secret(), text);
            assert_eq!(back.refresh.unwrap().expose_secret(), text);
            assert!(back.none.is_none());
            assert_eq!(back.body.expose_secret(), [0, 255, 34]);
            assert_eq!(back.url, luggage.url);
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_refused_and_not_repeated() {
        for odd in ["canary!", "canar", "__"] {
            let wire = serde_json::json!({ "access": odd, "refresh": null, "none": null, "body": "", "url": "" });
            let error = serde_json::from_value::<Luggage>(wire).unwrap_err().to_string();
            assert!(!error.contains("canar") && error.contains("no secret"), "{error}");
        }
    }
}
