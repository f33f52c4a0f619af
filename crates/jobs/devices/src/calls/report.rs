//! What was: the history of a device, and the availability of all in a month.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::availability::Tally;
use crate::calls::device::DeviceView;
use crate::calls::find::{Meant, find};
use crate::calls::show::{PeriodView, shown};
use crate::calls::watched::{Watched, check_labels, chosen, everything};
use crate::hours::{BusinessHours, Month};
use crate::labels::WantedLabel;
use crate::names::WatchName;
use crate::places::Place;
use crate::seen::{self, Period, Seen};
use crate::state::DeviceState;
use crate::watch::stored;

/// The periods of a device's states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryView {
    /// The device.
    pub device: DeviceView,
    /// The periods, the latest first.
    pub periods: Vec<PeriodView>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// Lists the periods of a device's states.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceHistory {
    /// Its name, serial number, hardware address or id.
    pub device: String,
    /// The watch that sees it, for a device that several see.
    pub watch: Option<WatchName>,
    /// Only those that ended after this moment.
    pub since: Option<Timestamp>,
    /// How many at most.
    pub limit: u32,
}

/// How long periods are kept, and so how far a history can reach.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

impl Operation for DeviceHistory {
    const DECLARED: Declaration = Declaration::read("devices.history");

    type Context = JobContext;
    type Reply = HistoryView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<HistoryView, Problem> {
        let all = chosen(job, self.watch.as_ref()).await?;
        let (watched, id, seen) = find(&all, &self.device, Meant::OrLike)?;
        let since = self.since.unwrap_or(watched.now - KEPT);
        let mut periods = seen::periods(&job.store, (&watched.id, id), since).await.map_err(|error| stored(&error))?;
        watched.end_unknown(&mut periods);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = periods.len() > limit;
        periods.truncate(limit);
        let blind = watched.is_blind();
        let device = watched.view(id, seen, blind.as_ref());
        Ok(HistoryView { device, periods: periods.iter().map(shown).collect(), more })
    }
}

/// What the rows of a report are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportBy {
    /// Customers.
    Customer,
    /// Watches.
    Watch,
    /// Locations of a customer.
    Location,
    /// Workspaces.
    Workspace,
    /// Devices.
    Device,
}

/// A row of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportRow {
    /// The customer, the watch, the location, the workspace or the device; "?" for a location or workspace that is not known, with the name
    /// of a device in it.
    pub name: String,
    /// The label `customer`.
    pub customer: Option<String>,
    /// The watch, for a device.
    pub watch: Option<String>,
    /// The serial number, for a device.
    pub serial: Option<String>,
    /// The workspace, for a workspace or a device, if it is known.
    pub room: Option<String>,
    /// The location, for one, and for a workspace or a device, if it is known.
    pub location: Option<String>,
    /// How many devices.
    pub devices: usize,
    /// The availability at all hours, from 0 to 1; `None` if nothing is known.
    pub availability: Option<f64>,
    /// The availability in business hours.
    pub in_hours: Option<f64>,
    /// How long its devices were down, in seconds, one added to the other.
    pub down_seconds: u64,
    /// How often one of its devices was down.
    pub outages: usize,
}

/// The availability of devices in a month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportView {
    /// The month.
    pub month: String,
    /// The time zone of the month and the hours.
    pub time_zone: String,
    /// The business hours.
    pub hours: String,
    /// What the rows are.
    pub by: ReportBy,
    /// The rows, the least available first.
    pub rows: Vec<ReportRow>,
    /// The watches of which no location is known, because no credential can read them.
    pub unplaced: Vec<String>,
    /// The watches of which some locations are not known, although a credential was to read them.
    pub unread: Vec<String>,
}

/// Reports the availability of devices in a month.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The month, as in `2026-11`.
    pub month: String,
    /// What the rows are.
    pub by: ReportBy,
    /// The business hours, as in `Mon-Fri 8-18`.
    pub hours: String,
    /// The time zone, as in `Europe/Zurich`.
    pub time_zone: String,
    /// Only watches that have all these labels.
    #[serde(default)]
    pub labels: Vec<WantedLabel>,
}

