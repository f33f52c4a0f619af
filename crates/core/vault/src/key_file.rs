//! The home's key in a file that its owner alone can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::fs::OFlags;
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::HomeKey;
use crate::keys::KEY;

/// A key file at a path: one line of `lanyard-home-key-1`, the key's id, the key and a checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
}

/// Why a key file cannot be written or read.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is none.
    #[error("there is no key file {}", .0.display())]
    Missing(PathBuf),
    /// There is one already; it is never replaced.
    #[error("the key file {} exists already", .0.display())]
    Exists(PathBuf),
    /// A symbolic link, a directory, a pipe or the like stands in its place.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Others can read or write it.
    #[error("others can read or write the key file {} (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("the key file {} belongs to user {owner}, not to user {user}", path.display())]
    NotOwned {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// It holds no key of this format, or its checksum does not fit.
    #[error("the key file {} is damaged", .0.display())]
    Damaged(PathBuf),
    /// The system refused.
    #[error("cannot use the key file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl KeyFileError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(path) => {
                format!("put {} back from a backup: without it nothing in this home can be opened", path.display())
            }
            Self::Exists(path) => format!("{} may hold the key of another home; move it away first", path.display()),
            Self::NotAFile(path) => format!("put the key itself at {}; links are not followed", path.display()),
            Self::Exposed { path, .. } => format!(
                "run `chmod 600 {}`; if others may have read it, clear the credentials and begin a new home",
                path.display()
            ),
            Self::NotOwned { path, .. } => {
                format!("run lanyard as the owner of {}, or `chown` it to yourself", path.display())
            }
            Self::Damaged(path) => format!("restore {} from a backup", path.display()),
            Self::Io { path, .. } => format!("check the disk and the permissions of {}", path.display()),
        }
    }
}

impl KeyFile {
    /// The key file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the key into a new file, readable by its owner alone whatever the umask. When this returns, the file is durable
    /// and whole; when it fails or the machine does, there is no file of this name. An existing file is never touched.
    pub fn create(&self, key: &HomeKey) -> Result<(), KeyFileError> {
        // Written beside and linked into place: a crash leaves no half of a key under the name that counts.
        let beside = self.path.with_added_extension(key.id().to_string());
        let written = write_new(&beside, &line(key)).and_then(|()| fs::hard_link(&beside, &self.path));
        let removed = fs::remove_file(&beside);
        written.and(removed).and_then(|()| sync_directory(&self.path)).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists(self.path.clone()),
            _ => self.io(source),
        })
    }

    /// Reads the key. A file that is not its owner's alone is refused, and so is a symbolic link.
    pub fn read(&self) -> Result<HomeKey, KeyFileError> {
        let path = || self.path.clone();
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&self.path).map_err(
            |source| match Errno::from_io_error(&source) {
                Some(Errno::NOENT) => KeyFileError::Missing(path()),
                Some(Errno::LOOP) => KeyFileError::NotAFile(path()),
                _ => self.io(source),
            },
        )?;
        let found = file.metadata().map_err(|source| self.io(source))?;
        if !found.is_file() {
            return Err(KeyFileError::NotAFile(path()));
        }
        let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
        if owner != user {
            return Err(KeyFileError::NotOwned { path: path(), owner, user });
        }
        let mode = found.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path(), mode });
        }
        // One byte more than a line has is enough to see that the file is no key file.
        let mut text = Zeroizing::new(Vec::with_capacity(LINE + 1));
        file.take(LINE as u64 + 1).read_to_end(&mut text).map_err(|source| self.io(source))?;
        parse(&text).ok_or_else(|| KeyFileError::Damaged(path()))
    }

    fn io(&self, source: io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), source }
    }
}

const FORMAT: &str = "lanyard-home-key-1";
/// Format, id, key, checksum, three spaces and a line feed.
const LINE: usize = FORMAT.len() + 16 + 43 + 8 + 4;

fn line(key: &HomeKey) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(LINE));
    text.push_str(FORMAT);
    text.push(' ');
    text.push_str(&key.id().to_string());
    text.push(' ');
    URL_SAFE_NO_PAD.encode_string(key.expose_secret(), &mut text);
    let checksum = checksum(&text);
    text.push(' ');
    text.push_str(&checksum);
    text.push('\n');
    text
}

fn parse(text: &[u8]) -> Option<HomeKey> {
    let text = str::from_utf8(text).ok()?;
    let (covered, sum) = text.strip_suffix('\n').unwrap_or(text).rsplit_once(' ')?;
    if checksum(covered) != sum {
        return None;
    }
    let (id, secret) = covered.strip_prefix(FORMAT)?.strip_prefix(' ')?.split_once(' ')?;
    let mut key = Zeroizing::new([0; KEY]);
    let length = URL_SAFE_NO_PAD.decode_slice(secret, key.as_mut_slice()).ok()?;
    (length == KEY).then_some(HomeKey::from_parts(id.parse().ok()?, key))
}

/// Finds accidents, not forgeries: whoever can write the file can write a whole one.
fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // A umask takes bits away from the mode above: its owner's own, in the worst case.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use lanyard_time::SeededEntropy;

    use super::*;

    fn home() -> (tempfile::TempDir, KeyFile, HomeKey) {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("home.key"));
        (directory, file, HomeKey::generate(&SeededEntropy::new(1)))
    }

    #[test]
    fn a_key_survives_its_file_and_leaves_nothing_beside_it() {
        let (directory, file, key) = home();
        file.create(&key).unwrap();
        let read = file.read().unwrap();
        assert_eq!(read.id(), key.id());
        assert_eq!(read.expose_secret(), key.expose_secret());
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(file.path()).unwrap().len(), LINE);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_key_is_never_replaced() {
        let (directory, file, key) = home();
        file.create(&key).unwrap();
        let other = HomeKey::generate(&SeededEntropy::new(2));
        assert!(matches!(file.create(&other), Err(KeyFileError::Exists(_))));
        assert_eq!(file.read().unwrap().id(), key.id());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_until_it_is_mended() {
        let (_directory, file, key) = home();
        file.create(&key).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = file.read().unwrap_err();
            assert!(matches!(error, KeyFileError::Exposed { mode: found, .. } if found == mode), "{error}");
            assert!(error.hint().contains("chmod 600"));
        }
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(file.read().is_ok());
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let (directory, file, key) = home();
        assert!(matches!(file.read(), Err(KeyFileError::Missing(_))));
        let target = KeyFile::new(directory.path().join("target"));
        target.create(&key).unwrap();
        symlink(target.path(), file.path()).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::NotAFile(_))));
        fs::remove_file(file.path()).unwrap();
        fs::create_dir(file.path()).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::NotAFile(_))));
    }

    #[test]
    fn every_altered_or_missing_byte_is_noticed() {
        let (_directory, file, key) = home();
        file.create(&key).unwrap();
        let whole = fs::read(file.path()).unwrap();
        for at in 0..whole.len() - 1 {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            assert!(parse(&altered).is_none(), "byte {at}");
            assert!(parse(&whole[..at]).is_none(), "cut at {at}");
        }
        fs::write(file.path(), [whole.as_slice(), b"more"].concat()).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::Damaged(_))));
    }

    #[test]
    fn no_error_shows_the_key() {
        let (_directory, file, key) = home();
        file.create(&key).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        fs::write(file.path(), &text[..text.len() - 3]).unwrap();
        let error = file.read().unwrap_err();
        let secret = text.split(' ').nth(2).unwrap();
        assert!(!format!("{error} {error:?} {}", error.hint()).contains(secret));
    }
}
