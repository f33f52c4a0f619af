//! The watches: added, listed, paused, resumed and removed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_credential::Credential;
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::{Event, StoreError};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::comparing::can_compare;
use crate::labels::{CUSTOMER, WantedLabel, labels_of};
use crate::names::WatchName;
use crate::places::{self, PlacesReading};
use crate::remembered::Remembered;
use crate::restarts;
use crate::seen::{self, Reading};
use crate::sweep::about;
use crate::unit::{SWEEP, remove_units, wake};
use crate::watch::{
    LONGEST_INTERVAL, SHORTEST_INTERVAL, SHORTEST_READINGS, StoredWatch, Watch, WatchedKinds, credential_of,
    end_alerts, named, remove, stored, update, watches,
};

/// A watch, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchView {
    /// Its name.
    pub name: String,
    /// The credential that reads the devices; `None` if that was removed.
    pub credential: Option<String>,
    /// The label `customer`.
    pub customer: Option<String>,
    /// The labels: those of the credential, and in their place those of the watch.
    pub labels: BTreeMap<String, String>,
    /// Whether new devices wait until a person approves them.
    pub approve_new: bool,
    /// The organisation that is read, if it is not the credential's own.
    pub org: Option<String>,
    /// The credential that reads workspaces and locations; `None` if nothing can.
    pub against: Option<String>,
    /// When those were read last.
    #[schemars(with = "Option<String>")]
    pub places_read_at: Option<Timestamp>,
    /// Why they could not all be read.
    pub places_reason: Option<String>,
    /// How often the devices are read.
    pub interval_seconds: u64,
    /// How often the statuses of each device are read; `None` if they are not.
    pub readings_seconds: Option<u64>,
    /// The devices that are watched besides those of workspaces.
    pub kinds: WatchedKinds,
    /// The tags of Webex of which a device must have one; any device if there are none.
    pub tags: Vec<String>,
    /// The locations where a device must be; anywhere if there are none.
    pub locations: Vec<String>,
    /// Since when it is paused.
    #[schemars(with = "Option<String>")]
    pub paused_at: Option<Timestamp>,
    /// When the devices were read last.
    #[schemars(with = "Option<String>")]
    pub read_at: Option<Timestamp>,
    /// Since when they cannot be read.
    #[schemars(with = "Option<String>")]
    pub blind_since: Option<Timestamp>,
    /// Why they cannot be read, or why the watch itself cannot.
    pub reason: Option<String>,
    /// How many devices Webex listed at the last reading.
    pub listed: u64,
    /// How many of those are not watched: phones, accessories, personal devices.
    pub left_out: u64,
}

/// Lists the watches, by name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListWatches {
    /// Only those that have all these labels.
    #[serde(default)]
    pub labels: Vec<WantedLabel>,
}

impl Operation for ListWatches {
    const DECLARED: Declaration = Declaration::read("devices.watch.list");

    type Context = JobContext;
    type Reply = Vec<WatchView>;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Vec<WatchView>, Problem> {
        let mut all = list(job).await.map_err(|error| stored(&error))?;
        all.retain(|watch| self.labels.iter().all(|label| label.is_in(&watch.labels)));
        Ok(all)
    }
}

async fn list(job: &JobContext) -> Result<Vec<WatchView>, StoreError> {
    let credentials = job.store.credentials().await?;
    let readings = seen::readings(&job.store).await?;
    let places = places::readings(&job.store).await?;
    let mut views = Vec::new();
    for found in watches(&job.store).await? {
        views.push(match found {
            Ok(stored) => {
                let credential = credentials.iter().find(|credential| credential.id == stored.watch.credential);
                let reading = readings.get(&stored.id).cloned().unwrap_or_default();
                let against = credentials.iter().find(|credential| Some(credential.id) == stored.watch.against);
                let places = places.get(&stored.id).cloned().unwrap_or_default();
                view(&stored.watch, (credential, against), (&reading, &places))
            }
            Err(error) if error.is_of_one_row() => unreadable(&error),
            Err(error) => return Err(error),
        });
    }
    Ok(views)
}

/// Pauses a watch, or resumes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseWatch {
    /// The watch.
    pub name: WatchName,
    /// Whether it is to be paused.
    pub pause: bool,
}

impl Operation for PauseWatch {
    const DECLARED: Declaration = Declaration::change("devices.watch.pause");

    type Context = JobContext;
    type Reply = WatchView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<WatchView, Problem> {
        loop {
            let mut found = named(&job.store, &self.name).await?;
            if found.watch.paused_at.is_some() != self.pause {
                found.watch.paused_at = self.pause.then(|| job.clock.now().wall);
                found.version += 1;
                let verb = if self.pause { "paused" } else { "resumed" };
                let event = Event::JobChanged { job: JOB.to_owned(), what: format!("watch {} {verb}", self.name) };
                if !update(&job.store, &found, &event).await.map_err(|error| stored(&error))? {
                    continue;
                }
            }
            // Also where nothing has changed: an earlier call may have ended before this.
            job.queue.ensure(SWEEP, &found.id, &Value::Null).await.map_err(|error| stored(&error))?;
            wake(job, &found.id).await.map_err(|error| stored(&error))?;
            let credential = credential_of(&job.store, found.watch.credential).await.map_err(|error| stored(&error))?;
            if self.pause {
                let at = job.store.time().await.map_err(|error| stored(&error))?;
                end_alerts(&job.store, &found, &about(credential.as_ref()), at)
                    .await
                    .map_err(|error| stored(&error))?;
            }
            return shown(job, &found, credential.as_ref()).await.map_err(|error| stored(&error));
        }
    }
}

