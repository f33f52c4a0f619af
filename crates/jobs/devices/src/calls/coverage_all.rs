//! What all watches see, compared with what there is: from what was stored, so that it is fast with many.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use lanyard_credential::{Credential, CredentialId};
use lanyard_operation::{Declaration, Operation, Problem};
use lanyard_store::StoreError;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calls::watched::{Watched, check_labels, everything, one};
use crate::comparing::can_compare;
use crate::covered::Covered;
use crate::labels::WantedLabel;
use crate::place_reading::read_places;
use crate::places::Place;
use crate::watch::{stored, watch};

/// What a watch sees, in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchCoverage {
    /// The watch.
    pub watch: String,
    /// The label `customer`.
    pub customer: Option<String>,
    /// How many devices it sees, of those that it is to watch.
    pub devices: usize,
    /// How many workspaces it sees all such devices of; if nothing is compared, those that it sees at least one of.
    pub granted: usize,
    /// How many workspaces of the organisation have such devices; `None` if that is not known.
    pub workspaces: Option<usize>,
    /// The workspaces of which not every device is seen, by name.
    pub missing: Vec<String>,
    /// The credential that sees everything; `None` if there is none.
    pub against: Option<String>,
    /// When that was read.
    #[schemars(with = "Option<String>")]
    pub compared_at: Option<Timestamp>,
    /// How many devices are no longer seen that were before.
    pub lost: usize,
    /// When that was noticed last.
    #[schemars(with = "Option<String>")]
    pub lost_at: Option<Timestamp>,
    /// Whether it ever saw a device.
    pub has_seen: bool,
    /// Whether it is paused.
    pub paused: bool,
}

impl WatchCoverage {
    /// Whether a person must act: rooms are missing, or nothing is seen.
    pub const fn is_lacking(&self) -> bool {
        !self.paused && (self.devices == 0 || !self.missing.is_empty())
    }
}

/// Compares what all watches see with what there is, as it was read last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageOfAll {
    /// Only watches that have all these labels.
    #[serde(default)]
    pub labels: Vec<WantedLabel>,
}

/// How many organisations are read at the same time.
const AT_ONCE: usize = 16;

impl Operation for CoverageOfAll {
    const DECLARED: Declaration = Declaration::read("devices.coverage.all").slow();

    type Context = JobContext;
    type Reply = Vec<WatchCoverage>;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Vec<WatchCoverage>, Problem> {
        let credentials = job.store.credentials().await.map_err(|error| stored(&error))?;
        let (mut all, _) = everything(job).await.map_err(|error| stored(&error))?;
        check_labels(&self.labels, &all)?;
        all.retain(|watched| watched.has(&self.labels));
        let by_id: HashMap<CredentialId, &Credential> = credentials.iter().map(|found| (found.id, found)).collect();
        // What was never read is read now: as a rule nothing.
        let mut unread = Vec::new();
        for watched in &all {
            let is_unread = watched.places_reading.tried_at.is_none() && watched.watch.paused_at.is_none();
            if is_unread && against(watched, &by_id).is_some() {
                unread.push(watched.id.clone());
            }
        }
        let read = futures_util::stream::iter(unread).map(|id| read(job, id)).buffer_unordered(AT_ONCE);
        let read: Vec<Result<Option<Watched>, StoreError>> = read.collect().await;
        for found in read {
            let Some(found) = found.map_err(|error| stored(&error))? else { continue };
            all.retain(|watched| watched.id != found.id);
            all.push(found);
        }
        let mut rows: Vec<WatchCoverage> = all.iter().map(|watched| row(watched, against(watched, &by_id))).collect();
        rows.sort_by(|a, b| worst_first(a).cmp(&worst_first(b)));
        Ok(rows)
    }
}

/// Reads the places of a watch, and returns it with them; `None` if it was removed in the meantime.
async fn read(job: &JobContext, id: String) -> Result<Option<Watched>, StoreError> {
    let Some(found) = watch(&job.store, &id).await? else { return Ok(None) };
    read_places(job, &found).await?;
    one(job, found).await.map(Some)
}

/// The credential that sees the whole organisation of a watch.
fn against<'a>(watched: &Watched, by_id: &HashMap<CredentialId, &'a Credential>) -> Option<&'a Credential> {
    let other = watched.watch.against.and_then(|id| by_id.get(&id));
    let own = || by_id.get(&watched.watch.credential).filter(|own| can_compare(own.kind));
    other.or_else(own).copied()
}

fn row(watched: &Watched, against: Option<&Credential>) -> WatchCoverage {
    let covered = Covered::of(&watched.watch, &watched.places);
    let present = || watched.devices.iter().filter(|(_, seen)| seen.gone_since.is_none());
    let ids: HashSet<&str> = present().map(|(id, _)| id.as_str()).collect();
    let lost = || watched.devices.values().filter_map(|seen| seen.gone_since);
    // The workspaces that have devices which are to be watched, and the devices.
    let with_devices: Vec<(&Place, Vec<&str>)> = watched
        .places
        .values()
        .map(|place| {
            let devices = place.devices.iter().filter(|device| covered.covers_placed(place, device));
            (place, devices.map(|device| device.id.as_str()).collect::<Vec<_>>())
        })
        .filter(|(_, devices)| !devices.is_empty())
        .collect();
    let is_read = watched.places.values().any(|place| !place.devices.is_empty());
    let is_missing = |devices: &[&str]| devices.iter().any(|id| !ids.contains(id));
    let mut missing: Vec<String> =
        with_devices.iter().filter(|(_, devices)| is_missing(devices)).map(|(place, _)| place.room.clone()).collect();
    missing.sort();
    let seen: BTreeSet<&str> = present().filter_map(|(_, seen)| seen.facts.workspace.as_deref()).collect();
    let workspaces = (is_read && against.is_some()).then_some(with_devices.len());
    WatchCoverage {
        watch: watched.watch.name.to_string(),
        customer: watched.customer.clone(),
        devices: ids.len(),
        granted: workspaces.map_or(seen.len(), |count| count - missing.len()),
        workspaces,
        missing: if workspaces.is_some() { missing } else { Vec::new() },
        against: against.map(|found| found.name.to_string()),
        compared_at: watched.places_reading.read_at.filter(|_| workspaces.is_some()),
        lost: lost().count(),
        lost_at: lost().max(),
        has_seen: !watched.devices.is_empty(),
        paused: watched.watch.paused_at.is_some(),
    }
}

/// The order of rows: nothing seen, then rooms missing, the most first, then nothing to compare with, then whole.
fn worst_first(row: &WatchCoverage) -> (u8, std::cmp::Reverse<usize>, &str) {
    let rank = match row {
        row if row.paused => 4,
        row if row.devices == 0 => 0,
        row if !row.missing.is_empty() => 1,
        row if row.workspaces.is_none() => 2,
        _ => 3,
    };
    (rank, std::cmp::Reverse(row.missing.len()), &row.watch)
}
