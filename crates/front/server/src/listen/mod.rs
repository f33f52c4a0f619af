//! The sockets: bound once, before anything is promised.

pub mod sockets;
pub(crate) mod tcp;
pub(crate) mod tls;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use self::tls::TlsError;

/// Why a socket cannot be had.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another broker serves this home.
    #[error("a broker runs already on {}", .0.display())]
    Running(PathBuf),
    /// Something that is no socket stands where the socket should be.
    #[error("{} is there, and it is no socket", .0.display())]
    InTheWay(PathBuf),
    /// There is no directory to make the socket in.
    #[error("there is no directory {}", .0.display())]
    NoDirectory(PathBuf),
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
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The longest path of a Unix socket (`sun_path` of unix(7), without the zero at its end; the shortest of the systems').
const LONGEST_PATH: usize = 103;

impl ListenError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Running(_) => "stop it first to start another; lanyard doctor says how it does".to_owned(),
            Self::InTheWay(path) => format!("move {} away", path.display()),
            Self::NoDirectory(path) => format!("make it: mkdir -p {}", path.display()),
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
            Self::Io { path, .. } => format!("check the owner and permissions of {}", path.display()),
        }
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

/// A Unix socket that is listened on. Its file goes when this does.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
    /// Locked for as long as the socket is ours: that is how a second broker knows, whatever file a crash left behind.
    _lock: File,
}

impl UnixSocket {
    /// Binds it, in place of a file that a broker left behind which runs no more. `mode` is who may connect.
    pub(crate) fn bind(path: &Path, mode: u32) -> Result<Self, ListenError> {
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(ListenError::PathTooLong(path.to_owned()));
        }
        let directory = path.parent().unwrap_or(Path::new("."));
        if !directory.as_os_str().is_empty() && !directory.is_dir() {
            return Err(ListenError::NoDirectory(directory.to_owned()));
        }
        // Told apart before anything is made beside it.
        is_there(path)?;
        let lock_path = path.with_extension("lock");
        let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(ListenError::io(&lock_path))?;
        if let Err(error) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            return Err(match error {
                rustix::io::Errno::WOULDBLOCK => ListenError::Running(path.to_owned()),
                error => ListenError::Io { path: lock_path, source: error.into() },
            });
        }
        if is_there(path)? {
            std::fs::remove_file(path).map_err(ListenError::io(path))?;
        }
        // Made under another name and moved into place with its permissions: nobody connects before these are right.
        let fresh = path.with_extension("new");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(ListenError::io(&fresh)(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&fresh).map_err(ListenError::io(&fresh))?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(mode)).map_err(ListenError::io(&fresh))?;
        std::fs::rename(&fresh, path).map_err(ListenError::io(path))?;
        listener.set_nonblocking(true).map_err(ListenError::io(path))?;
        Ok(Self { listener, path: path.to_owned(), _lock: lock })
    }

    /// Gives the socket to a group.
    pub(crate) fn give_to_group(&self, group: u32) -> Result<(), ListenError> {
        std::os::unix::fs::chown(&self.path, None, Some(group)).map_err(ListenError::io(&self.path))
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // The lock file stays: whoever removed it could have two brokers lock two files of one name.
        let _ = std::fs::remove_file(&self.path);
    }
}
