//! Watches, shown and changed one at a time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_credential::{CredentialName, Label, LabelKey};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::Event;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts;
use crate::calls::watch::{JOB, WatchView, check_interval, check_readings, shown};
use crate::calls::watch_add::against;
use crate::comparing::can_compare;
use crate::located::located;
use crate::names::WatchName;
use crate::place_reading::read_places;
use crate::readings::{ReadingsView, readings_of};
use crate::rules::{self, AlertRule};
use crate::seen;
use crate::state::DeviceState;
use crate::unit::{ensure_places, ensure_readings, wake};
use crate::watch::{credential_of, named, stored, update};

/// A watch with what it sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchDetail {
    /// The watch.
    #[serde(flatten)]
    pub watch: WatchView,
    /// When it was added.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub added_at: Timestamp,
    /// How the statuses of its devices are read.
    pub readings: ReadingsView,
    /// The account that reads.
    pub account: Option<String>,
    /// How many devices have each state, at the last reading.
    pub states: BTreeMap<String, usize>,
    /// How many new devices wait until a person approves them.
    pub waiting: usize,
    /// The rules for its alerts that are not switched off, the most urgent first.
    pub rules: Vec<AlertRule>,
    /// How many alerts are open.
    pub alerts: usize,
    /// Until when no new alerts are raised.
    #[schemars(with = "Option<String>")]
    pub silenced_until: Option<Timestamp>,
}

/// Shows a watch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowWatch {
    /// The watch.
    pub name: WatchName,
}

impl Operation for ShowWatch {
    const DECLARED: Declaration = Declaration::read("devices.watch.show");

    type Context = JobContext;
    type Reply = WatchDetail;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<WatchDetail, Problem> {
        let found = named(&job.store, &self.name).await?;
        let read = async {
            let credential = credential_of(&job.store, found.watch.credential).await?;
            let watch = shown(job, &found, credential.as_ref()).await?;
            let devices = seen::of_watch(&job.store, &found.id).await?;
            let open = alerts::open_of(&job.store, &found.id).await?;
            let silences = alerts::silences_of(&job.store, &found.id).await?;
            let readings = readings_of(job, &found, credential.as_ref()).await?;
            let rules = rules::of_watch(&job.store, &watch.labels).await?;
            Ok((credential, watch, devices, (readings, rules), open, silences, job.store.time().await?))
        };
        let (credential, watch, devices, (readings, rules), open, silences, now) =
            read.await.map_err(|error| stored(&error))?;
        let mut states: BTreeMap<DeviceState, usize> = BTreeMap::new();
        for seen in devices.values().filter(|seen| !seen.is_waiting) {
            *states.entry(seen.tracked.state).or_default() += 1;
        }
        Ok(WatchDetail {
            watch,
            readings,
            added_at: found.watch.added_at,
            account: credential.as_ref().and_then(|credential| credential.subject.known()?.email.clone()),
            states: states.into_iter().map(|(state, count)| (state.to_string(), count)).collect(),
            waiting: devices.values().filter(|seen| seen.is_waiting).count(),
            rules: rules.into_all(),
            alerts: open.len(),
            silenced_until: silences.get("").copied().filter(|until| *until > now),
        })
    }
}

/// Changes a watch. What is omitted stays as it is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchChanges {
    /// How often the devices are read, in seconds.
    pub interval_seconds: Option<u64>,
    /// How often the statuses of each device are read, in seconds; 0 turns that off.
    pub readings_seconds: Option<u64>,
    /// Whether phones are watched.
    pub phones: Option<bool>,
    /// Whether accessories are watched.
    pub accessories: Option<bool>,
    /// Whether personal devices are watched.
    pub personal: Option<bool>,
    /// Whether devices that appear later wait until a person approves them.
    pub approve_new: Option<bool>,
    /// The credential that reads workspaces and locations.
    pub against: Option<CredentialName>,
    /// The tags of Webex of which a device must have one, in place of those before; an empty list is any device.
    pub tags: Option<Vec<String>>,
    /// The names of the locations where a device must be, in place of those before; an empty list is anywhere.
    pub locations: Option<Vec<String>>,
    /// Whether none but the watch's own credential reads them.
    pub no_against: bool,
    /// Labels that are set.
    pub labels: Vec<Label>,
    /// Labels that are removed.
    pub unlabel: Vec<LabelKey>,
}

