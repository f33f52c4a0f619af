//! A backup: a copy of the store in a file of the owner's.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lanyard_store::{CopyError, StoreError, beside, create_file};
use lanyard_vault::KeyId;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use thiserror::Error;

use crate::files::sync_directory;
use crate::{KeyPlace, OpenHome};

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// The key that opens it.
    pub key: KeyId,
    /// Where that key is kept.
    pub key_place: KeyPlace,
    /// When it was made.
    pub made_at: Timestamp,
}

/// Why no copy was made. Then there is nothing at its path that was not there before.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Something is there already.
    #[error("{} exists already; it is not overwritten", .0.display())]
    Exists(PathBuf),
    /// `SQLite` takes paths as text.
    #[error("{} is not a valid file name for a database", .0.display())]
    Unnameable(PathBuf),
    /// The store is a server's database, which that server's tools copy.
    #[error("the store is in PostgreSQL: {0}")]
    OnServer(String),
    /// The home's key is being replaced: the copy would stand under two keys, one of which is about to be removed.
    #[error("the home's key is being replaced just now")]
    KeyInMotion,
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Exists(_) | Self::Unnameable(_) => "choose another name".to_owned(),
            Self::OnServer(address) => {
                format!("back it up with PostgreSQL's own tools: pg_dump --schema=lanyard '{address}'")
            }
            Self::KeyInMotion => "finish that first: lanyard key rotate; a new key that is only offered can be withdrawn instead: lanyard key rotate --cancel".to_owned(),
            Self::Io { path, .. } => {
                let directory = path.parent().unwrap_or(path);
                format!("see that {} is there, can be written, and has room", directory.display())
            }
            Self::Store(error) => error.hint(),
        }
    }
}

impl OpenHome {
    /// Copies the store to `path`, readable by its owner alone whatever the umask, durably. Never over anything that is there.
    pub async fn backup(&self, path: &Path) -> Result<Backup, BackupError> {
        let path = std::path::absolute(path).map_err(|source| BackupError::Io { path: path.to_owned(), source })?;
        if fs::symlink_metadata(&path).is_ok() {
            return Err(BackupError::Exists(path));
        }
        // A database opened there later would be given these.
        for suffix in ["-wal", "-shm", "-journal"] {
            let log = beside(&path, suffix);
            if fs::symlink_metadata(&log).is_ok() {
                return Err(BackupError::Exists(log));
            }
        }
        let backup = self.copy_and_name(&path).await?;
        self.store.record_backup(&path).await?;
        Ok(backup)
    }

    async fn copy_and_name(&self, path: &Path) -> Result<Backup, BackupError> {
        let failed = |source| BackupError::Io { path: path.to_owned(), source };
        let copy = self.store.copy().await.map_err(|error| match error {
            CopyError::Io(source) => BackupError::Io { path: self.store.home().to_owned(), source },
            CopyError::Unnameable => BackupError::Unnameable(path.to_owned()),
            CopyError::OnServer(address) => BackupError::OnServer(address),
            CopyError::KeyInMotion => BackupError::KeyInMotion,
            CopyError::Store(error) => BackupError::Store(error),
        })?;
        let file = File::open(copy.path()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        move_to(copy.path(), path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(path.to_owned()),
            _ => failed(source),
        })?;
        let key_place = self.place(copy.source);
        Ok(Backup { path: path.to_owned(), bytes, key: copy.key, key_place, made_at: copy.made_at })
    }
}

/// Moves a file to a name that nothing has yet. On another file system the bytes are copied beside it first, so that a crash leaves no
/// half of a copy under the name that counts.
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    match give_name(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let beside = to.with_added_extension(format!("{}.unfinished", std::process::id()));
            // A file of that name that is there already is somebody else's, and stays.
            let mut file = create_file(&beside)?;
            let copied = File::open(from)
                .and_then(|mut from| io::copy(&mut from, &mut file))
                .and_then(|_| file.sync_all())
                .and_then(|()| give_name(&beside, to));
            if copied.is_err() {
                let _ = fs::remove_file(&beside);
            }
            copied
        }
        done => done,
    }
}

/// Gives a file another name, which nothing has yet. Not every file system knows links, not every one a rename that spares what is
/// there.
fn give_name(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error.into()),
        Err(_) => fs::hard_link(from, to)?,
    }
    sync_directory(to.parent().unwrap_or(Path::new("/")))
}