impl Operation for Report {
    const DECLARED: Declaration = Declaration::read("devices.report").slow();

    type Context = JobContext;
    type Reply = ReportView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<ReportView, Problem> {
        let bad = |what: String| Problem::new(Code::BadRequest, what);
        let month: Month = self.month.parse().map_err(|error| bad(format!("{:?}: {error}", self.month)))?;
        let hours: BusinessHours = self.hours.parse().map_err(|error| bad(format!("{:?}: {error}", self.hours)))?;
        let zone = TimeZone::get(&self.time_zone).map_err(|_| {
            bad(format!("there is no time zone {:?}", self.time_zone))
                .hint("use a name of the IANA database, for example Europe/Zurich")
        })?;
        let (all, _) = everything(job).await.map_err(|error| stored(&error))?;
        check_labels(&self.labels, &all)?;
        let (from, end) = month.bounds(&zone);
        if all.iter().any(|watched| from >= watched.now) {
            return Err(bad(format!("{} has not begun", self.month)).hint("name a month that has"));
        }
        let stretches = hours.within(month, &zone);
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let (mut unplaced, mut unread) = (Vec::new(), Vec::new());
        for watched in all.iter().filter(|watched| watched.has(&self.labels)) {
            // The rest of the present month is not known yet.
            let to = end.min(watched.now);
            let periods = seen::periods_of_watch(&job.store, &watched.id, (from, to)).await;
            for (id, mut periods) in periods.map_err(|error| stored(&error))? {
                watched.end_unknown(&mut periods);
                let (key, row) = first_row(self.by, watched, &id);
                groups.entry(key).or_insert_with(|| Group::new(row)).add(&periods, (from, to), &stretches);
            }
        }
        for watched in all.iter().filter(|watched| watched.has(&self.labels)) {
            let location = |seen: &Seen| watched.place_of(seen).map_or("?", Place::location_shown);
            if watched.devices.values().any(|seen| location(seen) == "?") {
                let is_read = watched.places_reading.tried_at.is_some();
                if is_read { &mut unread } else { &mut unplaced }.push(watched.watch.name.to_string());
            }
        }
        let mut rows: Vec<ReportRow> = groups.into_values().map(Group::row).collect();
        // What is not known comes last.
        let key = |row: &ReportRow| row.in_hours.or(row.availability).unwrap_or(f64::INFINITY);
        rows.sort_by(|a, b| key(a).total_cmp(&key(b)).then_with(|| a.name.cmp(&b.name)));
        let (month, hours) = (month.to_string(), hours.to_string());
        Ok(ReportView { month, time_zone: self.time_zone, hours, by: self.by, rows, unplaced, unread })
    }
}

/// The row that a device belongs to, and the key by which others of it are found.
fn first_row(by: ReportBy, watched: &Watched, id: &str) -> (String, ReportRow) {
    let watch = watched.watch.name.to_string();
    let seen = watched.devices.get(id);
    let customer = watched.customer.clone();
    let place = seen.and_then(|seen| watched.place_of(seen));
    let location = place.and_then(|place| place.location.clone());
    let room = place.map(|place| place.room.clone());
    // One that was forgotten has its id alone.
    let device = || seen.map_or_else(|| id.to_owned(), |seen| seen.facts.name.clone());
    let mut row = ReportRow {
        name: String::new(),
        customer,
        watch: Some(watch.clone()),
        serial: None,
        room: None,
        location: None,
        devices: 0,
        availability: None,
        in_hours: None,
        down_seconds: 0,
        outages: 0,
    };
    let key = match by {
        ReportBy::Customer => {
            (row.name, row.watch) = (row.customer.clone().unwrap_or_else(|| "-".to_owned()), None);
            row.name.clone()
        }
        ReportBy::Watch => {
            row.name.clone_from(&watch);
            watch
        }
        ReportBy::Location => {
            place.map_or("?", Place::location_shown).clone_into(&mut row.name);
            (row.location, row.watch) = (location, None);
            // Organisations may have locations of the same name.
            let id = place.and_then(|place| place.location_id.clone());
            id.unwrap_or_else(|| format!("{watch}\0{}", row.name))
        }
        ReportBy::Workspace => {
            // The devices of one share its id, even if nothing more is known of it.
            let workspace = seen.and_then(|seen| seen.facts.workspace.clone());
            // Most devices are called like their rooms, but that is not known.
            let like = || seen.map_or_else(|| "?".to_owned(), |seen| format!("? ({})", seen.facts.name));
            row.name = room.clone().unwrap_or_else(like);
            (row.room, row.location) = (room, location);
            format!("{watch}/{}", workspace.as_deref().unwrap_or(id))
        }
        ReportBy::Device => {
            row.name = device();
            row.serial = seen.and_then(|seen| seen.facts.serial.clone());
            (row.room, row.location) = (room, location);
            format!("{watch}/{id}")
        }
    };
    (key, row)
}

