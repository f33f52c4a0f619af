//! The units of a store.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_operation::{Problem, Starter};
use lanyard_store::sql::{Row, Tx, sql};
use lanyard_store::{About, Event, Store, StoreError};
use lanyard_time::Heartbeat;
use serde_json::Value;
use tokio::sync::Notify;

use crate::unit::{Document, Seen, State, TABLE, Unit, UnitId};

/// The units of a store. A clone is a handle to the same queue.
#[derive(Clone, Debug)]
pub struct Queue {
    pub(crate) store: Store,
    /// Wakes the worker of this process when a unit becomes due through it.
    pub(crate) woken: Arc<Notify>,
    /// When the worker of this process last found everything that was due.
    pub(crate) looked: Arc<Heartbeat>,
}

/// A process that does not renew its claim for so long is no longer waited for.
pub(crate) const CLAIM: Duration = Duration::from_mins(1);
/// The number of processes that may end in succession while they work on a run.
const MOST_LOSSES: u32 = 5;
/// No unit waits for so long: a clock that was ahead wrote such a time.
const IMPOSSIBLE: Duration = Duration::from_hours(24);
/// How long the row of a run is kept after its end.
const KEPT: Duration = Duration::from_hours(30 * 24);

impl Queue {
    /// The number of runs that one caller may have under way. All processes of the owner are one caller.
    pub const MOST_OPEN: usize = 20;

    /// The queue of a store.
    pub fn new(store: &Store) -> Self {
        Self { store: store.clone(), woken: Arc::default(), looked: Arc::default() }
    }

    /// This queue, over a store that acts as another caller.
    #[must_use]
    pub fn within(&self, store: &Store) -> Self {
        Self { store: store.clone(), ..self.clone() }
    }

    /// Adds a recurring unit, which is due at once, unless there is one of this kind and key already.
    /// A row that was altered without Lanyard is replaced. `progress` is where the work begins.
    pub async fn ensure(&self, kind: &str, key: &str, progress: &Value) -> Result<(), StoreError> {
        match self.recurring(kind, key).await {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => {}
            Err(error) if error.is_of_one_row() => {
                tracing::error!(%error, kind, "a unit of work was altered without Lanyard, and begins again");
                self.remove(kind, key).await?;
            }
            Err(error) => return Err(error),
        }
        let now = self.store.time().await?;
        self.store
            .write_rows(|mut tx| async move {
                let mut unit = self.new_unit(kind, Some(key), Value::Null, None, now);
                unit.document.progress = progress.clone();
                self.insert(&mut tx, &unit).await?;
                tx.commit::<_, StoreError>(()).await
            })
            .await?;
        self.woken.notify_one();
        Ok(())
    }

    /// Adds a run, which is due at once; `None` if its starter has [`MOST_OPEN`](Self::MOST_OPEN) under way already.
    pub async fn start(&self, operation: &str, request: &Value, starter: &Starter) -> Result<Option<Unit>, StoreError> {
        let now = self.store.time().await?;
        let store = self.store.acting_as(starter.actor.as_str());
        let unit = store
            .write_rows(|mut tx| async move {
                let open = tx.rows(sql(TABLE, SELECT_OPEN)).await?;
                let is_own = |unit: &Unit| unit.document.starter.as_ref().is_some_and(|other| is_same(other, starter));
                if open.iter().filter_map(|row| self.readable(row)).filter(is_own).count() >= Self::MOST_OPEN {
                    return tx.abandon(None).await;
                }
                let unit = self.new_unit(operation, None, request.clone(), Some(starter.clone()), now);
                self.insert(&mut tx, &unit).await?;
                let (run, operation) = (unit.id.to_string(), operation.to_owned());
                tx.record(About::Home, Event::RunStarted { run, operation });
                tx.commit::<_, StoreError>(Some(unit)).await
            })
            .await?;
        self.woken.notify_one();
        Ok(unit)
    }

