//! Rows that do not open, and the way out of each.

use std::fmt;

use lanyard_credential::{AppName, CredentialName};

use crate::engine::Row;

/// A row whose secrets do not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DamagedRow {
    /// A credential's.
    Credential(CredentialName),
    /// An app's.
    App(AppName),
    /// That of a token which waits to be revoked: the credential that it belonged to, if that can be read, and the row's id.
    Revocation(Option<CredentialName>, String),
    /// One without a readable name: its table, and its id.
    Unnamed(&'static str, String),
}

impl DamagedRow {
    /// The row of `table` with this id; its name is in the column `name`.
    pub(crate) fn new(table: &'static str, id: &str, row: &Row) -> Self {
        let named = match table {
            "credentials" => row.parsed("name").ok().map(Self::Credential),
            "apps" => row.parsed("name").ok().map(Self::App),
            _ => Some(Self::Revocation(row.parsed("name").ok(), id.to_owned())),
        };
        named.unwrap_or_else(|| Self::Unnamed(table, id.to_owned()))
    }

    /// The command that mends or removes it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Credential(name) => format!("lanyard clear {name}"),
            Self::App(name) => format!("lanyard app secret {name}"),
            Self::Revocation(..) | Self::Unnamed(..) => "lanyard doctor".to_owned(),
        }
    }
}

impl fmt::Display for DamagedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "the credential {name}"),
            Self::App(name) => write!(f, "the client secret of the app {name}"),
            Self::Revocation(Some(name), _) => write!(f, "a token of {name} that waits to be revoked"),
            Self::Revocation(None, id) => write!(f, "a token that waits to be revoked ({id:?})"),
            Self::Unnamed(table, id) => write!(f, "the row {id:?} of the table {table}"),
        }
    }
}
