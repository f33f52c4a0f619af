//! Whether the process that wrote an intent is still there: asked of the kernel, by a file lock that ends with its holder.
//!
//! Before its first intent a process makes a file with a random number for its name in the home, locks it, and keeps it locked until it
//! ends, however it ends. Its intents carry the number. A process beside it that is refused the lock knows that the writer lives; one that
//! gets the lock knows that the writer has ended. Everything else says nothing: a file that is missing may be in another home of the
//! store, a lock on a network file system may be this machine's alone.

mod file_system;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lanyard_credential::Process;
use lanyard_time::{BootId, Entropy};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// The state of another process, as far as this one can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It runs, or is stopped and may go on.
    Present,
    /// It has ended.
    Gone,
    /// Nothing.
    Unknown,
}

/// The presence of this process, and its view of others.
#[derive(Debug)]
pub(crate) struct Presence {
    directory: PathBuf,
    kernel: BootId,
    own: Mutex<Own>,
}

/// The numbers and the locked file by which other processes see this one.
#[derive(Debug, Default)]
struct Own {
    /// Its numbers; the last is the current one.
    numbers: Vec<Box<str>>,
    /// The locked file of the last number. Closed when the process ends, which is what unlocks it.
    file: Option<File>,
}

impl Presence {
    pub(crate) fn new(directory: PathBuf, kernel: BootId) -> Self {
        Self { directory, kernel, own: Mutex::default() }
    }

    /// Shows others that this process is there, unless they see it already, and returns how they know it.
    ///
    /// A process that cannot make its file goes on: others then cannot tell whether it is there, and wait longer.
    pub(crate) fn announce(&self, entropy: &dyn Entropy) -> Process {
        let mut own = self.own();
        if own.file.is_none() {
            let number = draw(entropy);
            match self.make(&number) {
                Ok(file) => {
                    own.file = Some(file);
                    own.numbers.push(number);
                }
                Err(error) => {
                    if own.numbers.is_empty() {
                        tracing::warn!(directory = %self.directory.display(), %error, "other processes cannot see that this one runs");
                        own.numbers.push(number);
                    }
                }
            }
        }
        let number = own.numbers.last().cloned().expect("a number was drawn");
        Process { number, kernel: self.kernel.clone(), pid: std::process::id() }
    }

    /// Whether `process` is this one.
    pub(crate) fn is_own(&self, process: &Process) -> bool {
        self.own().numbers.contains(&process.number)
    }

    /// Determines the state of another process.
    pub(crate) fn look(&self, process: &Process) -> Sight {
        if !is_number(&process.number) || !self.kernel.same_boot(&process.kernel) {
            return Sight::Unknown;
        }
        let path = self.directory.join(&*process.number);
        let Ok(file) = open(&path) else { return Sight::Unknown };
        if !file_system::has_the_kernels_locks(&file) {
            return Sight::Unknown;
        }
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(Errno::WOULDBLOCK) => Sight::Present,
            Ok(()) if is_at(&file, &path) && is_no_copy(&file) => Sight::Gone,
            Ok(()) | Err(_) => Sight::Unknown,
        }
    }

    fn make(&self, number: &str) -> io::Result<File> {
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            // A umask takes bits away.
            Ok(()) => fs::set_permissions(&self.directory, Permissions::from_mode(0o700))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let path = self.directory.join(number);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        // Another process may have taken the new file for one whose process has ended.
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        if !is_at(&file, &path) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        (&file).write_all(identity(&file)?.as_bytes())?;
        Ok(file)
    }

    /// The numbers of the files that others made.
    pub(crate) fn others(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.directory) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let own = self.own();
        names.filter(|name| is_number(name) && !own.numbers.iter().any(|number| **number == **name)).collect()
    }

    /// Locks the file of a process that has ended, as that process did. `None` if it lives.
    pub(crate) fn inherit(&self, number: &str) -> Option<File> {
        let path = self.directory.join(number);
        let file = open(&path).ok()?;
        let has_ended = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && is_at(&file, &path);
        has_ended.then_some(file)
    }

    /// Removes a file that was inherited.
    pub(crate) fn remove(&self, _inherited: &File, number: &str) {
        let _ = fs::remove_file(self.directory.join(number));
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a file that exists. For writing, too: a file system that copies a file when it is first written would lock a copy.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)
}

/// Whether `path` leads to this very file.
fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(opened), Ok(found)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (opened.dev(), opened.ino()) == (found.dev(), found.ino())
}

/// Whether this is the very file that its process made. That of a home that was copied is locked by nobody, though the process may live.
fn is_no_copy(file: &File) -> bool {
    let mut written = String::new();
    let read = file.take(LONGEST_IDENTITY).read_to_string(&mut written);
    read.is_ok() && identity(file).is_ok_and(|identity| identity == written)
}

fn identity(file: &File) -> io::Result<String> {
    let found = file.metadata()?;
    Ok(format!("{} {}\n", found.dev(), found.ino()))
}

/// In bytes: two numbers of 64 bits.
const LONGEST_IDENTITY: u64 = 64;

fn draw(entropy: &dyn Entropy) -> Box<str> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes)).into()
}

fn is_number(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
