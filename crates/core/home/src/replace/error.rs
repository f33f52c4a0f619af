//! Why the home's key was not replaced, and what a person can do about it.

use lanyard_store::{DamagedRow, InFlight, RewrapError, StoreError};
use lanyard_vault::{KeyId, KeySource};
use thiserror::Error;

use super::retire::RetireError;
use crate::keys::KeyError;

/// Why the home's key was not replaced. What was done of it stays, and the next attempt goes on from there.
#[derive(Debug, Error)]
pub enum ReplaceKeyError {
    /// Another process does it just now.
    #[error("another process is replacing the home's key just now")]
    Busy,
    /// It is being replaced by one that is kept elsewhere.
    #[error("the home's key is being replaced by one that is kept in: {0}")]
    OtherTarget(KeySource),
    /// Another key is offered as the next one, and is kept elsewhere.
    #[error("a new key is already offered to the brokers of this store, and is kept in: {0}")]
    OtherOffer(KeySource),
    /// A key is offered as the next one, and this home does not have it.
    #[error("the new key {key} is offered to the brokers of this store, and this home does not have it")]
    NotHere {
        /// The key.
        key: KeyId,
        /// How to bring it here.
        step: String,
        /// Why it cannot be had.
        source: KeyError,
    },
    /// Brokers that run on the store do not have the offered key.
    #[error("the old key is still active, because these brokers do not have the new key {key}: {}", list(brokers))]
    Lacking {
        /// The key.
        key: KeyId,
        /// Those brokers.
        brokers: Vec<LackingBroker>,
    },
    /// A process of another home is renewing a credential, and may not have the offered key.
    #[error("the old key is still active, because {0}, in another home of this store")]
    InFlight(InFlight),
    /// The offer was withdrawn while brokers were waited for.
    #[error("the offer of the new key {0} was withdrawn; the old key is still active")]
    Withdrawn(KeyId),
    /// No key is offered that could be withdrawn.
    #[error("no new key is offered")]
    NothingOffered,
    /// The next key is in force for new rows already.
    #[error("the key is already being replaced by {0}, and this cannot be undone")]
    TooLate(KeyId),
    /// A key cannot be had, or not be kept where it should.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Some rows cannot be decrypted; all others are wrapped with the new key.
    #[error("the old key stays in use, because these cannot be decrypted: {}", named(.0))]
    Damaged(Vec<DamagedRow>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReplaceKeyError {
    /// How to correct it: one step per line.
    pub fn hint(&self) -> String {
        match self {
            Self::Busy => "wait for it; see how far it is with lanyard key show".to_owned(),
            Self::OtherTarget(source) => {
                format!("finish that first: lanyard key rotate, or lanyard key rotate --to {source}")
            }
            Self::OtherOffer(source) => format!(
                "finish that first: lanyard key rotate --to {source}; or withdraw it: lanyard key rotate --cancel"
            ),
            Self::NotHere { step, .. } => format!("{step}; or withdraw the offer: lanyard key rotate --cancel"),
            Self::Lacking { brokers, .. } => {
                let steps = brokers.iter().map(|broker| format!("for {}: {}", broker.place, broker.step));
                let then =
                    ["then continue: lanyard key rotate", "or withdraw the new key: lanyard key rotate --cancel"];
                steps.chain(then.map(str::to_owned)).collect::<Vec<_>>().join("\n")
            }
            Self::InFlight(found) => found.hint(),
            Self::Withdrawn(_) => "offer another key: lanyard key rotate".to_owned(),
            Self::NothingOffered => "see which key the home has: lanyard key show".to_owned(),
            Self::TooLate(_) => "finish it: lanyard key rotate".to_owned(),
            Self::Key(error) => error.hint(),
            Self::Damaged(rows) => {
                let mut steps: Vec<String> = rows.iter().map(DamagedRow::remedy).collect();
                steps.dedup();
                format!("{}; lanyard key rotate", steps.join("; "))
            }
            Self::Store(error) => error.hint(),
        }
    }
}

fn named(rows: &[DamagedRow]) -> String {
    rows.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl From<RetireError> for ReplaceKeyError {
    fn from(error: RetireError) -> Self {
        match error {
            RetireError::Key(error) => Self::Key(error),
            RetireError::Store(error) => Self::Store(error),
        }
    }
}

impl From<RewrapError> for ReplaceKeyError {
    fn from(error: RewrapError) -> Self {
        match error {
            RewrapError::Damaged(rows) => Self::Damaged(rows),
            RewrapError::Store(error) => Self::Store(error),
        }
    }
}

/// A broker that does not have the offered key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LackingBroker {
    /// Its machine and the directory of its home.
    pub place: String,
    /// How it gets the key.
    pub step: String,
}

fn list(brokers: &[LackingBroker]) -> String {
    brokers.iter().map(|broker| broker.place.as_str()).collect::<Vec<_>>().join(", ")
}
