//! What stands between the store's methods and its engine.
//!
//! A write begins by reading the home's own row within its transaction. That says which key data keys are wrapped under now, so
//! that nothing is ever wrapped under a key that is being replaced, however long this process has been running; and whether the
//! home keeps still. A read that brings a row under a key that this process has not met fetches that key first.

use std::path::Path;

use lanyard_credential::CredentialName;

use crate::engine::{Engine, Row, Statement, Write};
use crate::keys::HomeRow;
use crate::{Store, StoreError};

/// The engine, seen through the home's own row.
pub(crate) struct Gate<'a> {
    store: &'a Store,
}

/// Which files are written.
#[derive(Clone, Copy)]
enum Files {
    /// Those that are open, if they are the home's.
    OfTheHome,
    /// Those that are open.
    Opened,
}

/// How often a key that is not at hand is fetched for one write: another rotation may come between.
const FETCHES: u32 = 3;

impl<'a> Gate<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store }
    }

    fn engine(&self) -> &'a Engine {
        &self.store.inner.engine
    }

    /// Begins a transaction that writes. Refused while the home keeps still.
    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        unless_paused(self.begin(Files::OfTheHome).await?).await
    }

    /// The same for what may be written though the home keeps still.
    pub(crate) async fn write_though_paused(&self) -> Result<Write, StoreError> {
        self.begin(Files::OfTheHome).await.map(|(write, _)| write)
    }

    /// Begins a write for an exchange's outcome, even if the database was replaced: the outcome exists nowhere else, and goes where
    /// it is noted that the exchange was begun.
    pub(crate) async fn write_answer(&self) -> Result<Write, StoreError> {
        unless_paused(self.begin(Files::Opened).await?).await
    }

    /// Says so where what was written went into a database that is not the home's any more.
    pub(crate) fn look_after_answer(&self, credential: &CredentialName) {
        if let Err(error) = self.engine().look() {
            tracing::error!(
                %credential,
                %error,
                "Webex's answer was written to the database that was open: look for it where that file was moved"
            );
        }
    }

    async fn begin(&self, files: Files) -> Result<(Write, HomeRow), StoreError> {
        let inner = &self.store.inner;
        let mut fetched = 0;
        loop {
            let mut write = match files {
                Files::OfTheHome => self.engine().write().await?,
                Files::Opened => self.engine().write_to_opened().await?,
            };
            let row = HomeRow::read(write.row(HomeRow::select()).await?.as_ref())?;
            inner.set_paused(row.paused.clone());
            if inner.keys.wrap_under(row.wrapping()) {
                return Ok((write, row));
            }
            write.abandon().await?;
            fetched += 1;
            // On the heap: it is rare, and would make every write's future as large as itself.
            match Box::pin(inner.keys.fetch(&row)).await {
                Ok(()) => {}
                // The key may have been replaced once more, and taken away, between the row and the look for it.
                Err(_) if fetched < FETCHES && self.store.home_row().await? != row => {}
                Err(error) => return Err(StoreError::Key(Box::new(error))),
            }
        }
    }

    /// Runs one reading statement.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.look_whether_still().await?;
        let rows = self.engine().rows(statement).await?;
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
        self.engine().each(statement, each).await?;
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
        // Where this fails the rows are still of use; whoever opens one of them is told that its key is not at hand.
        let row = self.store.home_row().await?;
        if let Err(error) = Box::pin(inner.keys.fetch(&row)).await {
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

    pub(crate) fn path(&self) -> &'a Path {
        self.engine().path()
    }
}

async fn unless_paused((write, row): (Write, HomeRow)) -> Result<Write, StoreError> {
    match row.paused {
        None => Ok(write),
        Some(pause) => {
            write.abandon().await?;
            Err(StoreError::Paused(pause))
        }
    }
}
