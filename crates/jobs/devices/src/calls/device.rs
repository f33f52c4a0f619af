//! The devices: listed, and shown one at a time.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::StoreError;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::{self, AlertNumber};
use crate::availability::availability;
use crate::calls::alert_view::AlertView;
use crate::facts::Facts;
use crate::labels::{CUSTOMER, WantedLabel, labels_of};
use crate::places::{self, Place, Places, PlacesReading};
use crate::seen::{self, Period, Reading, Seen};
use crate::state::DeviceState;
use crate::watch::{StoredWatch, Watch, stored, watches};
use crate::watch_name::WatchName;

/// A device, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceView {
    /// Its id at Webex.
    pub id: String,
    /// The watch that sees it.
    pub watch: String,
    /// The label `customer` of the watch's credential.
    pub customer: Option<String>,
    /// The state; `unknown` where the watch cannot read its devices.
    #[schemars(with = "String", extend("enum" = DeviceState::ALL.map(DeviceState::as_str)))]
    pub state: DeviceState,
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// The reason, where there is one: an error that the device reports, or why the state is not known.
    pub why: Option<String>,
    /// The open alert that it belongs to.
    #[schemars(with = "Option<String>")]
    pub alert: Option<AlertNumber>,
    /// Where it stands, as a credential that sees the whole organisation reads it; `None` if that is not known.
    pub place: Option<Place>,
    /// What it is.
    #[serde(flatten)]
    pub facts: Facts,
}

impl DeviceView {
    /// The room: the name of its workspace, or of the device itself if that is not known.
    pub fn room(&self) -> &str {
        room(&self.facts, self.place.as_ref())
    }

    /// The location: its name, "-" if the workspace has none, "?" if it is not known.
    pub fn location(&self) -> &str {
        self.place.as_ref().map_or("?", Place::location_shown)
    }
}

fn room<'a>(facts: &'a Facts, place: Option<&'a Place>) -> &'a str {
    place.map(|place| place.room.as_str()).filter(|room| !room.trim().is_empty()).unwrap_or(&facts.name)
}

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

/// The devices of all watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevicesView {
    /// The devices, the worst first.
    pub devices: Vec<DeviceView>,
    /// New devices that wait until a person approves them.
    pub waiting: Vec<DeviceView>,
    /// The watches that cannot read.
    pub blind: Vec<BlindView>,
    /// How many watches there are.
    pub watches: usize,
    /// How many devices were left out because their location is not known, although one was asked for.
    pub unlocated: usize,
    /// When the watch was read that was read the longest ago.
    #[schemars(with = "Option<String>")]
    pub read_at: Option<Timestamp>,
}

/// Lists the devices of all watches, or of those with this name or these labels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListDevices {
    /// Only those of this watch.
    pub watch: Option<WatchName>,
    /// Only those of watches that have all these labels.
    #[serde(default)]
    pub labels: Vec<WantedLabel>,
    /// Only those at this location: its name, or a part of it.
    #[serde(default)]
    pub location: Option<String>,
}

impl Operation for ListDevices {
    const DECLARED: Declaration = Declaration::read("devices.list");

    type Context = JobContext;
    type Reply = DevicesView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<DevicesView, Problem> {
        let (all, altered) = everything(job).await.map_err(|error| stored(&error))?;
        if let Some(name) = &self.watch
            && !all.iter().any(|found| found.watch.name == *name)
        {
            return Err(Problem::new(Code::NoSuchName, format!("there is no watch named {name}"))
                .hint("list the watches: lanyard devices watch list"));
        }
        check_labels(&self.labels, &all)?;
        let is_wanted = |found: &&Watched| {
            self.watch.as_ref().is_none_or(|name| found.watch.name == *name) && found.has(&self.labels)
        };
        let wanted: Vec<&Watched> = all.iter().filter(is_wanted).collect();
        let mut devices: Vec<DeviceView> = wanted.iter().flat_map(|found| found.views()).collect();
        let unlocated = match &self.location {
            Some(location) => at_location(&mut devices, &wanted, location)?,
            None => 0,
        };
        devices.sort_by(|a, b| {
            let of = (a.state, &a.customer, a.room(), &a.facts.name, &a.id);
            of.cmp(&(b.state, &b.customer, b.room(), &b.facts.name, &b.id))
        });
        // Whose they are is not known.
        let now = job.clock.now().wall;
        let altered = altered.into_iter().map(|(watch, why)| {
            let (cause, customer, credential) = (BlindCause::Altered, None, None);
            BlindView { cause, watch, customer, since: now, why, devices: 0, credential }
        });
        let blind: Vec<_> = wanted.iter().filter_map(|found| found.blind()).chain(altered).collect();
        Ok(DevicesView {
            watches: wanted.len() + blind.iter().filter(|blind| blind.cause == BlindCause::Altered).count(),
            waiting: wanted.iter().flat_map(|found| found.waiting()).collect(),
            devices,
            unlocated,
            blind,
            read_at: wanted.iter().filter_map(|found| found.reading.read_at).min(),
        })
    }
}

