//! The devices of a watch as they were read last, and the periods of their states.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use lanyard_store::sql::{Row, Tx, sql};
use lanyard_store::{Store, StoreError};

use crate::conditions::Conditions;
use crate::facts::Facts;
use crate::held::hold;
use crate::state::{Candidate, Change, DeviceState, Tracked};

/// A device of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its state.
    pub tracked: Tracked,
    /// Since when Webex no longer lists it.
    pub gone_since: Option<Timestamp>,
    /// Whether it waits until a person approves it.
    pub is_waiting: bool,
    /// The number of the open alert that it belongs to.
    pub alert: Option<u64>,
    /// When its last readings differed from the ones before.
    pub flips: Vec<Timestamp>,
    /// The conditions of rules that it meets.
    pub conditions: Conditions,
    /// What it is.
    pub facts: Facts,
}

impl Seen {
    /// A device that is seen for the first time.
    pub fn first(state: DeviceState, facts: Facts, at: Timestamp) -> Self {
        Self {
            tracked: Tracked::first(state, at),
            gone_since: None,
            is_waiting: false,
            alert: None,
            flips: Vec::new(),
            conditions: Conditions::default(),
            facts,
        }
    }

    /// The state that was read last, whether it counts or not.
    pub(crate) fn last_read(&self) -> DeviceState {
        self.tracked.candidate.as_ref().map_or(self.tracked.state, |candidate| candidate.state)
    }

    /// Whether a reading of this state is no news.
    pub(crate) fn is_still(&self, state: DeviceState, at: Timestamp) -> bool {
        self.tracked.state == state
            && self.tracked.since <= at
            && self.tracked.candidate.is_none()
            && self.gone_since.is_none()
    }
}

/// How the last reading of a watch went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// When the devices were read last.
    pub read_at: Option<Timestamp>,
    /// Since when they cannot be read, and the reason.
    pub blind: Option<(Timestamp, String)>,
    /// How many devices Webex listed.
    pub listed: u64,
    /// How many of those the watch leaves out.
    pub left_out: u64,
}

/// A period in which a device had one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its beginning.
    pub began: Timestamp,
    /// Its end, if it has ended.
    pub ended: Option<Timestamp>,
    /// The state.
    pub state: DeviceState,
    /// The cause, as Webex names it.
    pub cause: Option<String>,
}

/// The devices of one watch, by id.
pub(crate) async fn of_watch(store: &Store, watch: &str) -> Result<HashMap<String, Seen>, StoreError> {
    let rows = store.read(sql(SEEN, SELECT).bind(watch)).await?;
    // A row that cannot be read is written again at the next reading.
    Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
}

fn read(row: &Row) -> Result<(String, Seen), StoreError> {
    let altered = || StoreError::Altered { table: SEEN, row: row.text("device").unwrap_or_default() };
    let state = |word: &str| DeviceState::of_word(word).ok_or_else(altered);
    let candidate = match (row.optional_str("candidate")?, row.optional_timestamp("candidate_since")?) {
        (Some(word), Some(since)) => {
            let samples = u32::try_from(row.integer("samples")?).map_err(|_| altered())?;
            Some(Candidate { state: state(word)?, since, samples })
        }
        _ => None,
    };
    let tracked = Tracked { state: state(row.str("state")?)?, since: row.timestamp("since")?, candidate };
    let facts = serde_json::from_str(row.str("facts")?).map_err(|_| altered())?;
    let alert = row.optional_integer("alert")?.and_then(|number| u64::try_from(number).ok());
    let flips: Vec<i64> = serde_json::from_str(row.str("flips")?).map_err(|_| altered())?;
    let flips = flips.into_iter().filter_map(|at| Timestamp::from_millisecond(at).ok()).collect();
    // Conditions that cannot be read begin again.
    let conditions = row.optional_str("conditions")?.and_then(|text| serde_json::from_str(text).ok());
    let conditions: Conditions = conditions.unwrap_or_default();
    let (gone_since, is_waiting) = (row.optional_timestamp("gone_since")?, row.integer("waiting")? != 0);
    Ok((row.text("device")?, Seen { tracked, gone_since, is_waiting, alert, flips, conditions, facts }))
}