    fn new_unit(
        &self,
        kind: &str,
        key: Option<&str>,
        request: Value,
        starter: Option<Starter>,
        now: Timestamp,
    ) -> Unit {
        let id = UnitId::random(self.store.entropy());
        let document = Document {
            kind: kind.to_owned(),
            key: key.map_or_else(|| id.to_string(), str::to_owned),
            request,
            starter,
            state: State::Waiting,
            progress: Value::Null,
            result: None,
            problem: None,
            created: now,
            changed: now,
            losses: 0,
        };
        Unit { id, document, due: Some(now), holder: None, deadline: None, fence: 0 }
    }

    async fn insert(&self, tx: &mut Tx, unit: &Unit) -> Result<u64, StoreError> {
        let insert = sql(TABLE, INSERT)
            .bind(unit.id.as_str())
            .bind(unit.document.kind.as_str())
            .bind(unit.document.key.as_str())
            .bind(unit.due)
            .bind(unit.fence)
            .bind(&*unit.seal(&self.store));
        tx.run(insert).await
    }

    /// Makes a recurring unit due now. One that a process works on is due again as soon as that work ends.
    pub async fn wake(&self, kind: &str, key: &str) -> Result<(), StoreError> {
        let now = self.store.time().await?;
        self.store
            .write_rows(|mut tx| async move {
                tx.run(sql(TABLE, WAKE).bind(kind).bind(key).bind(now)).await?;
                tx.commit::<_, StoreError>(()).await
            })
            .await?;
        self.woken.notify_one();
        Ok(())
    }

    /// Removes a recurring unit. A process that works on it stops when it renews its claim.
    pub async fn remove(&self, kind: &str, key: &str) -> Result<(), StoreError> {
        self.store
            .write_rows(|mut tx| async move {
                tx.run(sql(TABLE, DELETE).bind(kind).bind(key)).await?;
                tx.commit(()).await
            })
            .await
    }

    /// Puts another recurring unit in the place of the one of this kind and key, or none, and records an event. `decide` gets the progress
    /// of the one that is there, and returns that of the next. All of it happens at once: a process that works on the old unit has
    /// written before, which `decide` then sees, or can write nothing more. Returns the progress that `decide` saw last.
    pub async fn replace<E: From<StoreError>>(
        &self,
        kind: &str,
        key: &str,
        (about, event): (&About, &Event),
        decide: impl Fn(Option<&Value>) -> Result<Option<Value>, E>,
    ) -> Result<Option<Value>, E> {
        let now = self.store.time().await?;
        loop {
            let (found, is_readable) = match self.recurring(kind, key).await {
                Ok(found) => (found, true),
                // It is replaced, too.
                Err(error) if error.is_of_one_row() => (None, false),
                Err(error) => return Err(error.into()),
            };
            let next = decide(found.as_ref().map(|unit| &unit.document.progress))?;
            let (found_ref, next) = (found.as_ref(), next.as_ref());
            let written = self.store.write_rows(|mut tx| async move {
                let removed = match found_ref {
                    Some(unit) => tx.run(sql(TABLE, DELETE_SEEN).bind(unit.id.as_str()).bind(unit.fence)).await?,
                    None if is_readable => 1,
                    None => tx.run(sql(TABLE, DELETE).bind(kind).bind(key)).await?,
                };
                if removed == 0 {
                    return tx.abandon(false).await;
                }
                if let Some(progress) = next {
                    let mut unit = self.new_unit(kind, Some(key), Value::Null, None, now);
                    unit.document.progress = progress.clone();
                    if self.insert(&mut tx, &unit).await? == 0 {
                        return tx.abandon(false).await;
                    }
                }
                tx.record(about.clone(), event.clone());
                tx.commit::<_, StoreError>(true).await
            });
            if written.await? {
                self.woken.notify_one();
                return Ok(found.map(|unit| unit.document.progress));
            }
        }
    }

    /// Removes a unit, if nobody has written it since it was read.
    pub(crate) async fn remove_seen(&self, unit: &Unit) -> Result<(), StoreError> {
        self.store
            .write_rows(|mut tx| async move {
                tx.run(sql(TABLE, DELETE_SEEN).bind(unit.id.as_str()).bind(unit.fence)).await?;
                tx.commit(()).await
            })
            .await
    }

