//! What there is to say about the home's key.

use std::fmt;
use std::path::PathBuf;

use lanyard_vault::{KeyId, KeySource};

use super::wrapped::WRAPPED;
use super::{NextKey, Way};
use crate::engine::sql;
use crate::{Home, Store, StoreError};

/// The home's key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// Which.
    pub id: KeyId,
    /// Where it is kept.
    pub place: KeyPlace,
    /// How many rows have a data key under it, the home's own included.
    pub rows: u64,
    /// The key that is about to replace it.
    pub next: Option<NextKeyStatus>,
    /// A key that it replaced and that is still to be removed from there.
    pub to_remove: Option<(KeyId, KeyPlace)>,
}

/// A key that is about to replace the home's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextKeyStatus {
    /// Which, and since when.
    pub key: NextKey,
    /// Where it is kept.
    pub place: KeyPlace,
    /// How many rows have a data key under it already.
    pub rows: u64,
}

/// Where a key is kept, as a person finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlace {
    /// The kind of place.
    pub source: KeySource,
    /// The file, where it is one.
    pub path: Option<PathBuf>,
    /// The program, where one prints it.
    pub program: Option<String>,
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source, &self.path, &self.program) {
            (KeySource::Passphrase, Some(path), _) => write!(f, "{}, under a passphrase", path.display()),
            (KeySource::Keyring, ..) => f.write_str("the keyring of this session"),
            (KeySource::Command, _, Some(program)) => write!(f, "what {program} prints"),
            (KeySource::Command, ..) => f.write_str("what a command prints"),
            (_, Some(path), _) => write!(f, "{}", path.display()),
            (_, None, _) => f.write_str("a key file elsewhere"),
        }
    }
}

impl KeyPlace {
    pub(crate) fn of(source: KeySource, home: &Home, way: Option<&Way>) -> Self {
        let path = match source {
            KeySource::File | KeySource::Passphrase => Some(home.key_file()),
            KeySource::KeyFile => way.and_then(|way| way.access.key_file.clone()),
            KeySource::Keyring | KeySource::Command => None,
        };
        let command = way.and_then(|way| way.settings.key_command.as_ref()).filter(|_| source == KeySource::Command);
        Self { source, path, program: command.and_then(|words| words.first().cloned()) }
    }
}

impl Store {
    /// Where a key of this home is kept.
    pub(crate) fn place(&self, source: KeySource) -> KeyPlace {
        KeyPlace::of(source, &self.inner.home, self.inner.keys.way())
    }

    /// Which key the home has, where it is kept, and how much stands under it.
    pub async fn key_status(&self) -> Result<KeyStatus, StoreError> {
        let row = self.home_row().await?;
        let next = match &row.next {
            None => None,
            Some(next) => {
                let mut place = self.place(next.source);
                if matches!(next.source, KeySource::File | KeySource::Passphrase) {
                    place.path = Some(self.inner.home.next_key_file());
                }
                Some(NextKeyStatus { rows: self.rows_under(next.id).await?, key: next.clone(), place })
            }
        };
        Ok(KeyStatus {
            id: row.key,
            place: self.place(row.source),
            // The home's own row is not among those that are counted.
            rows: self.rows_under(row.key).await?.saturating_add(1),
            next,
            to_remove: row.retired.map(|(id, source)| (id, self.place(source))),
        })
    }

    async fn rows_under(&self, id: KeyId) -> Result<u64, StoreError> {
        let mut rows = 0_u64;
        for table in WRAPPED {
            let counted = self.engine().row(sql(table.name, table.count).bind(id.as_bytes())).await?;
            let counted = counted.map_or(Ok(0), |row| row.integer("counted"))?;
            rows = rows.saturating_add(u64::try_from(counted).unwrap_or(0));
        }
        Ok(rows)
    }
}
