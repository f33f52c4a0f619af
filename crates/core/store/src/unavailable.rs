//! Why a key of the home is not available.

use std::error::Error;
use std::fmt;

use lanyard_vault::KeyId;

/// Why a key of the home is not available.
#[derive(Debug)]
pub struct KeyUnavailable {
    source: Box<dyn Error + Send + Sync>,
    hint: String,
}

impl KeyUnavailable {
    /// For a reason, with what a person can do about it.
    pub fn new(source: impl Error + Send + Sync + 'static, hint: impl Into<String>) -> Self {
        Self { source: Box::new(source), hint: hint.into() }
    }

    /// The home's key was replaced by `id` while this process had the home open without a supply.
    pub(crate) fn replaced(id: KeyId) -> Self {
        let message = format!("the home's key was replaced by {id} while this process had it open");
        Self { source: message.into(), hint: "start this process again".to_owned() }
    }

    /// How to correct it.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for KeyUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for KeyUnavailable {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}