    /// The unit with this id. Fails with [`StoreError::Altered`] if Lanyard did not write it like that.
    pub async fn unit(&self, id: &UnitId) -> Result<Option<Unit>, StoreError> {
        let rows = self.store.read(sql(TABLE, SELECT_BY_ID).bind(id.as_str())).await?;
        rows.first().map(|row| Unit::read(&self.store, row)).transpose()
    }

    /// The recurring unit of this kind and key.
    pub async fn recurring(&self, kind: &str, key: &str) -> Result<Option<Unit>, StoreError> {
        let rows = self.store.read(sql(TABLE, SELECT_BY_KEY).bind(kind).bind(key)).await?;
        rows.first().map(|row| Unit::read(&self.store, row)).transpose()
    }

    /// The recurring units of this kind, the earliest due first. A row that was altered without Lanyard is left out and logged.
    pub async fn all_recurring(&self, kind: &str) -> Result<Vec<Unit>, StoreError> {
        let rows = self.store.read(sql(TABLE, SELECT_BY_KIND).bind(kind)).await?;
        Ok(rows.iter().filter_map(|row| self.readable(row)).filter(|unit| !unit.is_run()).collect())
    }

    /// The runs, the latest first; of those that have ended, only the latest 5,000. A row that was altered without Lanyard is left out and logged.
    pub async fn runs(&self) -> Result<Vec<Unit>, StoreError> {
        let rows = self.store.read(sql(TABLE, SELECT_RUNS)).await?;
        let mut runs: Vec<Unit> = rows.iter().filter_map(|row| self.readable(row)).filter(Unit::is_run).collect();
        runs.sort_by(|a, b| (b.document.created, &b.id).cmp(&(a.document.created, &a.id)));
        Ok(runs)
    }

    /// How many units of each kind are due, those that are being worked on included.
    pub async fn due(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let now = self.store.time().await?;
        let rows = self.store.read(sql(TABLE, COUNT_DUE).bind(now)).await?;
        rows.iter().map(|row| Ok((row.text("kind")?, u64::try_from(row.integer("n")?).unwrap_or_default()))).collect()
    }

    /// When the worker of this process last succeeded in looking for work.
    pub fn last_look(&self) -> Option<Timestamp> {
        self.looked.last()
    }

    fn readable(&self, row: &Row) -> Option<Unit> {
        let read = Unit::read(&self.store, row);
        read.inspect_err(|error| tracing::error!(%error, hint = error.hint(), "a unit of work is refused")).ok()
    }

    /// Cancels a run. One that no process works on ends at once; any other when its process notices. Returns the run as it is then.
    pub async fn cancel(&self, id: &UnitId) -> Result<Option<Unit>, StoreError> {
        let now = self.store.time().await?;
        loop {
            let Some(mut unit) = self.unit(id).await? else { return Ok(None) };
            if unit.document.state.is_end() || unit.document.state == State::Cancelling {
                return Ok(Some(unit));
            }
            let seen = unit.seen();
            let is_held = unit.deadline.is_some_and(|deadline| deadline > now)
                && unit.holder.as_ref().is_some_and(|holder| !self.store.has_ended(holder));
            unit.document.state = if is_held { State::Cancelling } else { State::Cancelled };
            if self.put(&mut unit, seen, now).await? {
                return Ok(Some(unit));
            }
        }
    }

