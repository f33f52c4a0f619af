//! The one way to write.
//!
//! [`Store::write`] runs a closure with a [`Tx`] of its own, which the closure ends: there is no other way to make the [`Done`] that it
//! returns. What the closure records is written last, right before the commit. The closure may run again where an engine lets two
//! transactions get into each other's way, so it keeps nothing and sends nothing: whatever leaves it, leaves it as its value.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lanyard_credential::CredentialId;
use lanyard_time::Moment;
use lanyard_vault::KeyId;

use crate::engine::{Reach, Row, Statement, Transaction};
use crate::event::{About, Event, JournalRecord};
use crate::keys::HomeRow;
use crate::meant::Meant;
use crate::sealed::SealedTable;
use crate::{Store, StoreError, migration};

/// A transaction that writes. Dropped without an end it is rolled back.
#[derive(Debug)]
pub struct Tx {
    transaction: Transaction,
    store: Store,
    purpose: Purpose,
    /// The key that wraps new data keys; none where the home's keys themselves are at stake.
    wrapping: Option<KeyId>,
    now: Moment,
    /// The rows that the commit seals.
    seals: Vec<Meant>,
    /// Whether what carries a seal is still to be locked against other programs.
    unlocked: bool,
    records: Vec<JournalRecord>,
    /// Set once the engine says that another transaction got into its way.
    conflict: Arc<AtomicBool>,
}

/// The proof that a transaction was ended, with what came of it.
#[derive(Debug)]
pub struct Done<T>(T);

/// The purpose of a write, which decides when the write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Anything that a home does while it is in use: refused while it is paused.
    Work,
    /// A write that is allowed although the home is paused.
    ThoughPaused,
    /// The result of an exchange that was begun. It exists nowhere else. So it is written to the database that holds the exchange's intent,
    /// even if the home has another database by now.
    Answer,
    /// The making of a home and the replacement of its keys, which have their own view of which key is in force.
    Keys,
}

/// How often a write runs that other transactions get into the way of.
const ATTEMPTS: u32 = 5;

/// How often a key that is not available is fetched for one write: another rotation may come between.
const FETCHES: u32 = 3;

impl Store {
    /// Writes, in one transaction. Nothing else is written meanwhile.
    pub async fn write<T, E, W, F>(&self, work: W) -> Result<T, E>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, E>>,
        E: From<StoreError>,
    {
        self.write_within(Reach::Home, Purpose::Work, work).await
    }

    /// Writes rows of the tables that other parts of Lanyard keep ([`sql`](crate::sql)), beside other writers. Nothing but the journal is
    /// locked, so each statement states in its condition which version of a row it changes.
    pub async fn write_rows<T, E, W, F>(&self, work: W) -> Result<T, E>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, E>>,
        E: From<StoreError>,
    {
        self.write_within(Reach::Journal, Purpose::Work, work).await
    }

    /// Writes for another purpose than the ordinary one.
    pub(crate) async fn write_for<T, E, W, F>(&self, purpose: Purpose, work: W) -> Result<T, E>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, E>>,
        E: From<StoreError>,
    {
        self.write_within(Reach::Home, purpose, work).await
    }

    /// Writes what reads and changes nothing but one credential's row, its intent and the journal. Writes about other credentials run beside
    /// it where the engine can do that.
    pub(crate) async fn write_about<T, E, W, F>(&self, id: CredentialId, purpose: Purpose, work: W) -> Result<T, E>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, E>>,
        E: From<StoreError>,
    {
        self.write_within(Reach::Credential(id), purpose, work).await
    }

