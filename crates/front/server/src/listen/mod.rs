//! The sockets: bound once, before anything is promised.

pub mod sockets;
pub(crate) mod tcp;
pub(crate) mod tls;

use std::fs::{DirBuilder, File};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::process::geteuid;
use thiserror::Error;

use self::tls::TlsError;
use crate::owner::is_open_to_others;

/// Why a socket cannot be had.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another broker serves this home.
    #[error("a broker runs already on {}", .0.display())]
    Running(PathBuf),
    /// Something that is no socket stands where the socket should be.
    #[error("{} exists and is not a socket", .0.display())]
    InTheWay(PathBuf),
    /// There is no directory to make the socket in.
    #[error("there is no directory {}", .0.display())]
    NoDirectory(PathBuf),
    /// Other users could put a socket of theirs in the directory.
    #[error("{} is not safe for a socket: other users can replace files in it", .0.display())]
    OpenDirectory(PathBuf),
    /// The lock file is another user's, or no plain file.
    #[error("{} is not a lock file of this user", .0.display())]
    ForeignLock(PathBuf),
    /// A path that the system takes for no socket: it is too long.
    #[error("{} is too long for a socket's path ({} bytes at most)", .0.display(), LONGEST_PATH)]
    PathTooLong(PathBuf),
    /// The address is in use, or may not be used.
    #[error("cannot listen on {address}: {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Tokens would travel unencrypted.
    #[error("{0} is reached from other machines, and there is no certificate")]
    Unencrypted(SocketAddr),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The longest path of a Unix socket (`sun_path` of unix(7), without the zero at its end; the shortest of the systems').
const LONGEST_PATH: usize = 103;

impl ListenError {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::Running(_) => "stop it first to start another; check it: lanyard doctor".to_owned(),
            Self::InTheWay(path) => format!("move {} away", path.display()),
            Self::NoDirectory(path) => format!("make it: mkdir -p {}", path.display()),
            Self::OpenDirectory(path) => format!("chmod go-w {}; or name a directory of your own", path.display()),
            Self::ForeignLock(path) => format!("find out what it is, and remove it: ls -l {}", path.display()),
            Self::PathTooLong(_) => "name a shorter directory: --sockets DIR".to_owned(),
            Self::Tcp { .. } => "choose another address: --http 127.0.0.1:PORT".to_owned(),
            Self::Unencrypted(_) => {
                "listen on loopback (--http 127.0.0.1:7417), or give a certificate: --tls-certificate FILE \
                                     --tls-key FILE"
                    .to_owned()
            }
            Self::Tls(TlsError::Exposed(path)) => format!("run `chmod o-rwx {}`", path.display()),
            Self::Tls(TlsError::Unreadable { path, .. }) => {
                format!("see that {} is there, and that you may read it", path.display())
            }
            Self::Tls(TlsError::Mismatch) => "name the certificate and the key that was made with it".to_owned(),
            Self::Tls(_) => "both files are in PEM, the certificate followed by its chain".to_owned(),
            Self::Io { path, .. } if self.is_read_only() => {
                format!("mount the file system of {} for writing, or move the home to a writable disk", path.display())
            }
            Self::Io { path, .. } => format!("check the owner and permissions of {}", path.display()),
        }
    }

    /// Whether the file system takes no writes.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem)
    }

    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Whether a socket stands there. Anything else is in the way.
fn is_there(path: &Path) -> Result<bool, ListenError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => Err(ListenError::InTheWay(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(ListenError::io(path)(error)),
    }
}

/// A bound Unix socket; removes its file on drop.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
    /// Locked for as long as the socket is ours: that is how a second broker knows, whatever file a crash left behind.
    _lock: File,
}

impl UnixSocket {
    /// Binds it, in place of a file that a broker left behind which no longer runs. `mode` and `group` say who may connect.
    pub(crate) fn bind(path: &Path, mode: u32, group: Option<u32>) -> Result<Self, ListenError> {
        // Made in a directory of its own, into which no other user can reach, and moved into place with its permissions: nobody
        // connects before these are right, and no path leads elsewhere in between.
        let private = path.with_extension("new");
        let fresh = private.join("s");
        if path.as_os_str().len().max(fresh.as_os_str().len()) > LONGEST_PATH {
            return Err(ListenError::PathTooLong(path.to_owned()));
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        safe(directory)?;
        // Told apart before anything is made beside it.
        is_there(path)?;
        let lock = locked(path)?;
        if is_there(path)? {
            std::fs::remove_file(path).map_err(ListenError::io(path))?;
        }
        clean(&private).map_err(ListenError::io(&private))?;
        DirBuilder::new().mode(0o700).create(&private).map_err(ListenError::io(&private))?;
        let bound = bind_within(&fresh, mode, group).and_then(|listener| {
            std::fs::rename(&fresh, path)?;
            Ok(listener)
        });
        let cleaned = clean(&private);
        let listener = bound.and_then(|listener| cleaned.map(|()| listener)).map_err(ListenError::io(path))?;
        Ok(Self { listener, path: path.to_owned(), _lock: lock })
    }
}

/// Refuses a directory in which users other than its owner, who must be this user or root, can replace files.
fn safe(directory: &Path) -> Result<(), ListenError> {
    let found = match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => return Err(ListenError::NoDirectory(directory.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ListenError::NoDirectory(directory.to_owned()));
        }
        Err(error) => return Err(ListenError::io(directory)(error)),
    };
    let is_ours = [0, geteuid().as_raw()].contains(&found.uid());
    if is_ours && !is_open_to_others(&found) { Ok(()) } else { Err(ListenError::OpenDirectory(directory.to_owned())) }
}

