//! Making a home.
//!
//! A database gets its name only when it is complete: whoever finds `lanyard.db` may rely on it, and whoever finds none, after a
//! crash at any point, begins again. On a server one transaction makes all of it. The key comes first and is made once; no database that
//! exists ever gets another.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use arc_swap::ArcSwapOption;
use lanyard_vault::{DataKey, HomeKey, KeySource, Sealed};

use crate::adoption::OWN_KEY;
use crate::audit::AuditAction;
use crate::engine::{Engine, SqliteEngine, StoreAddress, beside, sql};
use crate::home::{create_file, sync_directory};
use crate::keys::{Keys, Way, home_id};
use crate::location::Location;
use crate::lock::lock;
use crate::open::read_home;
use crate::store::Inner;
use crate::write::{Purpose, Tx};
use crate::{Home, OpenError, Options, Parts, Store, StoreError};

impl Store {
    /// Opens the home, with the key from where it is kept, and makes directory, key and database where they are missing. Any number
    /// of processes may do this at once: one makes the home, the others open what it made.
    pub async fn open_or_create(home: &Path, parts: Parts, options: Options) -> Result<(Self, HomeKey), OpenError> {
        let home = Home::new(home).absolute()?;
        let location = Location::of_new_unless(&home, exists(&home.database())?, &options)?;
        if let Location::Server(address, _) = &location {
            return Self::open_or_create_on(address, &location, home, parts, options).await;
        }
        if !exists(&home.database())? {
            home.create_directory()?;
            let _lock = lock(&home).await?;
            if !exists(&home.database())? {
                refuse_orphans(&home)?;
                home.refuse_lost()?;
                // From here on a key without a database is one that this, or the next process that begins again, made for it.
                mark_unfinished(&home)?;
                let way = Way::new(&home, options.keys.clone())?;
                let id = home_id(&*parts.entropy);
                let (key, source) = way.make(&id, &*parts.entropy).await?;
                create_database(&home, &key, (source, &id), &parts, &options).await?;
                home.check()?;
                let (engine, row) = read_home(&home, &location, options).await?;
                let store = Self::assemble(home.clone(), engine, &row, Some(way), vec![key.clone()], parts)?;
                return Ok((store, key));
            }
        }
        Self::open_home(&home.directory, parts, options).await
    }

    /// Opens the store on a server, and makes it where it is missing.
    async fn open_or_create_on(
        address: &StoreAddress,
        location: &Location,
        home: Home,
        parts: Parts,
        options: Options,
    ) -> Result<(Self, HomeKey), OpenError> {
        home.create_directory()?;
        match Self::open_home(&home.directory, parts.clone(), options.clone()).await {
            Err(OpenError::NoStore(_)) => {}
            opened => return opened,
        }
        let lock = lock(&home).await?;
        let way = Way::new(&home, options.keys.clone())?;
        // A key that is made silently would be in one home of several, and lost with it.
        if !way.names_source() {
            return Err(OpenError::NoKeySource(address.clone()));
        }
        let id = home_id(&*parts.entropy);
        let (key, source) = way.make(&id, &*parts.entropy).await?;
        let engine = location.engine(&home, options.clone());
        fill_database(&home, engine, &key, (source, &id), &parts).await?;
        drop(lock);
        // Another home may have been faster: then its key counts.
        Self::open_home(&home.directory, parts, options).await
    }

    /// Makes a home under a key that is kept elsewhere, or opens the one that another process has just made under it.
    pub async fn create(
        home: &Path,
        key: &HomeKey,
        source: KeySource,
        parts: Parts,
        options: Options,
    ) -> Result<Self, OpenError> {
        let home = Home::new(home).absolute()?;
        home.create_directory()?;
        let location = Location::of_new_unless(&home, exists(&home.database())?, &options)?;
        let _lock = lock(&home).await?;
        if matches!(location, Location::Server(..)) {
            let id = home_id(&*parts.entropy);
            let engine = location.engine(&home, options.clone());
            fill_database(&home, engine, key, (source, &id), &parts).await?;
        } else if !exists(&home.database())? {
            refuse_orphans(&home)?;
            let id = home_id(&*parts.entropy);
            create_database(&home, key, (source, &id), &parts, &options).await?;
        }
        Self::open(&home.directory, key, parts, options).await
    }
}

