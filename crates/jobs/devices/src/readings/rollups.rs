//! The numbers that devices reported, kept by hour for 60 days and by day for 400 days.
//!
//! A row holds the hours of a day, or the days of a month, in which a device reported something. So 10,000 devices have 600,000 rows of
//! hours and 140,000 rows of days after a year, about one kilobyte each; a row for each quantity and hour would be more than 80 million. A
//! reading is added to its hour by the transaction that stores it, and the day of a month is computed from all its hours when that day has
//! ended: a process that ends at any moment counts nothing twice.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lanyard_store::sql::{Row, Tx, sql};
use lanyard_store::{Store, StoreError};

use super::numbers::{Numbers, Spread};
use crate::held::hold;
use crate::statuses::Quantity;
use crate::statuses::Statuses;

/// How long the hours are kept.
pub(crate) const HOURS_KEPT: SignedDuration = SignedDuration::from_hours(60 * 24);
/// How long the days are kept, to the end of their month.
pub(crate) const DAYS_KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How many days one transaction rolls up: others wait for it.
const AT_ONCE: u64 = 200;

const DAY: i64 = 24 * 60 * 60;
const HOUR: i64 = 60 * 60;

/// Adds what a device reported at `at` to the hour.
pub(super) async fn add(
    tx: &mut Tx,
    (watch, device): (&str, &str),
    statuses: &Statuses,
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut reported =
        Quantity::ALL.into_iter().filter_map(|quantity| Some((quantity, quantity.of(statuses)?))).peekable();
    if reported.peek().is_none() {
        return Ok(());
    }
    let day = day_of(at);
    let hour = u8::try_from(at.as_second().rem_euclid(DAY) / HOUR).unwrap_or_default();
    let mut numbers = numbers_of(tx.row(sql(HOURLY, SELECT_DAY).bind(watch).bind(device).bind(day)).await?.as_ref());
    reported.for_each(|(quantity, value)| numbers.add(quantity, hour, Spread::of(value)));
    tx.run(sql(HOURLY, PUT_DAY).bind(watch).bind(device).bind(day).bind(numbers.written())).await.map(drop)
}

/// Computes the days that have ended, and forgets what is older than it is kept.
pub(super) async fn roll_up(store: &Store, watch: &str, now: Timestamp) -> Result<(), StoreError> {
    while roll_up_some(store, watch, now).await? {}
    let (day, month) = (day_of(now - HOURS_KEPT), month_of(day_of(now - DAYS_KEPT)).map(|(month, _)| month));
    store
        .write_rows(|mut tx| async move {
            tx.run(sql(HOURLY, PRUNE_HOURS).bind(watch).bind(day)).await?;
            tx.run(sql(DAILY, PRUNE_DAYS).bind(watch).bind(month.unwrap_or_default())).await?;
            tx.commit::<_, StoreError>(()).await
        })
        .await
}

/// Computes some of the days that have ended; `false` if none is left.
async fn roll_up_some(store: &Store, watch: &str, now: Timestamp) -> Result<bool, StoreError> {
    store
        .write_rows(|mut tx| async move {
            // Nothing is added to a day while it is read.
            if !hold(&mut tx, watch).await? {
                return tx.abandon(false).await;
            }
            let rows = tx.rows(sql(HOURLY, SELECT_ENDED).bind(watch).bind(day_of(now)).bind(AT_ONCE)).await?;
            let mut marked = 0;
            for row in &rows {
                let Ok((device, day)) = row.text("device").and_then(|device| Ok((device, row.integer("day")?))) else {
                    continue;
                };
                if let Some((month, slot)) = month_of(day) {
                    let select = sql(DAILY, SELECT_MONTH).bind(watch).bind(&*device).bind(month);
                    let mut numbers = numbers_of(tx.row(select).await?.as_ref());
                    numbers.set(slot, &numbers_of(Some(row)));
                    let put = sql(DAILY, PUT_MONTH).bind(watch).bind(&*device).bind(month);
                    tx.run(put.bind(numbers.written())).await?;
                }
                marked += tx.run(sql(HOURLY, MARK).bind(watch).bind(device).bind(day)).await?;
            }
            tx.commit::<_, StoreError>(marked == AT_ONCE).await
        })
        .await
}