/// Keeps the devices at a location: the one of this name, or those whose names contain the text. Returns how many devices were left out
/// because their location is not known.
fn at_location(devices: &mut Vec<DeviceView>, wanted: &[&Watched], text: &str) -> Result<usize, Problem> {
    let names = wanted.iter().flat_map(|found| found.places.values()).filter_map(|place| place.location.as_deref());
    let names: BTreeSet<&str> = names.collect();
    if names.is_empty() {
        let mut reasons = wanted.iter().filter_map(|found| found.places_reading.reason.as_deref());
        let why = reasons.next().map_or_else(
            || "a bot cannot read them, and no watch has a credential that can".to_owned(),
            |reason| format!("they could not be read: {reason}"),
        );
        let watch = wanted.first().map_or("NAME", |found| found.watch.name.as_str());
        return Err(Problem::new(
            Code::PersonMustAct,
            format!("the locations of the devices are not known, because {why}"),
        )
        .hint(format!("name an administrator's credential: lanyard devices watch set {watch} --against CREDENTIAL")));
    }
    let plain = text.trim().to_lowercase();
    let is_exact = names.iter().any(|name| name.to_lowercase() == plain);
    let is_meant = |name: &str| {
        let name = name.to_lowercase();
        name == plain || (!is_exact && !plain.is_empty() && name.contains(&plain))
    };
    if !names.iter().any(|name| is_meant(name)) {
        let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join("; ");
        let more = names.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        return Err(Problem::new(Code::NoSuchName, format!("no location is called {text:?}"))
            .hint(format!("the locations are: {shown}{more}")));
    }
    let unlocated = devices.iter().filter(|device| device.location() == "?").count();
    devices.retain(|device| device.place.as_ref().and_then(|place| place.location.as_deref()).is_some_and(is_meant));
    Ok(unlocated)
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
        let labels = labels_of(credential.map(|credential| &credential.labels), &watch.labels);
        all.push(Watched {
            credential: credential.map(|credential| credential.name.to_string()),
            customer: labels.get(CUSTOMER).cloned(),
            labels,
            reading: readings.remove(&id).unwrap_or_default(),
            devices: seen::of_watch(&job.store, &id).await?,
            places: places.remove(&id).unwrap_or_default(),
            places_reading: place_readings.remove(&id).unwrap_or_default(),
            id,
            watch,
            now,
        });
    }
    Ok((all, altered))
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

    fn blind(&self) -> Option<BlindView> {
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
    fn waiting(&self) -> Vec<DeviceView> {
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
            place: self.place_of(seen).cloned(),
            facts: seen.facts.clone(),
        }
    }
}

const IN_MAINTENANCE: &str = "in maintenance";
const NOT_LISTED: &str = "Webex no longer lists it: the grant was withdrawn, or the device was removed";

/// A period of a device's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeriodView {
    /// The state.
    #[schemars(with = "String", extend("enum" = DeviceState::ALL.map(DeviceState::as_str)))]
    pub state: DeviceState,
    /// Its beginning.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub began: Timestamp,
    /// Its end, if it has ended.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// The cause, as Webex names it.
    pub cause: Option<String>,
}

/// How much of a time a device was available, from 0 to 1; `None` where nothing is known of that time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AvailabilityView {
    /// The last day.
    pub day: Option<f64>,
    /// The last 7 days.
    pub week: Option<f64>,
    /// The last 30 days.
    pub month: Option<f64>,
    /// The last 365 days.
    pub year: Option<f64>,
}

/// One device, now and before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceDetail {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceView,
    /// Its availability.
    pub availability: AvailabilityView,
    /// The open alert that it belongs to.
    pub in_alert: Option<AlertView>,
    /// Until when no new alerts are raised of it, if it or its watch is silenced.
    #[schemars(with = "Option<String>")]
    pub silenced_until: Option<Timestamp>,
    /// The periods of its states in the last 30 days, the latest first.
    pub periods: Vec<PeriodView>,
    /// How many other devices of the watch there are, and how many of those are up, degraded or asleep.
    pub others: (usize, usize),
    /// How many devices of the watch stand at its location, this one included, and how many of those are up, degraded or asleep.
    pub at_location: Option<(usize, usize)>,
    /// When its place was read last.
    #[schemars(with = "Option<String>")]
    pub place_read_at: Option<Timestamp>,
}

/// Shows one device.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowDevice {
    /// Its name, serial number, hardware address or id.
    pub device: String,
    /// The watch that sees it, for a device that several see.
    pub watch: Option<WatchName>,
}

impl Operation for ShowDevice {
    const DECLARED: Declaration = Declaration::read("devices.show");