/// The log of a database that was taken away would be applied to a new one.
pub(crate) fn refuse_orphans(home: &Home) -> Result<(), OpenError> {
    for suffix in ["-wal", "-journal"] {
        let log = beside(&home.database(), suffix);
        if exists(&log)? {
            return Err(OpenError::Orphan(log));
        }
    }
    Ok(())
}

/// Marks that a home is about to be created here, so that a key without a database is not an error.
fn mark_unfinished(home: &Home) -> Result<(), OpenError> {
    let path = home.unfinished_database();
    if exists(&path)? {
        return Ok(());
    }
    create_file(&path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_directory(&home.directory))
        .map_err(|source| OpenError::Io { path, source })
}

/// Takes away what an earlier run left of a database that was never completed.
pub(crate) fn remove_unfinished(home: &Home) -> Result<(), OpenError> {
    let path = home.unfinished_database();
    ["", "-wal", "-shm", "-journal"].into_iter().try_for_each(|suffix| remove(&beside(&path, suffix)))
}

/// Makes a complete database under another name and then gives it its own. The caller holds the lock.
async fn create_database(
    home: &Home,
    key: &HomeKey,
    (source, id): (KeySource, &str),
    parts: &Parts,
    options: &Options,
) -> Result<(), OpenError> {
    let path = home.unfinished_database();
    remove_unfinished(home)?;
    let failed = |source| OpenError::Io { path: path.clone(), source };
    create_file(&path).map_err(failed)?;

    let engine = Engine::Sqlite(SqliteEngine::new(path.clone(), options.clone()));
    fill_database(home, engine, key, (source, id), parts).await?;
    give_name(home)
}

/// Makes the schema where there is none, and the home in it, in one transaction. A home that is there already stays as it is.
async fn fill_database(
    home: &Home,
    engine: Engine,
    key: &HomeKey,
    (source, id): (KeySource, &str),
    parts: &Parts,
) -> Result<(), OpenError> {
    let own = DataKey::generate(&*parts.entropy);
    let wrapped = &key.wrap(&own, &OWN_KEY, &*parts.entropy);
    let store = &Store::new(Inner {
        home: home.clone(),
        engine,
        keys: Keys::new(None, vec![key.clone()], key.id()),
        audit_key: own.audit_key(),
        clients_key: own.clients_key(),
        seals_key: own.seals_key(),
        adopts: None,
        memory_key: OnceLock::new(),
        parts: parts.clone(),
        paused: ArcSwapOption::empty(),
    });
    store
        .write_for(Purpose::Keys, |mut tx| async move {
            tx.create_schema().await?;
            if tx.row(sql("home", "SELECT id FROM home")).await?.is_some() {
                return tx.abandon::<_, OpenError>(()).await;
            }
            store.fill(&mut tx, key, source, wrapped, id).await?;
            tx.commit(()).await
        })
        .await?;
    store.close().await?;
    Ok(())
}

impl Store {
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
        tx.seal_home();
        self.begin_list(tx).await?;
        tx.record(AuditAction::HomeCreated, None, format!("key {}, kept in: {}", key.id(), source.as_str()));
        Ok(())
    }
}

/// Gives a complete and closed database its name, durably.
pub(crate) fn give_name(home: &Home) -> Result<(), OpenError> {
    let path = home.unfinished_database();
    let failed = |source| OpenError::Io { path: path.clone(), source };
    // The last connection to close copies the log back and removes it.
    if exists(&beside(&path, "-wal"))? {
        return Err(OpenError::Orphan(beside(&path, "-wal")));
    }
    File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&path, home.database()).map_err(failed)?;
    sync_directory(&home.directory).map_err(failed)
}

const INSERT_HOME: &str =
    "INSERT INTO home (id, key_id, key_source, wrapped_key, created_at, home_id) VALUES (1, $1, $2, $3, $4, $5)";

pub(crate) fn exists(path: &Path) -> Result<bool, OpenError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(OpenError::Io { path: path.to_owned(), source }),
    }
}

fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(OpenError::Io { path: path.to_owned(), source }),
        _ => Ok(()),
    }
}
