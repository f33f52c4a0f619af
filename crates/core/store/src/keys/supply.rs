//! Where the store has keys from that it does not hold.

use std::error::Error;
use std::fmt;
use std::pin::Pin;

use lanyard_vault::{HomeKey, KeyId};

use super::HomeKeys;

/// What was fetched: the keys that are to be had, and what kept the supply from the others.
pub type Fetched = (Vec<HomeKey>, Option<KeyUnavailable>);

/// Fetches the home's keys from where they are kept.
pub trait KeySupply: fmt::Debug + Send + Sync {
    /// Fetches those of the `wanted` keys that are to be had. May ask a person, and so take long.
    fn fetch<'a>(
        &'a self,
        home: &'a HomeKeys,
        wanted: &'a [KeyId],
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>>;
}

/// Why a key of the home is not at hand.
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

    /// What a person can do about it.
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
