//! The names of watches and of rules.

use std::fmt;
use std::str::FromStr;

use lanyard_credential::{CredentialName, NameError};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(CredentialName);

        impl $name {
            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        lanyard_protocol::serde_as_text!($name);
    )+};
}

names! {
    /// The name of a watch. The rule is that of the names of credentials, because most watches have the name of theirs.
    WatchName,
    /// The name of a rule for alerts. It is of the form of the names of credentials.
    RuleName
}

impl From<CredentialName> for WatchName {
    fn from(name: CredentialName) -> Self {
        Self(name)
    }
}
