//! Statuses, what products do not support, and budgets, as they are stored.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use lanyard_store::sql::{Row, Tx, sql};
use lanyard_store::{Store, StoreError};
use serde::Deserialize;

use super::budget::Budget;
use super::rollups;
use crate::held::hold;
use crate::statuses::{Statuses, StatusesView};

/// A device whose statuses are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Its id.
    pub(super) device: String,
    /// The product.
    pub(super) product: String,
    /// The version of its software.
    pub(super) software: String,
    /// When its statuses were asked for one by one.
    pub(super) probed_at: Option<Timestamp>,
}

/// What came of asking a device.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its id.
    pub(super) device: String,
    /// What it reported, or why it did not.
    pub(super) answer: Result<Statuses, String>,
    /// Whether its statuses were asked for one by one.
    pub(super) probed: bool,
    /// The product, and the version of its software.
    pub(super) of: (String, String),
}

/// A name that Webex refuses for a product with a version of the software.
pub(super) type Unsupported = (String, String, String);

/// How long what was learned of a product counts, and how long a device is not asked for its statuses one by one again.
pub(super) const LEARNED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often a change of a budget is tried while others change it too.
const ATTEMPTS: usize = 32;

/// How the devices of a watch that are online stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Online {
    /// How many there are.
    pub(super) devices: u64,
    /// How many of them were never asked.
    pub(super) unasked: u64,
    /// How many of them were asked later than now: a clock was ahead.
    pub(super) ahead: u64,
    /// When that one was asked that was asked the longest ago.
    pub(super) oldest: Option<Timestamp>,
}

/// The devices of a watch that are online and were last asked before `before`, the one that was asked the longest ago first.
pub(super) async fn due(
    store: &Store,
    watch: &str,
    (before, now): (Timestamp, Timestamp),
    most: usize,
) -> Result<Vec<Due>, StoreError> {
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let rows = store.read(sql(STATUSES, SELECT_DUE).bind(watch).bind(before).bind(now).bind(most)).await?;
    rows.iter().map(due_of).collect()
}

fn due_of(row: &Row) -> Result<Due, StoreError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Facts {
        product: String,
        software: Option<String>,
    }
    // Facts that cannot be read are written again by the next reading of the devices.
    let Facts { product, software } = serde_json::from_str(row.str("facts")?).unwrap_or_default();
    let (device, probed_at) = (row.text("device")?, row.optional_timestamp("probed_at")?);
    Ok(Due { device, product, software: software.unwrap_or_default(), probed_at })
}

/// How the devices that are online stand, by the watch's id.
pub(super) async fn online(store: &Store, now: Timestamp) -> Result<HashMap<String, Online>, StoreError> {
    let rows = store.read(sql(STATUSES, SELECT_ONLINE).bind(now)).await?;
    rows.iter().map(|row| Ok((row.text("watch")?, online_of(row)?))).collect()
}

/// How the devices of one watch stand that are online.
pub(super) async fn online_in(store: &Store, watch: &str, now: Timestamp) -> Result<Online, StoreError> {
    let rows = store.read(sql(STATUSES, SELECT_ONLINE_IN).bind(now).bind(watch)).await?;
    rows.first().map_or_else(|| Ok(Online::default()), online_of)
}

fn online_of(row: &Row) -> Result<Online, StoreError> {
    let count = |column| row.integer(column).map(|number| u64::try_from(number).unwrap_or_default());
    let (devices, asked, ahead) = (count("devices")?, count("asked")?, count("ahead")?);
    let oldest = row.optional_timestamp("oldest")?;
    Ok(Online { devices, unasked: devices.saturating_sub(asked), ahead, oldest })
}

/// What is known of the statuses of a watch's devices, by id.
pub(crate) async fn of_watch(store: &Store, watch: &str) -> Result<HashMap<String, StatusesView>, StoreError> {
    let rows = store.read(sql(STATUSES, SELECT).bind(watch)).await?;
    // A row that cannot be read is one that Lanyard did not write; the next reading of the device replaces it.
    let read = |row: &Row| Ok::<_, StoreError>((row.text("device")?, view(row)?));
    Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
}

fn view(row: &Row) -> Result<StatusesView, StoreError> {
    // Statuses that cannot be read are those of another version; the next reading replaces them.
    let statuses = row.optional_str("statuses")?.and_then(|text| serde_json::from_str(text).ok());
    Ok(StatusesView {
        read_at: row.optional_timestamp("read_at")?.filter(|_| statuses.is_some()),
        statuses: statuses.unwrap_or_default(),
        tried_at: row.timestamp("tried_at")?,
        reason: row.optional_text("reason")?,
    })
}

