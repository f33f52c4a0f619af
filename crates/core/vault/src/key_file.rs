//! Home keys in a file that its owner alone can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{KeyId, KeyLine, LONGEST_KEY_TEXT};

/// A key file at a path: a line for each key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
    provider: Provider,
}

/// The provider of a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    /// Lanyard, in the home.
    Lanyard,
    /// The operator, or the system on the operator's behalf: a Docker secret, a systemd credential, a Kubernetes volume.
    Operator,
}

/// Why a key file cannot be written or read.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is none.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// There is one already; it is never replaced.
    #[error("the file {} exists already", .0.display())]
    Exists(PathBuf),
    /// A symbolic link, a directory, a pipe or the like stands in its place.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Others can read or write it.
    #[error("others can read or write the file {} (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("the file {} belongs to user {owner}, not to user {user}", path.display())]
    NotOwned {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// The user that runs this process.
        user: u32,
    },
    /// It holds a key that is still needed and would be lost.
    #[error("the file {} holds the key {key}, which is still needed", path.display())]
    Needed {
        /// The file.
        path: PathBuf,
        /// The key.
        key: KeyId,
    },
    /// It holds no key of this format, or its checksum does not fit.
    #[error("the key file {} is damaged", .0.display())]
    Damaged(PathBuf),
    /// The system refused.
    #[error("cannot use the file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl KeyFileError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(path) => {
                format!(
                    "put {} back from your copy of the key (lanyard backup omits it): without it nothing in this home can be opened",
                    path.display()
                )
            }
            Self::Exists(path) => format!("{} may hold the key of another home; move it away first", path.display()),
            Self::NotAFile(path) => format!("put the key itself at {}; links are not followed", path.display()),
            Self::Exposed { path, .. } => format!(
                "run `chmod 600 {}` (a secret that a system provides: let that give it mode 0400); if others may have read it, \
                 replace it: lanyard key rotate",
                path.display()
            ),
            Self::NotOwned { path, .. } => {
                format!("run lanyard as the owner of {}, or `chown` it to yourself", path.display())
            }
            Self::Needed { path, .. } => {
                format!("keep {}; run lanyard key rotate again, and lanyard doctor if that fails too", path.display())
            }
            Self::Damaged(path) => {
                format!("put {} back from your copy of the key (lanyard backup omits it)", path.display())
            }
            Self::Io { path, .. } => format!("check the disk and the permissions of {}", path.display()),
        }
    }
}