    /// Claims a unit of these kinds that is due, or only the one with this id. A unit that this process works on (`is_ours`) is left alone
    /// even if its claim has expired, as after the machine slept.
    pub(crate) async fn claim(
        &self,
        kinds: &[&str],
        only: Option<&UnitId>,
        is_ours: impl Fn(&str) -> bool,
        with_runs: bool,
    ) -> Result<Option<Unit>, StoreError> {
        let now = self.store.time().await?;
        for row in self.store.read(sql(TABLE, SELECT_DUE).bind(now).bind(after(now, IMPOSSIBLE))).await? {
            let is_other = only.is_some_and(|id| row.str("id").is_ok_and(|found| found != id.as_str()));
            let is_left = || {
                let is_run = row.str("key")? == row.str("id")?;
                Ok::<_, StoreError>(
                    is_other
                        || (is_run && !with_runs)
                        || is_ours(row.str("id")?)
                        || !kinds.contains(&row.str("kind")?)
                        || self.is_held(&row, now)?,
                )
            };
            let mut unit = match is_left()
                .and_then(|left| if left { Ok(None) } else { Unit::read(&self.store, &row).map(Some) })
            {
                Ok(Some(unit)) => unit,
                Ok(None) => continue,
                Err(error) if error.is_of_one_row() => {
                    tracing::error!(%error, hint = error.hint(), "a unit of work is refused, and not looked at again");
                    self.park(&row).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let seen = unit.seen();
            if unit.holder.is_some() {
                unit.document.losses += 1;
            }
            if unit.is_run() && unit.document.losses >= MOST_LOSSES {
                unit.document.state = State::Failed;
                let what = format!("{MOST_LOSSES} processes ended while they worked on it");
                unit.document.problem = Some(Problem::new(lanyard_operation::Code::Internal, what));
                self.put(&mut unit, seen, now).await?;
                continue;
            }
            match unit.document.state {
                State::Cancelling => unit.document.state = State::Cancelled,
                _ => unit.document.state = State::Working,
            }
            (unit.holder, unit.deadline) = (Some(self.store.holder()), Some(after(now, CLAIM)));
            if self.put(&mut unit, seen, now).await? && unit.document.state == State::Working {
                return Ok(Some(unit));
            }
        }
        Ok(None)
    }

    /// Whether a process works on it: its claim has not expired, and as far as can be seen from here it has not ended. No claim lasts as long
    /// as one whose deadline a writer of the database, or a clock that was ahead, put far away.
    fn is_held(&self, row: &Row, now: Timestamp) -> Result<bool, StoreError> {
        let deadline = row.optional_timestamp("deadline")?;
        Ok(row.optional_str("holder")?.is_some_and(|holder| {
            deadline.is_some_and(|deadline| deadline > now && deadline <= after(now, CLAIM * 2))
                && !self.store.has_ended(holder)
        }))
    }

    /// Takes a row that cannot be read out of the units that are due.
    async fn park(&self, row: &Row) -> Result<(), StoreError> {
        let (id, fence) = (row.text("id")?, row.integer("fence")?);
        let id = id.as_str();
        self.store
            .write_rows(|mut tx| async move {
                tx.run(sql(TABLE, "UPDATE work SET due = NULL WHERE id = $1 AND fence = $2").bind(id).bind(fence))
                    .await?;
                tx.commit(()).await
            })
            .await
    }

    /// Writes a unit over the one that was `seen`, under a new fence. `false` if another process wrote it in the meantime. One that was woken
    /// since keeps that time.
    pub(crate) async fn put(&self, unit: &mut Unit, seen: Seen, now: Timestamp) -> Result<bool, StoreError> {
        self.put_with(unit, seen, now, None).await
    }

    /// Like [`put`](Self::put), and records an event if the unit was written.
    pub(crate) async fn put_with(
        &self,
        unit: &mut Unit,
        seen: Seen,
        now: Timestamp,
        event: Option<(&About, &Event)>,
    ) -> Result<bool, StoreError> {
        unit.fence = seen.fence + 1;
        unit.document.changed = now;
        let is_end = unit.document.state.is_end();
        if is_end {
            (unit.due, unit.holder, unit.deadline) = (None, None, None);
        }
        let unit = &*unit;
        self.store
            .write_rows(|mut tx| async move {
                let update = sql(TABLE, UPDATE)
                    .bind(unit.id.as_str())
                    .bind(seen.fence)
                    .bind(unit.fence)
                    .bind(unit.due)
                    .bind(unit.holder.as_deref())
                    .bind(unit.deadline)
                    .bind(&*unit.seal(&self.store))
                    .bind(is_end.then_some(now))
                    .bind(seen.due.filter(|_| !is_end));
                if tx.run(update).await? == 0 {
                    return tx.abandon(false).await;
                }
                if let Some((about, event)) = event {
                    tx.record(about.clone(), event.clone());
                }
                if is_end && unit.is_run() {
                    let why = unit.document.problem.as_ref().map(ToString::to_string);
                    let (run, operation) = (unit.id.to_string(), unit.document.kind.clone());
                    tx.record(
                        About::Home,
                        Event::RunEnded { run, operation, how: unit.document.state.to_string(), why },
                    );
                }
                tx.commit::<_, StoreError>(true).await
            })
            .await
    }

    /// Renews a claim, if the unit still has this fence.
    pub(crate) async fn renew(&self, unit: &Unit) -> Result<bool, StoreError> {
        let deadline = after(self.store.time().await?, CLAIM);
        self.store
            .write_rows(|mut tx| async move {
                let renew = sql(TABLE, "UPDATE work SET deadline = $3 WHERE id = $1 AND fence = $2");
                let renewed = tx.run(renew.bind(unit.id.as_str()).bind(unit.fence).bind(deadline)).await?;
                tx.commit(renewed > 0).await
            })
            .await
    }

    /// Removes the runs that ended long ago.
    pub(crate) async fn prune(&self) -> Result<(), StoreError> {
        let before = self.store.time().await?.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        self.store
            .write_rows(|mut tx| async move {
                tx.run(sql(TABLE, "DELETE FROM work WHERE ended < $1").bind(before)).await?;
                tx.commit(()).await
            })
            .await
    }

    /// When this unit is due, if it is to be done again after a time.
    pub(crate) async fn due_after(&self, wait: Duration) -> Result<(Timestamp, Timestamp), StoreError> {
        let now = self.store.time().await?;
        Ok((now, after(now, wait)))
    }
}

fn is_same(one: &Starter, other: &Starter) -> bool {
    one.client == other.client
}

pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

macro_rules! columns {
    () => {
        "id, kind, key, due, fence, holder, deadline, document"
    };
}

const SELECT_BY_ID: &str = concat!("SELECT ", columns!(), " FROM work WHERE id = $1");
const SELECT_BY_KEY: &str = concat!("SELECT ", columns!(), " FROM work WHERE kind = $1 AND key = $2");
const SELECT_BY_KIND: &str =
    concat!("SELECT ", columns!(), " FROM work WHERE kind = $1 AND due IS NOT NULL ORDER BY due LIMIT 5000");
const SELECT_RUNS: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM work WHERE key = id ORDER BY CASE WHEN ended IS NULL THEN 0 ELSE 1 END, ended DESC LIMIT 5000"
);
const SELECT_OPEN: &str = concat!("SELECT ", columns!(), " FROM work WHERE key = id AND due IS NOT NULL");
const SELECT_DUE: &str =
    concat!("SELECT ", columns!(), " FROM work WHERE due <= $1 OR due > $2 ORDER BY due LIMIT 5000");
const DELETE_SEEN: &str = "DELETE FROM work WHERE id = $1 AND fence = $2";
const DELETE: &str = "DELETE FROM work WHERE kind = $1 AND key = $2";
const COUNT_DUE: &str =
    "SELECT kind, CAST(count(*) AS BIGINT) AS n FROM work WHERE due <= $1 GROUP BY kind ORDER BY kind LIMIT 100";
const INSERT: &str = "INSERT INTO work (id, kind, key, due, fence, document) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (kind, key) DO NOTHING";
const UPDATE: &str = "UPDATE work SET fence = $3, due = CASE WHEN due > $9 THEN due ELSE $4 END, holder = $5, deadline = $6, document = $7, ended = $8 \
     WHERE id = $1 AND fence = $2";
/// A time later than the one at which it was claimed says that it was woken since.
const WAKE: &str = "UPDATE work SET due = CASE WHEN holder IS NOT NULL AND due >= $3 THEN due + 1 ELSE $3 END \
     WHERE kind = $1 AND key = $2 AND (due > $3 OR holder IS NOT NULL)";