/// Writes a device as it is now, with the alert that it belongs to. One that was approved since it was read stays as it is.
pub(crate) async fn put(
    tx: &mut Tx,
    (watch, device): (&str, &str),
    seen: &Seen,
    alert: Option<u64>,
) -> Result<(), StoreError> {
    let candidate = seen.tracked.candidate.as_ref();
    let facts = serde_json::to_string(&seen.facts).expect("facts are written as JSON");
    let flips: Vec<i64> = seen.flips.iter().map(|at| at.as_millisecond()).collect();
    let put = sql(SEEN, PUT)
        .bind(watch)
        .bind(device)
        .bind(seen.tracked.state.as_str())
        .bind(seen.tracked.since)
        .bind(candidate.map(|candidate| candidate.state.as_str()))
        .bind(candidate.map(|candidate| candidate.since))
        .bind(candidate.map_or(0, |candidate| candidate.samples))
        .bind(seen.gone_since)
        .bind(facts)
        .bind(alert)
        .bind(serde_json::to_string(&flips).expect("numbers are written as JSON"))
        .bind(i64::from(seen.is_waiting))
        .bind(
            (!seen.conditions.is_empty())
                .then(|| serde_json::to_string(&seen.conditions).expect("conditions are written as JSON")),
        );
    tx.run(put).await.map(drop)
}

/// Approves a device that waits: its first period begins. `false` if it does not wait any more.
pub(crate) async fn approve(tx: &mut Tx, (watch, device): (&str, &str), at: Timestamp) -> Result<bool, StoreError> {
    if tx.run(sql(SEEN, APPROVE).bind(watch).bind(device).bind(at)).await? == 0 {
        return Ok(false);
    }
    // As it is now: a reading may have changed it since the caller saw it.
    if let Some(row) = tx.row(sql(SEEN, SELECT_ONE).bind(watch).bind(device)).await? {
        let (_, seen) = read(&row)?;
        begin_period(tx, watch, device, &Change { from: None, to: seen.tracked.state, since: at }, None).await?;
    }
    tx.run(sql(READINGS, REVISE).bind(watch)).await?;
    Ok(true)
}

/// Forgets a device; its periods stay.
pub(crate) async fn forget(tx: &mut Tx, watch: &str, device: &str) -> Result<(), StoreError> {
    tx.run(sql(SEEN, FORGET).bind(watch).bind(device)).await.map(drop)
}

/// Ends the present period of a device, and begins the next one.
pub(crate) async fn begin_period(
    tx: &mut Tx,
    watch: &str,
    device: &str,
    change: &Change,
    cause: Option<&str>,
) -> Result<(), StoreError> {
    // A device that is new has none.
    if change.from.is_some() {
        end_period(tx, watch, device, change.since).await?;
    }
    let begin = sql(PERIODS, BEGIN).bind(watch).bind(device).bind(change.since).bind(change.to.as_str()).bind(cause);
    tx.run(begin).await.map(drop)
}

/// Ends the present period of a device.
pub(crate) async fn end_period(tx: &mut Tx, watch: &str, device: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.run(sql(PERIODS, END).bind(watch).bind(device).bind(at)).await.map(drop)
}

/// Ends the present periods of all devices of a watch: nothing is known of what follows.
pub(crate) async fn end_all(tx: &mut Tx, watch: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.run(sql(PERIODS, END_ALL).bind(watch).bind(at)).await.map(drop)
}

/// The periods of a device that ended after `since`, the latest first.
pub(crate) async fn periods(
    store: &Store,
    (watch, device): (&str, &str),
    since: Timestamp,
) -> Result<Vec<Period>, StoreError> {
    let rows = store.read(sql(PERIODS, SELECT_PERIODS).bind(watch).bind(device).bind(since)).await?;
    rows.iter().map(|row| period(row, device)).collect()
}

