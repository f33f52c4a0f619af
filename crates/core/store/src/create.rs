//! Making a home.
//!
//! A database gets its name only when it is complete: whoever finds `lanyard.db` may rely on it, and whoever finds none, after a
//! crash at any point, begins again. The key comes first and is made once; no database that exists ever gets another.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use lanyard_vault::key_file::KeyFileError;
use lanyard_vault::{HomeKey, KeySource};
use rustix::fs::{FlockOperation, OFlags, flock};

use crate::audit::AuditAction;
use crate::engine::{Engine, SqliteEngine, beside, sql};
use crate::home::{create_file, sync_directory};
use crate::open::OWN_KEY;
use crate::store::Inner;
use crate::{Home, OpenError, Options, Parts, Store, migration};

impl Store {
    /// Opens the home, with the key in its key file, and makes directory, key and database where they are missing. Any number of
    /// processes may do this at once: one makes the home, the others open what it made.
    pub async fn open_or_create(home: &Path, parts: Parts, options: Options) -> Result<(Self, HomeKey), OpenError> {
        let home = Home::new(home).absolute()?;
        if !exists(&home.database())? {
            home.create_directory()?;
            let _lock = lock(&home).await?;
            if !exists(&home.database())? {
                let key = key_for_new_home(&home, &parts)?;
                create_database(&home, &key, KeySource::File, &parts, &options).await?;
                let store = Self::open(&home.directory, &key, parts, options).await?;
                return Ok((store, key));
            }
        }
        Self::open_with_key_file(&home.directory, parts, options).await
    }

    /// Opens the home, with the key in its key file. Makes nothing.
    pub async fn open_with_key_file(home: &Path, parts: Parts, options: Options) -> Result<(Self, HomeKey), OpenError> {
        let home = Home::new(home).absolute()?;
        home.check()?;
        let key = home.key().read().map_err(|error| match error {
            KeyFileError::Missing(_) => OpenError::KeyMissing(home.directory.clone()),
            other => OpenError::Key(other),
        })?;
        let store = Self::open(&home.directory, &key, parts, options).await?;
        Ok((store, key))
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
            create_database(&home, key, source, &parts, &options).await?;
        }
        Self::open(&home.directory, key, parts, options).await
    }
}

/// The key file may be there already: from a run that ended before the database was complete, or put there by a person.
fn key_for_new_home(home: &Home, parts: &Parts) -> Result<HomeKey, OpenError> {
    match home.key().read() {
        Err(KeyFileError::Missing(_)) => {
            let key = HomeKey::generate(&*parts.entropy);
            home.key().create(&key)?;
            Ok(key)
        }
        read => Ok(read?),
    }
}

/// Makes a complete database under another name and then gives it its own. The caller holds the lock.
async fn create_database(
    home: &Home,
    key: &HomeKey,
    source: KeySource,
    parts: &Parts,
    options: &Options,
) -> Result<(), OpenError> {
    // The log of a database that was taken away would be applied to the new one.
    for suffix in ["-wal", "-journal"] {
        let log = beside(&home.database(), suffix);
        if exists(&log)? {
            return Err(OpenError::Orphan(log));
        }
    }
    let path = home.unfinished_database();
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove(&beside(&path, suffix))?;
    }
    let failed = |source| OpenError::Io { path: path.clone(), source };
    create_file(&path).map_err(failed)?;

    let own = key.new_data_key(&*parts.entropy);
    let wrapped = key.wrap(&own, &OWN_KEY, &*parts.entropy);
    let store = Store::new(Inner {
        home: home.clone(),
        engine: Engine::Sqlite(SqliteEngine::new(path.clone(), options.clone())),
        key: key.clone(),
        key_source: source,
        audit_key: own.audit_key(),
        parts: parts.clone(),
    });
    migration::migrate(store.engine()).await?;
    let mut write = store.engine().write().await?;
    let row =
        sql("home", INSERT_HOME).bind(key.id().to_string()).bind(source.as_str()).bind(&wrapped).bind(store.now().wall);
    write.run(row).await?;
    let detail = format!("key {}, kept in: {}", key.id(), source.as_str());
    store.note(&mut write, AuditAction::HomeCreated, None, &detail).await?;
    write.commit().await?;
    // The last connection to close copies the log back and removes it.
    store.close().await?;
    if exists(&beside(&path, "-wal"))? {
        return Err(OpenError::Orphan(beside(&path, "-wal")));
    }
    File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&path, home.database()).map_err(failed)?;
    sync_directory(&home.directory).map_err(failed)
}

const INSERT_HOME: &str =
    "INSERT INTO home (id, key_id, key_source, wrapped_key, created_at) VALUES (1, $1, $2, $3, $4)";

/// Waits until no other process makes this home.
async fn lock(home: &Home) -> Result<File, OpenError> {
    let path = home.lock_file();
    let locked = tokio::task::spawn_blocking({
        let path = path.clone();
        move || -> io::Result<File> {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(path)?;
            // A umask takes bits away, the owner's too.
            file.set_permissions(Permissions::from_mode(0o600))?;
            flock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        }
    });
    locked.await.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(|source| OpenError::Io { path, source })
}

fn exists(path: &Path) -> Result<bool, OpenError> {
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
