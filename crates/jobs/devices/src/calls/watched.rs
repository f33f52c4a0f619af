//! The watches with their devices, as every answer about devices begins.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use lanyard_credential::Credential;
use lanyard_operation::{Code, Problem};
use lanyard_store::StoreError;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::AlertNumber;
use crate::calls::device::DeviceView;
use crate::labels::{CUSTOMER, WantedLabel, labels_of};
use crate::names::WatchName;
use crate::places::{self, Place, Places, PlacesReading};
use crate::readings;
use crate::seen::{self, Period, Reading, Seen};
use crate::state::DeviceState;
use crate::statuses::StatusesView;
use crate::watch::{StoredWatch, Watch, credential_of, named, stored, watches};

/// Why the devices of a watch are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlindCause {
    /// It is paused.
    Paused,
    /// Webex refuses, or cannot be reached.
    Failed,
    /// No broker runs, or none that has the time.
    NotRead,
    /// Its row was altered without Lanyard.
    Altered,
}

/// A watch whose devices cannot be read, so that their states are not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlindView {
    /// The kind of cause.
    pub cause: BlindCause,
    /// The watch.
    pub watch: String,
    /// The label `customer` of its credential.
    pub customer: Option<String>,
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// The reason.
    pub why: String,
    /// How many devices it saw before.
    pub devices: usize,
    /// The credential to test.
    pub credential: Option<String>,
}

/// A watch with its devices.
pub(crate) struct Watched {
    pub(crate) id: String,
    pub(crate) watch: Watch,
    pub(crate) credential: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) reading: Reading,
    pub(crate) devices: HashMap<String, Seen>,
    pub(crate) statuses: HashMap<String, StatusesView>,
    pub(crate) places: Places,
    pub(crate) places_reading: PlacesReading,
    pub(crate) now: Timestamp,
}

/// A watch whose row was altered without Lanyard: its name, and the error.
pub(crate) type AlteredWatch = (String, String);

/// All watches that can be read, with their devices; and those whose rows were altered.
pub(crate) async fn everything(job: &JobContext) -> Result<(Vec<Watched>, Vec<AlteredWatch>), StoreError> {
    let credentials = job.store.credentials().await?;
    let mut readings = seen::readings(&job.store).await?;
    let mut places = places::all(&job.store).await?;
    let mut place_readings = places::readings(&job.store).await?;
    let now = job.store.time().await?;
    let (mut all, mut altered) = (Vec::new(), Vec::new());
    for found in watches(&job.store).await? {
        let StoredWatch { id, watch, .. } = match found {
            Ok(found) => found,
            Err(error @ StoreError::Altered { .. }) => {
                let why = error.to_string();
                let StoreError::Altered { row, .. } = error else { continue };
                altered.push((row, why));
                continue;
            }
            Err(error) => return Err(error),
        };
        let credential = credentials.iter().find(|credential| credential.id == watch.credential);
        let (labels, customer) = labels(&watch, credential);
        all.push(Watched {
            credential: credential.map(|credential| credential.name.to_string()),
            customer,
            labels,
            reading: readings.remove(&id).unwrap_or_default(),
            devices: seen::of_watch(&job.store, &id).await?,
            statuses: readings::of_watch(&job.store, &id).await?,
            places: places.remove(&id).unwrap_or_default(),
            places_reading: place_readings.remove(&id).unwrap_or_default(),
            id,
            watch,
            now,
        });
    }
    Ok((all, altered))
}

/// All watches that can be read, or the one with this name, with their devices.
pub(crate) async fn chosen(job: &JobContext, watch: Option<&WatchName>) -> Result<Vec<Watched>, Problem> {
    let Some(name) = watch else { return Ok(everything(job).await.map_err(|error| stored(&error))?.0) };
    let found = named(&job.store, name).await?;
    Ok(vec![one(job, found).await.map_err(|error| stored(&error))?])
}

/// A watch with its devices.
pub(crate) async fn one(job: &JobContext, found: StoredWatch) -> Result<Watched, StoreError> {
    let StoredWatch { id, watch, .. } = found;
    let credential = credential_of(&job.store, watch.credential).await?;
    let (labels, customer) = labels(&watch, credential.as_ref());
    Ok(Watched {
        credential: credential.map(|credential| credential.name.to_string()),
        customer,
        labels,
        reading: seen::reading_of(&job.store, &id).await?.0,
        devices: seen::of_watch(&job.store, &id).await?,
        statuses: readings::of_watch(&job.store, &id).await?,
        places: places::of_watch(&job.store, &id).await?,
        places_reading: places::reading_of(&job.store, &id).await?,
        id,
        watch,
        now: job.store.time().await?,
    })
}

