//! The home: a directory that its owner alone can enter, and the files in it.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use lanyard_vault::key_file::KeyFile;
use thiserror::Error;

/// Why a directory cannot be used as a home, or a file in it not as what it should be.
#[derive(Debug, Error)]
pub enum HomeError {
    /// There is no such home, or no database in it.
    #[error("there is no {}", .0.display())]
    Missing(PathBuf),
    /// Something else stands where the home or its database should be.
    #[error("{} is neither a home nor a database", .0.display())]
    Unexpected(PathBuf),
    /// It belongs to another user.
    #[error("{} belongs to user {owner}, not to user {user}", path.display())]
    NotOwned {
        /// The file or directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// The user that runs this process.
        user: u32,
    },
    /// Others can read or write it.
    #[error("others can read or write {} (mode {mode:04o})", path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The database's log is there and the database is not.
    #[error("{} is there, but the database that it belongs to is not", .0.display())]
    Orphan(PathBuf),
    /// There is a key and no database.
    #[error("there is no {}, though the home has a key", database.display())]
    Lost {
        /// The key's file.
        key: PathBuf,
        /// Where the database should be.
        database: PathBuf,
    },
    /// The store was moved to a server, and nothing says where that is.
    #[error("the store of {} was moved to PostgreSQL, and neither lanyard.toml nor LANYARD_STORE names it", .0.display())]
    Moved(PathBuf),
    /// The system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl HomeError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing(path) => {
                format!("add an app or a credential to make a home, or point --home elsewhere than {}", path.display())
            }
            Self::Unexpected(_) => "choose another directory: --home DIR, or LANYARD_HOME".to_owned(),
            Self::NotOwned { path, .. } => format!("run lanyard as the owner of {}", path.display()),
            Self::Exposed { path, mode } => {
                let private = if mode & 0o100 == 0 { 600 } else { 700 };
                format!("run `chmod {private} {}`; consider who may have read it", path.display())
            }
            Self::Orphan(path) => {
                format!("put the database back beside {0}, or move {0} away to start again", path.display())
            }
            Self::Lost { key, .. } => format!(
                "put the database back, or restore a backup: lanyard restore FILE; if the store is on a server, put its address into {}: \
                 store = \"postgres://…\"; to start again, move {} away",
                key.with_file_name("lanyard.toml").display(),
                key.display()
            ),
            Self::Moved(home) => format!(
                "put the address first in {}: store = \"postgres://…\"",
                Home::new(home).settings_file().display()
            ),
            Self::Io { path, .. } => format!("check the disk, and the owner and permissions of {}", path.display()),
        }
    }
}

/// A home's directory and the names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The directory.
    pub directory: PathBuf,
}

impl Home {
    /// The home in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.directory.join("lanyard.db")
    }

    /// The file with the home's key.
    pub fn key_file(&self) -> PathBuf {
        self.directory.join("home.key")
    }

    /// The file with the key that is about to replace the home's.
    pub(crate) fn next_key_file(&self) -> PathBuf {
        self.directory.join("home.key.next")
    }

    /// The file that is locked while a passphrase opens the key.
    pub(crate) fn unlock_file(&self) -> PathBuf {
        self.directory.join("home.unlock")
    }

    /// The file with the settings that an operator chose for this home.
    pub fn settings_file(&self) -> PathBuf {
        self.directory.join("lanyard.toml")
    }

    /// The file that a process keeps locked while it creates the home or replaces its key.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.directory.join("home.lock")
    }

    /// A database on its way to completion.
    pub(crate) fn unfinished_database(&self) -> PathBuf {
        self.directory.join("lanyard.db.new")
    }

    /// The database of a home whose store was moved elsewhere. Only after a store was moved before is the number not 0.
    pub(crate) fn moved_database(&self, number: u32) -> PathBuf {
        let again = if number == 0 { String::new() } else { format!("-{number}") };
        self.directory.join(format!("lanyard.db.moved{again}"))
    }

    /// The key file, to be read and written.
    pub(crate) fn key(&self) -> KeyFile {
        KeyFile::new(self.key_file())
    }

    /// The next key's file, to be read and written.
    pub(crate) fn next_key(&self) -> KeyFile {
        KeyFile::new(self.next_key_file())
    }

    /// Returns this home with a path that does not depend on the working directory.
    pub(crate) fn absolute(&self) -> Result<Self, HomeError> {
        let directory = std::path::absolute(&self.directory)
            .map_err(|source| HomeError::Io { path: self.directory.clone(), source })?;
        Ok(Self { directory })
    }

    /// Refuses a home, or a database in it, that is not its owner's alone.
    pub fn check(&self) -> Result<(), HomeError> {
        check_directory(&self.directory)?;
        match check_file(&self.database()) {
            Err(missing @ HomeError::Missing(_)) => self.refuse_lost().and(Err(missing)),
            checked => checked,
        }
    }

    /// Refuses a home that is not its owner's alone, whatever is in it.
    pub fn check_directory(&self) -> Result<(), HomeError> {
        check_directory(&self.directory)
    }

    /// Refuses a key file without a database: the database is gone, unless a home is about to be made here.
    pub(crate) fn refuse_lost(&self) -> Result<(), HomeError> {
        let [database, key, unfinished] = [self.database(), self.key_file(), self.unfinished_database()]
            .map(|path| fs::symlink_metadata(path).is_ok());
        if !database && fs::symlink_metadata(self.moved_database(0)).is_ok() {
            return Err(HomeError::Moved(self.directory.clone()));
        }
        if !database && key && !unfinished {
            return Err(HomeError::Lost { key: self.key_file(), database: self.database() });
        }
        Ok(())
    }

    /// Makes the directory, readable by its owner alone whatever the umask, unless it is there.
    pub(crate) fn create_directory(&self) -> Result<(), HomeError> {
        let failed = |source| HomeError::Io { path: self.directory.clone(), source };
        if let Some(parent) = self.directory.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            // A umask takes bits away, in the worst case the owner's.
            Ok(()) => fs::set_permissions(&self.directory, Permissions::from_mode(0o700)).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                tighten_if_empty(&self.directory).map_err(failed)?;
                check_directory(&self.directory)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// Reading and writing by the group or by others. To pass through the home is allowed: a socket in it may be meant for them.
const OTHERS: u32 = 0o066;

/// Removes other users' permissions from the user's own empty directory.
fn tighten_if_empty(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let is_own = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    let is_exposed = found.permissions().mode() & OTHERS != 0;
    if is_own && is_exposed && fs::read_dir(path)?.next().is_none() {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn check_directory(path: &Path) -> Result<(), HomeError> {
    // A link to the home is followed: the directory that it leads to is what counts.
    let found = fs::metadata(path);
    check(path, found, fs::Metadata::is_dir)
}

fn check_file(path: &Path) -> Result<(), HomeError> {
    check(path, fs::symlink_metadata(path), fs::Metadata::is_file)
}

fn check(path: &Path, found: io::Result<fs::Metadata>, fits: fn(&fs::Metadata) -> bool) -> Result<(), HomeError> {
    let path = path.to_owned();
    let found = match found {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(HomeError::Missing(path)),
        Err(source) => return Err(HomeError::Io { path, source }),
    };
    if !fits(&found) {
        return Err(HomeError::Unexpected(path));
    }
    let (owner, user) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != user {
        return Err(HomeError::NotOwned { path, owner, user });
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(HomeError::Exposed { path, mode });
    }
    Ok(())
}
