//! Sealing: envelope keys and authenticated encryption bound to the row.
//!
//! A home has one [`HomeKey`]. Each credential has a [`DataKey`] of its own, stored wrapped by the home's key. What a data key
//! seals opens only at the very place it was sealed for: [`RowAddress`] is authenticated with it. Destroying a wrapped data key
//! destroys everything under it, in backups of the tokens' rows too. A new home's key wraps the data keys again and touches nothing
//! that they sealed.
//!
//! What a broker keeps in memory is sealed under a [`MemoryKey`], which no other process has.

mod address;
mod audit;
pub mod key_file;
mod key_text;
mod keys;
mod memory;
mod passphrase;
mod sealed;
mod source;

pub use address::RowAddress;
pub use audit::{AuditKey, Mac, MacError};
pub use key_text::{KeyLine, KeyTextError, LONGEST_KEY_TEXT};
pub use keys::{DataKey, HomeKey};
pub use memory::{KeptSealed, MemoryKey};
pub use passphrase::{LockedKey, Passphrase, PassphraseError, Work, WrongPassphrase};
pub use sealed::{KeyId, KeyIdError, OpenError, Sealed};
pub use source::{KeySource, KeySourceError};
