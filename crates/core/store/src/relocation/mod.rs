//! Moving a store from its file into the database of a server.
//!
//! Two stores that spend one refresh token can end it for both, so at most one is ever active. The copy on the server is paused from its
//! first moment. It is written, compared and checked while a transaction keeps everyone else from writing to the file; that transaction
//! then pauses the file for good, and only after its commit is the copy resumed. Interrupted anywhere, a second call continues: the two
//! pauses, which the home's seal covers, say how far the first one came.

mod table;

use std::path::PathBuf;

use lanyard_vault::HomeKey;
use thiserror::Error;

use self::table::Table;
use crate::engine::{Engine, Reach, Transaction, sql};
use crate::event::{About, Event};
use crate::in_flight::{InFlight, Observer};
use crate::keys::HomeRow;
use crate::migration::{self, KNOWN};
use crate::opening::{Database, DatabasePlace, LockedStore, OpenDatabaseError};
use crate::owned::Migrations;
use crate::pause::{MOVED_TO, MOVING_FROM};
use crate::resume::PAUSE;
use crate::sealed::SEAL_HOME;
use crate::upgrade::Upgrade;
use crate::write::Purpose;
use crate::{AuditVerdict, Store, StoreAddress, StoreError, fail_point};

/// A store that was moved to a server.
#[derive(Debug)]
pub struct Relocated {
    /// It, there.
    pub store: Store,
    /// How many rows of which table were copied and compared. `None` if an earlier call had done that.
    pub rows: Option<Vec<(&'static str, u64)>>,
}

/// Why a store was not moved. Unless the error says otherwise, it is as it was.
#[derive(Debug, Error)]
pub enum RelocationError {
    /// The store is not in a file.
    #[error("the store is in {0} already")]
    OnServer(String),
    /// A file is where the store was to be moved.
    #[error("{} is a file, not the database of a server", .0.display())]
    ToFile(PathBuf),
    /// The home's key is being replaced.
    #[error("the home's key is being replaced")]
    KeyInMotion,
    /// A process has an answer of Webex still to write.
    #[error("the store cannot be moved while {0}")]
    InFlight(InFlight),
    /// There is another store in the database already.
    #[error("{0} already has a store")]
    Occupied(StoreAddress),
    /// The copy differs from the original.
    #[error("the copy of the row {row:?} of the table {table} is not what was written")]
    Differs {
        /// The table.
        table: &'static str,
        /// The row's key.
        row: String,
    },
    /// The copy, when read and verified, differs from the original.
    #[error("the {what} verify differently in copy and original")]
    Unverified {
        /// The kind of rows.
        what: &'static str,
    },
    /// The store was moved, and is not there any more.
    #[error("the store was moved to {to}, but is not there")]
    Lost {
        /// Where it was moved to.
        to: StoreAddress,
    },
    /// The database on the server cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenDatabaseError),
    /// One of the two stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RelocationError {
    /// How to correct it.
    pub fn hint(&self) -> String {
        match self {
            Self::OnServer(_) => "use PostgreSQL's own tools to move it to another server".to_owned(),
            Self::ToFile(_) => {
                "for example: lanyard migrate-store postgres://lanyard@db.example.com/lanyard".to_owned()
            }
            Self::KeyInMotion => "finish that first: lanyard key rotate".to_owned(),
            Self::InFlight(found) => found.hint(),
            Self::Occupied(_) => "name an empty database; if nothing uses that store any more, remove its schema lanyard with PostgreSQL's own \
                                  tools"
                .to_owned(),
            Self::Differs { .. } | Self::Unverified { .. } => {
                "the home still uses its file; see what else writes to that database, then try again".to_owned()
            }
            Self::Lost { .. } => "restore that database with PostgreSQL's own tools".to_owned(),
            Self::Database(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
}

impl Store {
    /// Moves the store from its file into the database `to`, and opens it there with the home's `key`. The file stays, paused for good.
    pub async fn relocate(&self, to: &Database, key: &HomeKey) -> Result<Relocated, RelocationError> {
        let address = match &to.place {
            DatabasePlace::Server { address, .. } => address,
            DatabasePlace::File(path) => return Err(RelocationError::ToFile(path.clone())),
        };
        let from = match &self.inner.engine {
            Engine::Sqlite(engine) => engine.path().display().to_string(),
            Engine::Postgres(_) => return Err(RelocationError::OnServer(self.inner.engine.place())),
        };
        let moved = format!("{MOVED_TO}{address}");
        let rows = match self.home_row().await?.paused {
            Some(pause) if pause.reason == moved => None,
            _ => Some(self.copy_and_pause((&from, &moved), (to, address), key).await?),
        };
        // The pause is to be in the file itself: whoever moves it may forget the log.
        self.inner.engine.settle().await?;
        let store = match self.open_on_server(to, key, true).await {
            Err(OpenDatabaseError::NoStore(to)) => return Err(RelocationError::Lost { to }),
            opened => opened?,
        };
        // Another home's, under the same key, has another seal.
        if HomeRow::of(&store.inner.engine).await?.checked(&self.inner.seals_key).is_err() {
            return Err(RelocationError::Lost { to: address.clone() });
        }
        store.resume_moved(&from, address).await?;
        fail_point("move.resumed");
        Ok(Relocated { store, rows })
    }

    /// Copies everything, and pauses this store when the copy is known to be right. Nobody writes to this store meanwhile.
    async fn copy_and_pause(
        &self,
        (from, moved): (&str, &str),
        (to, address): (&Database, &StoreAddress),
        key: &HomeKey,
    ) -> Result<Vec<(&'static str, u64)>, RelocationError> {
        let inner = &self.inner;
        let mut here = inner.engine.write(Reach::Home).await?;
        let row = HomeRow::within(&mut here).await?.checked(&inner.seals_key)?;
        if let Some(pause) = row.paused {
            return Err(StoreError::Paused(pause).into());
        }
        if row.keys.offered.is_some() || row.keys.next.is_some() || row.keys.retired.is_some() {
            return Err(RelocationError::KeyInMotion);
        }
        let observer = Observer::new(&inner.directory, &inner.parts);
        if let Some(found) = observer.in_flight(&mut here, KNOWN).await? {
            return Err(RelocationError::InFlight(found));
        }
        let home = row.keys.id.as_deref();
        if !to.parts.is_empty() {
            // The tables of parts are made when a store is opened, with the home's key: so there must be one.
            self.copy_rows(&mut here, (home, from), (to, address), |table| is_of_the_store(to.parts, table)).await?;
            self.open_on_server(to, key, false).await?.close().await?;
        }
        let rows = self.copy_rows(&mut here, (home, from), (to, address), |_| true).await?;
        fail_point("move.committed");
        let there = self.open_on_server(to, key, false).await?;
        self.compare_verdicts(&there).await?;
        there.close().await?;
        fail_point("move.verified");
        self.pause_for_move(&mut here, moved).await?;
        here.commit().await?;
        fail_point("move.paused");
        Ok(rows)
    }

    /// Writes all rows into the other database and compares them, in one transaction there. The copy is paused.
    async fn copy_rows(
        &self,
        here: &mut Transaction,
        (home, from): (Option<&str>, &str),
        (to, address): (&Database, &StoreAddress),
        are_copied: impl Fn(&str) -> bool,
    ) -> Result<Vec<(&'static str, u64)>, RelocationError> {
        let mut tables = Table::all(here).await?;
        tables.retain(|table| are_copied(table.name));
        let engine = to.engine();
        let mut there = engine.write(Reach::Home).await?;
        if !migration::create(&mut there).await? {
            // Of an earlier call: it was never active, and what it was copied from has gone on since.
            if !self.is_unfinished_copy(&mut there, home).await? {
                there.abandon().await?;
                return Err(RelocationError::Occupied(address.clone()));
            }
        }
        // A new schema has rows too.
        for table in tables.iter().rev() {
            table.clear(&mut there).await?;
        }
        let mut rows = Vec::with_capacity(tables.len());
        for table in &tables {
            rows.push((table.name, table.copy(here, &mut there).await?));
        }
        for table in &tables {
            table.compare(here, &mut there).await?;
        }
        self.pause_for_move(&mut there, &format!("{MOVING_FROM}{from}")).await?;
        fail_point("move.copied");
        there.commit().await?;
        engine.close().await?;
        Ok(rows)
    }

    /// Whether what the database has is a copy of this very home that was not completed: nothing but a move pauses a store with such a
    /// reason, and the seal shows that Lanyard did.
    async fn is_unfinished_copy(&self, there: &mut Transaction, home: Option<&str>) -> Result<bool, StoreError> {
        if there.schema_version().await? != KNOWN {
            return Ok(false);
        }
        let row = HomeRow::within(there).await?;
        if row.keys.id.as_deref() != home {
            return Ok(false);
        }
        let row = row.checked(&self.inner.seals_key);
        Ok(row.is_ok_and(|row| row.paused.is_some_and(|pause| pause.reason.starts_with(MOVING_FROM))))
    }

    async fn pause_for_move(&self, transaction: &mut Transaction, reason: &str) -> Result<(), StoreError> {
        transaction.run(sql("home", PAUSE).bind(reason).bind(self.now().wall)).await?;
        let sealed = HomeRow::within(transaction).await?.sealed_with(&self.inner.seals_key);
        transaction.run(sql("home", SEAL_HOME).bind(sealed.as_bytes())).await?;
        Ok(())
    }

    /// Opens the copy. Until it is active, the tables of parts may be made in it.
    async fn open_on_server(&self, to: &Database, key: &HomeKey, is_active: bool) -> Result<Self, OpenDatabaseError> {
        let inner = &self.inner;
        let permitted = (!is_active).then_some(Upgrade { directory: &inner.directory, parts: &inner.parts });
        let locked = LockedStore::open(to, permitted).await?;
        let store = locked.unlock(&inner.directory, vec![key.clone()], None, inner.parts.clone()).await?;
        Ok(store.acting_as(self.actor.clone()))
    }

    /// Checks every seal of the copy and its whole journal. What is at fault in the original is at fault in the copy, and nothing else.
    async fn compare_verdicts(&self, there: &Self) -> Result<(), RelocationError> {
        let same = |what, same| if same { Ok(()) } else { Err(RelocationError::Unverified { what }) };
        let faults = |errors: Vec<StoreError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
        same("apps", faults(self.unreadable_apps().await?) == faults(there.unreadable_apps().await?))?;
        let (ours, theirs) = (self.unreadable_credentials().await?, there.unreadable_credentials().await?);
        same("credentials", faults(ours) == faults(theirs))?;
        let (ours, theirs) = (self.client_list().await?, there.client_list().await?);
        same("clients", (ours.version, ours.refused) == (theirs.version, theirs.refused))?;
        let (ours, theirs): (AuditVerdict, _) = (self.verify_audit(&[]).await?, there.verify_audit(&[]).await?);
        same("audit entries", ours == theirs)
    }

    /// Lets a copy go on whose original is paused for good. Does nothing if an earlier call did it.
    async fn resume_moved(&self, from: &str, to: &StoreAddress) -> Result<(), StoreError> {
        let to = &*to.to_string();
        self.write_for(Purpose::ThoughPaused, |mut tx| async move {
            match tx.sealed_home().await?.paused {
                None => return tx.abandon(()).await,
                Some(pause) if !pause.reason.starts_with(MOVING_FROM) => {
                    return tx.refuse(StoreError::Paused(pause)).await;
                }
                Some(_) => {}
            }
            tx.run(sql("home", "UPDATE home SET paused_reason = NULL, paused_since = NULL")).await?;
            tx.record(About::Home, Event::StoreMoved { from: from.to_owned(), to: to.to_owned() });
            tx.commit(()).await
        })
        .await?;
        self.inner.set_paused(None);
        Ok(())
    }
}

/// Whether a table is the store's own and says nothing of the tables of parts.
fn is_of_the_store(parts: &[Migrations], table: &str) -> bool {
    let is_of = |part: &Migrations| table.strip_prefix(part.owner).is_some_and(|rest| rest.starts_with('_'));
    table != "migrations" && !parts.iter().any(is_of)
}