/// Changes a watch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetWatch {
    /// The watch.
    pub name: WatchName,
    /// The changes.
    pub changes: WatchChanges,
}

impl Operation for SetWatch {
    const DECLARED: Declaration = Declaration::change("devices.watch.set");

    type Context = JobContext;
    type Reply = WatchView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<WatchView, Problem> {
        let Self { name, changes } = self;
        check_interval(changes.interval_seconds)?;
        check_readings(changes.readings_seconds)?;
        loop {
            let mut found = named(&job.store, &name).await?;
            let before = found.watch.clone();
            let watch = &mut found.watch;
            watch.interval_seconds = changes.interval_seconds.unwrap_or(watch.interval_seconds);
            watch.readings_seconds = changes.readings_seconds.unwrap_or(watch.readings_seconds);
            watch.kinds.phones = changes.phones.unwrap_or(watch.kinds.phones);
            watch.kinds.accessories = changes.accessories.unwrap_or(watch.kinds.accessories);
            watch.kinds.personal = changes.personal.unwrap_or(watch.kinds.personal);
            watch.approve_new = changes.approve_new.unwrap_or(watch.approve_new);
            let own = credential_of(&job.store, watch.credential).await.map_err(|error| stored(&error))?;
            watch.tags = changes.tags.clone().unwrap_or_else(|| watch.tags.clone());
            if let Some(name) = &changes.against {
                watch.against = Some(against(job, name, own.as_ref(), watch.org.as_ref()).await?);
            } else if changes.no_against {
                watch.against = None;
            }
            if let Some(names) = &changes.locations {
                watch.locations = located(job, watch, own.as_ref(), names).await?;
            } else if changes.no_against && !watch.locations.is_empty() && !own.is_some_and(|own| can_compare(own.kind))
            {
                let names = watch.locations.values().map(String::as_str).collect::<Vec<_>>().join("; ");
                return Err(Problem::new(
                    Code::BadRequest,
                    format!("the watch {name} covers only devices at some locations ({names}), and could no longer read them"),
                )
                .hint(format!("let it cover all: lanyard devices watch set {name} --no-against --any-location")));
            }
            for label in &changes.labels {
                watch.labels.insert(label.key.to_string(), label.value.as_str().to_owned());
            }
            for key in &changes.unlabel {
                if watch.labels.remove(key.as_str()).is_none() && !changes.labels.iter().any(|label| label.key == *key)
                {
                    return Err(Problem::new(
                        Code::NoSuchName,
                        format!("the watch {name} has no label {key} of its own"),
                    )
                    .hint(format!("see its labels: lanyard devices watch show {name}")));
                }
            }
            if found.watch != before {
                found.version += 1;
                let event = Event::JobChanged { job: JOB.to_owned(), what: format!("watch {name} changed") };
                if !update(&job.store, &found, &event).await.map_err(|error| stored(&error))? {
                    continue;
                }
                wake(job, &found.id).await.map_err(|error| stored(&error))?;
            }
            // Also where nothing has changed: a person who sets it again wants it to be read.
            if changes.against.is_some() || changes.no_against || changes.locations.is_some() {
                read_places(job, &found).await.map_err(|error| stored(&error))?;
                ensure_places(job, &found).await.map_err(|error| stored(&error))?;
            }
            if changes.readings_seconds.is_some() {
                ensure_readings(job, &found).await.map_err(|error| stored(&error))?;
            }
            let credential = credential_of(&job.store, found.watch.credential).await.map_err(|error| stored(&error))?;
            return shown(job, &found, credential.as_ref()).await.map_err(|error| stored(&error));
        }
    }
}