/// Writes what came of asking devices at `at`, and what was learned. Nothing is written for a watch that was removed.
pub(super) async fn put(
    store: &Store,
    watch: &str,
    (asked, learned): (&[Asked], &[Unsupported]),
    at: Timestamp,
) -> Result<(), StoreError> {
    store
        .write_rows(|mut tx| async move {
            if !hold(&mut tx, watch).await? {
                return tx.abandon(()).await;
            }
            for asked in asked {
                put_one(&mut tx, watch, asked, at).await?;
            }
            for (product, software, name) in learned {
                let learn = sql(UNSUPPORTED, LEARN).bind(product.as_str()).bind(software.as_str());
                tx.run(learn.bind(name.as_str()).bind(at)).await?;
            }
            tx.commit::<_, StoreError>(()).await
        })
        .await
}

async fn put_one(tx: &mut Tx, watch: &str, asked: &Asked, at: Timestamp) -> Result<(), StoreError> {
    let probed_at = asked.probed.then_some(at);
    let put = match &asked.answer {
        Ok(statuses) => {
            let statuses = serde_json::to_string(statuses).expect("statuses are written as JSON");
            sql(STATUSES, PUT_ANSWER).bind(watch).bind(asked.device.as_str()).bind(at).bind(statuses).bind(probed_at)
        }
        Err(reason) => {
            let put = sql(STATUSES, PUT_REASON).bind(watch).bind(asked.device.as_str()).bind(at);
            put.bind(reason.as_str()).bind(probed_at)
        }
    };
    tx.run(put).await?;
    match &asked.answer {
        Ok(statuses) => rollups::add(tx, (watch, &asked.device), statuses, at).await,
        Err(_) => Ok(()),
    }
}

/// The names that Webex refuses, as far as that was learned within a week.
pub(super) async fn unsupported(store: &Store, now: Timestamp) -> Result<HashSet<Unsupported>, StoreError> {
    let rows = store.read(sql(UNSUPPORTED, SELECT_UNSUPPORTED).bind(now - LEARNED).bind(now + LEARNED)).await?;
    rows.iter().map(|row| Ok((row.text("product")?, row.text("software")?, row.text("name")?))).collect()
}

/// Forgets the statuses of devices that a watch no longer has, and what was learned more than a week ago.
pub(super) async fn prune(store: &Store, watch: &str, now: Timestamp) -> Result<(), StoreError> {
    store
        .write_rows(|mut tx| async move {
            tx.run(sql(STATUSES, PRUNE).bind(watch)).await?;
            tx.run(sql(UNSUPPORTED, PRUNE_UNSUPPORTED).bind(now - LEARNED)).await?;
            tx.commit::<_, StoreError>(()).await
        })
        .await
}

/// The budget of an account.
pub(super) async fn budget(store: &Store, subject: &str, now: Timestamp) -> Result<Budget, StoreError> {
    let rows = store.read(sql(BUDGETS, SELECT_BUDGET).bind(subject)).await?;
    Ok(rows.first().map_or_else(|| Budget::full(now), |row| read_budget(row, now)))
}

/// The budgets of all accounts.
pub(super) async fn budgets(store: &Store, now: Timestamp) -> Result<HashMap<String, Budget>, StoreError> {
    let rows = store.read(sql(BUDGETS, SELECT_BUDGETS)).await?;
    rows.iter().map(|row| Ok((row.text("subject")?, read_budget(row, now)))).collect()
}

/// Changes the budget of an account, and returns what the change returns. Watches with the same account may change it at the same time.
pub(super) async fn with_budget<T: Send>(
    store: &Store,
    subject: &str,
    now: Timestamp,
    change: impl Fn(&mut Budget) -> T + Send + Sync,
) -> Result<T, StoreError> {
    let change = &change;
    for _ in 0..ATTEMPTS {
        let changed = store
            .write_rows(|mut tx| async move {
                let row = tx.row(sql(BUDGETS, SELECT_BUDGET).bind(subject)).await?;
                let (mut budget, mut revision) = (Budget::full(now), 0);
                match row.as_ref().map(|row| (row, row.integer("revision"))) {
                    Some((row, Ok(held))) => (budget, revision) = (read_budget(row, now), held),
                    // It was altered without Lanyard, and compares with no revision: it begins again.
                    Some((_, Err(_))) => drop(tx.run(sql(BUDGETS, DELETE_BUDGET).bind(subject)).await?),
                    None => {}
                }
                let result = change(&mut budget);
                let put = sql(BUDGETS, PUT_BUDGET)
                    .bind(subject)
                    .bind(revision.checked_add(1).unwrap_or_default())
                    .bind(budget.calls)
                    .bind(budget.at)
                    .bind(budget.lowered.map(|(calls, _)| u64::try_from(calls).unwrap_or_default()))
                    .bind(budget.lowered.map(|(_, at)| at))
                    .bind(budget.paused_until)
                    .bind(revision);
                if tx.run(put).await? == 0 {
                    return tx.abandon(None).await;
                }
                tx.commit::<_, StoreError>(Some(result)).await
            })
            .await?;
        if let Some(result) = changed {
            return Ok(result);
        }
    }
    // Others change it all the time: the unit is tried again.
    Err(StoreError::Busy)
}

