//! A home out of a copy.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use lanyard_store::{
    Database, DatabasePlace, LockedStore, OpenDatabaseError, Parts, StoreAddress, StoreError, beside, create_file,
};
use lanyard_vault::key_file::{KeyFile, KeyFileError};
use lanyard_vault::{KeyId, KeyLine, KeySource};
use thiserror::Error;

use crate::create::{give_name, refuse_orphans, remove_unfinished};
use crate::files::{exists, quoted};
use crate::keys::{KeySources, home_id};
use crate::location;
use crate::lock::lock;
use crate::{Home, HomeError, KeyError, OpenError, OpenHome, Options};

/// Why no home was made out of a copy. Then nothing of it is left in the home's directory.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// There is a database in the home.
    #[error("there is a store in {} already", .0.display())]
    HomeExists(PathBuf),
    /// There is no such file, or it cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is the database of a home that is in use, or was: what it last wrote stands in another file.
    #[error("{} is a home's database or a copy of one, not a backup", .0.display())]
    InUse(PathBuf),
    /// It is no database, or part of one.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// A description of the damage.
        reason: String,
    },
    /// It is a database of something else.
    #[error("{} is a database, but not one of lanyard's", .0.display())]
    Foreign(PathBuf),
    /// A newer lanyard made it.
    #[error("{} has version {found}, and this lanyard knows versions up to {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last one that is known here.
        known: i64,
    },
    /// The key that opens it cannot be had.
    #[error("the key {key} that opens the backup cannot be had")]
    NoKey {
        /// Which key is needed.
        key: KeyId,
        /// Where it was kept when the backup was made.
        kept_in: KeySource,
        /// The home's own key file, if there is one: it keeps another key from its place.
        key_file: Option<PathBuf>,
        /// Why not.
        source: KeyError,
    },
    /// The key file that was named holds other keys.
    #[error("the backup was made under the key {expected}, and {} holds: {}", path.display(), found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    OtherKey {
        /// The key file.
        path: PathBuf,
        /// Its keys.
        found: Vec<KeyId>,
        /// The key that is needed.
        expected: KeyId,
    },
    /// The home's settings say that its store is on a server.
    #[error("the store of this home is in {0}, which a backup file cannot replace")]
    OnServer(StoreAddress),
    /// The home cannot be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RestoreError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::HomeExists(path) => {
                format!("name another home (--home DIR), or move {} away first", path.join("lanyard.db").display())
            }
            Self::Unreadable { path, .. } => format!("check that {} exists and that you can read it", path.display()),
            Self::InUse(_) => "make a backup of that home instead: lanyard backup FILE".to_owned(),
            Self::Damaged { .. } => "use another backup; nothing was changed".to_owned(),
            Self::Foreign(_) => "give it a file that lanyard backup made".to_owned(),
            Self::Newer { .. } => "use the newer lanyard".to_owned(),
            Self::NoKey { source: KeyError::File(KeyFileError::Missing(_)), .. } => {
                "name your copy of the key that the home had then: lanyard restore FILE --key-file KEY".to_owned()
            }
            Self::NoKey { source: KeyError::Foreign { .. }, key_file: Some(path), .. } => format!(
                "move the home's key file away, and name your copy of the key that it had then: {}",
                with_key(Some(path))
            ),
            Self::NoKey { source, key_file, .. } => {
                format!("{}; or name your copy of the key: {}", source.hint(), with_key(key_file.as_deref()))
            }
            Self::OtherKey { expected, .. } => {
                format!("find the key file with the key {expected}: without it the backup cannot be opened")
            }
            Self::OnServer(_) => {
                "restore the database with PostgreSQL's own tools, or remove the setting store".to_owned()
            }
            Self::Open(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
}

