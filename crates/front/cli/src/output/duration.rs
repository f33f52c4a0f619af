//! Durations in words.

use std::time::Duration;

const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3600), ("min", 60), ("sec", 1)];

/// "14 days", "13 days 23 hours", "59 mins 59 secs": the two largest units, rounded to the smaller one.
pub(crate) fn words(duration: Duration) -> String {
    said(duration, 2)
}

/// A duration for a table: one unit if there are two or more of it.
pub(crate) fn short(duration: Duration) -> String {
    said(duration, 1)
}

fn said(duration: Duration, most: usize) -> String {
    // A second less than fourteen days is fourteen days to a person.
    let seconds = match duration.as_secs() {
        seconds @ 86_000.. => (seconds + 1800) / 3600 * 3600,
        seconds @ 3600.. => (seconds + 30) / 60 * 60,
        seconds => seconds,
    };
    if let Some(years) = years(seconds) {
        return years;
    }
    let Some(first) = UNITS.iter().position(|(_, size)| seconds >= *size) else {
        return "less than a second".to_owned();
    };
    let largest = seconds / UNITS[first].1;
    let shown = if most == 1 && largest >= 2 { 1 } else { 2 };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, size) in UNITS.iter().skip(first).take(shown) {
        let count = left / size;
        left %= size;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    parts.join(" ")
}

/// Of a time so long, days say nothing. A second less than a hundred years is a hundred years to a person.
fn years(seconds: u64) -> Option<String> {
    let years = (seconds + 86_400) / (365 * 86_400);
    (years >= 2).then(|| format!("{years} years"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_a_person_says_it() {
        for (seconds, expected_words, expected_short) in [
            (1_209_599, "14 days", "14 days"),
            (1_209_600 - 3600, "13 days 23 hours", "13 days"),
            (86_400, "1 day", "1 day"),
            (86_399, "1 day", "1 day"),
            (43_199, "12 hours", "12 hours"),
            (7000, "1 hour 57 mins", "1 hour 57 mins"),
            (3600, "1 hour", "1 hour"),
            (3599, "59 mins 59 secs", "59 mins"),
            (61, "1 min 1 sec", "1 min 1 sec"),
            (2, "2 secs", "2 secs"),
            (0, "less than a second", "less than a second"),
            (90_060, "1 day 1 hour", "1 day 1 hour"),
            (1_208_000, "14 days", "14 days"),
            (3_153_600_000, "100 years", "100 years"),
            (3_153_599_999, "100 years", "100 years"),
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(words(duration), expected_words);
            assert_eq!(short(duration), expected_short);
        }
    }
}
