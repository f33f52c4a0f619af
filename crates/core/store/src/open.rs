//! Opening a home that exists.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arc_swap::ArcSwapOption;
use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{HomeKey, KeyId};
use thiserror::Error;

use crate::adoption::own_key;
use crate::backup::remove_unfinished_copies;
use crate::engine::{Engine, StoreAddress};
use crate::keys::{HomeRow, Keys, Way};
use crate::location::Location;
use crate::migration::{self, KNOWN};
use crate::schema;
use crate::store::Inner;
use crate::{Home, KeyError, Options, Parts, Store, StoreError};

/// Why a home cannot be opened or made.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no such home, or no database in it.
    #[error("there is no {}", .0.display())]
    Missing(PathBuf),
    /// Something else stands where the home or its database should be.
    #[error("{} is neither a home nor a database", .0.display())]
    Unexpected(PathBuf),
    /// It belongs to another user.
    #[error("{} belongs to user {owner}, not to user {user}", path.display())]
    NotOwned {
        /// What.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// Others can read or write it.
    #[error("others can read or write {} (mode {mode:04o})", path.display())]
    Exposed {
        /// What.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The database's log is there and the database is not.
    #[error("{} is there, but the database that it belongs to is not", .0.display())]
    Orphan(PathBuf),
    /// There is a key and no database.
    #[error("there is no {}, though the home has a key", database.display())]
    Lost {
        /// The key's file.
        key: PathBuf,
        /// Where the database should be.
        database: PathBuf,
    },
    /// There is a database and no key. A new key would open nothing in it.
    #[error("the home {} has a database but no key", .0.display())]
    KeyMissing(PathBuf),
    /// The key cannot be had from where it is kept.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key is another home's.
    #[error("the home needs the key {expected}, but the key found is {found}")]
    ForeignKey {
        /// The key at hand.
        found: KeyId,
        /// The home's own.
        expected: KeyId,
    },
    /// A newer lanyard has been here.
    #[error("the store has version {found}, and this lanyard knows versions up to {known}")]
    Newer {
        /// The store's version.
        found: i64,
        /// The last one that is known here.
        known: i64,
    },
    /// The server's database has no store yet.
    #[error("there is no store in {0} yet")]
    NoStore(StoreAddress),
    /// A store on a server is about to be made, and no one chose where its key is kept.
    #[error("the new store in {0} needs a key, and nothing says where it is kept")]
    NoKeySource(StoreAddress),
    /// An older lanyard made the store on a server. Brokers of that version may be using it.
    #[error("the store has version {found}, and this lanyard needs version {known}")]
    Older {
        /// The store's version.
        found: i64,
        /// The one that is needed here.
        known: i64,
    },
    /// The database holds tables, indexes, triggers or views that are not Lanyard's, or lacks some.
    #[error("the schema of {database} was not created by Lanyard: {}", differences.join("; "))]
    ForeignSchema {
        /// The database.
        database: String,
        /// What differs.
        differences: Vec<String>,
    },
    /// The system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store itself failed: damaged, full, read-only, busy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(path) => {
                format!("add an app or a credential to make a home, or point --home elsewhere than {}", path.display())
            }
            Self::Unexpected(path) => format!("move {} away, or choose another --home", path.display()),
            Self::NotOwned { path, .. } => format!("run lanyard as the owner of {}", path.display()),
            Self::Exposed { path, .. } => {
                format!("run `chmod go-rw {}`; consider who may have read it", path.display())
            }
            Self::Orphan(path) => {
                format!("put the database back beside {0}, or move {0} away to start again", path.display())
            }
            Self::Lost { key, .. } => format!(
                "put the database back, or restore a backup: lanyard restore FILE; to start again, move {} away",
                key.display()
            ),
            Self::KeyMissing(path) => format!(
                "put the home's key file back at {}, from a backup or from another home of this store; no other key opens this database",
                Home::new(path).key_file().display()
            ),
            Self::Key(error) => error.hint(),
            Self::ForeignKey { expected, .. } => format!("put the key file with the key {expected} back in place"),
            Self::Newer { .. } => "use the newer lanyard, or restore a backup of the older store".to_owned(),
            Self::ForeignSchema { database, .. } => {
                if database.starts_with("postgres") {
                    return "someone altered the database; restore it with PostgreSQL's own tools".to_owned();
                }
                format!("someone altered the database; move {database} away and restore a backup: lanyard restore FILE")
            }
            Self::NoStore(_) => "add an app or a credential to make it, or correct the setting store".to_owned(),
            Self::NoKeySource(_) => {
                "set key_source in lanyard.toml: \"key-file\" (with LANYARD_KEY_FILE), \"command\", \"keyring\", \
                 \"passphrase\" or \"file\""
                    .to_owned()
            }
            Self::Older { .. } => {
                "stop every broker of the store, then run: LANYARD_UPGRADE_STORE=1 lanyard doctor".to_owned()
            }
            Self::Io { path, .. } => format!("check the disk, and the owner and permissions of {}", path.display()),
            Self::Store(error) => error.hint(),
        }
    }
}