impl KeyFile {
    /// The key file at `path`, made by lanyard: its user's alone, and no link.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), provider: Provider::Lanyard }
    }

    /// The key file at `path`, provided by an operator and never written here. Links are followed, since Kubernetes makes them.
    /// Besides a file of the user's own, one of root's is taken that nobody else can write, that others cannot read, and that its
    /// group can read at most (mode 0440): so come systemd's credentials and secrets of containers.
    pub fn provided(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), provider: Provider::Operator }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes keys into a new file, readable by its owner alone whatever the umask. When this returns, the file is durable
    /// and whole; when it fails or the machine does, there is no file of this name. An existing file is never touched.
    pub fn create(&self, keys: &[KeyLine]) -> Result<(), KeyFileError> {
        let beside = self.write_beside(keys)?;
        let linked = fs::hard_link(&beside, &self.path);
        let removed = fs::remove_file(&beside);
        linked.and(removed).and_then(|()| sync_directory(&self.path)).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists(self.path.clone()),
            _ => self.io(source),
        })
    }

    /// Replaces the contents of the file by `keys`. At any moment, and after a crash too, it holds either. Refused if the file holds
    /// one of the `needed` keys and `keys` does not.
    pub fn replace(&self, keys: &[KeyLine], needed: &[KeyId]) -> Result<(), KeyFileError> {
        let lost: Vec<KeyId> = needed.iter().copied().filter(|id| keys.iter().all(|key| key.id() != *id)).collect();
        self.refuse_to_lose(&lost)?;
        let beside = self.write_beside(keys)?;
        fs::rename(&beside, &self.path).and_then(|()| sync_directory(&self.path)).map_err(|source| self.io(source))
    }

    /// Removes the file, if there is one. Refused if it holds one of the `needed` keys.
    pub fn remove(&self, needed: &[KeyId]) -> Result<(), KeyFileError> {
        self.refuse_to_lose(needed)?;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.and_then(|()| sync_directory(&self.path)).map_err(|source| self.io(source)),
        }
    }

    /// A file that cannot be read may hold any key.
    fn refuse_to_lose(&self, needed: &[KeyId]) -> Result<(), KeyFileError> {
        if needed.is_empty() {
            return Ok(());
        }
        let held = match self.read() {
            Err(KeyFileError::Missing(_)) => return Ok(()),
            read => read?,
        };
        match held.iter().map(KeyLine::id).find(|id| needed.contains(id)) {
            Some(key) => Err(KeyFileError::Needed { path: self.path.clone(), key }),
            None => Ok(()),
        }
    }

    /// Writes a file of its own beside: a crash leaves no half of a key under the name that counts.
    fn write_beside(&self, keys: &[KeyLine]) -> Result<PathBuf, KeyFileError> {
        let name = keys.first().map(|key| key.id().to_string()).unwrap_or_default();
        let beside = self.path.with_added_extension(name);
        // Left behind by a run that ended here.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.io(error)),
            _ => {}
        }
        let mut text = Zeroizing::new(String::with_capacity(LONGEST_KEY_TEXT));
        for key in keys {
            text.push_str(&key.to_text());
        }
        write_new(&beside, &text).map_err(|source| self.io(source))?;
        Ok(beside)
    }

    /// Removes the files that runs left beside it which ended while they wrote it. Best effort, and only while nobody writes it: no key in
    /// them counts, because none was put in place.
    pub fn tidy(&self) {
        let (Some(directory), Some(name)) = (self.path.parent(), self.path.file_name().and_then(|name| name.to_str()))
        else {
            return;
        };
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            let found = entry.file_name();
            let id =
                found.to_str().and_then(|found| found.strip_prefix(name)?.strip_prefix('.')?.parse::<KeyId>().ok());
            if id.is_some_and(|id| found.to_str() == Some(&format!("{name}.{id}"))) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Reads the keys. A file that is not its owner's alone is refused.
    pub fn read(&self) -> Result<Vec<KeyLine>, KeyFileError> {
        let text = self.read_text()?;
        KeyLine::parse_all(&text).map_err(|_| KeyFileError::Damaged(self.path.clone()))
    }

    /// Reads whatever the file holds, with the same care: a passphrase, the settings of a home.
    pub fn read_text(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let path = || self.path.clone();
        let follow = if self.provider == Provider::Lanyard { OFlags::NOFOLLOW } else { OFlags::empty() };
        let flags = follow | OFlags::NONBLOCK | OFlags::CLOEXEC;
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
        let mode = found.permissions().mode() & 0o7777;
        self.refuse_others(found.uid(), rustix::process::geteuid().as_raw(), mode)?;
        // One byte more than the longest text is enough to see that the file is no key file.
        let mut text = Zeroizing::new(Vec::with_capacity(LONGEST_KEY_TEXT + 1));
        file.take(LONGEST_KEY_TEXT as u64 + 1).read_to_end(&mut text).map_err(|source| self.io(source))?;
        if text.len() > LONGEST_KEY_TEXT {
            return Err(KeyFileError::Damaged(path()));
        }
        Ok(text)
    }

    /// Refuses a file that `owner` may have written, or that users other than `user` can read or write.
    fn refuse_others(&self, owner: u32, user: u32, mode: u32) -> Result<(), KeyFileError> {
        let from_root = self.provider == Provider::Operator && owner == 0;
        if owner != user && !from_root {
            return Err(KeyFileError::NotOwned { path: self.path.clone(), owner, user });
        }
        let forbidden = if from_root { 0o037 } else { 0o077 };
        if mode & forbidden != 0 {
            return Err(KeyFileError::Exposed { path: self.path.clone(), mode });
        }
        Ok(())
    }

    fn io(&self, source: io::Error) -> KeyFileError {
        KeyFileError::Io { path: self.path.clone(), source }
    }
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

    use crate::HomeKey;

    fn home() -> (tempfile::TempDir, KeyFile, HomeKey) {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::new(directory.path().join("home.key"));
        (directory, file, HomeKey::generate(&SeededEntropy::new(1)))
    }

    fn line(key: &HomeKey) -> [KeyLine; 1] {
        [KeyLine::Open(key.clone())]
    }

    fn ids(file: &KeyFile) -> Vec<crate::KeyId> {
        file.read().unwrap().iter().map(KeyLine::id).collect()
    }

    #[test]
    fn a_key_survives_its_file_and_leaves_nothing_beside_it() {
        let (directory, file, key) = home();
        file.create(&line(&key)).unwrap();
        let read = file.read().unwrap();
        assert_eq!(*read[0].to_text(), *line(&key)[0].to_text());
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_key_is_never_overwritten_by_a_new_file() {
        let (directory, file, key) = home();
        file.create(&line(&key)).unwrap();
        let other = HomeKey::generate(&SeededEntropy::new(2));
        assert!(matches!(file.create(&line(&other)), Err(KeyFileError::Exists(_))));
        assert_eq!(ids(&file), [key.id()]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn keys_are_replaced_whole_whatever_an_earlier_run_left_behind() {
        let (directory, file, key) = home();
        file.create(&line(&key)).unwrap();
        let other = HomeKey::generate(&SeededEntropy::new(2));
        fs::write(file.path().with_added_extension(other.id().to_string()), "half of a k").unwrap();
        file.replace(&[line(&other), line(&key)].concat(), &[key.id()]).unwrap();
        assert_eq!(ids(&file), [other.id(), key.id()]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        file.remove(&[]).unwrap();
        file.remove(&[]).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::Missing(_))));
    }

    #[test]
    fn a_key_that_is_needed_is_neither_overwritten_nor_removed() {
        let (_directory, file, key) = home();
        let other = HomeKey::generate(&SeededEntropy::new(2));
        file.replace(&line(&key), &[key.id()]).unwrap();
        let is_needed = |error| matches!(error, KeyFileError::Needed { key: named, .. } if named == key.id());
        assert!(is_needed(file.replace(&line(&other), &[key.id()]).unwrap_err()));
        assert!(is_needed(file.remove(&[other.id(), key.id()]).unwrap_err()));
        assert_eq!(ids(&file), [key.id()]);
        fs::write(file.path(), "half of a k").unwrap();
        assert!(matches!(file.replace(&line(&other), &[key.id()]), Err(KeyFileError::Damaged(_))));
        assert!(matches!(file.remove(&[key.id()]), Err(KeyFileError::Damaged(_))));
        file.replace(&line(&other), &[]).unwrap();
        file.remove(&[key.id()]).unwrap();
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_until_it_is_mended() {
        let (_directory, file, key) = home();
        file.create(&line(&key)).unwrap();
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
    fn a_file_that_root_provides_may_be_read_by_its_group() {
        const ROOT: u32 = 0;
        const USER: u32 = 1000;
        let (provided, own) = (KeyFile::provided("/run/key"), KeyFile::new("/home/key"));
        for (file, owner, user, mode, accepted) in [
            (&provided, ROOT, USER, 0o400, true),
            (&provided, ROOT, USER, 0o440, true),
            (&provided, ROOT, USER, 0o444, false),
            (&provided, ROOT, USER, 0o460, false),
            (&provided, ROOT, ROOT, 0o440, true),
            (&provided, USER, USER, 0o600, true),
            (&provided, USER, USER, 0o440, false),
            (&provided, 1001, USER, 0o400, false),
            (&own, USER, USER, 0o600, true),
            (&own, ROOT, USER, 0o440, false),
            (&own, ROOT, ROOT, 0o440, false),
            (&own, ROOT, ROOT, 0o600, true),
        ] {
            assert_eq!(file.refuse_others(owner, user, mode).is_ok(), accepted, "{file:?} {owner} {user} {mode:o}");
        }
    }

    #[test]
    fn a_provided_file_may_be_a_link() {
        let (directory, file, key) = home();
        file.create(&line(&key)).unwrap();
        let link = directory.path().join("link");
        symlink(file.path(), &link).unwrap();
        assert!(KeyFile::provided(&link).read().is_ok());
        assert!(matches!(KeyFile::new(&link).read(), Err(KeyFileError::NotAFile(_))));
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let (directory, file, key) = home();
        assert!(matches!(file.read(), Err(KeyFileError::Missing(_))));
        let target = KeyFile::new(directory.path().join("target"));
        target.create(&line(&key)).unwrap();
        symlink(target.path(), file.path()).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::NotAFile(_))));
        fs::remove_file(file.path()).unwrap();
        fs::create_dir(file.path()).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::NotAFile(_))));
        assert!(matches!(KeyFile::provided(file.path()).read(), Err(KeyFileError::NotAFile(_))));
    }

    #[test]
    fn what_an_ended_run_left_beside_it_is_removed_and_nothing_else() {
        let (directory, file, key) = home();
        file.create(&line(&key)).unwrap();
        let beside = file.write_beside(&line(&key)).unwrap();
        let kept = ["home.key.next", "home.key.old", "home.key.next.0123456789abcdef", "other.key.0123456789abcdef"];
        for name in kept {
            fs::write(directory.path().join(name), "x").unwrap();
        }
        file.tidy();
        assert!(!beside.exists() && file.read().is_ok());
        assert!(kept.iter().all(|name| directory.path().join(name).exists()));
    }

    #[test]
    fn a_file_that_is_too_long_is_no_key_file() {
        let (_directory, file, key) = home();
        file.create(&line(&key)).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        fs::write(file.path(), text.repeat(LONGEST_KEY_TEXT / text.len() + 1)).unwrap();
        assert!(matches!(file.read(), Err(KeyFileError::Damaged(_))));
    }

    #[test]
    fn no_error_shows_the_key() {
        let (_directory, file, key) = home();
        file.create(&line(&key)).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        fs::write(file.path(), &text[..text.len() - 3]).unwrap();
        let error = file.read().unwrap_err();
        let secret = text.split(' ').nth(2).unwrap();
        assert!(!format!("{error} {error:?} {}", error.hint()).contains(secret));
    }
}
