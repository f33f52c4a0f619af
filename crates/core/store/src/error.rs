//! Why the store did not do what it was asked.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use lanyard_vault::OpenError as VaultError;
use thiserror::Error;

use crate::pause::Pause;
use crate::unavailable::KeyUnavailable;

/// A failure of the store itself. Where a method returns one, nothing of what it was to write happened, unless it
/// [is undecided](Self::is_undecided).
#[derive(Debug, Error)]
pub enum StoreError {
    /// Somebody else wrote for longer than the options allow to wait.
    #[error("the store is busy")]
    Busy,
    /// The disk or the quota is full.
    #[error("the disk that holds the store is full")]
    Full,
    /// The store cannot be written where it is.
    #[error("the store is read-only")]
    ReadOnly,
    /// The database is no database any more, or its inner order is broken.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The system refused to read or write.
    #[error("the store's files cannot be used: {0}")]
    Io(io::Error),
    /// The database was removed, moved or replaced while this process had it open. What this process wrote there, nobody finds any more.
    #[error("{} was removed or replaced while it was in use", .0.display())]
    Replaced(PathBuf),
    /// The database's role lacks a right.
    #[error("the role may not use the database of {server}: {reason}")]
    Denied {
        /// Host and port.
        server: String,
        /// The server's message.
        reason: String,
        /// The statement that grants the right.
        hint: String,
    },
    /// A sealed value does not open.
    #[error("a value of the store does not open")]
    Sealed(#[source] VaultError),
    /// A row holds what cannot be.
    #[error("the table {table} holds an impossible row {row:?}: see its column {column}")]
    Impossible {
        /// The table.
        table: &'static str,
        /// The row's id, where it has one that can be read.
        row: String,
        /// The column.
        column: &'static str,
    },
    /// A row is not as Lanyard wrote it.
    #[error("the row {row:?} of the table {table} was changed by something other than Lanyard")]
    Altered {
        /// The table.
        table: &'static str,
        /// The row's name and id, as far as they can be read.
        row: String,
    },
    /// The home is paused: it is a copy, and nobody has said yet that the original is off.
    #[error("this home has been paused since {:.0}: {}", .0.since, .0.reason)]
    Paused(Pause),
    /// A newer lanyard has brought the schema up to date while this process had the store open.
    #[error("the store was brought to version {found}, and this process knows version {known}")]
    Upgraded {
        /// The store's version now.
        found: i64,
        /// The one that this process knows.
        known: i64,
    },
    /// The home's key was replaced while this process had it open, and the new one cannot be had.
    #[error(transparent)]
    Key(Box<KeyUnavailable>),
    /// The server that has the store cannot be reached, or does not let this process in.
    #[error("cannot use the database server {server}: {reason}")]
    Unreachable {
        /// Its host and port, or its socket's directory.
        server: Box<str>,
        /// The message of the system or of the server.
        reason: String,
    },
    /// The file with the password for the server cannot be used.
    #[error("the password for the database server cannot be read: {reason}")]
    PasswordFile {
        /// The fault of the file; names it.
        reason: String,
    },
    /// The server's answer to a commit was lost: it may have happened or not.
    #[error("the connection to the database server {0} was lost during a commit")]
    Undecided(Box<str>),
    /// Two transactions got into each other's way; this one did not happen.
    #[error("another process changed the store at the same time")]
    Conflict,
    /// Anything else that the engine reports.
    #[error("the database failed")]
    Sqlx(#[source] sqlx::Error),
}

impl StoreError {
    /// Whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy
            | Self::Full
            | Self::Io(_)
            | Self::Unreachable { .. }
            | Self::PasswordFile { .. }
            | Self::Undecided(_)
            | Self::Conflict => true,
            Self::ReadOnly
            | Self::Replaced(_)
            | Self::Denied { .. }
            | Self::Damaged(_)
            | Self::Sealed(_)
            | Self::Impossible { .. }
            | Self::Altered { .. }
            | Self::Paused(_)
            | Self::Upgraded { .. }
            | Self::Key(_)
            | Self::Sqlx(_) => false,
        }
    }

