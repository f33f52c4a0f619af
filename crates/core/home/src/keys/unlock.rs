//! Keys under a passphrase: unlocking and locking.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use lanyard_time::SystemEntropy;
use lanyard_vault::{HomeKey, KeyLine, LockedKey, Passphrase, PassphraseError, Work};
use rustix::fs::{FlockOperation, OFlags, flock};

use super::{KeyAccess, KeyError};
use crate::Home;

/// Opens those of the lines that are locked, and says why one of them does not open. Of several lines with the same key, one that
/// opens is enough.
///
/// What it takes to try a passphrase is 64 MiB for every process that tries: they queue for it.
pub(crate) async fn unlock(home: &Home, access: &KeyAccess, lines: Vec<KeyLine>) -> (Vec<HomeKey>, Option<KeyError>) {
    let mut keys: Vec<HomeKey> = Vec::new();
    let mut locked = Vec::new();
    for line in lines {
        match line {
            KeyLine::Open(key) => keys.push(key),
            KeyLine::Locked(key) => locked.push(key),
        }
    }
    locked.retain(|locked| keys.iter().all(|key| key.id() != locked.id()));
    if locked.is_empty() {
        return (keys, None);
    }
    let (access, lock_file) = (access.clone(), home.unlock_file());
    // A passphrase is typed, and a key derived, off the thread that everything else runs on.
    let work = tokio::task::spawn_blocking(move || open_all(&locked, &access, &lock_file));
    let (opened, trouble) =
        work.await.unwrap_or_else(|gone| (Vec::new(), Some(KeyError::Asking(io::Error::other(gone)))));
    keys.extend(opened);
    (keys, trouble)
}

fn open_all(locked: &[LockedKey], access: &KeyAccess, lock_file: &Path) -> (Vec<HomeKey>, Option<KeyError>) {
    let mut keys: Vec<HomeKey> = Vec::new();
    let passphrase = match access.passphrase.passphrase() {
        Ok(Some(passphrase)) => passphrase,
        Ok(None) => return (keys, locked.first().map(|key| KeyError::NoPassphrase(key.id()))),
        Err(error) => return (keys, Some(error)),
    };
    let _turn = turn(lock_file);
    let mut trouble = None;
    for locked in locked {
        if keys.iter().any(|key| key.id() == locked.id()) {
            continue;
        }
        match locked.unlock(&passphrase) {
            Ok(key) => keys.push(key),
            Err(wrong) => trouble = Some(wrong.into()),
        }
    }
    (keys, trouble)
}

/// The passphrase for a key that is about to be locked.
pub(crate) async fn new_passphrase(access: &KeyAccess) -> Result<Passphrase, KeyError> {
    let source = access.new_passphrase.clone();
    let asked = tokio::task::spawn_blocking(move || source.passphrase());
    let asked = asked.await.unwrap_or_else(|gone| Err(KeyError::Asking(io::Error::other(gone))))?;
    let passphrase = asked.ok_or(KeyError::NoNewPassphrase)?;
    passphrase.is_long_enough().then_some(passphrase).ok_or_else(|| PassphraseError.into())
}

/// The passphrase that the present key is locked under, if one is available.
pub(crate) async fn present_passphrase(access: &KeyAccess) -> Option<Passphrase> {
    let source = access.passphrase.clone();
    tokio::task::spawn_blocking(move || source.passphrase()).await.ok()?.ok()?
}

/// Locks a key under a passphrase.
pub(crate) async fn lock(home: &Home, key: &HomeKey, passphrase: &Passphrase) -> Result<KeyLine, KeyError> {
    let (key, passphrase, lock_file) = (key.clone(), passphrase.clone(), home.unlock_file());
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn(&lock_file);
        KeyLine::Locked(LockedKey::lock(&key, &passphrase, Work::RECOMMENDED, &SystemEntropy))
    });
    work.await.map_err(|gone| KeyError::Asking(io::Error::other(gone)))
}

/// Waits for one's turn. Where no file can be made for it, everybody's turn is now.
fn turn(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(path).ok()?;
    flock(&file, FlockOperation::LockExclusive).ok()?;
    Some(file)
}
