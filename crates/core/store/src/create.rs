//! Making a home.
//!
//! A database gets its name only when it is complete: whoever finds `lanyard.db` may rely on it, and whoever finds none, after a
//! crash at any point, begins again. The key comes first and is made once; no database that exists ever gets another.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use arc_swap::ArcSwapOption;
use lanyard_vault::{DataKey, HomeKey, KeySource};

use crate::adoption::OWN_KEY;
use crate::audit::AuditAction;
use crate::engine::{Engine, SqliteEngine, beside, sql};
use crate::home::{create_file, sync_directory};
use crate::keys::{Keys, Way, home_id};
use crate::lock::lock;
use crate::open::read_home;
use crate::store::Inner;
use crate::write::Purpose;
use crate::{Home, OpenError, Options, Parts, Store, migration};

impl Store {
    /// Opens the home, with the key from where it is kept, and makes directory, key and database where they are missing. Any number
    /// of processes may do this at once: one makes the home, the others open what it made.
    pub async fn open_or_create(home: &Path, parts: Parts, options: Options) -> Result<(Self, HomeKey), OpenError> {
        let home = Home::new(home).absolute()?;
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
                let (engine, row) = read_home(&home, options).await?;
                let store = Self::assemble(home.clone(), engine, &row, Some(way), vec![key.clone()], parts)?;
                return Ok((store, key));
            }
        }
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
        let _lock = lock(&home).await?;
        if !exists(&home.database())? {
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

    let own = DataKey::generate(&*parts.entropy);
    let wrapped = key.wrap(&own, &OWN_KEY, &*parts.entropy);
    let store = &Store::new(Inner {
        home: home.clone(),
        engine: Engine::Sqlite(SqliteEngine::new(path.clone(), options.clone())),
        keys: Keys::new(None, vec![key.clone()], key.id()),
        audit_key: own.audit_key(),
        clients_key: own.clients_key(),
        seals_key: own.seals_key(),
        adopts: None,
        memory_key: OnceLock::new(),
        parts: parts.clone(),
        paused: ArcSwapOption::empty(),
    });
    migration::migrate(&store.inner.engine).await?;
    let detail = &*format!("key {}, kept in: {}", key.id(), source.as_str());
    let wrapped = &wrapped;
    store
        .write_for(Purpose::Keys, |mut tx| async move {
            let row = sql("home", INSERT_HOME)
                .bind(key.id().to_string())
                .bind(source.as_str())
                .bind(wrapped)
                .bind(tx.now().wall)
                .bind(id);
            tx.run(row).await?;
            store.begin_list(&mut tx).await?;
            tx.record(AuditAction::HomeCreated, None, detail);
            tx.commit::<_, OpenError>(()).await
        })
        .await?;
    store.close().await?;
    give_name(home)
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
