//! Where a home's key is kept.

use std::str::FromStr;

use thiserror::Error;

/// Where a home's key is kept; recorded in the home itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// In a file of the home that its owner alone can read.
    File,
}

/// A word that names no key source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no place for a key that this version knows")]
pub struct KeySourceError(String);

impl KeySource {
    /// The word for it, in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
        }
    }
}

impl FromStr for KeySource {
    type Err = KeySourceError;

    fn from_str(text: &str) -> Result<Self, KeySourceError> {
        match text {
            "file" => Ok(Self::File),
            other => Err(KeySourceError(other.chars().take(80).collect())),
        }
    }
}