/// Removes a watch, and everything that was read for it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveWatch {
    /// The watch.
    pub name: WatchName,
}

impl Operation for RemoveWatch {
    const DECLARED: Declaration = Declaration::change("devices.watch.remove");

    type Context = JobContext;
    type Reply = ();
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<(), Problem> {
        let event = Event::JobChanged { job: JOB.to_owned(), what: format!("watch {} removed", self.name) };
        // Even if its row was altered: so that somebody can add it again. Then its alerts end without a credential's name.
        let credential = match named(&job.store, &self.name).await {
            Ok(found) => job.store.credential_by_id(found.watch.credential).await.ok().flatten(),
            Err(_) => None,
        };
        let at = job.store.time().await.map_err(|error| stored(&error))?;
        let removed = remove(&job.store, &self.name, (&event, &about(credential.as_ref())), at)
            .await
            .map_err(|error| stored(&error))?;
        let Some(id) = removed else { return named(&job.store, &self.name).await.map(drop) };
        job.memory.of::<Remembered>().forget(&id);
        restarts::remove(job, &id).await.map_err(|error| stored(&error))?;
        remove_units(job, &id).await.map_err(|error| stored(&error))
    }
}

/// Refuses an interval that no watch may have.
pub(crate) fn check_interval(seconds: Option<u64>) -> Result<(), Problem> {
    if seconds.is_none_or(|seconds| (SHORTEST_INTERVAL.as_secs()..=LONGEST_INTERVAL.as_secs()).contains(&seconds)) {
        return Ok(());
    }
    let (shortest, longest) = (SHORTEST_INTERVAL.as_secs(), LONGEST_INTERVAL.as_secs() / 3600);
    Err(Problem::new(Code::BadRequest, format!("the interval of a watch is {shortest} s to {longest} h")))
}

/// Refuses an interval that no readings of statuses may have; 0 turns them off.
pub(crate) fn check_readings(seconds: Option<u64>) -> Result<(), Problem> {
    let (shortest, longest) = (SHORTEST_READINGS.as_secs(), LONGEST_INTERVAL.as_secs());
    if seconds.is_none_or(|seconds| seconds == 0 || (shortest..=longest).contains(&seconds)) {
        return Ok(());
    }
    let what =
        format!("the statuses of a device are read every {} min to {} h, or not at all", shortest / 60, longest / 3600);
    Err(Problem::new(Code::BadRequest, what)
        .hint("give a time, such as --readings 15m, or turn them off with --readings off"))
}

/// A watch, as lists show it, with how its last readings went.
pub(crate) async fn shown(
    job: &JobContext,
    found: &StoredWatch,
    credential: Option<&Credential>,
) -> Result<WatchView, StoreError> {
    let against = match found.watch.against {
        Some(id) => credential_of(&job.store, id).await?,
        None => None,
    };
    let (reading, _) = seen::reading_of(&job.store, &found.id).await?;
    let places = places::reading_of(&job.store, &found.id).await?;
    Ok(view(&found.watch, (credential, against.as_ref()), (&reading, &places)))
}

/// A watch, as lists show it, with its credential, the one that it is compared with, and its last readings.
fn view(
    watch: &Watch,
    (credential, against): (Option<&Credential>, Option<&Credential>),
    (reading, places): (&Reading, &PlacesReading),
) -> WatchView {
    let own = credential.filter(|own| watch.against.is_none() && can_compare(own.kind));
    let blind = reading.blind.as_ref();
    let labels = labels_of(credential.map(|credential| &credential.labels), &watch.labels);
    WatchView {
        name: watch.name.to_string(),
        credential: credential.map(|credential| credential.name.to_string()),
        customer: labels.get(CUSTOMER).cloned(),
        labels,
        approve_new: watch.approve_new,
        org: watch.org.as_ref().map(|org| org.as_str().to_owned()),
        against: against.or(own).map(|credential| credential.name.to_string()),
        places_read_at: places.read_at,
        places_reason: places.reason.clone(),
        interval_seconds: watch.interval_seconds,
        readings_seconds: watch.readings().map(|every| every.as_secs()),
        kinds: watch.kinds,
        tags: watch.tags.clone(),
        locations: watch.locations.values().cloned().collect(),
        paused_at: watch.paused_at,
        read_at: reading.read_at,
        blind_since: blind.map(|(since, _)| *since),
        reason: blind.map(|(_, reason)| reason.clone()),
        listed: reading.listed,
        left_out: reading.left_out,
    }
}

/// A watch whose row was altered without Lanyard.
fn unreadable(error: &StoreError) -> WatchView {
    let name = match error {
        StoreError::Altered { row, .. } => row.clone(),
        _ => String::new(),
    };
    WatchView {
        name,
        credential: None,
        customer: None,
        labels: BTreeMap::new(),
        approve_new: false,
        org: None,
        against: None,
        places_read_at: None,
        places_reason: None,
        interval_seconds: 0,
        readings_seconds: None,
        kinds: WatchedKinds::default(),
        tags: Vec::new(),
        locations: Vec::new(),
        paused_at: None,
        read_at: None,
        blind_since: None,
        reason: Some(error.to_string()),
        listed: 0,
        left_out: 0,
    }
}

/// The job, as the audit names it.
pub(crate) const JOB: &str = "devices";
