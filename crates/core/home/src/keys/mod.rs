//! Where the home's key is kept, and how it is had from there.

mod access;
mod command;
mod error;
pub(crate) mod keyring;
pub(crate) mod unlock;

use std::pin::Pin;

use lanyard_store::{Fetched, HomeKeys, KeySupply, KeyUnavailable};
use lanyard_time::Entropy;
use lanyard_vault::key_file::{KeyFile, KeyFileError};
use lanyard_vault::{HomeKey, KeyId, KeyLine, KeySource};

pub use self::access::{KeyAccess, NewHomeKey, PassphraseSource};
pub use self::command::CommandError;
pub use self::error::KeyError;
pub use self::keyring::KeyringError;
use crate::{Home, Settings};

/// Where this process has a home's keys from.
#[derive(Clone, Debug)]
pub(crate) struct KeySources {
    pub(crate) home: Home,
    pub(crate) access: KeyAccess,
    pub(crate) settings: Settings,
    /// Keys that were named for this once; no place is asked then.
    lines: Option<Vec<KeyLine>>,
}

impl KeySources {
    /// The sources of a home that is about to be made: its settings must be without any mistake.
    pub(crate) fn of_new(home: &Home, access: KeyAccess) -> Result<Self, KeyError> {
        Ok(Self { settings: Settings::read(home)?, home: home.clone(), access, lines: None })
    }

    /// The sources of a home that exists: only the settings that are needed for it must be valid.
    pub(crate) fn of_existing(home: &Home, access: KeyAccess) -> Result<Self, KeyError> {
        let (settings, _) = Settings::read_for_use(home)?;
        Ok(Self { settings, home: home.clone(), access, lines: None })
    }

    /// Returns these sources with keys that are named for this one use.
    pub(crate) fn with_lines(self, lines: Vec<KeyLine>) -> Self {
        Self { lines: Some(lines), ..self }
    }

    /// These sources as they are now, for a process that runs on its own: the settings are read again, and no person is asked.
    fn quiet(&self) -> Self {
        let settings =
            Settings::read_for_use(&self.home).map_or_else(|_| self.settings.clone(), |(settings, _)| settings);
        let passphrase = self.access.passphrase.without_person();
        let access = KeyAccess { passphrase, waiting: None, ..self.access.clone() };
        Self { access, settings, ..self.clone() }
    }

    /// Fetches those of the `wanted` keys that are to be had, and says what kept it from the others.
    pub(crate) async fn fetch(&self, home: &HomeKeys, wanted: &[KeyId]) -> (Vec<HomeKey>, Option<KeyError>) {
        let mut lines = self.lines.clone().unwrap_or_default();
        let mut seen = Vec::new();
        let mut trouble = None;
        let named = self.access.key_file.is_some().then_some(KeySource::KeyFile);
        let mut asked: Vec<KeySource> = Vec::new();
        for source in named.into_iter().chain(home.sources()) {
            // Both are in the same files.
            let source = if source == KeySource::Passphrase { KeySource::File } else { source };
            let complete = wanted.iter().all(|id| lines.iter().any(|line| line.id() == *id));
            if complete || asked.contains(&source) {
                continue;
            }
            asked.push(source);
            match self.lines(source, home.id.as_deref(), wanted).await {
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
    pub(crate) fn are_chosen(&self) -> bool {
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

impl KeySupply for KeySources {
    fn fetch<'a>(
        &'a self,
        home: &'a HomeKeys,
        wanted: &'a [KeyId],
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        Box::pin(async move {
            let (keys, error) = self.fetch(home, wanted).await;
            (keys, error.map(KeyUnavailable::from))
        })
    }

    fn fetch_quietly<'a>(
        &'a self,
        home: &'a HomeKeys,
        wanted: &'a [KeyId],
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        Box::pin(async move {
            let (keys, error) = self.quiet().fetch(home, wanted).await;
            (keys, error.map(KeyUnavailable::from))
        })
    }
}

/// A new name for a home.
pub(crate) fn home_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// The event that a person has to wait for, in the words of the message about it.
const KEYRING: &str = "the keyring of this session to answer";

fn ids(lines: &[KeyLine]) -> Vec<KeyId> {
    lines.iter().map(KeyLine::id).collect()
}
