//! The capabilities of a client.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One thing that a client may do. None includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Be given an access token.
    Token,
    /// Call Webex through the proxy, without ever holding a token.
    Proxy,
    /// See how credentials stand.
    Read,
    /// Have a credential tested, or renewed now: a test may renew it.
    Refresh,
    /// Add and clear credentials.
    Manage,
    /// Read the broker's metrics.
    Metrics,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Token, Self::Proxy, Self::Read, Self::Refresh, Self::Manage, Self::Metrics];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Proxy => "proxy",
            Self::Read => "read",
            Self::Refresh => "refresh",
            Self::Manage => "manage",
            Self::Metrics => "metrics",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no capability.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown capability {0:?}; use token, proxy, read, refresh, manage, metrics")]
pub struct CapabilityError(String);

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        let named = Self::ALL.into_iter().find(|capability| capability.as_str() == text);
        named.ok_or_else(|| CapabilityError(text.chars().take(80).collect()))
    }
}

/// Some of the capabilities, or none. As text they are separated by commas.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CapabilitySet(u8);

impl CapabilitySet {
    /// Whether that one is among them.
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// They, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.contains(*capability))
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().fold(0, |set, capability| set | capability.bit()))
    }
}

impl FromStr for CapabilitySet {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        text.split(',').filter(|word| !word.is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Capability::as_str).collect();
        f.pad(&words.join(","))
    }
}

impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

lanyard_protocol::serde_as_text!(CapabilitySet);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_written_in_one_order_and_read_in_any() {
        let set: CapabilitySet = "proxy,token,proxy".parse().unwrap();
        assert_eq!(set.to_string(), "token,proxy");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert!(!set.contains(Capability::Manage) && CapabilitySet::default().is_empty());
        for capability in Capability::ALL {
            let alone: CapabilitySet = [capability].into_iter().collect();
            assert_eq!(alone.iter().collect::<Vec<_>>(), [capability]);
            assert_eq!(capability.as_str().parse(), Ok(capability));
        }
    }

    #[test]
    fn another_word_is_refused_with_those_that_there_are() {
        for bad in ["tokens", "Token", "*", "token proxy"] {
            let error = bad.parse::<CapabilitySet>().unwrap_err();
            assert!(error.to_string().contains("manage, metrics"), "{error}");
        }
    }
}