/// The devices of a row.
struct Group {
    row: ReportRow,
    all: Tally,
    in_hours: Tally,
}

impl Group {
    fn new(row: ReportRow) -> Self {
        Self { row, all: Tally::default(), in_hours: Tally::default() }
    }

    fn add(&mut self, periods: &[Period], (from, to): (Timestamp, Timestamp), stretches: &[(Timestamp, Timestamp)]) {
        self.row.devices += 1;
        self.all.add(periods, from, to);
        for (from, end) in stretches {
            self.in_hours.add(periods, *from, (*end).min(to));
        }
        let down = || periods.iter().filter(|period| period.state == DeviceState::Down);
        // A time without readings splits a period; the outage is one.
        let goes_on = |pair: &&[Period]| pair.iter().all(|period| period.state == DeviceState::Down);
        self.row.outages += down().count() - periods.windows(2).filter(goes_on).count();
        let lasted = down().map(|period| period.ended.unwrap_or(to).min(to).duration_since(period.began.max(from)));
        self.row.down_seconds += lasted.filter_map(|lasted| u64::try_from(lasted.as_secs()).ok()).sum::<u64>();
    }

    fn row(self) -> ReportRow {
        ReportRow { availability: self.all.ratio(), in_hours: self.in_hours.ratio(), ..self.row }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_row_adds_its_devices_and_counts_business_hours_apart() {
        let month: Month = "2026-11".parse().unwrap();
        let (from, to) = month.bounds(&TimeZone::UTC);
        let hours: BusinessHours = "Mon-Fri 8-18".parse().unwrap();
        let stretches = hours.within(month, &TimeZone::UTC);
        let period = |began: &str, ended: Option<&str>, state| Period {
            began: at(began),
            ended: ended.map(at),
            state,
            cause: None,
        };
        let row = ReportRow {
            name: "acme".to_owned(),
            customer: None,
            watch: None,
            serial: None,
            room: None,
            location: None,
            devices: 0,
            availability: None,
            in_hours: None,
            down_seconds: 0,
            outages: 0,
        };
        let mut group = Group::new(row);
        // Down over a night of working days: 18:00 to 8:00, and two hours of the day after.
        let periods = [
            period("2026-10-01T00:00:00Z", Some("2026-11-03T18:00:00Z"), DeviceState::Up),
            period("2026-11-03T18:00:00Z", Some("2026-11-04T10:00:00Z"), DeviceState::Down),
            period("2026-11-04T10:00:00Z", None, DeviceState::Up),
        ];
        group.add(&periods, (from, to), &stretches);
        // A second one that was well.
        group.add(&[period("2026-10-01T00:00:00Z", None, DeviceState::Up)], (from, to), &stretches);
        let row = group.row();
        assert_eq!((row.devices, row.outages, row.down_seconds), (2, 1, 16 * 3600));
        let percent = |part: Option<f64>| format!("{:.4}", part.unwrap());
        assert_eq!(percent(row.availability), format!("{:.4}", 1.0 - 16.0 / (2.0 * 720.0)));
        assert_eq!(percent(row.in_hours), format!("{:.4}", 1.0 - 2.0 / (2.0 * 210.0)));
    }
}
