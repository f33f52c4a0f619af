//! A copy of the store, made while it is in use.
//!
//! The copy is consistent: one moment of the database. It keeps still wherever it is put, until somebody says that it may go on: two
//! homes that spend one refresh token can end it for both. The home's key is not in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lanyard_vault::KeyId;
use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};
use thiserror::Error;

use crate::audit::AuditAction;
use crate::engine::{CopyError, Engine, Reach, SqliteEngine, beside, sql};
use crate::home::{create_file, sync_directory};
use crate::keys::{HomeRow, KeyPlace};
use crate::pause::PAUSE;
use crate::seal::SEAL_HOME;
use crate::write::Purpose;
use crate::{Options, Store, StoreError};

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
        /// What.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Exists(_) | Self::Unnameable(_) => "choose another name".to_owned(),
            Self::OnServer(address) => {
                format!("back it up with PostgreSQL's own tools: pg_dump --schema=lanyard '{address}'")
            }
            Self::KeyInMotion => "finish that first: lanyard key rotate".to_owned(),
            Self::Io { path, .. } => {
                let directory = path.parent().unwrap_or(path);
                format!("see that {} is there, can be written, and has room", directory.display())
            }
            Self::Store(error) => error.hint(),
        }
    }
}

impl Store {
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
        // Made in the home, where nobody else can put a log beside it, and moved into place when it is complete.
        let unfinished = Unfinished::create(self.home())
            .map_err(|source| BackupError::Io { path: self.home().to_owned(), source })?;
        let made = self.copy_and_name(&unfinished.path, &path).await;
        drop(unfinished);
        let backup = made?;
        let detail = &*format!("to {}", path.display());
        self.write_for(Purpose::ThoughPaused, |mut tx| async move {
            tx.record(AuditAction::BackedUp, None, detail);
            tx.commit::<_, BackupError>(()).await
        })
        .await?;
        Ok(backup)
    }

    async fn copy_and_name(&self, unfinished: &Path, path: &Path) -> Result<Backup, BackupError> {
        let failed = |source| BackupError::Io { path: path.to_owned(), source };
        self.inner.engine.copy_to(unfinished).await.map_err(|error| match error {
            CopyError::Store(error) => BackupError::Store(error),
            CopyError::Name => BackupError::Unnameable(path.to_owned()),
            CopyError::OnServer => BackupError::OnServer(self.inner.engine.place()),
        })?;
        let made_at = self.now().wall;
        let copy = Engine::Sqlite(SqliteEngine::new(unfinished.to_owned(), Options::default()));
        let seals_key = &self.inner.seals_key;
        let row = HomeRow::read(copy.row(HomeRow::select()).await?.as_ref())?.checked(seals_key)?;
        if row.next.is_some() {
            return Err(BackupError::KeyInMotion);
        }
        let mut write = copy.write(Reach::Home).await?;
        let reason = format!("it is a copy, made at {made_at:.0}");
        write.run(sql("home", PAUSE).bind(reason).bind(made_at)).await?;
        // Whoever removed the old key from its place has no business in the copy.
        write.run(sql("home", "UPDATE home SET retired_key_id = NULL, retired_key_source = NULL")).await?;
        let sealed = HomeRow::read(write.row(HomeRow::select()).await?.as_ref())?.sealed_with(seals_key);
        write.run(sql("home", SEAL_HOME).bind(sealed.as_bytes())).await?;
        write.commit().await?;
        copy.close().await?;
        let file = File::open(unfinished).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        move_to(unfinished, path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(path.to_owned()),
            _ => failed(source),
        })?;
        Ok(Backup { path: path.to_owned(), bytes, key: row.key, key_place: self.place(row.source), made_at })
    }
}

/// A copy in the home that is not complete, locked while its process lives. Removed when dropped; one whose process was killed is
/// removed by the next that comes along, since it holds what a credential's removal is to destroy.
struct Unfinished {
    path: PathBuf,
    _lock: File,
}

impl Unfinished {
    /// Processes of several containers may have the same number.
    const NAMES: u32 = 100;

    fn create(home: &Path) -> io::Result<Self> {
        remove_unfinished_copies(home);
        for number in 0..Self::NAMES {
            let again = if number == 0 { String::new() } else { format!("-{number}") };
            let path = home.join(format!("backup.{}{again}.unfinished", std::process::id()));
            let lock = match create_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            // Before it was locked, another process may have removed it as a leftover.
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() && is_still_at(&lock, &path) {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many backups are being made at once"))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        remove_copy(&self.path);
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    let (Ok(opened), Ok(named)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (opened.dev(), opened.ino()) == (named.dev(), named.ino())
}

fn remove_copy(path: &Path) {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let _ = fs::remove_file(beside(path, suffix));
    }
}

/// Removes what backups left in the home whose process was killed.
pub(crate) fn remove_unfinished_copies(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with("backup.") && name.ends_with(".unfinished"))
        else {
            continue;
        };
        let path = home.join(name);
        let opened = OpenOptions::new().write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&path);
        if opened.is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()) {
            remove_copy(&path);
        }
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
