//! The parts that only SQLite needs. One connection of the process writes and one reads; each is opened on first use. A long read
//! has a separate connection.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use futures_util::TryStreamExt as _;
use rustix::fs::{Access, access};
#[cfg(target_os = "linux")]
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::opened::{Opened, OpenedLog, Standing};
use super::row::Inner;
use super::{EngineCopyError, Row, Statement, Value};
use crate::StoreError;

/// A database file of the home.
#[derive(Debug)]
pub(crate) struct SqliteEngine {
    path: PathBuf,
    busy_timeout: Duration,
    writer: Slot,
    reader: Slot,
    opened: Opened,
}

/// One connection, with the log that it has open if it writes.
#[derive(Debug)]
struct Connection {
    /// Dropped first: the connection may remove the log when it is closed, and that is not to look like a replaced store.
    log: Option<OpenedLog>,
    sqlite: SqliteConnection,
}

/// A connection that is opened when it is first needed, and its place while somebody uses it.
type Slot = Arc<Mutex<Option<Connection>>>;

/// A transaction on the connection that writes.
#[derive(Debug)]
pub(crate) struct SqliteTransaction {
    connection: Connection,
    slot: OwnedMutexGuard<Option<Connection>>,
    /// The database's.
    path: PathBuf,
}

impl SqliteTransaction {
    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, StoreError> {
        run(&mut self.connection.sqlite, statement).await.map_err(|error| or_read_only(error, &self.path))
    }

    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        rows(&mut self.connection.sqlite, statement).await.map_err(|error| or_read_only(error, &self.path))
    }

    pub(super) async fn schema_version(&mut self) -> Result<i64, StoreError> {
        let rows = self.rows(super::sql("schema", SCHEMA_VERSION)).await?;
        rows.first().map_or(Ok(0), |row| row.integer("user_version"))
    }

    pub(super) async fn run_script(&mut self, text: &'static str) -> Result<(), StoreError> {
        script(&mut self.connection.sqlite, text).await.map_err(|error| or_read_only(error, &self.path))
    }

    pub(super) async fn migrate(&mut self, text: &'static str, version: i64) -> Result<(), StoreError> {
        self.run_script(text).await?;
        let mark = AssertSqlSafe(format!("PRAGMA user_version = {version}"));
        let marked = sqlx::raw_sql(mark).execute(&mut self.connection.sqlite).await;
        marked.map_err(|error| or_read_only(StoreError::from_sqlite(error), &self.path))?;
        Ok(())
    }

    pub(super) async fn end(mut self, how: &'static str) -> Result<(), StoreError> {
        self.run_script(how).await?;
        *self.slot = Some(self.connection);
        Ok(())
    }
}

/// The purpose of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
    Copy,
}

/// The write-ahead log is copied back from this many pages on. A long log makes the next process start slowly.
const LOG_PAGES: u32 = 256;
/// The log's size in bytes beyond which closing tries to empty it, and to which SQLite cuts it.
const LOG_BYTES: u32 = 1 << 20;

impl SqliteEngine {
    /// The database at `path`, which must be absolute. Nothing is opened yet.
    pub(crate) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, writer: Slot::default(), reader: Slot::default(), opened: Opened::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn write(&self) -> Result<SqliteTransaction, StoreError> {
        self.look()?;
        self.write_to_opened().await
    }

