//! Opening a home that exists.

use std::io;
use std::path::{Path, PathBuf};

use lanyard_store::{
    Database, DatabasePlace, LockedStore, OpenDatabaseError, Parts, Store, StoreError, Upgrade,
    remove_unfinished_copies,
};
use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{HomeKey, KeyId};
use thiserror::Error;
use tokio::net::UnixStream;

use crate::keys::KeySources;
use crate::location::{self, Options};
use crate::{Home, HomeError, KeyError, OpenHome, Settings, SettingsError};

/// Why a home cannot be opened or made.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory, or a file in it, cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// There is a database and no key. A new key would open nothing in it.
    #[error("the home {} has a database but no key", .0.display())]
    KeyMissing(PathBuf),
    /// The key cannot be had from where it is kept.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A store on a server is about to be made, and no one chose where its key is kept.
    #[error("the new store in {0} needs a key, and nothing says where it is kept")]
    NoKeySource(lanyard_store::StoreAddress),
    /// An older lanyard made the database, and its broker is running: what that writes into a newer schema, nobody could trust.
    #[error("the database of {} is of an older version, and a broker of that version is running there", home.display())]
    InUse {
        /// The home.
        home: PathBuf,
        /// Where the broker answers.
        socket: PathBuf,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenDatabaseError),
}

impl OpenError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Home(error) => error.hint(),
            Self::KeyMissing(path) => format!(
                "put the home's key file back at {}, from your copy of the key or from another home of this store; no other key opens \
                 this database",
                Home::new(path).key_file().display()
            ),
            Self::Key(error) => error.hint(),
            Self::NoKeySource(_) => {
                "set key_source in lanyard.toml: \"key-file\" (with LANYARD_KEY_FILE), \"command\", \"keyring\", \
                 \"passphrase\" or \"file\""
                    .to_owned()
            }
            Self::InUse { socket, .. } => format!(
                "restart that broker with the lanyard that is installed now; it answers on {}",
                socket.display()
            ),
            Self::Database(error) => error.hint(),
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.into())
    }
}

impl From<SettingsError> for OpenError {
    fn from(error: SettingsError) -> Self {
        Self::Key(error.into())
    }
}

/// Opens an existing home with a key and nothing else.
///
/// That the key is the home's own is seen here, not at the first token. Should the key be replaced, this store finds no way to
/// the next one: [`open`] does.
pub async fn open_with_key(home: &Path, key: &HomeKey, parts: Parts, options: Options) -> Result<Store, OpenError> {
    let home = Home::new(home).absolute()?;
    let database = location::database(&home, &options)?;
    check(&home, &database)?;
    let locked = open_database(&home, &database, &options, &parts).await?;
    Ok(locked.unlock(&home.directory, vec![key.clone()], None, parts).await?)
}

/// Opens an existing home with the key that it names, from where that is kept. Makes nothing. An older schema in a file is brought up to
/// date, unless a broker runs in the home.
pub async fn open(home: &Path, parts: Parts, options: Options) -> Result<OpenHome, OpenError> {
    let home = Home::new(home).absolute()?;
    let database = location::database(&home, &options)?;
    open_at(home, &database, parts, &options).await
}

/// Opens a home with its store in the given database, whatever options and settings say.
pub(crate) async fn open_at(
    home: Home,
    database: &Database,
    parts: Parts,
    options: &Options,
) -> Result<OpenHome, OpenError> {
    check(&home, database)?;
    let sources = KeySources::of_existing(&home, options.keys.clone())?;
    let mut locked = open_database(&home, database, options, &parts).await?;
    let mut looks = 0;
    let (key, keys) = loop {
        let wanted: Vec<KeyId> = locked.keys().keys().collect();
        let (keys, error) = sources.fetch(locked.keys(), &wanted).await;
        let expected = locked.keys().key;
        if let Some(key) = keys.iter().find(|key| key.id() == expected) {
            break (key.clone(), keys);
        }
        // A key that was replaced between the look at the row and the look for the key is found at the second look.
        looks += 1;
        if !locked.look_again().await? || looks == LOOKS {
            return Err(not_had(&home, expected, error));
        }
    };
    let opened = OpenHome::unlock(home, locked, keys, key, sources, parts).await?;
    opened.tidy_keys().await?;
    opened.store.tidy_presence().await;
    remove_unfinished_copies(&opened.home.directory);
    Ok(opened)
}

/// How often the home's row is looked at before its key is said to be missing.
const LOOKS: u32 = 5;

/// Opens the database of a home that was checked. A file's schema is brought up to date; a server's is others' too, and is left alone
/// unless the options say otherwise.
pub(crate) async fn open_database(
    home: &Home,
    database: &Database,
    options: &Options,
    parts: &Parts,
) -> Result<LockedStore, OpenError> {
    let is_file = matches!(database.place, DatabasePlace::File(_));
    let upgrade = Upgrade { directory: &home.directory, parts };
    match LockedStore::open(database, Some(upgrade).filter(|_| options.upgrades_server && !is_file)).await {
        Err(OpenDatabaseError::Older { .. }) if is_file => {
            if let Some(socket) = broker_socket(home).await? {
                return Err(OpenError::InUse { home: home.directory.clone(), socket });
            }
            Ok(LockedStore::open(database, Some(upgrade)).await?)
        }
        opened => Ok(opened?),
    }
}

/// Where a broker answers that runs in the home, if one does.
pub(crate) async fn broker_socket(home: &Home) -> Result<Option<PathBuf>, SettingsError> {
    let (settings, _) = Settings::read_for_use(home)?;
    let socket = settings.owner_socket(home);
    let answers = match UnixStream::connect(&socket).await {
        Ok(_) => true,
        // A broker that takes no more connections runs all the same.
        Err(error) => !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused),
    };
    Ok(answers.then_some(socket))
}

/// Says why the home's key is not available.
fn not_had(home: &Home, expected: KeyId, error: Option<KeyError>) -> OpenError {
    match error {
        Some(KeyError::File(KeyFileError::Missing(path))) if path == home.key_file() => {
            OpenError::KeyMissing(home.directory.clone())
        }
        Some(KeyError::Foreign { found, expected }) if found.len() == 1 => {
            OpenDatabaseError::ForeignKey { found: found[0], expected }.into()
        }
        Some(error) => OpenError::Key(error),
        None => OpenError::Key(KeyError::Foreign { found: Vec::new(), expected }),
    }
}

/// Refuses a home, or a database in it, that is not its owner's alone. The home of a store on a server may be empty, as on a machine that
/// is new, and is made.
fn check(home: &Home, database: &Database) -> Result<(), HomeError> {
    match &database.place {
        DatabasePlace::File(_) => home.check(),
        DatabasePlace::Server { .. } => match home.check_directory() {
            Err(HomeError::Missing(_)) => home.create_directory(),
            checked => checked,
        },
    }
}