    /// Writes what its reach allows. The engine undoes a transaction that another one got into the way of; then it runs again.
    pub(crate) async fn write_within<T, E, W, F>(&self, reach: Reach, purpose: Purpose, work: W) -> Result<T, E>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, E>>,
        E: From<StoreError>,
    {
        let _timed = self.timed(&self.inner.writes);
        let mut attempts = 1;
        loop {
            let tx = match self.begin(reach, purpose).await {
                Err(StoreError::Conflict) if attempts < ATTEMPTS => {
                    attempts += 1;
                    continue;
                }
                begun => begun?,
            };
            let conflict = Arc::clone(&tx.conflict);
            match work(tx).await {
                Err(_) if attempts < ATTEMPTS && conflict.load(Ordering::Relaxed) => attempts += 1,
                done => return done.map(|Done(value)| value),
            }
        }
    }

    /// Begins a transaction with the home's own row read in it. That row says which key data keys are wrapped under now, so that
    /// nothing is ever wrapped under a key that is being replaced, however long this process has been running; and whether the home is
    /// paused. A key that is not available is fetched while no transaction is open.
    async fn begin(&self, reach: Reach, purpose: Purpose) -> Result<Tx, StoreError> {
        let inner = &self.inner;
        let mut fetched = 0;
        loop {
            let mut transaction = match purpose {
                Purpose::Answer => inner.engine.write_to_opened(reach).await?,
                Purpose::Keys | Purpose::Work | Purpose::ThoughPaused => inner.engine.write(reach).await?,
            };
            if purpose == Purpose::Keys {
                return Ok(Tx::new(self, transaction, (reach, purpose), None));
            }
            let row = HomeRow::within(&mut transaction).await?.checked(&inner.seals_key)?;
            inner.set_paused(row.paused.clone());
            let wrapping = row.keys.wrapping();
            if inner.keys.wrap_under(wrapping) {
                return match row.paused {
                    Some(pause) if purpose != Purpose::ThoughPaused => {
                        transaction.abandon().await?;
                        Err(StoreError::Paused(pause))
                    }
                    _ => Ok(Tx::new(self, transaction, (reach, purpose), Some(wrapping))),
                };
            }
            transaction.abandon().await?;
            fetched += 1;
            // On the heap: it is rare, and would make every write's future as large as itself.
            match Box::pin(inner.keys.fetch(&row.keys)).await {
                Ok(()) => {}
                // The key may have been replaced once more, and taken away, between the row and the look for it.
                Err(_) if fetched < FETCHES && self.home_row().await? != row => {}
                Err(error) => return Err(StoreError::Key(Box::new(error))),
            }
        }
    }

    /// Says so where what was written went into a database that is not the home's any more.
    fn look_after_answer(&self, written: &[JournalRecord]) {
        if let Err(error) = self.inner.engine.look() {
            let credential = written.iter().find_map(|record| Some(record.about.as_credential()?.1.as_str()));
            tracing::error!(
                credential,
                %error,
                "Webex's answer was written to the database that was open: look for it where that file was moved"
            );
        }
    }
}

impl Tx {
    fn new(
        store: &Store,
        transaction: Transaction,
        (reach, purpose): (Reach, Purpose),
        wrapping: Option<KeyId>,
    ) -> Self {
        let (store, now) = (store.clone(), store.now());
        let conflict = Arc::default();
        Self {
            transaction,
            store,
            purpose,
            wrapping,
            now,
            seals: Vec::new(),
            unlocked: reach == Reach::Home,
            records: Vec::new(),
            conflict,
        }
    }

    /// The home's own row, without any check of its seal.
    pub(crate) async fn home_row(&mut self) -> Result<HomeRow, StoreError> {
        let done = HomeRow::within(&mut self.transaction).await;
        self.noticed(done)
    }

    /// Runs a statement; returns how many rows it touched.
    pub async fn run(&mut self, statement: Statement) -> Result<u64, StoreError> {
        let written = SealedTable::named(statement.table).map(|table| (table, statement.clone()));
        let done = self.transaction.run(statement).await;
        if let (Some((table, statement)), Ok(1..)) = (written, &done) {
            self.seals.extend(Meant::inserted(table, &statement));
            self.seals.iter_mut().for_each(|meant| meant.update(&statement));
        }
        self.noticed(done)
    }

