//! The status of the home's key.

use std::fmt;
use std::path::PathBuf;

use lanyard_store::{HomeKeys, NextKey, RunningBroker, StoreError};
use lanyard_vault::{KeyId, KeyLine, KeySource};

use crate::OpenHome;

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
    /// The key that is offered to the brokers of the store, with the place where it is kept.
    pub offered: Option<(NextKey, KeyPlace)>,
    /// The brokers that run on a store which several homes may share, of whichever home.
    pub brokers: Vec<RunningBroker>,
    /// A key that it replaced and that is still to be removed from there.
    pub to_remove: Option<(KeyId, KeyPlace)>,
    /// The source that the settings of this home name, if the key is kept in another one and is not about to be replaced.
    pub ineffective: Option<KeySource>,
    /// The keys in this home's key file that the store does not use. A replacement in another home of the store leaves the old one there.
    pub unused: Vec<KeyId>,
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

impl OpenHome {
    /// Where a key of this home is kept.
    pub(crate) fn place(&self, source: KeySource) -> KeyPlace {
        let path = match source {
            KeySource::File | KeySource::Passphrase => Some(self.home.key_file()),
            KeySource::KeyFile => self.sources.access.key_file.clone(),
            KeySource::Keyring | KeySource::Command => None,
        };
        let command = self.sources.settings.key_command.as_ref().filter(|_| source == KeySource::Command);
        KeyPlace { source, path, program: command.and_then(|words| words.first().cloned()) }
    }

    /// The keys in the home's key file that the store does not name. A file that an operator provides may hold the next one already.
    fn unused(&self, keys: &HomeKeys) -> Vec<KeyId> {
        if !matches!(keys.source, KeySource::File | KeySource::Passphrase) {
            return Vec::new();
        }
        let next = [&keys.next, &keys.offered].into_iter().flatten().map(|next| next.id);
        let used: Vec<KeyId> = next.chain([keys.key]).chain(keys.retired.map(|(id, _)| id)).collect();
        let lines = self.home.key().read().unwrap_or_default();
        lines.iter().map(KeyLine::id).filter(|id| !used.contains(id)).collect()
    }

    /// Which key the home has, where it is kept, and how much stands under it.
    pub async fn key_status(&self) -> Result<KeyStatus, StoreError> {
        let keys = self.store.home_keys().await?;
        let next = match &keys.next {
            None => None,
            Some(next) => {
                let place = self.place_of_next(next.source);
                Some(NextKeyStatus { rows: self.store.rows_under(next.id).await?, key: next.clone(), place })
            }
        };
        let is_settled = keys.next.is_none() && keys.offered.is_none();
        Ok(KeyStatus {
            unused: self.unused(&keys),
            ineffective: self.sources.settings.key_source.filter(|set| is_settled && *set != keys.source),
            id: keys.key,
            place: self.place(keys.source),
            // The home's own row is not among those that are counted.
            rows: self.store.rows_under(keys.key).await?.saturating_add(1),
            next,
            offered: keys.offered.map(|offered| (offered.clone(), self.place_of_next(offered.source))),
            brokers: self.store.running_brokers().await?,
            to_remove: keys.retired.map(|(id, source)| (id, self.place(source))),
        })
    }
}
