//! Months, and the business hours in them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A month, as in `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month(Date);

/// A text that is not a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthError;

impl Month {
    /// Its beginning and its end in a time zone.
    pub fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let next = self.0.last_of_month().tomorrow().unwrap_or(Date::MAX);
        (begin(self.0, 0, zone), begin(next, 0, zone))
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(year, 4) || !is_number(month, 2) {
            return Err(MonthError);
        }
        let (year, month) = (year.parse().map_err(|_| MonthError)?, month.parse().map_err(|_| MonthError)?);
        Date::new(year, month, 1).map(Self).map_err(|_| MonthError)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl fmt::Display for MonthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a month, for example 2026-11")
    }
}

impl std::error::Error for MonthError {}

/// Business hours, as in `Mon-Fri 8-18` or `Mon,Wed 08:30-17:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessHours {
    text: String,
    /// From Monday on.
    days: [bool; 7],
    /// In minutes after midnight.
    from: i32,
    to: i32,
}

/// A text that is not business hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusinessHoursError;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl BusinessHours {
    /// The hours of a month in a time zone, one stretch for each day.
    pub fn within(&self, month: Month, zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        self.of_days((month.0, month.0.last_of_month()), zone)
    }

    /// The hours between two moments in a time zone, one stretch for each day.
    pub fn between(&self, (from, to): (Timestamp, Timestamp), zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
        let stretches = self.of_days((day(from), day(to)), zone).into_iter();
        stretches
            .map(|(began, ended)| (began.max(from), ended.min(to)))
            .filter(|(began, ended)| began < ended)
            .collect()
    }

    fn of_days(&self, (first, last): (Date, Date), zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let mut stretches = Vec::new();
        let mut day = first;
        while day <= last {
            let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
            if self.days[weekday] {
                stretches.push((begin(day, self.from, zone), begin(day, self.to, zone)));
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        stretches
    }

    /// Whether they contain a moment, in a time zone.
    pub fn contains(&self, at: Timestamp, zone: &TimeZone) -> bool {
        let day = at.to_zoned(zone.clone()).date();
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or_default();
        self.days[weekday] && begin(day, self.from, zone) <= at && at < begin(day, self.to, zone)
    }
}

impl FromStr for BusinessHours {
    type Err = BusinessHoursError;

    fn from_str(text: &str) -> Result<Self, BusinessHoursError> {
        let (listed, hours) = text.trim().split_once(' ').ok_or(BusinessHoursError)?;
        let day = |word: &str| DAYS.iter().position(|day| word.eq_ignore_ascii_case(day)).ok_or(BusinessHoursError);
        let mut days = [false; 7];
        for part in listed.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day(first)?, day(last)?);
            // From Saturday to Monday, for example.
            for step in 0..=(last + 7 - first) % 7 {
                days[(first + step) % 7] = true;
            }
        }
        let (from, to) = hours.trim().split_once('-').ok_or(BusinessHoursError)?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        if from >= to {
            return Err(BusinessHoursError);
        }
        Ok(Self { text: text.trim().to_owned(), days, from, to })
    }
}

impl fmt::Display for BusinessHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for BusinessHoursError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected days and hours, for example \"Mon-Fri 8-18\"")
    }
}

impl std::error::Error for BusinessHoursError {}

/// `8` or `08:30`, in minutes after midnight; 24 is the end of the day.
pub(crate) fn minutes(text: &str) -> Result<i32, BusinessHoursError> {
    let (hour, minute) = text.split_once(':').unwrap_or((text, "0"));
    let number = |text: &str| -> Result<i32, BusinessHoursError> {
        let is_number = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).ok_or(BusinessHoursError)
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let all = hour * 60 + minute;
    if minute < 60 && all <= 24 * 60 { Ok(all) } else { Err(BusinessHoursError) }
}

/// A time of a day in a time zone. One that a change of clocks leaves out is as much later as the clocks were moved.
pub(crate) fn begin(day: Date, minutes: i32, zone: &TimeZone) -> Timestamp {
    let (day, minutes) = if minutes == 24 * 60 { (day.tomorrow().unwrap_or(Date::MAX), 0) } else { (day, minutes) };
    let part = |number: i32| i8::try_from(number).unwrap_or_default();
    let time = day.at(part(minutes / 60), part(minutes % 60), 0, 0);
    zone.to_ambiguous_zoned(time).compatible().map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_and_ends_where_the_zone_says() {
        let month: Month = "2026-11".parse().unwrap();
        let (from, to) = month.bounds(&TimeZone::UTC);
        assert_eq!((from.to_string(), to.to_string()), ("2026-11-01T00:00:00Z".into(), "2026-12-01T00:00:00Z".into()));
        let zurich = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(month.bounds(&zurich).0.to_string(), "2026-10-31T23:00:00Z");
        assert_eq!("2026-01".parse(), Ok(Month(jiff::civil::date(2026, 1, 1))));
        for bad in ["", "2026", "2026-13", "2026-1", "26-11", "2026-11-01", "2026-00", "+026-01"] {
            assert_eq!(bad.parse::<Month>(), Err(MonthError), "{bad:?}");
        }
    }

    #[test]
    fn a_moment_lies_in_the_hours_of_its_day_in_the_zone() {
        let hours: BusinessHours = "Mon-Fri 8-18".parse().unwrap();
        let zurich = TimeZone::fixed(jiff::tz::offset(1));
        for (at, utc, there) in [
            // A Monday.
            ("2026-11-30T07:00:00Z", false, true),
            ("2026-11-30T06:59:59Z", false, false),
            ("2026-11-30T17:00:00Z", true, false),
            ("2026-11-30T18:00:00Z", false, false),
            ("2026-11-29T12:00:00Z", false, false),
        ] {
            let at = at.parse().unwrap();
            assert_eq!((hours.contains(at, &TimeZone::UTC), hours.contains(at, &zurich)), (utc, there), "{at}");
        }
    }

    #[test]
    fn business_hours_are_those_of_the_days_that_are_named() {
        let month: Month = "2026-11".parse().unwrap();
        let hours = |text: &str| {
            let stretches = text.parse::<BusinessHours>().unwrap().within(month, &TimeZone::UTC);
            let all: i64 = stretches.iter().map(|(from, to)| to.duration_since(*from).as_mins()).sum();
            (stretches.len(), all / 60)
        };
        // November 2026 has 21 working days, and begins on a Sunday.
        for (text, expected) in [
            ("Mon-Fri 8-18", (21, 210)),
            ("mon,wed 08:30-09:30", (9, 9)),
            ("Sat-Sun 0-24", (9, 216)),
            ("Sun-Mon 23-24", (10, 10)),
        ] {
            assert_eq!(hours(text), expected, "{text}");
        }
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let week: BusinessHours = "Mon-Fri 8-18".parse().unwrap();
        // From a Friday afternoon to the Monday after.
        let between = week.between((at("2026-11-27T16:30:00Z"), at("2026-11-30T09:00:00Z")), &TimeZone::UTC);
        let minutes: Vec<i64> = between.iter().map(|(from, to)| to.duration_since(*from).as_mins()).collect();
        assert_eq!(minutes, [90, 60]);
        for bad in
            ["", "Mon-Fri", "8-18", "Mon-Fri 18-8", "Mon-Fri 8-25", "Mon-Xyz 8-18", "Mon 8:60-9", "Mon 8-8", "Mon -1-8"]
        {
            assert_eq!(bad.parse::<BusinessHours>(), Err(BusinessHoursError), "{bad:?}");
        }
    }
}
