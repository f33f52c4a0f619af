//! The address of an HTTP endpoint.

use std::fmt;
use std::str::FromStr;

use lanyard_secret::SafeUrl;
use url::{Host, Url};

use super::TargetError;
use crate::reach::Reach;

/// The address of an HTTP endpoint. Its path and query may be secrets, so that only scheme, host and port are ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(SafeUrl);

impl Address {
    /// The whole address. Every use of this is a place to review.
    pub fn expose_secret(&self) -> &Url {
        self.0.expose()
    }

    /// The host, without the port.
    pub fn host(&self) -> String {
        self.0.expose().host_str().unwrap_or_default().to_owned()
    }

    /// The addresses to which a delivery may connect, or why there are none: https is required, except for private addresses.
    pub(crate) fn reach(&self, allow_private: bool) -> Result<Reach, TargetError> {
        let reach = match (self.0.expose().scheme(), allow_private) {
            ("https", false) => Reach::Public,
            ("https", true) => Reach::Anywhere,
            (_, true) => Reach::Private,
            (_, false) => return Err(TargetError::HttpsRequired(self.host())),
        };
        let literal = match self.0.expose().host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        let refused = literal.and_then(|literal| reach.admit(literal).err());
        refused.map_or(Ok(reach), |refused| Err(TargetError::AddressRefused { host: self.host(), refused }))
    }

    pub(super) fn as_safe_url(&self) -> &SafeUrl {
        &self.0
    }
}

impl FromStr for Address {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Url::parse(text).map_err(|_| TargetError::Address)?.try_into()
    }
}

impl TryFrom<Url> for Address {
    type Error = TargetError;

    fn try_from(url: Url) -> Result<Self, TargetError> {
        let has_user = !url.username().is_empty() || url.password().is_some();
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        if is_web && !has_user && url.fragment().is_none() {
            Ok(Self(SafeUrl::new(url)))
        } else {
            Err(TargetError::Address)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}