/// The command that restores with a key that is named. A key file that is in its place is moved away first.
fn with_key(in_the_way: Option<&Path>) -> String {
    let away = in_the_way.map(|path| {
        let path = path.to_string_lossy();
        format!("mv {} {} && ", quoted(&path), quoted(&format!("{path}.old")))
    });
    format!("{}lanyard restore FILE --key-file KEY", away.unwrap_or_default())
}

impl From<HomeError> for RestoreError {
    fn from(error: HomeError) -> Self {
        Self::Open(error.into())
    }
}

impl From<OpenDatabaseError> for RestoreError {
    fn from(error: OpenDatabaseError) -> Self {
        Self::Open(error.into())
    }
}

/// A home that was made out of a copy.
#[derive(Debug)]
pub struct Restored {
    /// The home, open and paused.
    pub home: OpenHome,
    /// The key that opens it.
    pub key: KeyId,
}

/// Makes a home out of the copy at `file`, with the key in `key_file`, or from where the home's key was kept when the copy was
/// made. The home is paused until [`resume`](lanyard_store::Store::resume).
pub async fn restore(
    home: &Path,
    file: &Path,
    key_file: Option<&Path>,
    parts: Parts,
    options: Options,
) -> Result<Restored, RestoreError> {
    let home = Home::new(home).absolute()?;
    let database = location::database(&home, &options).map_err(OpenError::from)?;
    if let DatabasePlace::Server { address, .. } = database.place {
        return Err(RestoreError::OnServer(address));
    }
    if exists(&home.database())? {
        return Err(RestoreError::HomeExists(home.directory));
    }
    // Looked at before anything is made: of a file that is no copy nothing is left.
    let there = fs::symlink_metadata(&home.directory).is_ok();
    check_file(file)?;
    home.create_directory()?;
    let made = restore_into(&home, &database, file, key_file, parts, options).await;
    if made.is_err() {
        let _ = remove_unfinished(&home);
        if !there {
            let _ = fs::remove_file(home.lock_file());
            let _ = fs::remove_file(home.unlock_file());
            let _ = fs::remove_dir(&home.directory);
        }
    }
    made
}

async fn restore_into(
    home: &Home,
    database: &Database,
    file: &Path,
    key_file: Option<&Path>,
    parts: Parts,
    options: Options,
) -> Result<Restored, RestoreError> {
    let _lock = lock(home).await?;
    if exists(&home.database())? {
        return Err(RestoreError::HomeExists(home.directory.clone()));
    }
    refuse_orphans(home)?;
    remove_unfinished(home)?;
    copy(file, &home.unfinished_database())?;
    let opened = LockedStore::open_copy(&home.unfinished_database(), options.busy_timeout, options.parts).await;
    let locked = opened.map_err(|error| of_copy(file, error))?;
    let found = locked.keys().clone();
    // No backup is made while the key is replaced: somebody copied the database itself.
    if found.next.is_some() {
        return Err(RestoreError::InUse(file.to_owned()));
    }

    let sources = KeySources::of_new(home, options.keys.clone()).map_err(OpenError::from)?;
    let lines = match key_file {
        None => None,
        Some(path) => Some(named_key(path, found.key)?),
    };
    let named = lines.clone().map(|lines| sources.clone().with_lines(lines));
    let (keys, error) = named.as_ref().unwrap_or(&sources).fetch(&found, &[found.key]).await;
    let Some(key) = keys.first().cloned() else {
        let source = error.unwrap_or(KeyError::Foreign { found: Vec::new(), expected: found.key });
        let key_file = Some(home.key_file()).filter(|path| fs::symlink_metadata(path).is_ok());
        return Err(RestoreError::NoKey { key: found.key, kept_in: found.source, key_file, source });
    };
    // A home of its own: should both be on one machine, neither takes the other's key out of the keyring.
    let id = home_id(&*parts.entropy);
    if lines.is_none() && found.source == KeySource::Keyring {
        let unusable = |source| RestoreError::NoKey { key: found.key, kept_in: found.source, key_file: None, source };
        KeySources::put_into_keyring(&id, &key).await.map_err(unusable)?;
    }
    let unfinished = locked.unlock(&home.directory, keys.clone(), None, parts.clone()).await?;
    let source = lines.as_deref().and_then(<[KeyLine]>::first).map(|line| match line {
        KeyLine::Open(_) => KeySource::File,
        KeyLine::Locked(_) => KeySource::Passphrase,
    });
    unfinished.mark_restored(file, &id, source).await?;
    unfinished.close().await?;
    drop(unfinished);
    let wrote_key = match lines {
        Some(lines) => put_key(home, &lines)?,
        None => false,
    };
    if let Err(error) = give_name(home) {
        if wrote_key {
            let _ = home.key().remove(&[]);
        }
        return Err(error.into());
    }
    let locked = LockedStore::open(database, None).await?;
    let home = OpenHome::unlock(home.clone(), locked, keys, key, sources, parts).await?;
    Ok(Restored { home, key: found.key })
}