/// The periods of all devices of a watch that lie at least partly between two moments, by device.
pub(crate) async fn periods_of_watch(
    store: &Store,
    watch: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<BTreeMap<String, Vec<Period>>, StoreError> {
    let rows = store.read(sql(PERIODS, SELECT_BETWEEN).bind(watch).bind(from).bind(to)).await?;
    let mut periods: BTreeMap<String, Vec<Period>> = BTreeMap::new();
    for row in &rows {
        let device = row.text("device")?;
        let found = period(row, &device)?;
        periods.entry(device).or_default().push(found);
    }
    Ok(periods)
}

fn period(row: &Row, device: &str) -> Result<Period, StoreError> {
    let altered = || StoreError::Altered { table: PERIODS, row: device.to_owned() };
    Ok(Period {
        began: row.timestamp("began")?,
        ended: row.optional_timestamp("ended")?,
        state: DeviceState::of_word(row.str("state")?).ok_or_else(altered)?,
        cause: row.optional_text("cause")?,
    })
}

/// How the last readings of all watches went, by the watch's id.
pub(crate) async fn readings(store: &Store) -> Result<HashMap<String, Reading>, StoreError> {
    let rows = store.read(sql(READINGS, SELECT_READINGS)).await?;
    rows.iter().map(|row| Ok((row.text("watch")?, reading(row).unwrap_or_default()))).collect()
}

/// How the last reading of a watch went, and the revision of its devices.
pub(crate) async fn reading_of(store: &Store, watch: &str) -> Result<(Reading, u64), StoreError> {
    let rows = store.read(sql(READINGS, SELECT_READING).bind(watch)).await?;
    let read = |row: &Row| {
        let revision = row.integer("revision").ok().and_then(|number| u64::try_from(number).ok());
        // One that cannot be read is written again by the next reading.
        (reading(row).unwrap_or_default(), revision.unwrap_or_default())
    };
    Ok(rows.first().map(read).unwrap_or_default())
}

/// When the devices of a watch were read last.
pub async fn read_at(store: &Store, watch: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(reading_of(store, watch).await?.0.read_at)
}

fn reading(row: &Row) -> Result<Reading, StoreError> {
    let count = |column| row.integer(column).map(|number| u64::try_from(number).unwrap_or_default());
    let blind = row.optional_timestamp("blind_since")?;
    let reason = row.optional_text("reason")?.unwrap_or_default();
    Ok(Reading {
        read_at: row.optional_timestamp("read_at")?,
        blind: blind.map(|since| (since, reason)),
        listed: count("listed")?,
        left_out: count("left_out")?,
    })
}

/// Writes how a reading went. `false` if another process has read the devices since `before`, or the watch was removed.
pub(crate) async fn put_reading(
    tx: &mut Tx,
    watch: &str,
    before: Option<Timestamp>,
    (reading, at): (&Reading, Timestamp),
) -> Result<bool, StoreError> {
    if !hold(tx, watch).await? {
        return Ok(false);
    }
    let put = sql(READINGS, PUT_READING)
        .bind(watch)
        .bind(reading.read_at)
        .bind(reading.blind.as_ref().map(|(since, _)| *since))
        .bind(reading.blind.as_ref().map(|(_, reason)| reason.as_str()))
        .bind(reading.listed)
        .bind(reading.left_out)
        .bind(before.map_or(0, Timestamp::as_millisecond))
        .bind(at + FUTURE);
    Ok(tx.run(put).await? > 0)
}

/// A reading that is so much later than now was not written by Lanyard, or with a wrong clock.
const FUTURE: SignedDuration = SignedDuration::from_hours(1);

/// Whether the last reading of a watch is the one of this time.
pub(crate) async fn is_last(tx: &mut Tx, watch: &str, read_at: Option<Timestamp>) -> Result<bool, StoreError> {
    if !hold(tx, watch).await? {
        return Ok(false);
    }
    let row = tx.row(sql(READINGS, SELECT_READING).bind(watch)).await?;
    let stored = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    Ok(row.is_some_and(|row| reading(&row).is_ok_and(|reading| stored(reading.read_at) == stored(read_at))))
}

/// Removes the periods of a watch that ended before `before`.
pub(crate) async fn prune(tx: &mut Tx, watch: &str, before: Timestamp) -> Result<(), StoreError> {
    tx.run(sql(PERIODS, PRUNE).bind(watch).bind(before)).await.map(drop)
}

const SEEN: &str = "devices_seen";
const PERIODS: &str = "devices_periods";
const READINGS: &str = "devices_readings";
const SELECT: &str = "SELECT device, state, since, candidate, candidate_since, samples, gone_since, facts, \
     alert, flips, waiting, conditions FROM devices_seen WHERE watch = $1";
const SELECT_ONE: &str = "SELECT device, state, since, candidate, candidate_since, samples, gone_since, facts, \
     alert, flips, waiting, conditions FROM devices_seen WHERE watch = $1 AND device = $2";
const PUT: &str = "INSERT INTO devices_seen (watch, device, state, since, candidate, candidate_since, samples, gone_since, \
     facts, alert, flips, waiting, conditions) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (watch, device) DO UPDATE SET \
     state = excluded.state, since = excluded.since, candidate = excluded.candidate, \
     candidate_since = excluded.candidate_since, samples = excluded.samples, gone_since = excluded.gone_since, \
     facts = excluded.facts, alert = excluded.alert, flips = excluded.flips, \
     waiting = excluded.waiting, conditions = excluded.conditions WHERE devices_seen.waiting = excluded.waiting";
const APPROVE: &str = "UPDATE devices_seen SET waiting = 0, since = $3, candidate = NULL WHERE watch = $1 AND device = $2 AND waiting = 1";
const REVISE: &str = "UPDATE devices_readings SET revision = revision + 1 WHERE watch = $1";
const FORGET: &str = "DELETE FROM devices_seen WHERE watch = $1 AND device = $2";
const BEGIN: &str = "INSERT INTO devices_periods (watch, device, began, ended, state, cause) \
     VALUES ($1, $2, $3, NULL, $4, $5) \
     ON CONFLICT (watch, device, began) DO UPDATE SET ended = NULL, state = excluded.state, cause = excluded.cause";
const END: &str = "UPDATE devices_periods SET ended = CASE WHEN began > $3 THEN began ELSE $3 END WHERE watch = $1 AND device = $2 AND ended IS NULL";
const END_ALL: &str = "UPDATE devices_periods SET ended = CASE WHEN began > $2 THEN began ELSE $2 END \
     WHERE watch = $1 AND ended IS NULL";
const SELECT_PERIODS: &str = "SELECT began, ended, state, cause FROM devices_periods \
     WHERE watch = $1 AND device = $2 AND (ended IS NULL OR ended > $3) ORDER BY began DESC LIMIT 10000";
const SELECT_BETWEEN: &str = "SELECT device, began, ended, state, cause FROM devices_periods \
     WHERE watch = $1 AND (ended IS NULL OR ended > $2) AND began < $3 ORDER BY device, began";
const SELECT_READINGS: &str = "SELECT watch, read_at, blind_since, reason, listed, left_out FROM devices_readings";
const SELECT_READING: &str =
    "SELECT watch, read_at, blind_since, reason, listed, left_out, revision FROM devices_readings WHERE watch = $1";
const PUT_READING: &str = "INSERT INTO devices_readings (watch, read_at, blind_since, reason, listed, left_out, revision) \
     VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (watch) DO UPDATE SET read_at = excluded.read_at, \
     blind_since = excluded.blind_since, reason = excluded.reason, listed = excluded.listed, left_out = excluded.left_out, \
     revision = devices_readings.revision + 1 \
     WHERE COALESCE(devices_readings.read_at, 0) = $7 OR devices_readings.read_at > $8";
const PRUNE: &str = "DELETE FROM devices_periods WHERE watch = $1 AND ended < $2";
