//! The hours of a day in which something may be done.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::hours::{begin, minutes};

/// Hours of a day, as in `02:00-04:00`, or `23-1` over midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    text: String,
    /// In minutes after midnight.
    from: i32,
    to: i32,
}

/// A text that is not a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowError;

impl Window {
    /// The window in a time zone that is open now, or else the next one.
    pub fn next(&self, now: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let mut day = now.to_zoned(zone.clone()).date().yesterday().unwrap_or(jiff::civil::Date::MIN);
        loop {
            let last = if self.to > self.from { day } else { day.tomorrow().unwrap_or(day) };
            let (from, to) = (begin(day, self.from, zone), begin(last, self.to, zone));
            // A change of the clocks may leave nothing of one.
            if to > now && to > from {
                return (from, to);
            }
            let Ok(next) = day.tomorrow() else { return (from, to) };
            day = next;
        }
    }
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let text = text.trim();
        let (from, to) = text.split_once('-').ok_or(WindowError)?;
        let (from, to) = (minutes(from.trim()).map_err(|_| WindowError)?, minutes(to.trim()).map_err(|_| WindowError)?);
        if from == to || from == 24 * 60 {
            return Err(WindowError);
        }
        Ok(Self { text: text.to_owned(), from, to })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected hours, for example 02:00-04:00")
    }
}

impl std::error::Error for WindowError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_window_is_the_one_that_is_open_or_comes() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let next = |window: &str, now: &str| {
            let (from, to) = window.parse::<Window>().unwrap().next(now.parse().unwrap(), &zone);
            format!("{from} {to}")
        };
        let night = "2026-12-02T01:00:00Z 2026-12-02T03:00:00Z";
        for now in ["2026-12-01T12:00:00Z", "2026-12-02T00:59:59Z", "2026-12-02T01:00:00Z", "2026-12-02T02:59:59Z"] {
            assert_eq!(next("02:00-04:00", now), night, "{now}");
        }
        assert_eq!(next("2-4", "2026-12-02T03:00:00Z"), "2026-12-03T01:00:00Z 2026-12-03T03:00:00Z");
        let midnight = "2026-12-01T22:00:00Z 2026-12-02T00:30:00Z";
        for now in ["2026-12-01T12:00:00Z", "2026-12-01T22:30:00Z", "2026-12-02T00:29:00Z"] {
            assert_eq!(next("23:00-01:30", now), midnight, "{now}");
        }
        assert_eq!(next("22-24", "2026-12-01T22:59:00Z"), "2026-12-01T21:00:00Z 2026-12-01T23:00:00Z");
        for bad in ["", "2", "2-", "2-2", "24-2", "2-25", "2:60-3", "two-four", "-2-4"] {
            assert_eq!(bad.parse::<Window>(), Err(WindowError), "{bad:?}");
        }
    }
}
