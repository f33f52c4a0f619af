//! Whether the files that were opened still are the home's.
//!
//! `SQLite` goes on reading and writing what it has opened, wherever that was moved and though it was removed: what is written there
//! is lost to whoever opens the home next. Its own remedy (`SQLITE_FCNTL_HAS_MOVED`) is within reach of C alone.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

/// A file, whatever its name. The number of one that was removed is soon another's, so that its birth is told too, where the file
/// system knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    born: Option<SystemTime>,
}

/// The file at a path, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// This file.
    File(FileId),
    /// Nothing.
    Nothing,
    /// The system does not say.
    Unknown,
}

impl Standing {
    /// Looks up the file that is at `path` now.
    pub(super) fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(found) => Self::File(FileId { device: found.dev(), inode: found.ino(), born: found.created().ok() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Nothing,
            Err(_) => Self::Unknown,
        }
    }

    /// Whether it is surely not `file`.
    fn is_other_than(self, file: FileId) -> bool {
        match self {
            Self::File(found) => found != file,
            Self::Nothing => true,
            Self::Unknown => false,
        }
    }
}

/// The files that an engine has open.
#[derive(Debug, Default)]
pub(super) struct Opened {
    database: OnceLock<FileId>,
    log: Arc<Mutex<Option<FileId>>>,
}

/// The log that the writing connection has open, for as long as that is. Once it is closed, whoever closes last may remove the log.
#[derive(Debug)]
pub(crate) struct OpenedLog(Arc<Mutex<Option<FileId>>>);

impl Opened {
    /// Takes in the database that was opened; `false` where it is another than the one that was opened first.
    pub(super) fn is_database(&self, found: FileId) -> bool {
        *self.database.get_or_init(|| found) == found
    }

    /// Takes in the log at `path`, as the connection that writes has just opened it.
    pub(super) fn log(&self, path: &Path) -> OpenedLog {
        let found = match Standing::at(path) {
            Standing::File(found) => Some(found),
            Standing::Nothing | Standing::Unknown => None,
        };
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = found;
        OpenedLog(Arc::clone(&self.log))
    }

    /// Whether something else, or nothing, stands where the files were that are open.
    pub(super) fn is_replaced(&self, database: &Path, log: &Path) -> bool {
        let opened_log = *self.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.database.get().is_some_and(|opened| Standing::at(database).is_other_than(*opened))
            || opened_log.is_some_and(|opened| Standing::at(log).is_other_than(opened))
    }
}

impl Drop for OpenedLog {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
