//! Rows that cannot be decrypted, and the command that repairs each.

use std::fmt;

use lanyard_credential::{AppName, CredentialName};

use crate::engine::Row;

/// A row whose secrets cannot be decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DamagedRow {
    /// A credential.
    Credential(CredentialName),
    /// An app.
    App(AppName),
    /// A queued revocation: the credential of the token, if it can be read, and the row's id.
    Revocation(Option<CredentialName>, String),
    /// A row without a readable name: its table, and its id.
    Unnamed(&'static str, String),
}

impl DamagedRow {
    /// Returns the row of `table` with this id; its name is in the column `name`.
    pub(crate) fn new(table: &'static str, id: &str, row: &Row) -> Self {
        let named = match table {
            "credentials" => row.parsed("name").ok().map(Self::Credential),
            "apps" => row.parsed("name").ok().map(Self::App),
            _ => Some(Self::Revocation(row.parsed("name").ok(), id.to_owned())),
        };
        named.unwrap_or_else(|| Self::Unnamed(table, id.to_owned()))
    }

    /// Returns the command that repairs or removes the row.
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