/// A budget as it is stored. One that cannot be read begins again, and none allows more than is assumed.
fn read_budget(row: &Row, now: Timestamp) -> Budget {
    let read = || {
        let lowered = row.optional_integer("lowered")?.zip(row.optional_timestamp("lowered_at")?);
        let paused_until = row.optional_timestamp("paused_until")?;
        let stored = Budget { calls: row.integer("calls")?, at: row.timestamp("at")?, lowered, paused_until };
        Ok::<_, StoreError>(stored.within_bounds())
    };
    read().unwrap_or_else(|_| Budget::full(now))
}

/// Devices that Webex showed as connected at the last reading, and that are watched.
macro_rules! online {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " FROM devices_seen s LEFT JOIN devices_statuses r ON r.watch = s.watch AND r.device = s.device ",
            "WHERE s.waiting = 0 AND s.gone_since IS NULL AND s.state IN ('up', 'degraded') ",
            "AND (s.candidate IS NULL OR s.candidate IN ('up', 'degraded')) ",
            $after
        )
    };
}

const STATUSES: &str = "devices_statuses";
const UNSUPPORTED: &str = "devices_unsupported";
const BUDGETS: &str = "devices_budgets";
// One that was asked later than now was written with a clock that was ahead.
const SELECT_DUE: &str = online!(
    "SELECT s.device, s.facts, r.probed_at",
    "AND s.watch = $1 AND (r.tried_at IS NULL OR r.tried_at <= $2 OR r.tried_at > $3) \
     ORDER BY COALESCE(r.tried_at, 0), s.device LIMIT $4"
);
const SELECT_ONLINE_IN: &str = online!(
    "SELECT COUNT(*) AS devices, COUNT(r.tried_at) AS asked, MIN(r.tried_at) AS oldest, \
     COUNT(CASE WHEN r.tried_at > $1 THEN 1 END) AS ahead",
    "AND s.watch = $2"
);
const SELECT_ONLINE: &str = online!(
    "SELECT s.watch, COUNT(*) AS devices, COUNT(r.tried_at) AS asked, MIN(r.tried_at) AS oldest, \
     COUNT(CASE WHEN r.tried_at > $1 THEN 1 END) AS ahead",
    "GROUP BY s.watch"
);
const SELECT: &str = "SELECT device, tried_at, read_at, statuses, reason FROM devices_statuses WHERE watch = $1";
const PUT_ANSWER: &str = "INSERT INTO devices_statuses (watch, device, tried_at, read_at, statuses, reason, probed_at) \
     VALUES ($1, $2, $3, $3, $4, NULL, $5) ON CONFLICT (watch, device) DO UPDATE SET tried_at = excluded.tried_at, \
     read_at = excluded.read_at, statuses = excluded.statuses, reason = NULL, \
     probed_at = COALESCE(excluded.probed_at, devices_statuses.probed_at)";
const PUT_REASON: &str = "INSERT INTO devices_statuses (watch, device, tried_at, read_at, statuses, reason, probed_at) \
     VALUES ($1, $2, $3, NULL, NULL, $4, $5) ON CONFLICT (watch, device) DO UPDATE SET tried_at = excluded.tried_at, \
     reason = excluded.reason, probed_at = COALESCE(excluded.probed_at, devices_statuses.probed_at)";
const LEARN: &str = "INSERT INTO devices_unsupported (product, software, name, learned_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (product, software, name) DO UPDATE SET learned_at = excluded.learned_at";
const SELECT_UNSUPPORTED: &str =
    "SELECT product, software, name FROM devices_unsupported WHERE learned_at > $1 AND learned_at < $2";
const PRUNE: &str = "DELETE FROM devices_statuses WHERE watch = $1 AND NOT EXISTS (SELECT 1 FROM devices_seen \
     WHERE devices_seen.watch = devices_statuses.watch AND devices_seen.device = devices_statuses.device)";
const PRUNE_UNSUPPORTED: &str = "DELETE FROM devices_unsupported WHERE learned_at <= $1";
const DELETE_BUDGET: &str = "DELETE FROM devices_budgets WHERE subject = $1";
const SELECT_BUDGETS: &str =
    "SELECT subject, revision, calls, at, lowered, lowered_at, paused_until FROM devices_budgets";
const SELECT_BUDGET: &str =
    "SELECT revision, calls, at, lowered, lowered_at, paused_until FROM devices_budgets WHERE subject = $1";
const PUT_BUDGET: &str = "INSERT INTO devices_budgets (subject, revision, calls, at, lowered, lowered_at, paused_until) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (subject) DO UPDATE SET revision = excluded.revision, \
     calls = excluded.calls, at = excluded.at, lowered = excluded.lowered, lowered_at = excluded.lowered_at, \
     paused_until = excluded.paused_until WHERE devices_budgets.revision = $8";
