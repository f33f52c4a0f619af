//! Durations in words.

use std::time::Duration;

const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3600), ("min", 60), ("sec", 1)];

/// "13 days 23 hours 59 mins": days, hours and minutes; seconds only below an hour.
pub(crate) fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if let Some(years) = years(seconds) {
        return years;
    }
    let units = if seconds >= 3600 { &UNITS[..3] } else { &UNITS[..] };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, size) in units {
        let count = left / size;
        left %= size;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "less than a second".to_owned() } else { parts.join(" ") }
}

/// Of a time so long, days say nothing. A second less than a hundred years is a hundred years to a person.
fn years(seconds: u64) -> Option<String> {
    let years = (seconds + 86_400) / (365 * 86_400);
    (years >= 2).then(|| format!("{years} years"))
}

/// "13 d 23 h": the two largest units, for a table.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if let Some(years) = years(seconds) {
        return years;
    }
    let first = UNITS.iter().position(|(_, size)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, size) in UNITS.iter().skip(first).take(2) {
        let count = left / size;
        left %= size;
        if count > 0 || parts.is_empty() {
            parts.push(format!("{count} {}", &name[..1]));
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_a_person_says_it() {
        for (seconds, expected_words, expected_short) in [
            (1_209_599, "13 days 23 hours 59 mins", "13 d 23 h"),
            (86_400, "1 day", "1 d"),
            (3600, "1 hour", "1 h"),
            (3599, "59 mins 59 secs", "59 m 59 s"),
            (61, "1 min 1 sec", "1 m 1 s"),
            (2, "2 secs", "2 s"),
            (0, "less than a second", "0 s"),
            (90_060, "1 day 1 hour 1 min", "1 d 1 h"),
            (3_153_600_000, "100 years", "100 years"),
            (3_153_599_999, "100 years", "100 years"),
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(words(duration), expected_words);
            assert_eq!(short(duration), expected_short);
        }
    }
}
