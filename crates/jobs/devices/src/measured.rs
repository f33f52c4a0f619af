//! Figures for metrics: few, however many devices there are.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use lanyard_store::sql::{Row, sql};
use lanyard_store::{Store, StoreError};

use crate::readings::cycles;
use crate::rules::Rule;
use crate::seen;
use crate::state::DeviceState;
use crate::watch::{StoredWatch, watches};

/// Figures of all watches of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// How many devices have each state; those of a watch that is not read are unknown.
    pub devices: Vec<(DeviceState, u64)>,
    /// How many watches are read (`active`), cannot be read (`blind`), were not read for long (`late`) or are `paused`.
    pub watches: [(&'static str, u64); 4],
    /// How many alerts are open, by rule.
    pub alerts: Vec<(Rule, u64)>,
    /// When the devices of that active watch were read whose last reading is the oldest.
    pub oldest_reading: Option<Timestamp>,
    /// When that online device was asked for its statuses that was asked the longest ago.
    pub oldest_statuses: Option<Timestamp>,
    /// For how many watches the limit that Webex is assumed to have does not suffice to read statuses at their interval.
    pub over_budget: u64,
    /// The lowest limit that is assumed of an account, in calls a minute.
    pub calls_per_minute: Option<u64>,
}

/// Reads the figures, as they are at `now`.
pub async fn measured(store: &Store, now: Timestamp) -> Result<Measured, StoreError> {
    let count = |row: &Row| row.integer("number").map(|number| u64::try_from(number).unwrap_or_default());
    let states = store.read(sql("devices_seen", STATES)).await?;
    let rules = store.read(sql("devices_alerts", RULES)).await?;
    let mut found = Measured::default();
    for rule in Rule::ALL {
        let row = rules.iter().find(|row| row.str("rule").is_ok_and(|word| word == rule.as_str()));
        found.alerts.push((rule, row.map(count).transpose()?.unwrap_or_default()));
    }
    let readings = seen::readings(store).await?;
    let mut known = HashSet::new();
    let (mut active, mut blind, mut late, mut paused) = (0, 0, 0, 0);
    let all: Vec<StoredWatch> = watches(store).await?.into_iter().flatten().collect();
    let cycles = cycles(store, &all, now).await?;
    (found.oldest_statuses, found.over_budget) = (cycles.oldest, cycles.over_budget);
    found.calls_per_minute = cycles.calls_per_minute;
    for stored in all {
        let reading = readings.get(&stored.id).cloned().unwrap_or_default();
        let read_at = reading.read_at.unwrap_or(stored.watch.added_at);
        if stored.watch.paused_at.is_some() {
            paused += 1;
            continue;
        }
        found.oldest_reading = Some(found.oldest_reading.map_or(read_at, |oldest| oldest.min(read_at)));
        if reading.blind.is_some() {
            blind += 1;
        } else if stored.watch.is_late(read_at, now) {
            late += 1;
        } else {
            active += 1;
            known.insert(stored.id);
        }
    }
    let mut devices: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &states {
        // What was read before is not the present state of what nobody reads.
        let state = if known.contains(row.str("watch")?) { row.str("state")? } else { DeviceState::Unknown.as_str() };
        *devices.entry(state).or_default() += count(row)?;
    }
    found.devices =
        DeviceState::ALL.map(|state| (state, devices.get(state.as_str()).copied().unwrap_or_default())).into();
    found.watches = [("active", active), ("blind", blind), ("late", late), ("paused", paused)];
    Ok(found)
}

const STATES: &str =
    "SELECT watch, state, COUNT(*) AS number FROM devices_seen WHERE waiting = 0 GROUP BY watch, state";
const RULES: &str = "SELECT rule, COUNT(*) AS number FROM devices_alerts WHERE ended IS NULL GROUP BY rule";