/// Turns the error of opening a copy into the reason why it cannot be restored.
fn of_copy(file: &Path, error: OpenDatabaseError) -> RestoreError {
    let path = file.to_owned();
    match error {
        OpenDatabaseError::Store(StoreError::Damaged(reason)) => RestoreError::Damaged { path, reason },
        OpenDatabaseError::Store(StoreError::Sqlx(error)) => RestoreError::Damaged { path, reason: error.to_string() },
        OpenDatabaseError::Store(error) => RestoreError::Store(error),
        OpenDatabaseError::Foreign(_) => RestoreError::Foreign(path),
        OpenDatabaseError::Newer { found, known } => RestoreError::Newer { path, found, known },
        OpenDatabaseError::ForeignSchema { differences, .. } => {
            let reason = format!("its schema was not created by Lanyard: {}", differences.join("; "));
            RestoreError::Damaged { path, reason }
        }
        error => error.into(),
    }
}

/// Refuses what is surely no copy.
fn check_file(file: &Path) -> Result<(), RestoreError> {
    let unreadable = |source| RestoreError::Unreadable { path: file.to_owned(), source };
    let found = fs::metadata(file).map_err(unreadable)?;
    if !found.is_file() {
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    for suffix in ["-wal", "-journal"] {
        if fs::metadata(beside(file, suffix)).is_ok_and(|log| log.len() > 0) {
            return Err(RestoreError::InUse(file.to_owned()));
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), RestoreError> {
    let mut source = File::open(from).map_err(|source| RestoreError::Unreadable { path: from.to_owned(), source })?;
    let failed = |source| HomeError::Io { path: to.to_owned(), source };
    let mut target = create_file(to).map_err(failed)?;
    io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(failed)?;
    Ok(())
}

/// The line with the key that is needed, out of a key file that a person names.
fn named_key(path: &Path, expected: KeyId) -> Result<Vec<KeyLine>, RestoreError> {
    let lines = KeyFile::provided(path).read().map_err(|error| OpenError::from(KeyError::from(error)))?;
    let found = lines.iter().map(KeyLine::id).collect();
    let line = lines.into_iter().find(|line| line.id() == expected);
    line.map(|line| vec![line]).ok_or_else(|| RestoreError::OtherKey { path: path.to_owned(), found, expected })
}

/// Puts the key into the home, unless it is there. Says whether it put it there.
fn put_key(home: &Home, lines: &[KeyLine]) -> Result<bool, RestoreError> {
    let failed = |error: KeyFileError| RestoreError::from(OpenError::from(KeyError::from(error)));
    match home.key().create(lines) {
        Ok(()) => Ok(true),
        Err(KeyFileError::Exists(path)) => {
            let held = home.key().read().map_err(failed)?;
            let same = held.first().map(KeyLine::id) == lines.first().map(KeyLine::id);
            if same { Ok(false) } else { Err(failed(KeyFileError::Exists(path))) }
        }
        Err(error) => Err(failed(error)),
    }
}
