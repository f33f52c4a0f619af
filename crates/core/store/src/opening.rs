//! Opening a database, and making one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use lanyard_vault::{DataKey, HomeKey, KeyId, KeySource, Sealed};
use thiserror::Error;

use crate::adoption::{OWN_KEY, own_key};
use crate::engine::{Engine, PostgresEngine, SqliteEngine, StoreAddress, StoreIdentity, sql};
use crate::event::{About, Event};
use crate::first_sights::FirstSights;
use crate::in_flight::{InFlight, Observer};
use crate::keys::{HomeKeys, HomeRow, KeySupply, Keys};
use crate::migration::KNOWN;
use crate::owned::{Migrations, Unfit};
use crate::presence::Presence;
use crate::schema;
use crate::store::Inner;
use crate::upgrade::{Upgrade, UpgradeError, upgrade};
use crate::write::{Purpose, Tx};
use crate::{Parts, Store, StoreError};

/// A database, and how long a write waits in it for another process that writes.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is.
    pub place: DatabasePlace,
    /// How long a write waits.
    pub busy_timeout: Duration,
    /// The parts that have tables of their own in it.
    pub parts: &'static [Migrations],
}

/// Where a database is.
#[derive(Clone, Debug)]
pub enum DatabasePlace {
    /// In this file.
    File(PathBuf),
    /// On a server.
    Server {
        /// Its address.
        address: StoreAddress,
        /// The file with the password, if one has it.
        password_file: Option<PathBuf>,
    },
}

impl DatabasePlace {
    /// Which store it is. Looks at the directory of a file; asks no server.
    pub fn identity(&self) -> StoreIdentity {
        match self {
            Self::File(path) => StoreIdentity::of_file(path),
            Self::Server { address, .. } => StoreIdentity::of_server(address),
        }
    }
}

impl Database {
    pub(crate) fn engine(&self) -> Engine {
        let busy_timeout = self.busy_timeout;
        match &self.place {
            DatabasePlace::File(path) => Engine::Sqlite(SqliteEngine::new(path.clone(), busy_timeout)),
            DatabasePlace::Server { address, password_file } => {
                Engine::Postgres(PostgresEngine::new(address.clone(), password_file.clone(), busy_timeout))
            }
        }
    }
}

/// Why a database cannot be opened.
#[derive(Debug, Error)]
pub enum OpenDatabaseError {
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
    /// An older lanyard made the store. Brokers of that version may be using it.
    #[error("the store has version {found}, and this lanyard needs version {known}")]
    Older {
        /// The store's version.
        found: i64,
        /// The one that is needed here.
        known: i64,
    },
    /// The tables of a part of Lanyard are of another version.
    #[error("the tables of {owner} have version {found}, and this lanyard needs version {known}")]
    Part {
        /// The part.
        owner: &'static str,
        /// Their version.
        found: i64,
        /// The one that is needed here.
        known: i64,
    },
    /// An older lanyard made the store, and a process of it has an answer of Webex still to write, which a newer schema does not let it.
    #[error("the store cannot be upgraded while {0}")]
    InFlight(InFlight),
    /// The database holds tables, indexes, triggers or views that are not Lanyard's, or lacks some.
    #[error("the schema of {database} was not created by Lanyard: {}", differences.join("; "))]
    ForeignSchema {
        /// The database.
        database: String,
        /// The differences.
        differences: Vec<String>,
    },
    /// The file is a database, but not one of Lanyard's.
    #[error("{} is a database, but not one of lanyard's", .0.display())]
    Foreign(PathBuf),
    /// The key is another home's.
    #[error("the home needs the key {expected}, but the key found is {found}")]
    ForeignKey {
        /// The key that was found.
        found: KeyId,
        /// The home's own.
        expected: KeyId,
    },
    /// The store itself failed: damaged, full, read-only, busy.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl OpenDatabaseError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Part { found, known, .. } if found > known => Self::Newer { found: *found, known: *known }.hint(),
            Self::Part { found, known, .. } => Self::Older { found: *found, known: *known }.hint(),
            Self::Newer { .. } => "use the newer lanyard, or restore a backup of the older store".to_owned(),
            Self::NoStore(_) => "set key_source (every home of the store needs the same key), then add an app or a credential to make it; or correct the \
                 setting store".to_owned(),
            Self::Older { .. } => {
                "stop every broker of the store, then run: LANYARD_UPGRADE_STORE=1 lanyard doctor".to_owned()
            }
            Self::InFlight(found) => found.hint(),
            Self::ForeignSchema { database, .. } => {
                if database.starts_with("postgres") {
                    return "someone altered the database; restore it with PostgreSQL's own tools".to_owned();
                }
                format!("someone altered the database; move {database} away and restore a backup: lanyard restore FILE")
            }
            Self::Foreign(_) => "give it a file that lanyard backup made".to_owned(),
            Self::ForeignKey { expected, .. } => format!(
                "put the key file with the key {expected} back in place; if another home of this store replaced its key, append the line that contains \
                 {expected} in that home's key file to this home's"
            ),
            Self::Store(error) => error.hint(),
        }
    }
}

