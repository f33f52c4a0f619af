//! Doing something to a home alone: making it, replacing its key, restoring it.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::time::Duration;

use lanyard_time::{Sleep as _, SystemSleep};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::{Home, HomeError};

/// Waits until no other process does such a thing; whoever ends, in whatever way, gives the lock back.
pub(crate) async fn lock(home: &Home) -> Result<File, HomeError> {
    let locked = tokio::task::spawn_blocking({
        let home = home.clone();
        move || {
            let file = open(&home)?;
            flock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        }
    });
    let path = home.lock_file();
    locked.await.unwrap_or_else(|gone| Err(io::Error::other(gone))).map_err(|source| HomeError::Io { path, source })
}

/// Like [`lock`], without waiting; `None` if another process holds the lock.
pub(crate) fn try_lock(home: &Home) -> io::Result<Option<File>> {
    let file = open(home)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Like [`try_lock`], but retries for a moment: a child that was just begun has the lock of its parent
/// until it runs its own program, even if the parent has given it back.
pub(crate) async fn try_lock_for_a_moment(home: &Home) -> io::Result<Option<File>> {
    for _ in 0..TRIES {
        if let Some(file) = try_lock(home)? {
            return Ok(Some(file));
        }
        SystemSleep.sleep(PAUSE).await;
    }
    try_lock(home)
}

const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

fn open(home: &Home) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(home.lock_file())?;
    // Whatever the umask: the next one must be able to open it too.
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}
