//! The home's key as the database knows it: what its own row says, the keys that this process holds, and how one replaces another.
//!
//! A home has one key, and two while one replaces the other. A process holds every key that it has met: what it read under the
//! old one opens for as long as it lives. Which key a write wraps under is decided within that write's transaction
//! ([`Gate`](crate::gate::Gate)), by what the home's row says there. Where keys are kept is not the store's matter: a [`KeySupply`]
//! fetches them.

mod ring;
mod row;
mod supply;

pub(crate) use self::ring::Keys;
pub(crate) use self::row::HomeRow;
pub use self::row::{HomeKeys, NextKey};
pub use self::supply::{Fetched, KeySupply};
