//! The methods that a client may call Webex with.

use std::fmt;
use std::str::FromStr;

use lanyard_protocol::Method;
use thiserror::Error;

/// Some of the methods that Webex's APIs know. As text they are separated by commas.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MethodSet(u8);

/// A word that is none of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a method that the proxy forwards; use GET, HEAD, POST, PUT, PATCH, DELETE")]
pub struct MethodError(String);

/// None includes another: whoever names GET does not name HEAD.
const KNOWN: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl MethodSet {
    /// Whether that method is among them.
    pub fn contains(self, method: &Method) -> bool {
        self.iter().any(|own| own == *method)
    }

    /// They, in the order in which they are written.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        (0_u8..).zip(KNOWN).filter(move |(place, _)| self.0 & 1 << place != 0).map(|(_, method)| method)
    }
}

impl FromStr for MethodSet {
    type Err = MethodError;

    /// Reads at least one method, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, MethodError> {
        text.split(',').try_fold(Self(0), |set, word| {
            let word = word.trim();
            let place = KNOWN.iter().position(|known| known.as_str().eq_ignore_ascii_case(word));
            let place = place.ok_or_else(|| MethodError(word.chars().take(80).collect()))?;
            Ok(Self(set.0 | 1 << place))
        })
    }
}

impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(|method| method.to_string()).collect();
        f.pad(&words.join(","))
    }
}

impl fmt::Debug for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

lanyard_protocol::serde_as_text!(MethodSet);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_those_that_are_named_and_no_others() {
        let set: MethodSet = "post, get".parse().unwrap();
        assert_eq!(set.to_string(), "GET,POST");
        assert_eq!(set.to_string().parse(), Ok(set));
        let allowed = KNOWN.into_iter().filter(|method| set.contains(method)).collect::<Vec<_>>();
        assert_eq!(allowed, [Method::GET, Method::POST]);
        assert!(!set.contains(&Method::from_bytes(b"get").unwrap()), "methods are told apart by case (RFC 9110, 9.1)");
    }

    #[test]
    fn what_the_proxy_does_not_forward_is_no_method() {
        for bad in ["", "GET,", "CONNECT", "TRACE", "OPTIONS", "*", "GET POST"] {
            assert!(bad.parse::<MethodSet>().is_err(), "{bad:?}");
        }
    }
}
