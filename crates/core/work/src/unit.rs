//! A unit of work, as it is stored.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use lanyard_operation::{Problem, Starter};
use lanyard_store::sql::Row;
use lanyard_store::{DocumentPlace, Store, StoreError};
use lanyard_time::Entropy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// The id of a unit: 128 random bits, as 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitId(String);

/// A text that is not the id of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected 32 hexadecimal digits")]
pub struct UnitIdError;

impl UnitId {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UnitId {
    type Err = UnitIdError;

    fn from_str(text: &str) -> Result<Self, UnitIdError> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(is_digit) { Ok(Self(text.to_owned())) } else { Err(UnitIdError) }
    }
}

impl TryFrom<String> for UnitId {
    type Error = UnitIdError;

    fn try_from(text: String) -> Result<Self, UnitIdError> {
        text.parse()
    }
}

impl From<UnitId> for String {
    fn from(id: UnitId) -> Self {
        id.0
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It waits until it is due, and for a process that does it.
    Waiting,
    /// A process works on it.
    Working,
    /// It is to be cancelled; the process that works on it stops soon.
    Cancelling,
    /// It ended with a result.
    Done,
    /// It ended with a problem.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Working, Self::Cancelling, Self::Done, Self::Failed, Self::Cancelled];

    /// Whether it has ended.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working => "working",
            Self::Cancelling => "cancelling",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A unit of work.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// Its sealed contents.
    pub document: Document,
    /// When it is to be done; `None` once it has ended.
    pub due: Option<Timestamp>,
    /// The process that works on it.
    pub holder: Option<String>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) fence: u64,
}

/// The columns of a unit, as the process that writes over it read them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) fence: u64,
    pub(crate) due: Option<Timestamp>,
}

/// The sealed contents of a unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// The kind of work. For a run: the name of the operation.
    pub kind: String,
    /// Tells the units of a kind apart; a run has its id here.
    pub key: String,
    /// The request.
    pub request: Value,
    /// The caller that started it; `None` for recurring units.
    pub starter: Option<Starter>,
    /// The state.
    pub state: State,
    /// How far it has come, as the work reported last.
    pub progress: Value,
    /// The result of a run that is done.
    pub result: Option<Value>,
    /// The problem of a run that failed.
    pub problem: Option<Problem>,
    /// When it was added.
    pub created: Timestamp,
    /// When its contents changed last.
    pub changed: Timestamp,
    /// How many processes in succession ended while they worked on it, without any progress.
    pub losses: u32,
}

impl Unit {
    /// Whether it is a run.
    pub fn is_run(&self) -> bool {
        self.document.starter.is_some()
    }

    pub(crate) const fn seen(&self) -> Seen {
        Seen { fence: self.fence, due: self.due }
    }

    pub(crate) fn read(store: &Store, row: &Row) -> Result<Self, StoreError> {
        let id = row.text("id")?;
        let altered = || StoreError::Altered { table: TABLE, row: id.clone() };
        let fence = u64::try_from(row.integer("fence")?).map_err(|_| altered())?;
        let place = DocumentPlace { table: TABLE, row: &id, version: fence };
        let opened = store.open_document(place, row.bytes("document")?)?;
        let document: Document = serde_json::from_slice(opened.expose_secret()).map_err(|_| altered())?;
        let due = row.optional_timestamp("due")?;
        if document.kind != row.str("kind")?
            || document.key != row.str("key")?
            || document.state.is_end() == due.is_some()
        {
            return Err(altered());
        }
        let (holder, deadline) = (row.optional_text("holder")?, row.optional_timestamp("deadline")?);
        Ok(Self { id: id.parse().map_err(|_| altered())?, document, due, holder, deadline, fence })
    }

    pub(crate) fn seal(&self, store: &Store) -> Vec<u8> {
        let text = serde_json::to_vec(&self.document).expect("a document is JSON");
        store.seal_document(DocumentPlace { table: TABLE, row: self.id.as_str(), version: self.fence }, &text)
    }
}

pub(crate) const TABLE: &str = "work";
