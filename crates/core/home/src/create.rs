//! Making a home.
//!
//! A database gets its name only when it is complete: whoever finds `lanyard.db` may rely on it, and whoever finds none, after a
//! crash at any point, begins again. On a server one transaction makes all of it. The key comes first and is made once; no database that
//! exists ever gets another.

use std::fs::{self, File};
use std::path::Path;

use lanyard_store::{
    Database, DatabasePlace, LockedStore, OpenDatabaseError, Parts, Store, StoreAddress, beside, create_file,
};
use lanyard_vault::{HomeKey, KeySource};

use crate::files::{exists, remove, sync_directory};
use crate::keys::{KeySources, home_id};
use crate::location;
use crate::lock::lock;
use crate::open::{open, open_with_key};
use crate::{Home, HomeError, OpenError, OpenHome, Options};

/// Opens the home, with the key from where it is kept, and makes directory, key and database where they are missing. Any number
/// of processes may do this at once: one makes the home, the others open what it made.
pub async fn open_or_create(home: &Path, parts: Parts, options: Options) -> Result<OpenHome, OpenError> {
    let home = Home::new(home).absolute()?;
    let database = location::database_to_be(&home, exists(&home.database())?, &options)?;
    if let DatabasePlace::Server { address, .. } = &database.place {
        return open_or_create_on(address, &database, home, parts, options).await;
    }
    if !exists(&home.database())? {
        home.create_directory()?;
        let _lock = lock(&home).await?;
        if !exists(&home.database())? {
            refuse_orphans(&home)?;
            home.refuse_lost()?;
            // From here on a key without a database is one that this, or the next process that begins again, made for it.
            mark_unfinished(&home)?;
            let sources = KeySources::of_new(&home, options.keys.clone())?;
            let id = home_id(&*parts.entropy);
            let (key, source) = sources.make(&id, &*parts.entropy).await?;
            create_database(&home, &key, (source, &id), &parts, &options).await?;
            home.check()?;
            let locked = LockedStore::open(&database, None).await?;
            return Ok(OpenHome::unlock(home, locked, vec![key.clone()], key, sources, parts).await?);
        }
    }
    open(&home.directory, parts, options).await
}

/// Opens the store on a server, and makes it where it is missing.
async fn open_or_create_on(
    address: &StoreAddress,
    database: &Database,
    home: Home,
    parts: Parts,
    options: Options,
) -> Result<OpenHome, OpenError> {
    home.create_directory()?;
    match open(&home.directory, parts.clone(), options.clone()).await {
        Err(OpenError::Database(OpenDatabaseError::NoStore(_))) => {}
        opened => return opened,
    }
    let lock = lock(&home).await?;
    let sources = KeySources::of_new(&home, options.keys.clone())?;
    // A key that is made silently would be in one home of several, and lost with it.
    if !sources.are_chosen() {
        return Err(OpenError::NoKeySource(address.clone()));
    }
    let id = home_id(&*parts.entropy);
    let (key, source) = sources.make(&id, &*parts.entropy).await?;
    Store::make(database, &key, (source, &id), &parts).await?;
    drop(lock);
    // Another home may have been faster: then its key counts.
    open(&home.directory, parts, options).await
}

/// Makes a home under a key that is kept elsewhere, or opens the one that another process has just made under it.
pub async fn create(
    home: &Path,
    key: &HomeKey,
    source: KeySource,
    parts: Parts,
    options: Options,
) -> Result<Store, OpenError> {
    let home = Home::new(home).absolute()?;
    home.create_directory()?;
    let database = location::database_to_be(&home, exists(&home.database())?, &options)?;
    let _lock = lock(&home).await?;
    if matches!(database.place, DatabasePlace::Server { .. }) {
        Store::make(&database, key, (source, &home_id(&*parts.entropy)), &parts).await?;
    } else if !exists(&home.database())? {
        refuse_orphans(&home)?;
        create_database(&home, key, (source, &home_id(&*parts.entropy)), &parts, &options).await?;
    }
    open_with_key(&home.directory, key, parts, options).await
}

/// The log of a database that was taken away would be applied to a new one.
pub(crate) fn refuse_orphans(home: &Home) -> Result<(), HomeError> {
    for suffix in ["-wal", "-journal"] {
        let log = beside(&home.database(), suffix);
        if exists(&log)? {
            return Err(HomeError::Orphan(log));
        }
    }
    Ok(())
}

/// Marks that a home is about to be created here, so that a key without a database is not an error.
fn mark_unfinished(home: &Home) -> Result<(), HomeError> {
    let path = home.unfinished_database();
    if exists(&path)? {
        return Ok(());
    }
    create_file(&path)
        .and_then(|file| file.sync_all())
        .and_then(|()| sync_directory(&home.directory))
        .map_err(|source| HomeError::Io { path, source })
}

/// Takes away what an earlier run left of a database that was never completed.
pub(crate) fn remove_unfinished(home: &Home) -> Result<(), HomeError> {
    let path = home.unfinished_database();
    ["", "-wal", "-shm", "-journal"].into_iter().try_for_each(|suffix| remove(&beside(&path, suffix)))
}

/// Makes a complete database under another name and then gives it its own. The caller holds the lock.
async fn create_database(
    home: &Home,
    key: &HomeKey,
    made_as: (KeySource, &str),
    parts: &Parts,
    options: &Options,
) -> Result<(), OpenError> {
    let path = home.unfinished_database();
    remove_unfinished(home)?;
    create_file(&path).map_err(|source| HomeError::Io { path: path.clone(), source })?;
    let unfinished =
        Database { place: DatabasePlace::File(path), busy_timeout: options.busy_timeout, parts: options.parts };
    Store::make(&unfinished, key, made_as, parts).await?;
    Ok(give_name(home)?)
}

/// Gives a complete and closed database its name, durably.
pub(crate) fn give_name(home: &Home) -> Result<(), HomeError> {
    let path = home.unfinished_database();
    let failed = |source| HomeError::Io { path: path.clone(), source };
    // The last connection to close copies the log back and removes it.
    if exists(&beside(&path, "-wal"))? {
        return Err(HomeError::Orphan(beside(&path, "-wal")));
    }
    File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&path, home.database()).map_err(failed)?;
    sync_directory(&home.directory).map_err(failed)
}