impl Store {
    /// Opens an existing home with a key and nothing else. Its schema is brought up to date where it is older.
    ///
    /// That the key is the home's own is seen here, not at the first token. Should the key be replaced, this store finds no way to
    /// the next one: [`open_home`](Self::open_home) does.
    pub async fn open(home: &Path, key: &HomeKey, parts: Parts, options: Options) -> Result<Self, OpenError> {
        let home = Home::new(home).absolute()?;
        let location = Location::of(&home, &options)?;
        location.check(&home)?;
        let (engine, row) = read_home(&home, &location, options).await?;
        if row.key != key.id() {
            return Err(OpenError::ForeignKey { found: key.id(), expected: row.key });
        }
        let store = Self::assemble(home, engine, &row, None, vec![key.clone()], parts)?;
        store.adopt().await?;
        store.home_row().await?;
        Ok(store)
    }

    /// Opens an existing home with the key that it names, from where that is kept. Makes nothing.
    pub async fn open_home(home: &Path, parts: Parts, options: Options) -> Result<(Self, HomeKey), OpenError> {
        let home = Home::new(home).absolute()?;
        let location = Location::of(&home, &options)?;
        location.check(&home)?;
        let way = Way::to_existing(&home, options.keys.clone())?;
        let (engine, mut row) = read_home(&home, &location, options).await?;
        let mut looks = 0;
        let (key, keys) = loop {
            let wanted: Vec<KeyId> = row.keys().collect();
            let (keys, error) = way.fetch(&row, &wanted).await;
            if let Some(key) = keys.iter().find(|key| key.id() == row.key) {
                break (key.clone(), keys);
            }
            // A key that was replaced between the look at the row and the look for the key is found at the second look.
            let before = std::mem::replace(&mut row, HomeRow::read(engine.row(HomeRow::select()).await?.as_ref())?);
            looks += 1;
            if before == row || looks == LOOKS {
                return Err(not_had(&home, row.key, error));
            }
        };
        let store = Self::assemble(home, engine, &row, Some(way), keys, parts)?;
        store.adopt().await?;
        let row = store.home_row().await?;
        store.tidy_keys(&row).await;
        remove_unfinished_copies(store.home());
        Ok((store, key))
    }

    /// A store over an open engine. `keys` holds the home's own.
    pub(crate) fn assemble(
        home: Home,
        engine: Engine,
        row: &HomeRow,
        way: Option<Way>,
        keys: Vec<HomeKey>,
        parts: Parts,
    ) -> Result<Self, OpenError> {
        let keys = Keys::new(way, keys, row.key);
        let (own, adopts) = own_key(&keys, &row.wrapped_key)?;
        let (audit_key, clients_key, seals_key) = (own.audit_key(), own.clients_key(), own.seals_key());
        Ok(Self::new(Inner {
            home,
            engine,
            keys,
            audit_key,
            clients_key,
            seals_key,
            adopts,
            memory_key: OnceLock::new(),
            parts,
            paused: ArcSwapOption::from_pointee(row.paused.clone()),
        }))
    }
}

/// How often the home's row is looked at before its key is said to be missing.
const LOOKS: u32 = 5;

/// Opens the database of a home that was checked, and reads the home's own row. A file's schema is brought up to date; a server's is
/// others' too, and is left alone.
pub(crate) async fn read_home(
    home: &Home,
    location: &Location,
    options: Options,
) -> Result<(Engine, HomeRow), OpenError> {
    let upgrades = options.upgrades_server || matches!(location, Location::File);
    let engine = location.engine(home, options);
    let found = engine.schema_version().await?;
    if found > KNOWN {
        return Err(OpenError::Newer { found, known: KNOWN });
    }
    match location {
        Location::File if found == 0 => {
            return Err(StoreError::Damaged(format!("{} is empty", home.database().display())).into());
        }
        Location::Server(address, _) if found == 0 => return Err(OpenError::NoStore(address.clone())),
        _ if found < KNOWN && upgrades => migration::migrate(&engine).await?,
        _ if found < KNOWN => return Err(OpenError::Older { found, known: KNOWN }),
        _ => {}
    }
    let differences = schema::differences(&engine).await?;
    if !differences.is_empty() {
        return Err(OpenError::ForeignSchema { database: engine.place(), differences });
    }
    let row = HomeRow::read(engine.row(HomeRow::select()).await?.as_ref())?;
    Ok((engine, row))
}

/// Says why the home's key is not at hand.
fn not_had(home: &Home, expected: KeyId, error: Option<KeyError>) -> OpenError {
    match error {
        Some(KeyError::File(KeyFileError::Missing(path))) if path == home.key_file() => {
            OpenError::KeyMissing(home.directory.clone())
        }
        Some(KeyError::Foreign { found, expected }) if found.len() == 1 => {
            OpenError::ForeignKey { found: found[0], expected }
        }
        Some(error) => OpenError::Key(error),
        None => OpenError::Key(KeyError::Foreign { found: Vec::new(), expected }),
    }
}
