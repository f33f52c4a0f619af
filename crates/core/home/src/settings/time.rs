//! Lengths of time, as people write them.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};

/// A length of time in seconds: a number of them, or a number with a unit, such as 90s, 5m, 12h or 2d.
pub fn seconds(text: &str) -> Result<u64, &'static str> {
    let units = [("d", 24 * 60 * 60), ("h", 60 * 60), ("m", 60), ("s", 1)];
    let unit = units.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, seconds) = unit.unwrap_or((text, 1));
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| digits);
    number
        .and_then(|number| number.checked_mul(seconds))
        .ok_or("expected a number of seconds, or a time such as 90s, 5m, 12h or 2d")
}

/// Reads a length of time that is not zero: a number of seconds, or a text such as `"1h"`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_any(Written).map(Some)
}

struct Written;

impl Visitor<'_> for Written {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds, or a time such as \"5m\", \"12h\" or \"2d\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
        let seconds = u64::try_from(number).ok().filter(|seconds| *seconds > 0);
        seconds.map(Duration::from_secs).ok_or_else(|| E::custom("expected a time of at least one second"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let seconds = seconds(text).map_err(E::custom)?;
        if seconds == 0 {
            return Err(E::custom("expected a time of at least one second"));
        }
        Ok(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_or_without_a_unit() {
        for (text, expected) in [("300", 300), ("90s", 90), ("5m", 300), ("12h", 43_200), ("2d", 172_800), ("0", 0)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "-1", "1.5", " 3", "1 d", "d", "1w", "1h30m", "+3", "99999999999999999d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
