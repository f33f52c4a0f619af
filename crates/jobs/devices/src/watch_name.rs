//! The name of a watch.

use std::fmt;
use std::str::FromStr;

use lanyard_credential::{CredentialName, NameError};

/// The name of a watch. The rule is that of the names of credentials, because most watches have the name of theirs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchName(CredentialName);

impl WatchName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<CredentialName> for WatchName {
    fn from(name: CredentialName) -> Self {
        Self(name)
    }
}

impl FromStr for WatchName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for WatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for WatchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

lanyard_protocol::serde_as_text!(WatchName);
