//! The home's key: where it is had from, which ones this process holds, and how one replaces another.
//!
//! A home has one key, and two while one replaces the other. A process holds every key that it has met: what it read under the
//! old one opens for as long as it lives. Which key a write wraps under is decided within that write's transaction
//! ([`Gate`](crate::gate::Gate)), by what the home's row says there.

mod access;
mod command;
mod error;
mod keyring;
mod renew;
mod replace;
mod retire;
mod row;
mod status;
mod unlock;
mod wrapped;

use std::collections::HashMap;

use arc_swap::ArcSwap;
use lanyard_time::Entropy;
use lanyard_vault::key_file::{KeyFile, KeyFileError};
use lanyard_vault::{DataKey, HomeKey, KeyId, KeyLine, KeySource, OpenError as VaultError, RowAddress, Sealed};
use tokio::sync::Mutex;

pub use self::access::{KeyAccess, NewHomeKey, PassphraseSource};
pub use self::command::CommandError;
pub use self::error::KeyError;
pub use self::keyring::KeyringError;
pub use self::renew::DataKeysRenewed;
pub(crate) use self::replace::home_id;
pub use self::replace::{KeyReplaced, ReplaceKeyError};
pub(crate) use self::row::HomeRow;
pub use self::row::NextKey;
pub use self::status::{KeyPlace, KeyStatus, NextKeyStatus};
use crate::{Home, Settings};

/// The keys that a process holds, and its way to more.
#[derive(Debug)]
pub(crate) struct Keys {
    /// `None` for a store that was opened with a key and nothing else.
    way: Option<Way>,
    /// Read at each hand-out, which waits for nobody; replaced whole.
    ring: ArcSwap<Ring>,
    /// Held by whoever fetches keys: others wait and find them here.
    fetching: Mutex<()>,
}

/// The way to a home's keys.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    home: Home,
    access: KeyAccess,
    settings: Settings,
    /// Keys that were named for this once; no place is asked then.
    lines: Option<Vec<KeyLine>>,
}

#[derive(Clone, Debug)]
struct Ring {
    keys: HashMap<KeyId, HomeKey>,
    wrapping: KeyId,
}

impl Keys {
    /// `keys` must hold the one with the id `wrapping`.
    pub(crate) fn new(way: Option<Way>, keys: Vec<HomeKey>, wrapping: KeyId) -> Self {
        let keys = keys.into_iter().map(|key| (key.id(), key)).collect();
        Self { way, ring: ArcSwap::from_pointee(Ring { keys, wrapping }), fetching: Mutex::new(()) }
    }

    pub(crate) fn way(&self) -> Option<&Way> {
        self.way.as_ref()
    }

    pub(crate) fn holds(&self, id: KeyId) -> bool {
        self.ring.load().keys.contains_key(&id)
    }

    pub(crate) fn key(&self, id: KeyId) -> Option<HomeKey> {
        self.ring.load().keys.get(&id).cloned()
    }

    pub(crate) fn add(&self, key: &HomeKey) {
        self.ring.rcu(|ring| {
            let mut ring = Ring::clone(ring);
            ring.keys.insert(key.id(), key.clone());
            ring
        });
    }

    /// From now on data keys are wrapped under this key. `false` when it is not held. Only whoever has the store's write
    /// transaction may say so.
    pub(crate) fn wrap_under(&self, id: KeyId) -> bool {
        let ring = self.ring.load();
        let held = ring.keys.contains_key(&id);
        if held && ring.wrapping != id {
            self.ring.rcu(|ring| Ring { wrapping: id, ..Ring::clone(ring) });
        }
        held
    }

    /// Wraps a data key under the key that a write found to be the one.
    pub(crate) fn wrap(&self, under: KeyId, key: &DataKey, at: &RowAddress<'_>, entropy: &dyn Entropy) -> Sealed {
        let ring = self.ring.load();
        ring.keys.get(&under).expect("a write begins with its key at hand, and keys stay").wrap(key, at, entropy)
    }

    /// Unwraps a data key, whichever of the keys at hand it stands under.
    pub(crate) fn unwrap(&self, wrapped: &Sealed, at: &RowAddress<'_>) -> Result<DataKey, VaultError> {
        let ring = self.ring.load();
        let found = wrapped.key_id().ok_or(VaultError::Damaged)?;
        let key = ring.keys.get(&found).ok_or(VaultError::ForeignKey { found, expected: ring.wrapping })?;
        key.unwrap(wrapped, at)
    }

