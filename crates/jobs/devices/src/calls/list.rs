//! The devices of all watches, listed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::StoreError;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::availability::availability;
use crate::calls::device::DeviceView;
use crate::calls::watched::{BlindCause, BlindView, Watched, check_labels, everything};
use crate::covered::is_among;
use crate::labels::WantedLabel;
use crate::names::WatchName;
use crate::seen;
use crate::watch::stored;

/// The devices of all watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The availability of each device in the last 30 days by watch and id, from 0 to 1, if it was asked for. A device of which nothing is
    /// known has none.
    pub availability: BTreeMap<String, BTreeMap<String, f64>>,
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
    /// Only those with one of these tags of Webex; all if there are none.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether the availability of each device is computed.
    #[serde(default)]
    pub availability: bool,
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
        if !self.tags.is_empty() {
            with_tags(&mut devices, &self.tags)?;
        }
        let mut availability: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        if self.availability {
            for watched in &wanted {
                let of = available(job, watched).await.map_err(|error| stored(&error))?;
                availability.insert(watched.watch.name.to_string(), of);
            }
        }
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
            availability,
            read_at: wanted.iter().filter_map(|found| found.reading.read_at).min(),
        })
    }
}

/// Keeps the devices that have one of these tags, in any case. One that no device has is more likely mistyped than meant.
fn with_tags(devices: &mut Vec<DeviceView>, tags: &[String]) -> Result<(), Problem> {
    let has = |device: &DeviceView, tag: &str| is_among(tag, &device.facts.tags);
    if let Some(unknown) = tags.iter().find(|tag| !devices.iter().any(|device| has(device, tag))) {
        let names: BTreeSet<&str> = devices.iter().flat_map(|device| &device.facts.tags).map(String::as_str).collect();
        let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
        let hint = if shown.is_empty() {
            "none of the devices has a tag".to_owned()
        } else {
            format!("the tags are: {shown}")
        };
        return Err(Problem::new(Code::NoSuchName, format!("no device has the tag {unknown:?}")).hint(hint));
    }
    devices.retain(|device| tags.iter().any(|tag| has(device, tag)));
    Ok(())
}

/// The availability of the devices of a watch in the last 30 days.
async fn available(job: &JobContext, watched: &Watched) -> Result<BTreeMap<String, f64>, StoreError> {
    let from = watched.now - SignedDuration::from_hours(30 * 24);
    let periods = seen::periods_of_watch(&job.store, &watched.id, (from, watched.now)).await?;
    let each = periods.into_iter().filter_map(|(id, mut periods)| {
        watched.end_unknown(&mut periods);
        let part = availability(&periods, from, watched.now)?;
        Some((id, part))
    });
    Ok(each.collect())
}

/// Keeps the devices at a location: the one of this name, or those whose names contain the text. Returns how many devices were left out
/// because their location is not known.
fn at_location(devices: &mut Vec<DeviceView>, wanted: &[&Watched], text: &str) -> Result<usize, Problem> {
    let names = wanted.iter().flat_map(|found| found.places.values()).filter_map(|place| place.location.as_deref());
    let names: BTreeSet<&str> = names.collect();
    if names.is_empty() {
        return Err(no_location(wanted));
    }
    let plain = text.trim().to_lowercase();
    let is_exact = names.iter().any(|name| name.to_lowercase() == plain);
    let is_meant = |name: &str| {
        let name = name.to_lowercase();
        name == plain || (!is_exact && !plain.is_empty() && name.contains(&plain))
    };
    if !names.iter().any(|name| is_meant(name)) {
        return Err(crate::located::no_location(text, names.iter().copied()));
    }
    let unlocated = devices.iter().filter(|device| device.location() == "?").count();
    devices.retain(|device| device.place.as_ref().and_then(|place| place.location.as_deref()).is_some_and(is_meant));
    Ok(unlocated)
}

/// Why no location is known.
fn no_location(wanted: &[&Watched]) -> Problem {
    let unknown = |why: String| {
        Problem::new(Code::PersonMustAct, format!("the locations of the devices are not known, because {why}"))
    };
    let failed = wanted.iter().find_map(|found| Some((found, found.places_reading.reason.as_deref()?)));
    if let Some((found, reason)) = failed {
        return unknown(format!("they could not be read: {reason}"))
            .hint(format!("see the credential that reads them: lanyard devices watch show {}", found.watch.name));
    }
    if wanted.iter().any(|found| found.places_reading.read_at.is_some()) {
        return Problem::new(Code::NoSuchName, "no workspace has a location")
            .hint("give each workspace a location in Control Hub: Management > Workspaces");
    }
    let watch = wanted.first().map_or("NAME", |found| found.watch.name.as_str());
    unknown("a bot cannot read them, and no watch has a credential that can".to_owned())
        .hint(format!("name an administrator's credential: lanyard devices watch set {watch} --against CREDENTIAL"))
}

/// How many tags are named.
const SHOWN: usize = 8;