/// What a device reported in the hours from a moment on: the beginning of each day, with its hours.
pub(crate) async fn hours(
    store: &Store,
    (watch, device): (&str, &str),
    from: Timestamp,
) -> Result<Vec<(Timestamp, Numbers)>, StoreError> {
    let rows = store.read(sql(HOURLY, SELECT_HOURS).bind(watch).bind(device).bind(day_of(from))).await?;
    let begun = |row: &Row| Timestamp::from_second(row.integer("day").ok()?.checked_mul(DAY)?).ok();
    Ok(rows.iter().filter_map(|row| Some((begun(row)?, numbers_of(Some(row))))).collect())
}

/// What a device reported on the days that have ended, from the month of a moment on: the first day of each month, with its days.
pub(crate) async fn days(
    store: &Store,
    (watch, device): (&str, &str),
    from: Timestamp,
) -> Result<Vec<(Date, Numbers)>, StoreError> {
    let month = month_of(day_of(from)).map_or(0, |(month, _)| month);
    let rows = store.read(sql(DAILY, SELECT_MONTHS).bind(watch).bind(device).bind(month)).await?;
    let first = |row: &Row| {
        let month = row.integer("month").ok()?;
        Date::new(i16::try_from(month / 12).ok()?, i8::try_from(month % 12 + 1).ok()?, 1).ok()
    };
    Ok(rows.iter().filter_map(|row| Some((first(row)?, numbers_of(Some(row))))).collect())
}

/// The numbers of a row. Numbers that cannot be read are as if they had not been reported.
fn numbers_of(row: Option<&Row>) -> Numbers {
    row.and_then(|row| row.str("numbers").ok()).map(Numbers::read).unwrap_or_default()
}

/// The day of a moment, in days since 1970.
fn day_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(DAY)
}

/// The month of a day, in months since the year 0, and the day in it, from 1 on.
fn month_of(day: i64) -> Option<(i64, u8)> {
    let date = Timestamp::from_second(day.checked_mul(DAY)?).ok()?.to_zoned(TimeZone::UTC).date();
    Some((i64::from(date.year()) * 12 + i64::from(date.month()) - 1, u8::try_from(date.day()).ok()?))
}

const HOURLY: &str = "devices_hourly";
const DAILY: &str = "devices_daily";
const SELECT_DAY: &str = "SELECT numbers FROM devices_hourly WHERE watch = $1 AND device = $2 AND day = $3";
// A day that was rolled up is rolled up again: a clock was set back.
const PUT_DAY: &str = "INSERT INTO devices_hourly (watch, device, day, numbers, rolled) VALUES ($1, $2, $3, $4, 0) \
     ON CONFLICT (watch, device, day) DO UPDATE SET numbers = excluded.numbers, rolled = 0";
const SELECT_ENDED: &str = "SELECT device, day, numbers FROM devices_hourly \
     WHERE watch = $1 AND rolled = 0 AND day < $2 ORDER BY day, device LIMIT $3";
const MARK: &str = "UPDATE devices_hourly SET rolled = 1 WHERE watch = $1 AND device = $2 AND day = $3";
const SELECT_MONTH: &str = "SELECT numbers FROM devices_daily WHERE watch = $1 AND device = $2 AND month = $3";
const PUT_MONTH: &str = "INSERT INTO devices_daily (watch, device, month, numbers) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (watch, device, month) DO UPDATE SET numbers = excluded.numbers";
const SELECT_HOURS: &str = "SELECT day, numbers FROM devices_hourly \
     WHERE watch = $1 AND device = $2 AND day >= $3 ORDER BY day";
const SELECT_MONTHS: &str = "SELECT month, numbers FROM devices_daily \
     WHERE watch = $1 AND device = $2 AND month >= $3 ORDER BY month";
const PRUNE_HOURS: &str = "DELETE FROM devices_hourly WHERE watch = $1 AND day < $2 AND rolled = 1";
const PRUNE_DAYS: &str = "DELETE FROM devices_daily WHERE watch = $1 AND month < $2";
