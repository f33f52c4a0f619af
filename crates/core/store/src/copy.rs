//! A copy of the database, made while it is in use.
//!
//! The copy is consistent: one moment of the database. It is paused wherever it is put, until somebody resumes it: two
//! homes that spend one refresh token can end it for both. The home's key is not in it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_vault::{KeyId, KeySource};
use rustix::fs::{FlockOperation, OFlags, flock};
use thiserror::Error;

use crate::engine::{Engine, EngineCopyError, Reach, SqliteEngine, beside, sql};
use crate::event::{About, Event};
use crate::keys::HomeRow;
use crate::resume::PAUSE;
use crate::sealed::SEAL_HOME;
use crate::write::Purpose;
use crate::{Store, StoreError};

/// A copy, in a file of the home's directory until it is moved elsewhere.
#[derive(Debug)]
pub struct StoreCopy {
    file: Unfinished,
    /// The key that opens it.
    pub key: KeyId,
    /// Where that key is kept.
    pub source: KeySource,
    /// When it was made.
    pub made_at: Timestamp,
}

impl StoreCopy {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

/// Why no copy was made.
#[derive(Debug, Error)]
pub enum CopyError {
    /// `SQLite` takes paths as text.
    #[error("the path is not a valid file name for a database")]
    Unnameable,
    /// The store is a server's database, which that server's tools copy.
    #[error("the store is in PostgreSQL: {0}")]
    OnServer(String),
    /// The home's key is being replaced: the copy would stand under two keys, one of which is about to be removed.
    #[error("the home's key is being replaced just now")]
    KeyInMotion,
    /// The system refused to make a file in the home's directory.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Copies the database into a file in the home's directory, where nobody else can put a log beside it, and pauses the copy.
    pub async fn copy(&self) -> Result<StoreCopy, CopyError> {
        let file = Unfinished::create(self.home())?;
        let path = &file.path;
        self.inner.engine.copy_to(path).await.map_err(|error| match error {
            EngineCopyError::Store(error) => CopyError::Store(error),
            EngineCopyError::Name => CopyError::Unnameable,
            EngineCopyError::OnServer => CopyError::OnServer(self.inner.engine.place()),
        })?;
        let made_at = self.now().wall;
        // Nobody else writes to it.
        let copy = Engine::Sqlite(SqliteEngine::new(path.to_owned(), Duration::ZERO));
        let seals_key = &self.inner.seals_key;
        let keys = HomeRow::of(&copy).await?.checked(seals_key)?.keys;
        if keys.next.is_some() || keys.offered.is_some() {
            return Err(CopyError::KeyInMotion);
        }
        let mut write = copy.write(Reach::Home).await?;
        let reason = format!("it is a copy, made at {made_at:.0}");
        write.run(sql("home", PAUSE).bind(reason).bind(made_at)).await?;
        // Whoever removed the old key from its place has no business in the copy.
        write.run(sql("home", "UPDATE home SET retired_key_id = NULL, retired_key_source = NULL")).await?;
        let sealed = HomeRow::within(&mut write).await?.sealed_with(seals_key);
        write.run(sql("home", SEAL_HOME).bind(sealed.as_bytes())).await?;
        write.commit().await?;
        copy.close().await?;
        Ok(StoreCopy { file, key: keys.key, source: keys.source, made_at })
    }

    /// Puts into the audit that a copy was made.
    pub async fn record_backup(&self, path: &Path) -> Result<(), StoreError> {
        let to = &*path.display().to_string();
        self.write_for(Purpose::ThoughPaused, |mut tx| async move {
            tx.record(About::Home, Event::BackedUp { to: to.to_owned() });
            tx.commit(()).await
        })
        .await
    }

    /// Marks a copy that becomes a home: it is paused, has a name of its own, and says where it is from. If `source` is given, its key
    /// is there.
    pub async fn mark_restored(&self, from: &Path, id: &str, source: Option<KeySource>) -> Result<(), StoreError> {
        let now = self.now().wall;
        let reason = &*format!("it was restored from a copy at {now:.0}");
        let from = &*from.display().to_string();
        self.write_for(Purpose::Keys, |mut tx| async move {
            tx.sealed_home().await?;
            tx.run(sql("home", PAUSE).bind(reason).bind(now)).await?;
            tx.run(sql("home", "UPDATE home SET home_id = $1").bind(id)).await?;
            if let Some(source) = source {
                tx.run(sql("home", "UPDATE home SET key_source = $1").bind(source.as_str())).await?;
            }
            tx.record(About::Home, Event::Restored { from: from.to_owned() });
            tx.commit(()).await
        })
        .await
    }
}

/// A copy in the home that is not complete, locked while its process lives. Removed when dropped; one whose process was killed is
/// removed by the next that comes along, since it holds what a credential's removal is to destroy.
#[derive(Debug)]
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

/// Removes what backups left in the home whose process was killed. A copy holds what a credential's removal is to destroy.
pub fn remove_unfinished_copies(home: &Path) {
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

/// Creates an empty file that its owner alone can use, whatever the umask.
pub fn create_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}
