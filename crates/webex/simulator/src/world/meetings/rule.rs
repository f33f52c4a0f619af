//! Recurrence rules (RFC 2445), as far as Webex has them.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use thiserror::Error;

/// How often a series takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// As it was written.
    pub(crate) text: String,
    every: Every,
    interval: i64,
    count: Option<usize>,
    until: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Every {
    Day,
    /// On these days, the first day of the week first.
    Week(Vec<Weekday>),
    /// On this day of the month.
    MonthDay(i8),
    /// On the first, second, … or last (-1) such day of the month.
    MonthWeekday(i8, Weekday),
    Year,
}

/// A rule that Webex does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RuleError {
    #[error("recurrence has no FREQ of DAILY, WEEKLY, MONTHLY or YEARLY.")]
    Frequency,
    #[error("{0} in recurrence is not valid.")]
    Part(String),
}

/// The furthest occurrence is five years away (the reference's words).
const YEARS: i64 = 5;

/// More steps than there are days in those years.
const STEPS: i64 = 1900;

impl Rule {
    /// Reads a rule of a series that starts at `start` in `zone`.
    pub(crate) fn parse(text: &str, start: Timestamp, zone: &TimeZone) -> Result<Self, RuleError> {
        let day = start.to_zoned(zone.clone()).date();
        let (mut frequency, mut interval, mut count, mut until) = (None, 1, None, None);
        let (mut days, mut month_day, mut position) = (None, None, None);
        for part in text.trim_start_matches("RRULE:").split(';').filter(|part| !part.is_empty()) {
            let wrong = || RuleError::Part(part.to_owned());
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            match key.to_ascii_uppercase().as_str() {
                "FREQ" => frequency = Some(value.to_ascii_uppercase()),
                "INTERVAL" => interval = value.parse().ok().filter(|n| (1..=999).contains(n)).ok_or_else(wrong)?,
                "COUNT" => count = Some(value.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?),
                "UNTIL" => until = Some(moment(value, zone).ok_or_else(wrong)?),
                "BYDAY" => days = Some(weekdays(value).ok_or_else(wrong)?),
                // Only the first is taken (the reference's words).
                "BYMONTHDAY" => month_day = Some(first(value).filter(|n| (1..=31).contains(n)).ok_or_else(wrong)?),
                "BYSETPOS" => {
                    position = Some(first(value).filter(|n| matches!(n, 1..=5 | -1)).ok_or_else(wrong)?);
                }
                // A year's day is that of the start.
                "BYMONTH" | "WKST" => {}
                _ => return Err(wrong()),
            }
        }
        let all = |days: &Option<Vec<(Option<i8>, Weekday)>>| -> Vec<Weekday> {
            let mut days: Vec<_> = days.iter().flatten().map(|(_, day)| *day).collect();
            days.sort_by_key(|day| day.to_monday_zero_offset());
            days.dedup();
            days
        };
        let every = match (frequency.as_deref(), &days) {
            (Some("DAILY"), None) => Every::Day,
            (Some("DAILY"), days) if interval == 1 => Every::Week(all(days)),
            (Some("WEEKLY"), None) => Every::Week(vec![day.weekday()]),
            (Some("WEEKLY"), days) => Every::Week(all(days)),
            (Some("MONTHLY"), None) => Every::MonthDay(month_day.unwrap_or(day.day())),
            (Some("MONTHLY"), Some(days)) => {
                let (ordinal, weekday) = days[0];
                Every::MonthWeekday(ordinal.or(position).unwrap_or(1), weekday)
            }
            (Some("YEARLY"), None) => Every::Year,
            (Some("DAILY" | "YEARLY"), Some(_)) => return Err(RuleError::Part("BYDAY".to_owned())),
            _ => return Err(RuleError::Frequency),
        };
        Ok(Self { text: text.to_owned(), every, interval, count, until })
    }

    /// When its occurrences start, at the same hour of the zone each, whatever summer time does.
    pub(crate) fn starts(&self, start: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let local = start.to_zoned(zone.clone());
        let (day, hour) = (local.date(), local.time());
        let last = day.saturating_add(YEARS.years());
        (0..STEPS)
            .flat_map(|step| self.days(day, step * self.interval))
            .take_while(|date| *date <= last)
            .filter(|date| *date >= day)
            .filter_map(|date| Some(date.to_datetime(hour).to_zoned(zone.clone()).ok()?.timestamp()))
            .take_while(|start| self.until.is_none_or(|until| *start <= until))
            .take(self.count.unwrap_or(usize::MAX))
            .collect()
    }

