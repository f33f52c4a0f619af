//! The engines. One SQL text runs on each of them; what differs between them is in their own files.
//!
//! All writing goes through [`Transaction`]: one transaction that is exclusive from its beginning. Nothing that a statement returned is
//! to be believed before [`Transaction::commit`] succeeded: a full disk makes the commit fail after the statements have answered.

mod opened;
mod row;
mod sqlite;
mod statement;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

pub(crate) use self::opened::OpenedLog;
pub(crate) use self::row::{MomentColumns, Row};
pub(crate) use self::sqlite::{SqliteEngine, beside};
pub(crate) use self::statement::{Statement, Value, sql};
use crate::StoreError;

/// The engine behind a store.
#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(SqliteEngine),
}

impl Engine {
    /// Begins a transaction that writes. It waits for whoever writes now, for as long as the options say.
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.write().await,
        }
    }

    /// The same in the files that are open, though they are not the home's any more: for what exists nowhere else.
    pub(crate) async fn write_to_opened(&self) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.write_to_opened().await,
        }
    }

    /// Whether what is open still is what the home has.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.look(),
        }
    }

    /// Runs one reading statement.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.rows(statement).await,
        }
    }

    /// Runs one reading statement that finds many rows, each given to `keep` while the next ones are read.
    pub(crate) async fn each(
        &self,
        statement: Statement,
        keep: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.each(statement, keep).await,
        }
    }

    /// Runs one reading statement that finds one row at most.
    pub(crate) async fn row(&self, statement: Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Number of the last migration that was applied.
    pub(crate) async fn schema_version(&self) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.schema_version().await,
        }
    }

    /// What the engine itself finds wrong; empty when nothing is.
    pub(crate) async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.integrity_check().await,
        }
    }

    /// Copies one moment of the database into an empty file. The error is `None` where the file's name is no text.
    pub(crate) async fn copy_to(&self, path: &Path) -> Result<(), Option<StoreError>> {
        match self {
            Self::Sqlite(engine) => engine.copy_to(path).await,
        }
    }

    /// Sees to it that what was erased stands in no file any more. Where others hinder it, it happens with a later write of theirs.
    pub(crate) async fn forget(&self) {
        match self {
            Self::Sqlite(engine) => engine.forget().await,
        }
    }

    /// Closes all connections and leaves the files small.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.close().await,
        }
    }

    /// The database's file.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Sqlite(engine) => engine.path(),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(sqlx::SqliteConnection, Option<OpenedLog>),
}

impl Connection {
    async fn run(&mut self, statement: Statement) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(connection, _) => sqlite::run(connection, statement).await,
        }
    }

    async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(connection, _) => sqlite::rows(connection, statement).await,
        }
    }

    async fn each(
        &mut self,
        statement: Statement,
        keep: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection, _) => sqlite::each(connection, statement, keep).await,
        }
    }

    /// Runs the statements of a constant text, one after the other.
    async fn script(&mut self, text: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection, _) => sqlite::script(connection, text).await,
        }
    }
}

/// A connection that is opened when it is first needed, and its place while somebody uses it.
pub(crate) type Slot = Arc<Mutex<Option<Connection>>>;

/// A transaction that writes. Dropped without [`commit`](Self::commit) it takes its connection with it, which rolls it back
/// whatever state it was in; the next one opens another.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: Connection,
    slot: OwnedMutexGuard<Option<Connection>>,
}

impl Transaction {
    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn run(&mut self, statement: Statement) -> Result<u64, StoreError> {
        self.connection.run(statement).await
    }

    /// Runs a statement that finds rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.connection.rows(statement).await
    }

    /// Runs a statement that finds one row at most.
    pub(crate) async fn row(&mut self, statement: Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Number of the last migration that was applied.
    pub(crate) async fn schema_version(&mut self) -> Result<i64, StoreError> {
        match &mut self.connection {
            Connection::Sqlite(connection, _) => sqlite::schema_version(connection).await,
        }
    }

    /// Runs the statements of a constant text.
    pub(crate) async fn script(&mut self, text: &'static str) -> Result<(), StoreError> {
        self.connection.script(text).await
    }

    /// Makes the transaction durable. After an error its outcome is unknown: a failed sync of the log may leave a transaction that the
    /// next reader sees.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    /// Gives the transaction up, and keeps the connection.
    pub(crate) async fn abandon(self) -> Result<(), StoreError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> Result<(), StoreError> {
        self.connection.script(how).await?;
        *self.slot = Some(self.connection);
        Ok(())
    }
}
