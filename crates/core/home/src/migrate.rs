//! Moving a home's store from its file into PostgreSQL.
//!
//! The store itself is moved by [`Store::relocate`](lanyard_store::Store::relocate), which decides which of the two is active. Here the
//! home is told: its settings name the new store, and the old file gets another name. Interrupted anywhere, a second call continues.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lanyard_store::{Database, DatabasePlace, Parts, RelocationError, StoreAddress, StoreError, beside, fail_point};
use lanyard_vault::KeySource;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use thiserror::Error;

use crate::files::{exists, sync_directory};
use crate::keys::NewHomeKey;
use crate::lock::lock;
use crate::open::{broker_socket, open_at};
use crate::settings::StoreNamed;
use crate::{Home, HomeError, KeyPlace, OpenError, OpenHome, Options, Settings, SettingsError};

/// Where a store is to be moved.
#[derive(Clone, Debug)]
pub struct NewPlace {
    /// The address of the database.
    pub address: StoreAddress,
    /// The file with the password for it. Default: as the options or the settings say.
    pub password_file: Option<PathBuf>,
    /// Where the home's key is kept: confirms that a place that Lanyard may have chosen is right for a store that machines share.
    pub key_source: Option<KeySource>,
}

/// A store that was moved.
#[derive(Debug)]
pub struct Migrated {
    /// How many rows of which table were copied and compared. `None` if an earlier call had done that.
    pub rows: Option<Vec<(&'static str, u64)>>,
    /// How the settings name the store now. `None` if the options do instead.
    pub named: Option<StoreNamed>,
    /// Where the old database is now, if it is still there.
    pub old: Option<PathBuf>,
    /// Where the home's key is kept; every home of the store needs the key.
    pub key_place: KeyPlace,
}

/// Why a store was not moved.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// A broker runs in the home.
    #[error("a broker runs in {}", home.display())]
    InUse {
        /// The home.
        home: PathBuf,
        /// Where it answers.
        socket: PathBuf,
    },
    /// The home has its store in another database already.
    #[error("the store of {} is in {store}", home.display())]
    Elsewhere {
        /// The home.
        home: PathBuf,
        /// That database.
        store: StoreAddress,
    },
    /// Lanyard may have chosen where the home's key is kept.
    #[error("confirm where the key is kept: every home that uses the new store needs a copy of the key in {place}")]
    KeyNotChosen {
        /// Where the key is kept.
        place: KeyPlace,
        /// The address of the new store.
        address: StoreAddress,
    },
    /// The key is kept in another place than the caller named.
    #[error("--key-source {} is wrong: the home's key is kept in {place}", named.as_str())]
    OtherKeySource {
        /// Where it is kept.
        place: KeyPlace,
        /// The source that the caller named.
        named: KeySource,
    },
    /// The home cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store was not moved.
    #[error(transparent)]
    Relocation(#[from] RelocationError),
}

impl MigrateError {
    /// How to correct it.
    pub fn hint(&self) -> String {
        match self {
            Self::InUse { socket, .. } => {
                format!("stop it first, and move the store then: it answers on {}", socket.display())
            }
            Self::Elsewhere { .. } => "use PostgreSQL's own tools to move it to another server".to_owned(),
            Self::KeyNotChosen { place, address } => format!(
                "to keep it there: lanyard migrate-store '{address}' --key-source {}; to keep it elsewhere first: lanyard key rotate --to \
                 SOURCE",
                place.source.as_str()
            ),
            Self::OtherKeySource { named, .. } => {
                format!("replace the key first: lanyard key rotate --to {}", named.as_str())
            }
            Self::Open(error) => error.hint(),
            Self::Relocation(error) => error.hint(),
        }
    }
}

impl From<HomeError> for MigrateError {
    fn from(error: HomeError) -> Self {
        Self::Open(error.into())
    }
}

impl From<SettingsError> for MigrateError {
    fn from(error: SettingsError) -> Self {
        Self::Open(error.into())
    }
}

impl From<StoreError> for MigrateError {
    fn from(error: StoreError) -> Self {
        Self::Relocation(error.into())
    }
}

/// Moves the store of a home from its file into a server's database. The file stays in the home under another name, and is never used
/// again.
pub async fn migrate_store(
    home: &Path,
    to: NewPlace,
    actor: &str,
    parts: Parts,
    options: Options,
) -> Result<Migrated, MigrateError> {
    let home = Home::new(home).absolute()?;
    home.check_directory()?;
    // Mistakes that an ordinary command passes over would keep the store from being named at the end.
    let settings = Settings::read(&home)?;
    let named = options.store.as_ref().or(settings.store.as_ref());
    if let Some(store) = named.filter(|store| **store != to.address) {
        return Err(MigrateError::Elsewhere { home: home.directory, store: store.clone() });
    }
    if let Some(socket) = broker_socket(&home).await? {
        return Err(MigrateError::InUse { home: home.directory, socket });
    }
    let password_file =
        to.password_file.clone().or(options.store_password_file.clone()).or(settings.store_password_file.clone());
    let server = Database {
        place: DatabasePlace::Server { address: to.address.clone(), password_file },
        busy_timeout: options.busy_timeout,
        parts: options.parts,
    };
    if named.is_some() && !exists(&home.database())? {
        return finished(home, &server, parts, options).await;
    }
    let file = Database {
        place: DatabasePlace::File(home.database()),
        busy_timeout: options.busy_timeout,
        parts: options.parts,
    };
    let opened = open_at(home.clone(), &file, parts, &options).await?;
    let key_place = if opened.store.pause().await?.is_some_and(|pause| pause.is_for_a_move()) {
        // The copy has that key already.
        opened.place(opened.store.home_keys().await?.source)
    } else {
        chosen_key(&opened, &to, &settings, &options).await?
    };
    let _lock = lock(&home).await?;
    let relocated = opened.store.acting_as(actor).relocate(&server, &opened.key).await?;
    relocated.store.close().await?;
    opened.store.close().await?;
    let named = match options.store {
        Some(_) => None,
        None => Some(Settings::name_store(&home, &to.address, to.password_file.as_deref())?),
    };
    fail_point("move.named");
    let old = match &named {
        // Until the settings name the store, the old file says where it is.
        Some(StoreNamed::ByHand(_)) => home.database(),
        _ => put_aside(&home)?,
    };
    Ok(Migrated { rows: relocated.rows, named, old: Some(old), key_place })
}

/// A home that was moved already: what an interrupted call left is tidied up.
async fn finished(home: Home, server: &Database, parts: Parts, options: Options) -> Result<Migrated, MigrateError> {
    let opened = open_at(home.clone(), server, parts, &options).await?;
    if let Some(pause) = opened.store.pause().await? {
        return Err(StoreError::Paused(pause).into());
    }
    let key_place = opened.place(opened.store.home_keys().await?.source);
    opened.store.close().await?;
    let _lock = lock(&home).await?;
    let old = home.moved_database(0);
    put_logs_aside(&home, &old)?;
    let named = options.store.is_none().then_some(StoreNamed::Already);
    Ok(Migrated { rows: None, named, old: exists(&old)?.then_some(old), key_place })
}

/// Refuses a key in a place that Lanyard chooses by default for a home of one machine: the homes of other machines need the key too.
async fn chosen_key(
    opened: &OpenHome,
    to: &NewPlace,
    settings: &Settings,
    options: &Options,
) -> Result<KeyPlace, MigrateError> {
    let source = opened.store.home_keys().await?.source;
    let place = opened.place(source);
    if let Some(named) = to.key_source.filter(|named| *named != source) {
        return Err(MigrateError::OtherKeySource { place, named });
    }
    let is_automatic = matches!(source, KeySource::File | KeySource::Keyring);
    let is_named = to.key_source.is_some()
        || settings.key_source == Some(source)
        || options.keys.new_home == NewHomeKey::In(source);
    if is_automatic && !is_named {
        return Err(MigrateError::KeyNotChosen { place, address: to.address.clone() });
    }
    Ok(place)
}

/// Gives the old database a name that nothing opens, and returns it.
fn put_aside(home: &Home) -> Result<PathBuf, HomeError> {
    let path = home.database();
    let failed = |source| HomeError::Io { path: path.clone(), source };
    for number in 0.. {
        let to = home.moved_database(number);
        match renameat_with(CWD, &path, CWD, &to, RenameFlags::NOREPLACE) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            // Another process did it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(home.moved_database(0)),
            // Not every file system knows such a rename; the home's lock is held.
            Err(_) if !exists(&to)? => fs::rename(&path, &to).map_err(failed)?,
            Err(error) => return Err(failed(error.into())),
            Ok(()) => {}
        }
        fail_point("move.renamed");
        put_logs_aside(home, &to)?;
        sync_directory(&home.directory).map_err(failed)?;
        return Ok(to);
    }
    unreachable!("a number is free")
}

/// Moves the files that a process that still had the database open keeps beside it.
fn put_logs_aside(home: &Home, to: &Path) -> Result<(), HomeError> {
    for suffix in ["-wal", "-shm"] {
        let log = beside(&home.database(), suffix);
        if exists(&log)? {
            fs::rename(&log, beside(to, suffix)).map_err(|source| HomeError::Io { path: log.clone(), source })?;
        }
    }
    Ok(())
}
