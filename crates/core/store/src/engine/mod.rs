//! The engines. One SQL text runs on each of them; what differs between them is in their own files.
//!
//! All writing goes through [`Transaction`]. On SQLite it is exclusive from its beginning; on PostgreSQL its [`Reach`] says what it
//! excludes. Nothing that a statement returned is to be believed before [`Transaction::commit`] succeeded: a full disk makes the
//! commit fail after the statements have answered.

mod identity;
mod opened;
mod postgres;
mod row;
mod sqlite;
mod statement;

use std::path::Path;

use lanyard_credential::CredentialId;

pub use self::identity::{StoreIdentity, StoreIdentityError};
pub(crate) use self::postgres::PostgresEngine;
#[cfg(test)]
pub(crate) use self::postgres::translated;
pub use self::postgres::{StoreAddress, StoreAddressError};
pub(crate) use self::row::MomentColumns;
pub use self::row::Row;
pub(crate) use self::sqlite::SqliteEngine;
pub use self::sqlite::beside;
pub use self::statement::{Statement, Value, sql};
use crate::StoreError;

/// Reads the row that says where the journal ends, which each transaction that appends locks last.
macro_rules! journal_head {
    () => {
        "SELECT id, number, mac, anchor FROM journal_head WHERE id = 1"
    };
}
use journal_head;

pub(crate) const SELECT_HEAD: &str = journal_head!();

/// The engine behind a store.
#[derive(Debug)]
pub(crate) enum Engine {
    Sqlite(SqliteEngine),
    Postgres(PostgresEngine),
}

/// The rows that a writing transaction relies on, and which no other transaction may change while it runs. SQLite runs one writer at a
/// time, regardless of its reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Anything: no other transaction of Lanyard writes meanwhile.
    Home,
    /// One credential's row, with its intent: transactions about other credentials run beside it.
    Credential(CredentialId),
    /// Nothing: it only appends to the journal.
    Journal,
}

/// Whose SQL an engine speaks, where the two differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Whether processes of other machines may use the database.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Begins a transaction that writes. It waits for the transactions that it excludes, for as long as the options say.
    pub(crate) async fn write(&self, reach: Reach) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.write().await.map(Transaction::Sqlite),
            Self::Postgres(engine) => engine.write(reach).await.map(Transaction::Postgres),
        }
    }

    /// Begins a transaction in the files that are open, even if they are not the home's any more: for what exists nowhere else.
    pub(crate) async fn write_to_opened(&self, reach: Reach) -> Result<Transaction, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.write_to_opened().await.map(Transaction::Sqlite),
            Self::Postgres(engine) => engine.write(reach).await.map(Transaction::Postgres),
        }
    }

    /// Whether what is open still is what the home has. A server's database has no file that could be replaced.
    pub(crate) fn look(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.look(),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Runs one reading statement.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.rows(statement).await,
            Self::Postgres(engine) => engine.rows(statement).await,
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
            Self::Postgres(engine) => engine.each(statement, keep).await,
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
            Self::Postgres(engine) => engine.schema_version().await,
        }
    }

    /// The objects of the schema that the database has: for each its type, its name and its definition.
    pub(crate) async fn schema_objects(&self) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.rows(sql("schema", sqlite::SCHEMA_OBJECTS)).await,
            Self::Postgres(engine) => engine.schema_objects().await,
        }
    }

    /// The objects of the schema that the database should have, a line for each.
    pub(crate) fn known_schema(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => include_str!("../migrations/schema.txt"),
            Self::Postgres(_) => include_str!("../migrations/schema.postgres.txt"),
        }
    }

    /// Runs the engine's own integrity check and returns its findings; empty if there are none. PostgreSQL checks pages as it reads them
    /// and has no such statement.
    pub(crate) async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Sqlite(engine) => engine.integrity_check().await,
            Self::Postgres(_) => Ok(Vec::new()),
        }
    }

    /// Copies one moment of the database into an empty file.
    pub(crate) async fn copy_to(&self, path: &Path) -> Result<(), EngineCopyError> {
        match self {
            Self::Sqlite(engine) => engine.copy_to(path).await,
            Self::Postgres(_) => Err(EngineCopyError::OnServer),
        }
    }

    /// Sees to it that what was erased stands in no file any more. Where others hinder it, it happens with a later write of theirs. A
    /// server cleans its files itself (`VACUUM`), in its own time.
    pub(crate) async fn forget(&self) {
        match self {
            Self::Sqlite(engine) => engine.forget().await,
            Self::Postgres(_) => {}
        }
    }

    /// Puts all that was committed into the database file itself, without which a copy of that file alone would be an earlier one. Waits for
    /// those who read what was before, as long as a write waits.
    pub(crate) async fn settle(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.settle().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Closes all connections and leaves the files small.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.close().await,
            Self::Postgres(engine) => engine.close().await,
        }
    }

    /// The sizes of the database and of the log beside it, in bytes.
    pub(crate) async fn sizes(&self) -> Result<(u64, u64), StoreError> {
        match self {
            Self::Sqlite(engine) => engine.sizes(),
            Self::Postgres(engine) => Ok((engine.size().await?, 0)),
        }
    }

    /// The database, for people: its file, or its address without a password.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Sqlite(engine) => engine.path().display().to_string(),
            Self::Postgres(engine) => engine.address().to_string(),
        }
    }

    /// Which store it is.
    pub(crate) fn identity(&self) -> StoreIdentity {
        match self {
            Self::Sqlite(engine) => StoreIdentity::of_file(engine.path()),
            Self::Postgres(engine) => StoreIdentity::of_server(engine.address()),
        }
    }
}

