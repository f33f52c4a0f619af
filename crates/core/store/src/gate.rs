//! The layer between the store's methods and the reading side of its engine.
//!
//! If a read returns a row under a key that this process does not have, the gate fetches that key first.

use jiff::Timestamp;

use crate::engine::{Engine, Row, Statement, sql};
use crate::rewrap::SERVER_TIME;
use crate::{Store, StoreError};

/// The engine, seen through the home's own row.
pub(crate) struct Gate<'a> {
    store: &'a Store,
}

impl Store {
    /// The engine, as methods use it.
    pub(crate) fn engine(&self) -> Gate<'_> {
        Gate { store: self }
    }

    /// Runs one reading statement.
    pub async fn read(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.engine().rows(statement).await
    }

    /// The time of the database: the server's, so that brokers on several machines agree, or this process's for a file. In whole
    /// milliseconds, as it is stored: a time that is read back is the one that was written.
    pub async fn time(&self) -> Result<Timestamp, StoreError> {
        let own = || {
            let now = self.now().wall;
            Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
        };
        if !self.is_shared() {
            return Ok(own());
        }
        let row = self.engine().row(sql("time", SERVER_TIME)).await?;
        row.map_or_else(|| Ok(own()), |row| row.timestamp("now"))
    }
}

impl<'a> Gate<'a> {
    fn engine(&self) -> &'a Engine {
        &self.store.inner.engine
    }

    /// Runs one reading statement.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.look_whether_still().await?;
        let timed = self.store.timed(&self.store.inner.reads);
        let rows = self.engine().rows(statement).await?;
        drop(timed);
        if rows.iter().any(|row| self.is_foreign(row)) {
            self.fetch_keys().await?;
        }
        Ok(rows)
    }

    /// Runs one reading statement that finds many rows, each given to `keep` while the next ones are read.
    pub(crate) async fn each(
        &self,
        statement: Statement,
        mut keep: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.look_whether_still().await?;
        let mut foreign = false;
        let each = |row: Row| {
            foreign = foreign || self.is_foreign(&row);
            keep(&row)
        };
        let timed = self.store.timed(&self.store.inner.reads);
        self.engine().each(statement, each).await?;
        drop(timed);
        if foreign {
            self.fetch_keys().await?;
        }
        Ok(())
    }

    async fn look_whether_still(&self) -> Result<(), StoreError> {
        let inner = &self.store.inner;
        if inner.is_paused() {
            inner.set_paused(self.store.home_row().await?.paused);
        }
        Ok(())
    }

    /// Whether a row is under a key that this process has not met.
    fn is_foreign(&self, row: &Row) -> bool {
        row.wrapping_key().is_some_and(|id| !self.store.inner.keys.holds(id))
    }

    async fn fetch_keys(&self) -> Result<(), StoreError> {
        let inner = &self.store.inner;
        // If this fails, the rows are still of use; opening one of them reports that its key is not available.
        let row = self.store.home_row().await?;
        if let Err(error) = Box::pin(inner.keys.fetch(&row.keys)).await {
            tracing::warn!(%error, "the home's key was replaced, and the new one cannot be had");
        }
        Ok(())
    }

    /// Runs one reading statement that finds one row at most.
    pub(crate) async fn row(&self, statement: Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    pub(crate) async fn schema_version(&self) -> Result<i64, StoreError> {
        self.engine().schema_version().await
    }

    pub(crate) async fn integrity_check(&self) -> Result<Vec<String>, StoreError> {
        self.engine().integrity_check().await
    }

    pub(crate) async fn forget(&self) {
        self.engine().forget().await;
    }

    pub(crate) async fn sizes(&self) -> Result<(u64, u64), StoreError> {
        self.engine().sizes().await
    }
}