    type Context = JobContext;
    type Reply = DeviceDetail;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<DeviceDetail, Problem> {
        let (mut all, _) = everything(job).await.map_err(|error| stored(&error))?;
        all.retain(|watched| self.watch.as_ref().is_none_or(|name| watched.watch.name == *name));
        let (watched, id, seen) = find(&all, &self.device, Meant::OrLike)?;
        let year = watched.now - SignedDuration::from_hours(365 * 24);
        let mut periods = seen::periods(&job.store, (&watched.id, id), year).await.map_err(|error| stored(&error))?;
        let blind = watched.is_blind();
        if blind.is_some() {
            // The present period is known up to the last reading.
            let read_at = watched.reading.read_at.unwrap_or(watched.watch.added_at);
            for period in periods.iter_mut().filter(|period| period.ended.is_none()) {
                period.ended = Some(read_at.max(period.began));
            }
        }
        let before = |days: i64| watched.now - SignedDuration::from_hours(days * 24);
        let of = |days: i64| availability(&periods, before(days), watched.now);
        let others = watched.devices.iter().filter(|(other, seen)| *other != id && !seen.is_waiting);
        let is_well = |state| matches!(state, DeviceState::Up | DeviceState::Degraded | DeviceState::Asleep);
        let is_up = |seen: &Seen| blind.is_none() && is_well(seen.tracked.state);
        let well = others.clone().filter(|(_, other)| is_up(other)).count();
        let location = |seen: &Seen| {
            Some((watched.place_of(seen)?.location_id.clone()?, watched.place_of(seen)?.location.clone()?))
        };
        let at_location = location(seen).map(|here| {
            let there =
                watched.devices.values().filter(|other| !other.is_waiting && location(other).as_ref() == Some(&here));
            (there.clone().count(), there.filter(|other| is_up(other)).count())
        });
        let alert = match seen.alert {
            Some(number) => {
                alerts::alert(&job.store, AlertNumber::new(number)).await.map_err(|error| stored(&error))?
            }
            None => None,
        };
        let silences = alerts::silences_of(&job.store, &watched.id).await.map_err(|error| stored(&error))?;
        let silences = [silences.get(""), silences.get(id)].into_iter().flatten().copied();
        Ok(DeviceDetail {
            in_alert: alert
                .map(|alert| AlertView::of(&alert, Some((watched.watch.name.as_str(), watched.customer.as_deref())))),
            silenced_until: silences.filter(|until| *until > watched.now).max(),
            device: watched.view(id, seen, blind.as_ref()),
            availability: AvailabilityView { day: of(1), week: of(7), month: of(30), year: of(365) },
            periods: periods.iter().filter(|period| period.ended.is_none_or(|at| at > before(30))).map(shown).collect(),
            others: (others.count(), well),
            at_location,
            place_read_at: watched.places_reading.read_at,
        })
    }
}

/// A period, as people and programs see it.
pub(crate) fn shown(period: &Period) -> PeriodView {
    let Period { began, ended, state, cause } = period.clone();
    PeriodView { state, began, ended, cause }
}

/// How a text names a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// By its whole name, its room, a number or its id.
    Exactly,
    /// So, or else it is the only one whose name contains the text.
    OrLike,
}

/// The device that a text means.
pub(crate) fn find<'a>(
    all: &'a [Watched],
    text: &str,
    meant: Meant,
) -> Result<(&'a Watched, &'a str, &'a Seen), Problem> {
    let every =
        || all.iter().flat_map(|watched| watched.devices.iter().map(move |(id, seen)| (watched, id.as_str(), seen)));
    let plain = text.trim().to_lowercase();
    let room = |watched: &Watched, seen: &Seen| watched.place_of(seen).map(|place| place.room.to_lowercase());
    let mut found: Vec<_> = every().filter(|(_, id, seen)| seen.facts.is_meant_by(id, text)).collect();
    if found.is_empty() && !plain.is_empty() {
        found = every().filter(|(watched, _, seen)| room(watched, seen).as_ref() == Some(&plain)).collect();
    }
    if meant == Meant::OrLike && found.is_empty() && !plain.is_empty() {
        let in_room = |watched: &Watched, seen: &Seen| room(watched, seen).is_some_and(|room| room.contains(&plain));
        let is_like = |watched, seen: &Seen| seen.facts.is_named_like(text) || in_room(watched, seen);
        found = every().filter(|(watched, _, seen)| is_like(watched, seen)).collect();
    }
    match &*found {
        [] => Err(Problem::new(Code::NoSuchName, format!("no watched device is called {text:?}"))
            .hint("give its name, serial number, MAC address or id, as in: lanyard devices list --all")),
        [one] => Ok(*one),
        several => {
            let mut names: Vec<_> = several
                .iter()
                .take(SHOWN)
                .map(|(watched, id, seen)| {
                    let which = seen.facts.serial.as_deref().unwrap_or(id);
                    let location = watched.place_of(seen).and_then(|place| place.location.as_deref());
                    let location = location.map(|name| format!("{name}, ")).unwrap_or_default();
                    format!("{} ({}, {location}{which})", seen.facts.name, watched.watch.name)
                })
                .collect();
            names.sort();
            let what = format!("{text:?} matches {} devices: {}", several.len(), names.join("; "));
            Err(Problem::new(Code::NoSuchName, what)
                .hint("give the serial number of the one that you mean, or --watch if several watches see it"))
        }
    }
}

/// How many matches are named.
const SHOWN: usize = 8;