    /// The days so many days, weeks, months or years after the first.
    fn days(&self, day: Date, after: i64) -> Vec<Date> {
        let month = || day.first_of_month().saturating_add(after.months());
        match &self.every {
            Every::Day => vec![day.saturating_add(after.days())],
            Every::Week(days) => {
                let monday = day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days());
                let week = monday.saturating_add(after.weeks());
                days.iter().map(|day| week.saturating_add(i64::from(day.to_monday_zero_offset()).days())).collect()
            }
            Every::MonthDay(number) => {
                let month = month();
                Date::new(month.year(), month.month(), *number).into_iter().collect()
            }
            Every::MonthWeekday(ordinal, weekday) => {
                month().nth_weekday_of_month(*ordinal, *weekday).into_iter().collect()
            }
            // A leap day comes every fourth year alone.
            Every::Year => {
                Some(day.saturating_add(after.years())).filter(|date| date.day() == day.day()).into_iter().collect()
            }
        }
    }
}

fn first(value: &str) -> Option<i8> {
    value.split(',').next()?.parse().ok()
}

/// Days of the week, each perhaps with its place in a month before it: `MO,WE`, `2TU`, `-1FR`.
fn weekdays(value: &str) -> Option<Vec<(Option<i8>, Weekday)>> {
    value.split(',').map(weekday).collect()
}

fn weekday(text: &str) -> Option<(Option<i8>, Weekday)> {
    let cut = text.len().checked_sub(2)?;
    let (ordinal, name) = text.split_at_checked(cut)?;
    let day = match name.to_ascii_uppercase().as_str() {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    match ordinal {
        "" => Some((None, day)),
        number => Some((Some(number.parse().ok().filter(|n| matches!(n, 1..=5 | -1))?), day)),
    }
}

/// `20241001T000000Z`, or a day, to its end.
fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let digits = text.trim_end_matches('Z');
    let (day, time) = digits.split_once('T').unwrap_or((digits, "235959"));
    let zone = if text.ends_with('Z') { TimeZone::UTC } else { zone.clone() };
    let parsed = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", format!("{day}{time}")).ok()?;
    Some(parsed.to_zoned(zone).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_when_a_series_takes_place() {
        // A Wednesday; summer time begins there on the 29th of March.
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let start: Timestamp = "2026-03-25T09:00:00Z".parse().unwrap();
        for (rule, expected) in [
            ("FREQ=DAILY;COUNT=2", "2026-03-25T09:00:00Z 2026-03-26T09:00:00Z"),
            ("RRULE:FREQ=DAILY;INTERVAL=5;COUNT=2", "2026-03-25T09:00:00Z 2026-03-30T08:00:00Z"),
            (
                "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=4",
                "2026-03-25T09:00:00Z 2026-03-26T09:00:00Z 2026-03-27T09:00:00Z 2026-03-30T08:00:00Z",
            ),
            ("FREQ=WEEKLY;UNTIL=20260408", "2026-03-25T09:00:00Z 2026-04-01T08:00:00Z 2026-04-08T08:00:00Z"),
            ("FREQ=WEEKLY;UNTIL=20260408T075959Z", "2026-03-25T09:00:00Z 2026-04-01T08:00:00Z"),
            (
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,MO;COUNT=3",
                "2026-03-27T09:00:00Z 2026-04-06T08:00:00Z 2026-04-10T08:00:00Z",
            ),
            ("FREQ=MONTHLY;BYMONTHDAY=31,10;COUNT=2", "2026-03-31T08:00:00Z 2026-05-31T08:00:00Z"),
            ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", "2026-03-27T09:00:00Z 2026-04-24T08:00:00Z"),
            ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2;COUNT=1", "2026-04-14T08:00:00Z"),
            ("FREQ=YEARLY;COUNT=2", "2026-03-25T09:00:00Z 2027-03-25T09:00:00Z"),
        ] {
            let starts = Rule::parse(rule, start, &zone).unwrap().starts(start, &zone);
            let starts: Vec<_> = starts.iter().map(ToString::to_string).collect();
            assert_eq!(starts.join(" "), expected, "{rule}");
        }
        for (rule, most) in [("FREQ=DAILY", 1827), ("FREQ=MONTHLY;BYMONTHDAY=30;INTERVAL=12", 5), ("FREQ=MONTHLY", 61)]
        {
            let starts = Rule::parse(rule, start, &zone).unwrap().starts(start, &zone);
            assert_eq!(starts.len(), most, "{rule}");
        }
        // A day that no such month has.
        let february: Timestamp = "2026-02-01T09:00:00Z".parse().unwrap();
        let never = Rule::parse("FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=12", february, &zone).unwrap();
        assert_eq!(never.starts(february, &zone), []);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for rule in [
            "",
            "DAILY",
            "FREQ=HOURLY",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=WEEKLY;BYDAY=é",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;UNTIL=tomorrow",
            "FREQ=YEARLY;BYDAY=MO",
            "FREQ=DAILY;BYHOUR=3",
        ] {
            assert!(Rule::parse(rule, Timestamp::UNIX_EPOCH, &TimeZone::UTC).is_err(), "{rule}");
        }
    }
}
