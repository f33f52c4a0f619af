//! URLs that can be shown.

use std::fmt;
use std::str::FromStr;

use url::{Origin, Url};

/// A URL whose `Display` and `Debug` leave out what may be secret: a user name, a password, the query and the fragment.
///
/// OAuth carries codes and states in queries; a URL that is logged or put into an error must not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// Wraps a URL as it is.
    pub fn new(url: Url) -> Self {
        Self(url)
    }

    /// The whole URL, its query included.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// Gives the URL up.
    pub fn into_inner(self) -> Url {
        self.0
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> Origin {
        self.0.origin()
    }

    /// Whether scheme, host and port are those of another URL.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.0, &other.0);
        ours.has_host()
            && ours.scheme() == theirs.scheme()
            && ours.host_str() == theirs.host_str()
            && ours.port_or_known_default() == theirs.port_or_known_default()
    }

    /// Whether a token may travel there: over https, or over http to a loopback address of this machine.
    pub fn is_confidential(&self) -> bool {
        match self.0.scheme() {
            "https" => true,
            "http" => self.is_loopback(),
            _ => false,
        }
    }

    /// Whether the host is a loopback address. The name `localhost` counts; names that merely resolve to loopback do not.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.origin() {
            origin @ Origin::Tuple(..) => write!(f, "{}{}", origin.ascii_serialization(), self.0.path()),
            // `mailto:`, `file:` and the like: nothing of what follows the scheme is known to be harmless.
            Origin::Opaque(_) => write!(f, "{}:…", self.0.scheme()),
        }
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafeUrl({self})")
    }
}

impl FromStr for SafeUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Url::parse(text).map(Self).map_err(UrlError)
    }
}

/// A text that is no URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrlError(url::ParseError);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a URL: {}", self.0)
    }
}

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let url: SafeUrl = "https://user:canary1@host.example:444/path?code=canary2#canary3".parse().unwrap();
        assert_eq!(url.to_string(), "https://host.example:444/path");
        assert_eq!(format!("{url:?}"), "SafeUrl(https://host.example:444/path)");
        assert_eq!("user:canary@host".parse::<SafeUrl>().unwrap().to_string(), "user:…");
    }

    #[test]
    fn tokens_travel_over_https_or_to_loopback_only() {
        for (url, allowed) in [
            ("https://webexapis.com/v1", true),
            ("http://127.0.0.1:9/v1", true),
            ("http://127.8.8.8/v1", true),
            ("http://[::1]:9/v1", true),
            ("http://localhost:9/v1", true),
            ("http://webexapis.com/v1", false),
            ("http://127.0.0.1.evil.example/", false),
            ("http://localhost.evil.example/", false),
            ("http://10.0.0.1/", false),
            ("ftp://127.0.0.1/", false),
        ] {
            assert_eq!(url.parse::<SafeUrl>().unwrap().is_confidential(), allowed, "{url}");
        }
    }
}
