//! One device, now and before.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::{self, AlertNumber};
use crate::availability::{Tally, availability};
use crate::calls::alert_view::AlertView;
use crate::calls::device::DeviceView;
use crate::calls::find::{Meant, find};
use crate::calls::numbers::{SummaryView, summaries};
use crate::calls::restart::planned;
use crate::calls::watched::chosen;
use crate::hours::BusinessHours;
use crate::names::WatchName;
use crate::restarts::Restart;
use crate::seen::{self, Period, Seen};
use crate::state::DeviceState;
use crate::watch::stored;

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
    /// Its availability in business hours.
    pub in_hours: AvailabilityView,
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
    /// The restart that is planned, or was carried out in the last week.
    pub restart: Option<Restart>,
    /// The quantities that it reported in the last 30 days.
    pub reported: Vec<SummaryView>,
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
    /// The business hours, as in `Mon-Fri 8-18`, which is what they are if they are omitted.
    #[serde(default)]
    pub hours: Option<String>,
    /// Their time zone, as in `Europe/Zurich`; UTC if it is omitted.
    #[serde(default)]
    pub time_zone: Option<String>,
}

impl Operation for ShowDevice {
    const DECLARED: Declaration = Declaration::read("devices.show");

    type Context = JobContext;
    type Reply = DeviceDetail;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<DeviceDetail, Problem> {
        let (hours, zone) = business_hours(self.hours.as_deref(), self.time_zone.as_deref())?;
        let all = chosen(job, self.watch.as_ref()).await?;
        let (watched, id, seen) = find(&all, &self.device, Meant::OrLike)?;
        let year = watched.now - SignedDuration::from_hours(365 * 24);
        let mut periods = seen::periods(&job.store, (&watched.id, id), year).await.map_err(|error| stored(&error))?;
        let blind = watched.is_blind();
        watched.end_unknown(&mut periods);
        let before = |days: i64| watched.now - SignedDuration::from_hours(days * 24);
        let of = |days: i64| availability(&periods, before(days), watched.now);
        let stretches = hours.between((before(365), watched.now), &zone);
        let of_hours = |days: i64| {
            let mut tally = Tally::default();
            for (from, to) in stretches.iter().filter(|(_, to)| *to > before(days)) {
                tally.add(&periods, (*from).max(before(days)), *to);
            }
            tally.ratio()
        };
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
            in_hours: AvailabilityView {
                day: of_hours(1),
                week: of_hours(7),
                month: of_hours(30),
                year: of_hours(365),
            },
            periods: periods.iter().filter(|period| period.ended.is_none_or(|at| at > before(30))).map(shown).collect(),
            others: (others.count(), well),
            at_location,
            reported: summaries(&job.store, (&watched.id, id), (watched.now, &zone))
                .await
                .map_err(|error| stored(&error))?,
            restart: planned(job, &watched.id, id).await.map_err(|error| stored(&error))?,
            place_read_at: watched.places_reading.read_at,
        })
    }
}

/// Business hours and their time zone, as a caller names them.
fn business_hours(hours: Option<&str>, zone: Option<&str>) -> Result<(BusinessHours, TimeZone), Problem> {
    let bad = |what: String| Problem::new(Code::BadRequest, what);
    let hours = hours.unwrap_or("Mon-Fri 8-18");
    let hours: BusinessHours = hours.parse().map_err(|error| bad(format!("{hours:?}: {error}")))?;
    let zone = zone.unwrap_or("UTC");
    let zone = TimeZone::get(zone).map_err(|_| {
        bad(format!("there is no time zone {zone:?}"))
            .hint("use a name of the IANA database, for example Europe/Zurich")
    })?;
    Ok((hours, zone))
}

/// A period, as people and programs see it.
pub(crate) fn shown(period: &Period) -> PeriodView {
    let Period { began, ended, state, cause } = period.clone();
    PeriodView { state, began, ended, cause }
}