/// Why a database was not copied into a file.
#[derive(Debug)]
pub(crate) enum EngineCopyError {
    /// The file's name is not text.
    Name,
    /// The database is a server's.
    OnServer,
    /// The copying failed.
    Store(StoreError),
}

/// A transaction that writes. Dropped without [`commit`](Self::commit) it takes its connection with it, which rolls it back
/// whatever state it was in; the next one opens another.
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(sqlite::SqliteTransaction),
    Postgres(postgres::PostgresTransaction),
}

impl Transaction {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn run(&mut self, statement: Statement) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.run(statement).await,
            Self::Postgres(transaction) => transaction.run(statement).await,
        }
    }

    /// Runs a statement that finds rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.rows(statement).await,
            Self::Postgres(transaction) => transaction.rows(statement).await,
        }
    }

    /// Runs a statement that finds one row at most.
    pub(crate) async fn row(&mut self, statement: Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Number of the last migration that was applied.
    pub(crate) async fn schema_version(&mut self) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.schema_version().await,
            Self::Postgres(transaction) => transaction.schema_version().await,
        }
    }

    /// Runs a script of statements without values, which may take long.
    pub(crate) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.run_script(script).await,
            Self::Postgres(transaction) => transaction.run_script(script).await,
        }
    }

    /// Runs a migration's statements, and notes that the schema now has this version.
    pub(crate) async fn migrate(&mut self, script: &'static str, version: i64) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.migrate(script, version).await,
            Self::Postgres(transaction) => transaction.migrate(script, version).await,
        }
    }

    /// Keeps everybody else from writing what carries a seal, until the transaction ends: even a program that asks for no lock of
    /// Lanyard's. Only within [`Reach::Home`].
    pub(crate) async fn lock_sealed_tables(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => transaction.lock_sealed_tables().await,
        }
    }

    /// Locks the row that says where the journal ends, and reads it. It is the last lock of every transaction that appends, so that two
    /// of them never wait for each other.
    pub(crate) async fn lock_counter(&mut self) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite(_) => self.row(sql("journal_head", SELECT_HEAD)).await,
            Self::Postgres(transaction) => transaction.lock_counter().await,
        }
    }

    /// Makes the transaction durable. After an error its outcome is unknown: a failed sync of the log may leave a transaction that the
    /// next reader sees, and a server may have committed although its answer was lost.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.end("COMMIT").await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }

    /// Gives the transaction up, and keeps the connection.
    pub(crate) async fn abandon(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.end("ROLLBACK").await,
            Self::Postgres(transaction) => transaction.abandon().await,
        }
    }
}
