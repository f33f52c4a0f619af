//! Where a home's key is kept.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Where a home's key is kept; recorded in the home itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// In a file of the home that its owner alone can read.
    File,
    /// In the keyring of the person who is signed in to the machine.
    Keyring,
    /// In a file of the home, locked under a passphrase.
    Passphrase,
    /// In the output of a command that the operator provides.
    Command,
    /// In a file elsewhere that the operator names and provides.
    KeyFile,
}

/// A word that names no key source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown key source {0:?}")]
pub struct KeySourceError(String);

impl KeySource {
    /// All of them.
    pub const ALL: &[Self] = &[Self::File, Self::Keyring, Self::Passphrase, Self::Command, Self::KeyFile];

    /// The word for it, in the store and in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Keyring => "keyring",
            Self::Passphrase => "passphrase",
            Self::Command => "command",
            Self::KeyFile => "key-file",
        }
    }

    /// Whether keys are made and removed by an operator, and lanyard only reads them.
    pub const fn is_provided(self) -> bool {
        matches!(self, Self::Command | Self::KeyFile)
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeySource {
    type Err = KeySourceError;

    fn from_str(text: &str) -> Result<Self, KeySourceError> {
        let found = Self::ALL.iter().find(|source| source.as_str() == text);
        found.copied().ok_or_else(|| KeySourceError(text.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_survives_its_word() {
        for source in KeySource::ALL {
            assert_eq!(source.as_str().parse(), Ok(*source));
        }
        assert!("drawer".parse::<KeySource>().unwrap_err().to_string().contains("drawer"));
    }
}