impl From<UpgradeError> for OpenDatabaseError {
    fn from(error: UpgradeError) -> Self {
        match error {
            UpgradeError::InFlight(found) => Self::InFlight(found),
            UpgradeError::Store(error) => Self::Store(error),
        }
    }
}

/// A store whose key is not available yet: nothing that is sealed in it can be read.
#[derive(Debug)]
pub struct LockedStore {
    engine: Engine,
    row: HomeRow,
    parts: &'static [Migrations],
    /// Whether the tables of parts may be brought up to date.
    upgrades: bool,
}

impl LockedStore {
    /// Opens a database. An older schema is brought up to date if that is permitted, and refused otherwise.
    pub async fn open(database: &Database, permitted: Option<Upgrade<'_>>) -> Result<Self, OpenDatabaseError> {
        let engine = database.engine();
        let found = engine.schema_version().await?;
        if found > KNOWN {
            return Err(OpenDatabaseError::Newer { found, known: KNOWN });
        }
        match &database.place {
            DatabasePlace::File(path) if found == 0 => {
                return Err(StoreError::Damaged(format!("{} is empty", path.display())).into());
            }
            DatabasePlace::Server { address, .. } if found == 0 => {
                return Err(OpenDatabaseError::NoStore(address.clone()));
            }
            _ if found == KNOWN => {}
            _ => {
                let Upgrade { directory, parts } = permitted.ok_or(OpenDatabaseError::Older { found, known: KNOWN })?;
                upgrade(&engine, Some(&Observer::new(directory, parts))).await?;
            }
        }
        let upgrades = permitted.is_some() || matches!(database.place, DatabasePlace::File(_));
        Self::compared(engine, database.parts, upgrades).await
    }

    /// Opens a file that should be a backup: it is checked as a whole, and brought up to date.
    pub async fn open_copy(
        path: &Path,
        busy_timeout: Duration,
        parts: &'static [Migrations],
    ) -> Result<Self, OpenDatabaseError> {
        let place = DatabasePlace::File(path.to_owned());
        let engine = Database { place, busy_timeout, parts }.engine();
        let found = engine.schema_version().await?;
        let faults = engine.integrity_check().await?;
        if !faults.is_empty() {
            return Err(StoreError::Damaged(faults.join("; ")).into());
        }
        let tables =
            sql("schema", "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('home', 'credentials')");
        if found == 0 || engine.rows(tables).await?.len() != 2 {
            return Err(OpenDatabaseError::Foreign(path.to_owned()));
        }
        if found > KNOWN {
            return Err(OpenDatabaseError::Newer { found, known: KNOWN });
        }
        // The processes that its intents name use the original.
        upgrade(&engine, None).await?;
        Self::compared(engine, parts, true).await
    }

    /// A database of the known version, whose schema must be the known one too.
    async fn compared(engine: Engine, parts: &'static [Migrations], upgrades: bool) -> Result<Self, OpenDatabaseError> {
        let owners: Vec<&str> = parts.iter().map(|part| part.owner).collect();
        let differences = schema::differences(&engine, &owners).await?;
        if !differences.is_empty() {
            return Err(OpenDatabaseError::ForeignSchema { database: engine.place(), differences });
        }
        let row = HomeRow::of(&engine).await?;
        Ok(Self { engine, row, parts, upgrades })
    }

    /// Which keys the home has, and where they are kept. Nothing says yet that this is what Lanyard wrote.
    pub fn keys(&self) -> &HomeKeys {
        &self.row.keys
    }