    /// Runs a statement that finds rows.
    pub async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let done = self.transaction.rows(statement).await;
        self.noticed(done)
    }

    /// Runs a statement that finds one row at most.
    pub async fn row(&mut self, statement: Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Runs a script of statements without values.
    pub(crate) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        let done = self.transaction.run_script(script).await;
        self.noticed(done)
    }

    /// Makes the whole schema, where there is none; `false` if there is one.
    pub(crate) async fn create_schema(&mut self) -> Result<bool, StoreError> {
        let done = migration::create(&mut self.transaction).await;
        self.noticed(done)
    }

    /// Remembers a conflict, whatever the caller makes of the error.
    fn noticed<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if matches!(done, Err(StoreError::Conflict)) {
            self.conflict.store(true, Ordering::Relaxed);
        }
        done
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The key that wraps what is sealed again.
    pub(crate) fn wrapping(&self) -> KeyId {
        self.wrapping.expect("what replaces the home's keys seals nothing anew")
    }

    /// When the transaction began.
    pub fn now(&self) -> &Moment {
        &self.now
    }

    /// Records an event of this transaction. It is appended to the journal right before the commit.
    pub fn record(&mut self, about: About, event: Event) {
        self.append(JournalRecord { at: self.now.wall, about, actor: String::from(&*self.store.actor), event });
    }

    /// Appends a record of something that was done elsewhere, or earlier, or by another actor.
    pub(crate) fn append(&mut self, record: JournalRecord) {
        self.records.push(record);
    }

    /// Called before a row is checked that the commit seals: between the two nobody else may write it. A transaction about one credential
    /// has locked that row from its beginning.
    pub(crate) async fn lock_sealed_tables(&mut self) -> Result<(), StoreError> {
        if std::mem::take(&mut self.unlocked) {
            let done = self.transaction.lock_sealed_tables().await;
            return self.noticed(done);
        }
        Ok(())
    }

    /// Has the commit seal a row as it is meant to be then.
    pub(crate) fn seal(&mut self, meant: Meant) {
        self.seals.push(meant);
    }

    /// Locks and reads the row that says where the journal ends: the last lock of a transaction.
    pub(crate) async fn lock_counter(&mut self) -> Result<Option<Row>, StoreError> {
        let locked = self.transaction.lock_counter().await;
        self.noticed(locked)
    }

    /// Makes the transaction durable, with all that was recorded. After an error its outcome is unknown: a failed sync of the log may
    /// leave a transaction that the next reader sees.
    pub async fn commit<T, E: From<StoreError>>(mut self, value: T) -> Result<Done<T>, E> {
        let store = self.store.clone();
        for meant in std::mem::take(&mut self.seals) {
            // What came of an exchange is written all the same; its row is refused after that.
            if !self.write_seal(&meant).await? && self.purpose != Purpose::Answer {
                return Err(StoreError::Altered { table: meant.table.name, row: meant.id }.into());
            }
        }
        let records = std::mem::take(&mut self.records);
        store.write_records(&mut self, &records).await?;
        let conflict = self.conflict;
        let committed = self.transaction.commit().await;
        if matches!(committed, Err(StoreError::Conflict)) {
            conflict.store(true, Ordering::Relaxed);
        }
        committed?;
        if self.purpose == Purpose::Answer {
            store.look_after_answer(&records);
        }
        Ok(Done(value))
    }

    /// Ends the transaction without a change. The connection stays.
    pub async fn abandon<T, E: From<StoreError>>(self, value: T) -> Result<Done<T>, E> {
        self.transaction.abandon().await?;
        Ok(Done(value))
    }

    /// Like [`abandon`](Self::abandon), because of an error, which it returns.
    pub async fn refuse<T, E: From<StoreError>>(self, error: E) -> Result<Done<T>, E> {
        self.transaction.abandon().await?;
        Err(error)
    }
}
