//! How keys are come by: what stands outside of the home.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use lanyard_time::{Sleep as _, SystemSleep};
use lanyard_vault::KeySource;
use lanyard_vault::Passphrase;
use lanyard_vault::key_file::KeyFile;

use super::KeyError;

/// How this process comes by keys, beyond what the home says. The default: nobody is asked, nothing is named, and the key of a new
/// home is in a file of it.
#[derive(Clone, Debug, Default)]
pub struct KeyAccess {
    /// A key file that an operator provides. Its keys count wherever the home's key is kept.
    pub key_file: Option<PathBuf>,
    /// Where the key of a new home is kept.
    pub new_home: NewHomeKey,
    /// The passphrase.
    pub passphrase: PassphraseSource,
    /// A new passphrase, where one is chosen.
    pub new_passphrase: PassphraseSource,
    /// Tells a person what is waited for, where a source of keys takes long to answer.
    pub waiting: Option<fn(&str)>,
}

/// How long a source of keys may take before a person is told.
const QUIET: Duration = Duration::from_secs(2);

impl KeyAccess {
    /// Completes with `work`; tells a person that `source` is waited for, if it takes long.
    pub(super) async fn telling<T>(&self, source: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = SystemSleep.sleep(QUIET) => {}
        }
        if let Some(waiting) = self.waiting {
            waiting(source);
        }
        work.await
    }
}

/// Where the key of a new home is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewHomeKey {
    /// In a file of it, unless its settings say otherwise.
    #[default]
    File,
    /// As its settings say; else in the keyring, where one answers at once and keeps what it is given; else in a file of it.
    Best,
    /// There, whatever its settings say.
    In(KeySource),
}

/// Where a passphrase comes from.
#[derive(Clone, Debug, Default)]
pub enum PassphraseSource {
    /// From nowhere: what needs one fails.
    #[default]
    None,
    /// From a file.
    File(PathBuf),
    /// A person is asked. `None` where there is nobody.
    Ask(fn() -> io::Result<Option<Passphrase>>),
}

impl PassphraseSource {
    /// Returns this source without prompts: [`Ask`](Self::Ask) becomes [`None`](Self::None).
    pub(super) fn without_person(&self) -> Self {
        match self {
            Self::Ask(_) => Self::None,
            source => source.clone(),
        }
    }

    /// The passphrase; `None` where there is nobody to ask. Blocks while a person thinks.
    pub(super) fn passphrase(&self) -> Result<Option<Passphrase>, KeyError> {
        match self {
            Self::None => Ok(None),
            Self::File(path) => {
                let text = KeyFile::provided(path).read_text()?;
                let text = str::from_utf8(&text)
                    .map_err(|_| KeyError::Asking(io::Error::new(io::ErrorKind::InvalidData, "it is no text")))?;
                Ok(Some(Passphrase::new(text)))
            }
            Self::Ask(ask) => ask().map_err(KeyError::Asking),
        }
    }
}
