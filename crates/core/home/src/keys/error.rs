//! Why the home's key cannot be had.

use std::path::PathBuf;

use lanyard_store::{KeyUnavailable, OpenDatabaseError};
use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{KeyId, KeySource, PassphraseError, WrongPassphrase};
use thiserror::Error;

use super::command::CommandError;
use super::keyring::KeyringError;
use crate::SettingsError;
use crate::files::quoted;

/// Why a home's key cannot be had from where it is kept, or not be put there.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The key file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The keyring cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The key command brought no key.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The settings of the home cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The key is locked under a passphrase, and there is nobody to ask for it.
    #[error("the key {0} is locked under a passphrase, and there is no terminal to ask for it")]
    NoPassphrase(KeyId),
    /// The key is to be locked under a passphrase, and there is nobody to ask for it.
    #[error("there is no terminal to ask for a new passphrase")]
    NoNewPassphrase,
    /// The passphrase is another one.
    #[error(transparent)]
    WrongPassphrase(#[from] WrongPassphrase),
    /// The new passphrase is not good enough.
    #[error(transparent)]
    Passphrase(#[from] PassphraseError),
    /// The passphrase could not be asked for.
    #[error("the passphrase cannot be read")]
    Asking(#[source] std::io::Error),
    /// The key is, or is to be, in a key file that an operator provides, and the environment does not name it.
    #[error("LANYARD_KEY_FILE is not set")]
    NoKeyFileNamed,
    /// A key command delivers the key, or is to deliver it, and the settings have none.
    #[error("{} does not set key_command", .0.display())]
    NoCommand(PathBuf),
    /// The keys that were found are other homes'.
    #[error("the home needs the key {expected}, but these keys were found: {}", list(found))]
    Foreign {
        /// The keys that were found.
        found: Vec<KeyId>,
        /// The home's own.
        expected: KeyId,
    },
    /// The operator's key file or command holds no key that could replace the home's.
    #[error("{from} delivers no other key than {current}")]
    NoOther {
        /// Where keys come from.
        from: KeySource,
        /// The home's own.
        current: KeyId,
        /// The file, if it is one.
        file: Option<PathBuf>,
    },
    /// The operator's key file or command holds several keys that could replace the home's, or be the key of a new home.
    #[error("{from} delivers several keys that could be the next one: {}", list(found))]
    Several {
        /// Where keys come from.
        from: KeySource,
        /// The keys.
        found: Vec<KeyId>,
    },
}

impl KeyError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::File(error) => error.hint(),
            Self::Keyring(error) => error.hint(),
            Self::Command(error) => error.hint(),
            Self::Settings(error) => error.hint(),
            Self::NoPassphrase(_) => {
                "put the passphrase into a file of your own with mode 0600 and name it: LANYARD_PASSPHRASE_FILE".to_owned()
            }
            Self::NoNewPassphrase => {
                "put the new passphrase into a file of your own with mode 0600 and name it: LANYARD_NEW_PASSPHRASE_FILE, or \
                 LANYARD_PASSPHRASE_FILE for a new home"
                    .to_owned()
            }
            Self::WrongPassphrase(_) => {
                "try again; without the passphrase nothing in this home can be opened".to_owned()
            }
            Self::Passphrase(_) => "choose a longer one: a few words at random are good".to_owned(),
            Self::Asking(_) => "try again, or name a file with it: LANYARD_PASSPHRASE_FILE".to_owned(),
            Self::NoKeyFileNamed => "name the file: LANYARD_KEY_FILE=/run/secrets/lanyard.key".to_owned(),
            Self::NoCommand(path) => {
                format!("say which in {}: key_command = [\"program\", \"argument\"]", path.display())
            }
            Self::Foreign { expected, .. } => {
                OpenDatabaseError::ForeignKey { found: *expected, expected: *expected }.hint()
            }
            Self::NoOther { file: Some(file), .. } => format!(
                "add a key to the file, then run lanyard key rotate again: lanyard key generate >> {}",
                quoted(&file.to_string_lossy())
            ),
            Self::NoOther { file: None, .. } => {
                "make a key with lanyard key generate, have it delivered beside the current one, and run lanyard key rotate again"
                    .to_owned()
            }
            Self::Several { found, .. } => format!(
                "have it deliver the active key and one other; to remove one from a file: sed -i.old '/{}/d' FILE && rm FILE.old",
                found.first().map(ToString::to_string).unwrap_or_default()
            ),
        }
    }
}

impl From<KeyError> for KeyUnavailable {
    fn from(error: KeyError) -> Self {
        let hint = error.hint();
        Self::new(error, hint)
    }
}

fn list(ids: &[KeyId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
