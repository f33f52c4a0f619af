//! Opening a home that exists.

use std::io;
use std::path::{Path, PathBuf};

use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{DataKey, HomeKey, KeyId, KeySource, RowAddress, Sealed};
use thiserror::Error;

use crate::engine::{Engine, SqliteEngine, sql};
use crate::migration::{self, KNOWN};
use crate::store::Inner;
use crate::{Home, Options, Parts, Store, StoreError};

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
    /// There is a database and no key. A new key would open nothing in it.
    #[error("the home {} has a database but no key", .0.display())]
    KeyMissing(PathBuf),
    /// The key file cannot be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The key is another home's.
    #[error("the home was made with the key {expected}, and the key at hand is {found}")]
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
                format!("run `chmod go-rw {}`; think about who may have read it meanwhile", path.display())
            }
            Self::Orphan(path) => {
                format!("put the database back beside {0}, or move {0} away to begin anew", path.display())
            }
            Self::KeyMissing(path) => format!(
                "put the home's key file back at {}, from a backup; no other key opens this database",
                Home::new(path).key_file().display()
            ),
            Self::Key(error) => error.hint(),
            Self::ForeignKey { expected, .. } => format!("put the key file with the key {expected} back in place"),
            Self::Newer { .. } => "use the newer lanyard, or restore a backup of the older store".to_owned(),
            Self::Io { path, .. } => format!("check the disk, and the owner and permissions of {}", path.display()),
            Self::Store(error) => error.hint(),
        }
    }
}

impl Store {
    /// Opens an existing home. Its schema is brought up to date where it is older.
    ///
    /// That the key is the home's own is seen here, not at the first token.
    pub async fn open(home: &Path, key: &HomeKey, parts: Parts, options: Options) -> Result<Self, OpenError> {
        let home = Home::new(home).absolute()?;
        home.check()?;
        let engine = Engine::Sqlite(SqliteEngine::new(home.database(), options));
        let found = engine.schema_version().await?;
        if found > KNOWN {
            return Err(OpenError::Newer { found, known: KNOWN });
        }
        if found == 0 {
            return Err(StoreError::Damaged(format!("{} is empty", home.database().display())).into());
        }
        if found < KNOWN {
            migration::migrate(&engine).await?;
        }
        let row = engine.row(sql("home", SELECT_HOME)).await?;
        let row = row.ok_or_else(|| StoreError::Damaged("the home's own row is missing".to_owned()))?;
        let expected: KeyId = row.parsed("key_id")?;
        if expected != key.id() {
            let found = key.id();
            return Err(OpenError::ForeignKey { found, expected });
        }
        let own = unwrap_own_key(key, &row.sealed("wrapped_key")?)?;
        let key_source: KeySource = row.parsed("key_source")?;
        Ok(Self::new(Inner { home, engine, key: key.clone(), key_source, audit_key: own.audit_key(), parts }))
    }
}

const SELECT_HOME: &str = "SELECT id, key_id, key_source, wrapped_key FROM home WHERE id = 1";

/// Where the home's own data key stands.
pub(crate) const OWN_KEY: RowAddress<'static> =
    RowAddress { table: "home", row: "1", column: "wrapped_key", generation: 0, environment: "" };

fn unwrap_own_key(key: &HomeKey, wrapped: &Sealed) -> Result<DataKey, StoreError> {
    key.unwrap(wrapped, &OWN_KEY).map_err(StoreError::Sealed)
}
