//! Events: what happened, who did it, and what it concerns. Each transaction records the events of its changes.

mod kinds;
mod text;

use jiff::Timestamp;
use lanyard_credential::{AppId, ClientId, CredentialId, CredentialName};
use serde::{Deserialize, Serialize};

pub(crate) use self::kinds::Touches;
pub use self::kinds::{ChainEnd, ClientPolicy, Event, EventKind, StandingNote};
use crate::StoreError;
use crate::engine::Row;

/// An event, with whom and what it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// The time, in milliseconds.
    pub at: Timestamp,
    /// The subject of the event.
    pub about: About,
    /// The actor.
    pub actor: String,
    /// The event. Holds no secret.
    pub event: Event,
}

/// The subject of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    /// The home, or nothing that has an id.
    Home,
    /// A credential: its id, and its name at that time.
    Credential(CredentialId, CredentialName),
    /// An app.
    App(AppId),
    /// A client.
    Client(ClientId),
}

impl About {
    /// The credential of that id, which has that name now.
    pub fn credential(id: &CredentialId, name: &CredentialName) -> Self {
        Self::Credential(*id, name.clone())
    }

    /// The credential's id and name.
    pub fn as_credential(&self) -> Option<(&CredentialId, &CredentialName)> {
        match self {
            Self::Credential(id, name) => Some((id, name)),
            Self::Home | Self::App(_) | Self::Client(_) => None,
        }
    }

    pub(crate) fn column(&self) -> Option<String> {
        match self {
            Self::Home => None,
            Self::Credential(id, _) => Some(credential_column(*id)),
            Self::App(id) => Some(format!("app/{id}")),
            Self::Client(id) => Some(format!("client/{id}")),
        }
    }

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let Some(column) = row.optional_str("about")? else { return Ok(Self::Home) };
        let impossible = || row.impossible("about");
        let (table, id) = column.split_once('/').ok_or_else(impossible)?;
        Ok(match table {
            "credential" => Self::Credential(id.parse().map_err(|_| impossible())?, row.parsed("name")?),
            "app" => Self::App(id.parse().map_err(|_| impossible())?),
            "client" => Self::Client(id.parse().map_err(|_| impossible())?),
            _ => return Err(impossible()),
        })
    }
}

/// A credential as the column `about` names it.
pub(crate) fn credential_column(id: CredentialId) -> String {
    format!("{CREDENTIAL}{id}")
}

/// The id of a credential in the column `about`.
pub(crate) fn credential_of(row: &Row) -> Result<CredentialId, StoreError> {
    let id = row.str("about")?.strip_prefix(CREDENTIAL).ok_or_else(|| row.impossible("about"))?;
    id.parse().map_err(|_| row.impossible("about"))
}

const CREDENTIAL: &str = "credential/";
