//! What a device reported of a quantity, by hour or by day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lanyard_operation::{Declaration, Operation, Problem};
use lanyard_store::{Store, StoreError};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calls::device::DeviceView;
use crate::calls::find::{Meant, find};
use crate::calls::watched::chosen;
use crate::names::WatchName;
use crate::readings::{DAYS_KEPT, HOURS_KEPT, Numbers, QuantityRange, Spread, days, hours};
use crate::statuses::Quantity;
use crate::watch::stored;

/// How long one row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// An hour.
    Hour,
    /// A day in UTC.
    Day,
}

/// What a device reported of a quantity in an hour or on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PointView {
    /// The beginning of the hour or the day.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: Timestamp,
    /// The readings.
    #[serde(flatten)]
    pub range: QuantityRange,
}

/// What a device reported of a quantity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumbersView {
    /// The device.
    pub device: DeviceView,
    /// The quantity.
    pub quantity: Quantity,
    /// How long one row is.
    pub each: Slot,
    /// The hours or days in which the device reported it, the latest first.
    pub rows: Vec<PointView>,
}

/// What a device reported of a quantity today and in the last 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SummaryView {
    /// The quantity.
    pub quantity: Quantity,
    /// The readings of today.
    pub today: Option<QuantityRange>,
    /// The readings of the last 30 days, today included.
    pub month: QuantityRange,
}

/// Lists what a device reported of a quantity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceNumbers {
    /// Its name, serial number, hardware address or id.
    pub device: String,
    /// The watch that sees it, for a device that several see.
    pub watch: Option<WatchName>,
    /// The quantity.
    pub of: Quantity,
    /// Only hours or days that ended after this moment; those of the last day if it is omitted. Hours are listed up to three days back, and
    /// days before that.
    pub since: Option<Timestamp>,
}

/// How far back hours are listed.
const BY_HOUR: SignedDuration = SignedDuration::from_hours(3 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Operation for DeviceNumbers {
    const DECLARED: Declaration = Declaration::read("devices.numbers");

    type Context = JobContext;
    type Reply = NumbersView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<NumbersView, Problem> {
        let all = chosen(job, self.watch.as_ref()).await?;
        let (watched, id, seen) = find(&all, &self.device, Meant::OrLike)?;
        let (now, key) = (watched.now, (&*watched.id, id));
        let since = self.since.unwrap_or(now - DAY).clamp(now - DAYS_KEPT, now);
        let each = if now.duration_since(since) > BY_HOUR { Slot::Day } else { Slot::Hour };
        let found = async {
            let hourly = hours(&job.store, key, since.max(now - HOURS_KEPT)).await?;
            Ok(match each {
                Slot::Hour => by_hour(&hourly, self.of).collect(),
                Slot::Day => by_day(&days(&job.store, key, since).await?, &hourly, self.of),
            })
        };
        let found: BTreeMap<Timestamp, Spread> = found.await.map_err(|error| stored(&error))?;
        let lasts = match each {
            Slot::Hour => SignedDuration::from_hours(1),
            Slot::Day => DAY,
        };
        let rows = found
            .into_iter()
            .filter(|(from, _)| *from <= now && from.duration_since(since) + lasts > SignedDuration::ZERO);
        let rows = rows.map(|(from, spread)| PointView { from, range: spread.range() }).rev().collect();
        let blind = watched.is_blind();
        Ok(NumbersView { device: watched.view(id, seen, blind.as_ref()), quantity: self.of, each, rows })
    }
}

/// What a device reported today, as a time zone has it, and in the last 30 days; only quantities that it reported then.
pub(crate) async fn summaries(
    store: &Store,
    device: (&str, &str),
    (now, zone): (Timestamp, &TimeZone),
) -> Result<Vec<SummaryView>, StoreError> {
    let from = now - MONTH;
    let hourly = hours(store, device, from).await?;
    // An hour that began before midnight belongs to yesterday.
    let midnight = now.to_zoned(zone.clone()).start_of_day().map_or(now, |zoned| zoned.timestamp());
    let summary = |quantity: Quantity| {
        let since = |from: Timestamp| {
            let within = by_hour(&hourly, quantity).filter(move |(at, _)| *at >= from && *at <= now);
            Spread::of_all(within.map(|(_, spread)| spread)).map(Spread::range)
        };
        Some(SummaryView { quantity, today: since(midnight), month: since(from)? })
    };
    Ok(Quantity::ALL.into_iter().filter_map(summary).collect())
}

/// The readings of each hour, by its beginning.
fn by_hour(hourly: &[(Timestamp, Numbers)], quantity: Quantity) -> impl Iterator<Item = (Timestamp, Spread)> {
    let hours = hourly.iter().flat_map(move |(day, numbers)| numbers.slots(quantity).map(move |slot| (*day, slot)));
    hours.filter_map(|(day, (hour, spread))| {
        let from = day.checked_add(SignedDuration::from_hours(i64::from(hour))).ok()?;
        Some((from, spread))
    })
}

/// The readings of each day, by its beginning: of the hours, and of a day whose hours are no longer kept from its month.
fn by_day(
    daily: &[(Date, Numbers)],
    hourly: &[(Timestamp, Numbers)],
    quantity: Quantity,
) -> BTreeMap<Timestamp, Spread> {
    let slots = daily.iter().flat_map(|(month, numbers)| numbers.slots(quantity).map(move |slot| (*month, slot)));
    let kept = slots.filter_map(|(month, (day, spread))| {
        let date = Date::new(month.year(), month.month(), i8::try_from(day).ok()?).ok()?;
        Some((date.to_zoned(TimeZone::UTC).ok()?.timestamp(), spread))
    });
    let of_hours = hourly.iter().filter_map(|(day, numbers)| Some((*day, numbers.total(quantity)?)));
    kept.chain(of_hours).collect()
}