    /// Like [`write`](Self::write), in the files that are open, even if other files have taken their place.
    pub(super) async fn write_to_opened(&self) -> Result<SqliteTransaction, StoreError> {
        let mut slot = Arc::clone(&self.writer).lock_owned().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect(Purpose::Write).await.map_err(|error| or_read_only(error, &self.path))?,
        };
        // A transaction that reads first and writes later cannot wait: it fails when somebody wrote between.
        match script(&mut connection.sqlite, "BEGIN IMMEDIATE").await {
            Ok(()) => {
                if connection.log.is_none() {
                    connection.log = Some(self.opened.log(&beside(&self.path, "-wal")));
                }
                Ok(SqliteTransaction { connection, slot, path: self.path.clone() })
            }
            Err(error) => {
                if matches!(error, StoreError::Busy) {
                    *slot = Some(connection);
                }
                Err(or_read_only(error, &self.path))
            }
        }
    }

    /// Refuses to go on where the files that are open are not the home's any more.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        let replaced = self.opened.is_replaced(&self.path, &beside(&self.path, "-wal"));
        if replaced { Err(StoreError::Replaced(self.path.clone())) } else { Ok(()) }
    }

    pub(super) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.look()?;
        let mut slot = self.reader.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect(Purpose::Read).await?,
        };
        // The connection is given back only whole: a caller that goes away in between takes it along.
        match rows(&mut connection.sqlite, statement.clone()).await {
            Ok(rows) => {
                *slot = Some(connection);
                Ok(rows)
            }
            Err(error @ (StoreError::Io(_) | StoreError::ReadOnly | StoreError::Full)) => {
                self.rows_at_rest(statement).await.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads over a separate connection, so that other readers do not wait.
    pub(super) async fn each(
        &self,
        statement: Statement,
        mut keep: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.look()?;
        let mut connection = self.connect(Purpose::Read).await?;
        let mut begun = false;
        let done = each(&mut connection.sqlite, statement.clone(), |row| {
            begun = true;
            keep(row)
        })
        .await;
        match done {
            Ok(()) => connection.sqlite.close().await.map_err(StoreError::from_sqlite),
            Err(error @ (StoreError::Io(_) | StoreError::ReadOnly | StoreError::Full)) if !begun => {
                let rows = self.rows_at_rest(statement).await.ok_or(error)?;
                rows.into_iter().try_for_each(keep)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the database file alone. SQLite reads a database that keeps a log only where it can make the files beside it, which a
    /// full or read-only disk forbids; without a log there is nothing in them. `None` when there is a log, when somebody wrote
    /// meanwhile, or when this does not work either.
    async fn rows_at_rest(&self, statement: Statement) -> Option<Vec<Row>> {
        let before = self.at_rest()?;
        let options = SqliteConnectOptions::new().filename(&self.path).immutable(true).disable_statement_logging();
        let mut connection = options.connect().await.ok()?;
        let rows = rows(&mut connection, statement).await.ok()?;
        // Whatever is written goes to the log first, and changes the database itself before it leaves that.
        (self.at_rest()? == before).then_some(rows)
    }

    /// When the database was last written and its length; `None` while there is anything in its log.
    fn at_rest(&self) -> Option<(SystemTime, u64)> {
        let log = std::fs::metadata(beside(&self.path, "-wal"));
        let empty = match log {
            Ok(log) => log.len() == 0,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        let database = std::fs::metadata(&self.path).ok()?;
        empty.then_some((database.modified().ok()?, database.len()))
    }

    pub(super) async fn schema_version(&self) -> Result<i64, StoreError> {
        let rows = self.rows(super::sql("schema", SCHEMA_VERSION)).await?;
        rows.first().map_or(Ok(0), |row| row.integer("user_version"))
    }

    pub(super) async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.rows(super::sql("schema", INTEGRITY)).await?;
        let findings: Vec<String> = rows.iter().map(|row| row.text("integrity_check")).collect::<Result<_, _>>()?;
        Ok(findings.into_iter().filter(|finding| finding != "ok").collect())
    }

    /// `VACUUM INTO` reads within one transaction, which hinders no writer, and leaves free pages behind.
    pub(super) async fn copy_to(&self, path: &Path) -> Result<(), EngineCopyError> {
        let name = path.to_str().ok_or(EngineCopyError::Name)?;
        let mut connection = self.connect(Purpose::Copy).await.map_err(EngineCopyError::Store)?.sqlite;
        let copy = super::sql("schema", "VACUUM INTO $1").bind(name);
        run(&mut connection, copy).await.map_err(EngineCopyError::Store)?;
        connection.close().await.map_err(|error| EngineCopyError::Store(StoreError::from_sqlite(error)))
    }

    pub(super) fn sizes(&self) -> Result<(u64, u64), StoreError> {
        let log = std::fs::metadata(beside(&self.path, "-wal")).map_or(0, |log| log.len());
        Ok((std::fs::metadata(&self.path).map_err(StoreError::Io)?.len(), log))
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let reader = self.reader.lock().await.take();
        if let Some(connection) = reader {
            connection.sqlite.close().await.map_err(StoreError::from_sqlite)?;
        }
        let log = std::fs::metadata(beside(&self.path, "-wal"));
        let is_long = log.is_ok_and(|found| found.len() > u64::from(LOG_BYTES));
        let writer = self.writer.lock().await.take();
        if let Some(Connection { log, mut sqlite }) = writer {
            if is_long {
                script(&mut sqlite, EMPTY_LOG).await?;
            }
            drop(log);
            sqlite.close().await.map_err(StoreError::from_sqlite)?;
        }
        Ok(())
    }

    /// Erased values are overwritten in the database, but the log still holds the pages as they were.
    pub(super) async fn forget(&self) {
        let writer = self.writer.lock().await.take();
        if let Some(mut connection) = writer {
            if let Err(error) = script(&mut connection.sqlite, EMPTY_LOG).await {
                tracing::debug!(%error, "the log is emptied later");
            }
            // Not given back: it would never wait again.
            drop(connection);
        }
    }

    /// Puts all of the log into the database file, as soon as nobody reads what was before.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        let mut slot = self.writer.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.connect(Purpose::Write).await?,
        };
        let settled = rows(&mut connection.sqlite, super::sql("log", "PRAGMA wal_checkpoint(TRUNCATE)")).await?;
        *slot = Some(connection);
        let is_busy = settled.first().map_or(Ok(true), |row| row.integer("busy").map(|busy| busy != 0))?;
        if is_busy { Err(StoreError::Busy) } else { Ok(()) }
    }

    async fn connect(&self, purpose: Purpose) -> Result<Connection, StoreError> {
        let mut options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .busy_timeout(self.busy_timeout)
            .foreign_keys(true)
            // A schema that somebody tampered with runs no functions.
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging();
        options = match purpose {
            Purpose::Read => options.pragma("query_only", "ON"),
            Purpose::Copy => options,
            Purpose::Write => options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                // What is deleted is overwritten: an erased token's bytes stay in no free page.
                .pragma("secure_delete", "ON")
                .pragma("wal_autocheckpoint", LOG_PAGES.to_string())
                .pragma("journal_size_limit", LOG_BYTES.to_string()),
        };
        for _ in 0..LOOKS {
            let before = Standing::at(&self.path);
            let connection = match options.connect().await.map_err(StoreError::from_sqlite) {
                Ok(connection) => connection,
                Err(error) => return Err(self.look().err().unwrap_or(error)),
            };
            match (before, Standing::at(&self.path)) {
                (Standing::File(before), Standing::File(after)) if before == after => {
                    let same = self.opened.is_database(after);
                    return if same {
                        Ok(Connection { log: None, sqlite: connection })
                    } else {
                        Err(StoreError::Replaced(self.path.clone()))
                    };
                }
                // Whoever may open it and not look at it is not kept out.
                (Standing::Unknown, Standing::Unknown) => return Ok(Connection { log: None, sqlite: connection }),
                // One of the two was opened: a layered file system puts another file there when it is first opened to be written.
                _ => drop(connection),
            }
        }
        Err(StoreError::Replaced(self.path.clone()))
    }
}

/// Turns an I/O error into [`StoreError::ReadOnly`] if no file can be made in the database's directory: SQLite has one code for all
/// that keeps it from a write.
fn or_read_only(error: StoreError, path: &Path) -> StoreError {
    let directory = path.parent().unwrap_or(Path::new("/"));
    match error {
        StoreError::Io(_) if takes_no_file(directory) => StoreError::ReadOnly,
        error => error,
    }
}

/// Tries it with a file that has no name, where the system has such: to `access(2)`, ext4 on a disk that failed looks writable.
#[cfg(target_os = "linux")]
fn takes_no_file(directory: &Path) -> bool {
    let tried =
        rustix::fs::open(directory, OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    matches!(tried, Err(Errno::ROFS | Errno::ACCESS)) || forbids_files(directory)
}

#[cfg(not(target_os = "linux"))]
fn takes_no_file(directory: &Path) -> bool {
    forbids_files(directory)
}

fn forbids_files(directory: &Path) -> bool {
    matches!(access(directory, Access::WRITE_OK), Err(Errno::ROFS | Errno::ACCESS))
}

/// How often a database is opened that is replaced meanwhile.
const LOOKS: u32 = 3;

/// Others may be reading; then they do it. Nobody waits for tidiness.
const EMPTY_LOG: &str = "PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)";
const SCHEMA_VERSION: &str = "SELECT user_version FROM pragma_user_version";
const INTEGRITY: &str = "SELECT integrity_check FROM pragma_integrity_check";

/// Without the statistics of `ANALYZE`, which an administrator may have asked for.
pub(super) const SCHEMA_OBJECTS: &str = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'";

/// The name of a file that SQLite keeps beside a database: its suffix is `-wal`, `-shm` or `-journal`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

async fn run(connection: &mut SqliteConnection, statement: Statement) -> Result<u64, StoreError> {
    let arguments = arguments(statement.values)?;
    let done =
        sqlx::query_with(statement.text, arguments).execute(connection).await.map_err(StoreError::from_sqlite)?;
    Ok(done.rows_affected())
}

async fn rows(connection: &mut SqliteConnection, statement: Statement) -> Result<Vec<Row>, StoreError> {
    let arguments = arguments(statement.values)?;
    let rows =
        sqlx::query_with(statement.text, arguments).fetch_all(connection).await.map_err(StoreError::from_sqlite)?;
    let row = |row| Row { table: statement.table, inner: Inner::Sqlite(row) };
    Ok(rows.into_iter().map(row).collect())
}

/// The engine's own thread reads on while `keep` works.
async fn each(
    connection: &mut SqliteConnection,
    statement: Statement,
    mut keep: impl FnMut(Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let arguments = arguments(statement.values)?;
    let mut rows = sqlx::query_with(statement.text, arguments).fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(StoreError::from_sqlite)? {
        keep(Row { table: statement.table, inner: Inner::Sqlite(row) })?;
    }
    Ok(())
}

async fn script(connection: &mut SqliteConnection, text: &'static str) -> Result<(), StoreError> {
    sqlx::raw_sql(text).execute(connection).await.map_err(StoreError::from_sqlite)?;
    Ok(())
}

fn arguments(values: Vec<Value>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Text(value) => arguments.add(value),
            Value::Integer(value) => arguments.add(value),
            Value::Boolean(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
        }
        .map_err(|error| StoreError::from_sqlite(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}
