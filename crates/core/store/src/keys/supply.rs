//! Where the store has keys from that it does not hold.

use std::fmt;
use std::pin::Pin;

use lanyard_vault::{HomeKey, KeyId};

use super::HomeKeys;
use crate::KeyUnavailable;

/// The result of a fetch: the keys that are available, and the error that kept the supply from the others.
pub type Fetched = (Vec<HomeKey>, Option<KeyUnavailable>);

/// Fetches the home's keys from where they are kept.
pub trait KeySupply: fmt::Debug + Send + Sync {
    /// Fetches those of the `wanted` keys that are to be had. May ask a person, and so take long.
    fn fetch<'a>(
        &'a self,
        home: &'a HomeKeys,
        wanted: &'a [KeyId],
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>>;

    /// Like [`fetch`](Self::fetch), but asks no person.
    fn fetch_quietly<'a>(
        &'a self,
        home: &'a HomeKeys,
        wanted: &'a [KeyId],
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>>;
}