/// The labels of a watch, and the customer that they name.
fn labels(watch: &Watch, credential: Option<&Credential>) -> (BTreeMap<String, String>, Option<String>) {
    let labels = labels_of(credential.map(|credential| &credential.labels), &watch.labels);
    let customer = labels.get(CUSTOMER).cloned();
    (labels, customer)
}

/// Refuses a label that no watch has: it is more likely mistyped than meant.
pub(crate) fn check_labels<L: Borrow<BTreeMap<String, String>>>(
    labels: &[WantedLabel],
    all: &[L],
) -> Result<(), Problem> {
    let is_unknown = |label: &&WantedLabel| !all.iter().any(|found| label.is_in(found.borrow()));
    labels.iter().find(is_unknown).map_or(Ok(()), |label| {
        Err(Problem::new(Code::NoSuchName, format!("no watch has the label {label}"))
            .hint("list the watches: lanyard devices watch list"))
    })
}

impl Borrow<BTreeMap<String, String>> for Watched {
    fn borrow(&self) -> &BTreeMap<String, String> {
        &self.labels
    }
}

impl Watched {
    /// Whether it has all these labels.
    pub(crate) fn has(&self, labels: &[WantedLabel]) -> bool {
        labels.iter().all(|label| label.is_in(&self.labels))
    }

    /// Where a device stands, if that is known.
    pub(crate) fn place_of(&self, seen: &Seen) -> Option<&Place> {
        self.places.get(seen.facts.workspace.as_deref()?)
    }

    /// Since when the states of its devices are not known, and the reason.
    pub(crate) fn is_blind(&self) -> Option<(BlindCause, Timestamp, String)> {
        if let Some(since) = self.watch.paused_at {
            return Some((BlindCause::Paused, since, "the watch is paused".to_owned()));
        }
        if let Some((since, why)) = &self.reading.blind {
            return Some((BlindCause::Failed, *since, why.clone()));
        }
        let read_at = self.reading.read_at.unwrap_or(self.watch.added_at);
        let why = "no broker has read the devices since then".to_owned();
        self.watch.is_late(read_at, self.now).then_some((BlindCause::NotRead, read_at, why))
    }

    /// Ends the present periods if the watch cannot read: they are known up to the last reading.
    pub(crate) fn end_unknown(&self, periods: &mut [Period]) {
        if self.is_blind().is_some() {
            let read_at = self.reading.read_at.unwrap_or(self.watch.added_at);
            for period in periods.iter_mut().filter(|period| period.ended.is_none()) {
                period.ended = Some(read_at.max(period.began));
            }
        }
    }

    pub(crate) fn blind(&self) -> Option<BlindView> {
        let (cause, since, why) = self.is_blind()?;
        Some(BlindView {
            cause,
            watch: self.watch.name.to_string(),
            customer: self.customer.clone(),
            since,
            why,
            devices: self.devices.len(),
            credential: self.credential.clone(),
        })
    }

    /// Its devices, as lists show them.
    pub(crate) fn views(&self) -> Vec<DeviceView> {
        let blind = self.is_blind();
        let approved = self.devices.iter().filter(|(_, seen)| !seen.is_waiting);
        approved.map(|(id, seen)| self.view(id, seen, blind.as_ref())).collect()
    }

    /// Its devices that wait until a person approves them.
    pub(crate) fn waiting(&self) -> Vec<DeviceView> {
        let waiting = self.devices.iter().filter(|(_, seen)| seen.is_waiting);
        waiting.map(|(id, seen)| self.view(id, seen, None)).collect()
    }

    /// One of its devices, as lists show it.
    pub(crate) fn view(&self, id: &str, seen: &Seen, blind: Option<&(BlindCause, Timestamp, String)>) -> DeviceView {
        let gone = || seen.gone_since.map(|_| NOT_LISTED.to_owned());
        let (state, since, why) = if let Some((_, since, why)) = blind {
            (DeviceState::Unknown, *since, Some(why.clone()))
        } else {
            let error = gone().or_else(|| seen.facts.errors.first().cloned());
            let maintenance = seen.facts.maintenance.then(|| IN_MAINTENANCE.to_owned());
            let why: Vec<_> = maintenance.into_iter().chain(error).collect();
            let why = (!why.is_empty()).then(|| why.join("; "));
            (seen.tracked.state, seen.tracked.since, why)
        };
        DeviceView {
            id: id.to_owned(),
            watch: self.watch.name.to_string(),
            customer: self.customer.clone(),
            state,
            since,
            why,
            alert: seen.alert.map(AlertNumber::new),
            place: self.place_of(seen).map(Place::of_device),
            statuses: self.statuses.get(id).cloned(),
            facts: seen.facts.clone(),
        }
    }
}

const IN_MAINTENANCE: &str = "in maintenance";
const NOT_LISTED: &str = "Webex no longer lists it: the grant was withdrawn, or the device was removed";