    /// Whether what was to be written may have been written all the same: the engine failed while it made it durable.
    pub fn is_undecided(&self) -> bool {
        match self {
            Self::Io(_) | Self::Damaged(_) | Self::Undecided(_) | Self::Sqlx(_) => true,
            Self::Busy
            | Self::Unreachable { .. }
            | Self::PasswordFile { .. }
            | Self::Conflict
            | Self::Full
            | Self::ReadOnly
            | Self::Replaced(_)
            | Self::Denied { .. }
            | Self::Sealed(_)
            | Self::Impossible { .. }
            | Self::Altered { .. }
            | Self::Paused(_)
            | Self::Upgraded { .. }
            | Self::Key(_) => false,
        }
    }

    /// Whether one row is at fault: nothing else has to stop because of it.
    pub fn is_of_one_row(&self) -> bool {
        matches!(self, Self::Sealed(_) | Self::Impossible { .. } | Self::Altered { .. })
    }

    /// The next step for a person.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::Busy => "another lanyard process is writing for unusually long; try again, or run lanyard doctor",
            Self::Full => "free space on the disk that holds the home; nothing was lost",
            Self::ReadOnly => {
                "make the home writable for its owner, or move it to a writable disk; of several database servers, use the primary"
            }
            Self::Denied { hint, .. } => return hint.clone(),
            Self::Damaged(_) | Self::Impossible { .. } => {
                "restore a backup (lanyard doctor prints the commands), or begin a new home and sign in again"
            }
            Self::Altered { table: "journal_retention", .. } => {
                "nothing is pruned until you set it again: lanyard audit --keep 400d; see who can write to the database"
            }
            Self::Altered { table: "journal", .. } => {
                "someone wrote to the audit without Lanyard: restore a backup, or keep a copy and delete that entry; see who can write to the \
                 database"
            }
            Self::Altered { .. } => {
                "someone changed the database: restore a backup, or clear what was altered and add it again (lanyard clear NAME; lanyard app \
                 remove NAME); see who can write to the home"
            }
            Self::Replaced(_) => {
                "see that lanyard.db is the one that is meant, then start lanyard again; put a database in place only while nothing \
                 uses its home"
            }
            Self::Io(_) => "check the disk, and the owner and permissions of the home",
            Self::Sealed(VaultError::ForeignKey { .. }) => "put the key file that belongs to this home back in place",
            Self::Sealed(VaultError::Damaged) => {
                "someone altered the database; see which credential or app it is: lanyard doctor"
            }
            Self::Paused(pause) => return pause.hint(),
            Self::Upgraded { .. } => "end this process, and start the lanyard that is installed now",
            Self::Key(error) => return error.hint().to_owned(),
            Self::Unreachable { .. } => {
                "check that the server is running, and that its address, certificate and password are correct; then try again"
            }
            Self::PasswordFile { .. } => {
                "correct store_password_file in lanyard.toml (with LANYARD_STORE: LANYARD_STORE_PASSWORD_FILE), or create the file, \
                 readable by you alone (mode 0600)"
            }
            Self::Undecided(_) => "check whether the change was made (lanyard audit) before you try again",
            Self::Conflict => "try again",
            Self::Sqlx(_) => "see what else is wrong: lanyard doctor",
        };
        hint.to_owned()
    }

    /// Sorts what SQLite reports (<https://www.sqlite.org/rescode.html>): the low byte is the primary code.
    pub(crate) fn from_sqlite(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|error| error.code().and_then(|code: Cow<'_, str>| code.parse::<u32>().ok()));
        let io = |kind: io::ErrorKind, error: &sqlx::Error| Self::Io(io::Error::new(kind, error.to_string()));
        match (code.map(|code| code & 0xff), error) {
            // SQLITE_IOERR_SHMSIZE: the log's index is the first that finds no room.
            (Some(10), _) if code == Some(4874) => Self::Full,
            (Some(5 | 6), _) => Self::Busy,
            (Some(13), _) => Self::Full,
            (Some(8), _) => Self::ReadOnly,
            (Some(11 | 26), error) => Self::Damaged(error.to_string()),
            (Some(10 | 14), error) => io(io::ErrorKind::Other, &error),
            (_, sqlx::Error::Io(error)) => Self::Io(error),
            (_, error @ sqlx::Error::WorkerCrashed) => io(io::ErrorKind::BrokenPipe, &error),
            (_, error) => Self::Sqlx(error),
        }
    }
}

impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> Self {
        Self::Sealed(error)
    }
}
