//! Where Webex sends a browser back to.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use url::Url;

/// A redirect URI as it was registered, to the letter: Webex compares the whole text, so that another spelling of the same
/// address can never sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct RedirectUri {
    text: Box<str>,
    url: Url,
}

/// Why a text cannot be a redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RedirectUriError {
    /// It is not an absolute address.
    #[error("expected an address such as http://localhost:7418/callback")]
    NotAnAddress,
    /// It has a fragment, which RFC 6749, section 3.1.2, forbids.
    #[error("a redirect URI cannot have a fragment: remove # and what follows")]
    Fragment,
    /// It has a user name or a password.
    #[error("a redirect URI cannot contain a user name or a password")]
    User,
    /// It has letters that a browser would change or drop, so that nothing could match it.
    #[error("a redirect URI cannot contain white space, control characters or backslashes")]
    OddLetter,
}

impl RedirectUri {
    /// The text as it was registered: what is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address that a browser makes of it: what is listened on.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Reads one that was accepted before, by this version or by an earlier one; `None` for a text that is not an address.
    pub fn accepted(text: &str) -> Option<Self> {
        Some(Self { text: text.into(), url: Url::parse(text).ok()? })
    }
}

impl FromStr for RedirectUri {
    type Err = RedirectUriError;

    fn from_str(text: &str) -> Result<Self, RedirectUriError> {
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control() || letter == '\\') {
            return Err(RedirectUriError::OddLetter);
        }
        let uri = Self::accepted(text).ok_or(RedirectUriError::NotAnAddress)?;
        if !uri.url.has_host() || !text.contains("://") {
            return Err(RedirectUriError::NotAnAddress);
        }
        if uri.url.fragment().is_some() {
            return Err(RedirectUriError::Fragment);
        }
        if !uri.url.username().is_empty() || uri.url.password().is_some() {
            return Err(RedirectUriError::User);
        }
        Ok(uri)
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for RedirectUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::accepted(&text).ok_or_else(|| D::Error::custom(RedirectUriError::NotAnAddress))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_registered_is_kept_to_the_letter() {
        for text in [
            "http://localhost:7418/callback",
            "http://localhost:7418",
            "https://app.example",
            "http://localhost:80/callback",
            "http://LOCALHOST:7418/cb",
            "http://127.1:7418/cb",
            "http://localhost:7418/a/../cb",
            "http://localhost:7418/cb?a='b'",
            "https://büro.example/cb",
            "com.example.app://callback",
        ] {
            let uri: RedirectUri = text.parse().expect(text);
            assert_eq!(uri.as_str(), text);
            let written = serde_json::to_string(&uri).unwrap();
            assert_eq!(serde_json::from_str::<RedirectUri>(&written).unwrap(), uri);
        }
    }

    #[test]
    fn what_nothing_could_match_is_refused() {
        use RedirectUriError::{Fragment, NotAnAddress, OddLetter, User};
        for (text, expected) in [
            ("", NotAnAddress),
            ("localhost:7418/cb", NotAnAddress),
            ("/callback", NotAnAddress),
            ("http:localhost:7418/cb", NotAnAddress),
            ("urn:ietf:wg:oauth:2.0:oob", NotAnAddress),
            ("http://localhost:7418/cb#", Fragment),
            ("http://localhost:7418/cb#x", Fragment),
            ("http://user@localhost:7418/cb", User),
            ("http://localhost:7418/c b", OddLetter),
            ("http://localhost:7418/cb\n", OddLetter),
            ("http:\\\\localhost:7418\\cb", OddLetter),
        ] {
            assert_eq!(text.parse::<RedirectUri>(), Err(expected), "{text}");
        }
    }
}