    /// Fetches the keys that the home's row names, as far as they are not held already.
    pub(crate) async fn fetch(&self, row: &HomeRow) -> Result<(), KeyError> {
        let _alone = self.fetching.lock().await;
        if row.keys().all(|id| self.holds(id)) {
            return Ok(());
        }
        let way = self.way.as_ref().ok_or(KeyError::Replaced(row.wrapping()))?;
        let wanted: Vec<KeyId> = row.keys().filter(|id| !self.holds(*id)).collect();
        let (found, error) = way.fetch(row, &wanted).await;
        for key in found {
            self.add(&key);
        }
        match error {
            Some(error) if !wanted.iter().all(|id| self.holds(*id)) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Way {
    /// The way to the keys of a home that is about to be made: its settings must be without any mistake.
    pub(crate) fn new(home: &Home, access: KeyAccess) -> Result<Self, KeyError> {
        Ok(Self { settings: Settings::read(home)?, home: home.clone(), access, lines: None })
    }

    /// The way to the keys of a home that exists: only the settings that are needed for it must be valid.
    pub(crate) fn to_existing(home: &Home, access: KeyAccess) -> Result<Self, KeyError> {
        let (settings, _) = Settings::read_for_use(home)?;
        Ok(Self { settings, home: home.clone(), access, lines: None })
    }

    /// The same with keys at hand.
    pub(crate) fn with_lines(self, lines: Vec<KeyLine>) -> Self {
        Self { lines: Some(lines), ..self }
    }

    /// Fetches those of the `wanted` keys that are to be had, and says what kept it from the others.
    pub(crate) async fn fetch(&self, row: &HomeRow, wanted: &[KeyId]) -> (Vec<HomeKey>, Option<KeyError>) {
        let mut lines = self.lines.clone().unwrap_or_default();
        let mut seen = Vec::new();
        let mut trouble = None;
        let named = self.access.key_file.is_some().then_some(KeySource::KeyFile);
        let mut asked: Vec<KeySource> = Vec::new();
        for source in named.into_iter().chain(row.sources()) {
            // Both are in the same files.
            let source = if source == KeySource::Passphrase { KeySource::File } else { source };
            let complete = wanted.iter().all(|id| lines.iter().any(|line| line.id() == *id));
            if complete || asked.contains(&source) {
                continue;
            }
            asked.push(source);
            match self.lines(source, row.id.as_deref(), wanted).await {
                Ok(found) => {
                    seen.extend(ids(&found));
                    lines.extend(found.into_iter().filter(|line| wanted.contains(&line.id())));
                }
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        let (keys, wrong) = unlock::unlock(&self.home, &self.access, lines).await;
        let missing = wanted.iter().find(|id| keys.iter().all(|key| key.id() != **id));
        let error = missing.map(|id| {
            let foreign = KeyError::Foreign { found: seen, expected: *id };
            wrong.or(trouble).unwrap_or(foreign)
        });
        (keys, error)
    }

    /// All keys that a source delivers; of a keyring, those that are wanted.
    pub(crate) async fn lines(
        &self,
        source: KeySource,
        home_id: Option<&str>,
        wanted: &[KeyId],
    ) -> Result<Vec<KeyLine>, KeyError> {
        match source {
            // The next key's file first: when it is gone, its key is in the other.
            KeySource::File | KeySource::Passphrase => {
                let mut lines = match self.home.next_key().read() {
                    Err(KeyFileError::Missing(_)) => Vec::new(),
                    read => read?,
                };
                match self.home.key().read() {
                    Err(KeyFileError::Missing(_)) if !lines.is_empty() => {}
                    read => lines.extend(read?),
                }
                Ok(lines)
            }
            KeySource::Keyring => {
                let mut lines = Vec::new();
                let mut missing = None;
                for id in wanted {
                    let fetching = keyring::fetch(home_id.unwrap_or_default(), *id);
                    match self.access.telling(KEYRING, fetching).await {
                        Ok(line) => lines.push(line),
                        Err(error @ KeyringError::Missing(_)) => missing = Some(error),
                        Err(error) => return Err(error.into()),
                    }
                }
                match missing {
                    Some(error) if lines.is_empty() => Err(error.into()),
                    _ => Ok(lines),
                }
            }
            KeySource::Command => {
                let command = self.settings.key_command.as_ref();
                let command = command.ok_or_else(|| KeyError::NoCommand(self.home.settings_file()))?;
                let name = command.first().map(String::as_str).unwrap_or_default();
                Ok(self.access.telling(&format!("the key command {name} to end"), command::keys(command)).await?)
            }
            KeySource::KeyFile => {
                let path = self.access.key_file.as_ref().ok_or(KeyError::NoKeyFileNamed)?;
                Ok(KeyFile::provided(path).read()?)
            }
        }
    }

    /// Whether someone chose where a new home's key is kept.
    pub(crate) fn names_source(&self) -> bool {
        let named = self.access.key_file.is_some() && self.access.new_home == NewHomeKey::Best;
        named || matches!(self.access.new_home, NewHomeKey::In(_)) || self.settings.key_source.is_some()
    }

    /// Makes a key for a new home, and puts it where it is to be kept. A key that is there already is taken: it is from a run that
    /// ended before the database was complete, or was put there by a person.
    pub(crate) async fn make(&self, home_id: &str, entropy: &dyn Entropy) -> Result<(HomeKey, KeySource), KeyError> {
        let source = match (self.access.new_home, self.settings.key_source) {
            (NewHomeKey::In(source), _) | (_, Some(source)) => source,
            (NewHomeKey::File, None) => KeySource::File,
            (NewHomeKey::Best, None) if self.access.key_file.is_some() => KeySource::KeyFile,
            (NewHomeKey::Best, None) => match self.make_in_keyring(home_id, entropy).await {
                Some(key) => return Ok((key, KeySource::Keyring)),
                None => KeySource::File,
            },
        };
        match source {
            KeySource::File | KeySource::Passphrase => self.make_in_file(source, entropy).await,
            KeySource::Keyring => {
                let key = HomeKey::generate(entropy);
                self.access.telling(KEYRING, keyring::put(home_id, &key, keyring::LIMIT)).await?;
                Ok((key, source))
            }
            KeySource::Command | KeySource::KeyFile => {
                let lines = self.lines(source, None, &[]).await?;
                let [line] = <[KeyLine; 1]>::try_from(lines)
                    .map_err(|lines| KeyError::Several { from: source, found: ids(&lines) })?;
                Ok((self.open(line).await?, source))
            }
        }
    }

    /// Puts a key into the keyring under a home's name.
    pub(crate) async fn put_into_keyring(home_id: &str, key: &HomeKey) -> Result<(), KeyError> {
        Ok(keyring::put(home_id, key, keyring::LIMIT).await?)
    }

    /// A key in the keyring, if one answers at once and there is no key in the home yet.
    async fn make_in_keyring(&self, home_id: &str, entropy: &dyn Entropy) -> Option<HomeKey> {
        if !matches!(self.home.key().read(), Err(KeyFileError::Missing(_))) {
            return None;
        }
        let key = HomeKey::generate(entropy);
        match keyring::put(home_id, &key, keyring::PROBE_LIMIT).await {
            Ok(()) => Some(key),
            Err(error) => {
                tracing::debug!(%error, "the home's key is kept in a file");
                None
            }
        }
    }

    async fn make_in_file(&self, source: KeySource, entropy: &dyn Entropy) -> Result<(HomeKey, KeySource), KeyError> {
        match self.home.key().read() {
            Err(KeyFileError::Missing(_)) => {}
            Ok(mut lines) => {
                let line = lines.swap_remove(0);
                let source = if matches!(line, KeyLine::Locked(_)) { KeySource::Passphrase } else { KeySource::File };
                return Ok((self.open(line).await?, source));
            }
            Err(error) => return Err(error.into()),
        }
        let key = HomeKey::generate(entropy);
        let line = match source {
            KeySource::Passphrase => {
                let passphrase = unlock::new_passphrase(&self.access).await?;
                unlock::lock(&self.home, &key, &passphrase).await?
            }
            _ => KeyLine::Open(key.clone()),
        };
        self.home.key().create(&[line])?;
        Ok((key, source))
    }

    /// Opens one line.
    pub(crate) async fn open(&self, line: KeyLine) -> Result<HomeKey, KeyError> {
        let id = line.id();
        let (mut keys, wrong) = unlock::unlock(&self.home, &self.access, vec![line]).await;
        keys.pop().ok_or_else(|| wrong.unwrap_or(KeyError::NoPassphrase(id)))
    }
}

/// What a person is told that is waited for.
const KEYRING: &str = "the keyring of this session to answer";

fn ids(lines: &[KeyLine]) -> Vec<KeyId> {
    lines.iter().map(KeyLine::id).collect()
}
