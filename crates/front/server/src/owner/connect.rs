//! The way to a broker.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lanyard_operation::Class;
use lanyard_time::{Sleep as _, SystemSleep};
use thiserror::Error;
use tokio::net::UnixStream;

/// Why a socket is not spoken to.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Another user could answer there, or made it.
    #[error("{} belongs to the user {uid}, and not to the one who runs this", .path.display())]
    ForeignFile {
        /// The socket, or its directory.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Other users could put a socket of theirs in the directory.
    #[error("other users can write to {}, the directory of the broker's socket", .0.display())]
    OpenDirectory(PathBuf),
    /// There is something else in the socket's place.
    #[error("{} is not a socket", .0.display())]
    NoSocket(PathBuf),
    /// A process of another user listens.
    #[error("a process of the user {uid} listens on {}", .path.display())]
    ForeignPeer {
        /// The socket.
        path: PathBuf,
        /// Whose process it is.
        uid: u32,
    },
    /// A process listens, but does not accept the connection.
    #[error("the broker does not accept connections on {}", .0.display())]
    Full(PathBuf),
    /// The system refuses.
    #[error("{} cannot be used", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

impl ConnectError {
    /// The class of the failure, for programs.
    pub fn class(&self) -> Class {
        match self {
            Self::Full(_) => Class::Unreachable,
            _ => Class::Store,
        }
    }

    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::ForeignFile { uid, .. } | Self::ForeignPeer { uid, .. } => {
                format!(
                    "run this as the user whose home it is (now the user {uid} has its socket), or name another: --home DIR"
                )
            }
            Self::OpenDirectory(path) => format!("chmod go-w {}", path.display()),
            Self::NoSocket(path) => format!("see what it is, and move it out of the way: {}", path.display()),
            Self::Full(_) => "try again in a moment; if that does not help, restart the broker".to_owned(),
            Self::Io(..) => "check the owner and the permissions of the home".to_owned(),
        }
    }
}

/// How often, and how far apart, a broker is tried whose queue of connections is full.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(25);

/// A connection to the broker that listens on `socket`: `None` where none does. Socket and directory must be our own, and who
/// answers must be we, or root.
pub(crate) async fn open(socket: &Path) -> Result<Option<UnixStream>, ConnectError> {
    let failed = |error| ConnectError::Io(socket.to_owned(), error);
    let file = match std::fs::symlink_metadata(socket) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if !file.file_type().is_socket() {
        return Err(ConnectError::NoSocket(socket.to_owned()));
    }
    let us = rustix::process::geteuid().as_raw();
    if file.uid() != us {
        return Err(ConnectError::ForeignFile { path: socket.to_owned(), uid: file.uid() });
    }
    if let Some(directory) = socket.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let found = std::fs::metadata(directory).map_err(failed)?;
        if found.uid() != us {
            return Err(ConnectError::ForeignFile { path: directory.to_owned(), uid: found.uid() });
        }
        if is_open_to_others(&found) {
            return Err(ConnectError::OpenDirectory(directory.to_owned()));
        }
    }
    let Some(stream) = stream(socket).await? else { return Ok(None) };
    let peer = stream.peer_cred().map_err(failed)?.uid();
    if peer != us && peer != ROOT {
        return Err(ConnectError::ForeignPeer { path: socket.to_owned(), uid: peer });
    }
    Ok(Some(stream))
}

/// Whether users other than its owner can replace files in a directory. In a sticky one they can replace their own alone.
pub(crate) fn is_open_to_others(directory: &Metadata) -> bool {
    let mode = directory.mode();
    mode & 0o022 != 0 && mode & 0o1000 == 0
}

const ROOT: u32 = 0;

async fn stream(socket: &Path) -> Result<Option<UnixStream>, ConnectError> {
    for _ in 0..TRIES {
        match UnixStream::connect(socket).await {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) if nobody_listens(&error) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => SystemSleep.sleep(PAUSE).await,
            Err(error) => return Err(ConnectError::Io(socket.to_owned(), error)),
        }
    }
    Err(ConnectError::Full(socket.to_owned()))
}

/// A broker that was killed leaves the file behind; one that is killed in this moment resets who waits in its queue, before anything
/// was sent.
fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) || is_absence(error)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