/// Takes the lock beside a socket. A link is not followed, and another user's file is not taken: either could be locked by others.
fn locked(path: &Path) -> Result<File, ListenError> {
    let path_of_lock = path.with_extension("lock");
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(0o600).custom_flags(nofollow);
    let lock = match options.open(&path_of_lock) {
        Ok(lock) => lock,
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(ListenError::ForeignLock(path_of_lock));
        }
        Err(error) => return Err(ListenError::io(&path_of_lock)(error)),
    };
    let found = lock.metadata().map_err(ListenError::io(&path_of_lock))?;
    if !found.is_file() || found.uid() != geteuid().as_raw() {
        return Err(ListenError::ForeignLock(path_of_lock));
    }
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(Errno::WOULDBLOCK) => Err(ListenError::Running(path.to_owned())),
        Err(error) => Err(ListenError::Io { path: path_of_lock, source: error.into() }),
    }
}

/// Removes what an interrupted start left behind: the private directory with at most a socket in it.
fn clean(private: &Path) -> io::Result<()> {
    let absent = |done: io::Result<()>| match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    match std::fs::symlink_metadata(private) {
        Ok(found) if found.is_dir() => {
            absent(std::fs::remove_file(private.join("s")))?;
            absent(std::fs::remove_dir(private))
        }
        Ok(_) => absent(std::fs::remove_file(private)),
        Err(error) => absent(Err(error)),
    }
}

fn bind_within(fresh: &Path, mode: u32, group: Option<u32>) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(fresh)?;
    if group.is_some() {
        std::os::unix::fs::chown(fresh, None, group)?;
    }
    std::fs::set_permissions(fresh, std::fs::Permissions::from_mode(mode))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // The lock file stays: whoever removed it could have two brokers lock two files of one name.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, metadata, set_permissions, write};

    use super::*;

    #[test]
    fn a_socket_has_its_permissions_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("clients.sock");
        // Left behind by an earlier version or an interrupted start.
        write(path.with_extension("new"), "").unwrap();
        let socket = UnixSocket::bind(&path, 0o660, Some(rustix::process::getegid().as_raw())).unwrap();
        assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(!path.with_extension("new").exists());
        assert!(matches!(UnixSocket::bind(&path, 0o660, None), Err(ListenError::Running(_))));
        drop(socket);
        assert!(!path.exists());
        std::fs::create_dir(path.with_extension("new")).unwrap();
        drop(UnixListener::bind(path.with_extension("new").join("s")).unwrap());
        UnixSocket::bind(&path, 0o660, None).unwrap();
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn a_directory_in_which_others_can_replace_files_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("clients.sock");
        for (mode, is_safe) in
            [(0o700, true), (0o755, true), (0o1777, true), (0o777, false), (0o770, false), (0o702, false)]
        {
            set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
            match UnixSocket::bind(&path, 0o660, None) {
                Ok(_) => assert!(is_safe, "{mode:o}"),
                Err(error) => {
                    assert!(!is_safe && matches!(error, ListenError::OpenDirectory(_)), "{mode:o}: {error}");
                    assert!(error.hint().contains("chmod go-w"), "{}", error.hint());
                }
            }
        }
    }

    #[test]
    fn a_lock_that_is_a_link_or_another_users_is_not_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("clients.sock");
        let (lock, elsewhere) = (path.with_extension("lock"), directory.path().join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &lock).unwrap();
        assert!(matches!(UnixSocket::bind(&path, 0o660, None), Err(ListenError::ForeignLock(_))));
        assert!(!elsewhere.exists(), "nothing is made elsewhere");
        std::fs::remove_file(&lock).unwrap();
        if geteuid().is_root() {
            write(&lock, "").unwrap();
            std::os::unix::fs::chown(&lock, Some(54_321), None).unwrap();
            assert!(matches!(UnixSocket::bind(&path, 0o660, None), Err(ListenError::ForeignLock(_))));
        }
    }
}
