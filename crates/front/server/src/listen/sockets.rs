//! Where the sockets of a home are.

use std::path::{Path, PathBuf};

use lanyard_home::OWNER_SOCKET;

/// The owner's socket, in the directory of a home's sockets: the home itself, unless its settings name another.
pub fn owner(directory: &Path) -> PathBuf {
    directory.join(OWNER_SOCKET)
}

/// The other users' socket.
pub fn clients(directory: &Path) -> PathBuf {
    directory.join("clients.sock")
}
