//! Reading `lanyard.toml`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use super::SettingsError;

/// The content of a settings file, or `None` if there is no file.
///
/// The file holds no secret, so anybody may read it. It decides which program prints the home's key, so nobody but its owner and root
/// may write it. A link is followed, and the file that it points to is judged by the same rule.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, SettingsError> {
    let path_owned = || path.to_owned();
    let io = |source| SettingsError::Io { path: path_owned(), source };
    // Opening a pipe must not wait for its other end.
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => return Ok(None),
        Err(source) => return Err(io(source)),
    };
    let found = file.metadata().map_err(io)?;
    if !found.is_file() {
        return Err(SettingsError::NotAFile(path_owned()));
    }
    let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != user && owner != ROOT {
        return Err(SettingsError::NotOwned { path: path_owned(), owner, user });
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & OTHERS_WRITE != 0 {
        return Err(SettingsError::Writable { path: path_owned(), mode });
    }
    let mut content = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut content).map_err(io)?;
    if content.len() as u64 > LONGEST {
        let message = "it is too long for settings".to_owned();
        return Err(SettingsError::Unclear { path: path.display().to_string(), message });
    }
    Ok(Some(content))
}

const ROOT: u32 = 0;
const OTHERS_WRITE: u32 = 0o022;
/// In bytes; more is not a settings file.
const LONGEST: u64 = 64 * 1024;