    /// Reads the home's row again: a key that was replaced meanwhile has a successor. `false` if it is as it was.
    pub async fn look_again(&mut self) -> Result<bool, StoreError> {
        let row = HomeRow::of(&self.engine).await?;
        Ok(std::mem::replace(&mut self.row, row) != self.row)
    }

    /// Opens the store with the home's key, which must be among `keys`; `supply` fetches further ones. `directory` is the home's. What an
    /// earlier version wrote is given the seals that it lacks, once.
    pub async fn unlock(
        self,
        directory: &Path,
        keys: Vec<HomeKey>,
        supply: Option<Arc<dyn KeySupply>>,
        parts: Parts,
    ) -> Result<Store, OpenDatabaseError> {
        let expected = self.row.keys.key;
        if !keys.iter().any(|key| key.id() == expected) {
            let found = keys.first().map_or(expected, HomeKey::id);
            return Err(OpenDatabaseError::ForeignKey { found, expected });
        }
        let keys = Keys::new(supply, keys, expected);
        let (own, adopts) = own_key(&keys, &self.row.wrapped_key)?;
        let store = Store::over(self.engine, keys, &own, directory, parts);
        if adopts.is_some() {
            store.adopt().await?;
        }
        for part in self.parts {
            store.prepare(part, self.upgrades).await.map_err(|unfit| match unfit {
                Unfit::Version { found, known } => OpenDatabaseError::Part { owner: part.owner, found, known },
                Unfit::Schema(differences) => {
                    OpenDatabaseError::ForeignSchema { database: store.database(), differences }
                }
                Unfit::Store(error) => error.into(),
            })?;
        }
        store.inner.set_paused(store.home_row().await?.paused);
        Ok(store)
    }
}

impl Store {
    /// Makes the schema where there is none, and the home in it, in one transaction. A home that is there already stays as it is.
    pub async fn make(
        database: &Database,
        key: &HomeKey,
        (source, id): (KeySource, &str),
        parts: &Parts,
    ) -> Result<(), StoreError> {
        let own = DataKey::generate(&*parts.entropy);
        let wrapped = &key.wrap(&own, &OWN_KEY, &*parts.entropy);
        let keys = Keys::new(None, vec![key.clone()], key.id());
        // Nothing that needs the home's directory happens here.
        let store = &Self::over(database.engine(), keys, &own, Path::new(""), parts.clone());
        store
            .write_for(Purpose::Keys, |mut tx| async move {
                tx.create_schema().await?;
                if tx.row(sql("home", "SELECT id FROM home")).await?.is_some() {
                    return tx.abandon::<_, StoreError>(()).await;
                }
                store.fill(&mut tx, key, source, wrapped, id).await?;
                for part in database.parts {
                    part.make(&mut tx).await?;
                }
                tx.commit(()).await
            })
            .await?;
        store.close().await
    }

    /// Writes the home's own row, an empty list of clients, and the first record.
    async fn fill(
        &self,
        tx: &mut Tx,
        key: &HomeKey,
        source: KeySource,
        wrapped: &Sealed,
        id: &str,
    ) -> Result<(), StoreError> {
        let row = sql("home", INSERT_HOME)
            .bind(key.id().to_string())
            .bind(source.as_str())
            .bind(wrapped)
            .bind(tx.now().wall)
            .bind(id);
        tx.run(row).await?;
        self.begin_list(tx).await?;
        let created = Event::HomeCreated { key: key.id().to_string(), kept_in: source.as_str().to_owned() };
        tx.record(About::Home, created);
        Ok(())
    }

    fn over(engine: Engine, keys: Keys, own: &DataKey, directory: &Path, parts: Parts) -> Self {
        let presence = Presence::new(directory.join("presence"), parts.kernel.clone());
        Self::new(Inner {
            directory: directory.to_owned(),
            engine,
            keys,
            audit_key: own.audit_key(),
            clients_key: own.clients_key(),
            seals_key: own.seals_key(),
            documents_key: own.documents_key(),
            memory_key: OnceLock::new(),
            parts,
            presence,
            first_sights: FirstSights::default(),
            reads: Self::no_durations(),
            writes: Self::no_durations(),
            paused: ArcSwapOption::empty(),
        })
    }
}

const INSERT_HOME: &str =
    "INSERT INTO home (id, key_id, key_source, wrapped_key, created_at, home_id) VALUES (1, $1, $2, $3, $4, $5)";
