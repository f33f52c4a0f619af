//! How long a client may ask.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::exit::Failure;

/// A duration that starts now, or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    In(SignedDuration),
    At(Timestamp),
}

/// A text that is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected 30d, 12h, 90m, or a time such as 2027-01-31T18:00:00Z")]
pub(super) struct ExpiryError;

/// A hundred years: more is a slip.
const LONGEST_MINUTES: i64 = 100 * 365 * 24 * 60;

impl Expiry {
    /// The moment that is meant; it lies ahead.
    pub(super) fn from(self, now: Timestamp) -> Result<Timestamp, Failure> {
        let at = match self {
            Self::In(time) => now.checked_add(time).ok(),
            Self::At(at) => Some(at),
        };
        at.filter(|at| *at > now).ok_or_else(|| Failure::Usage {
            message: "the client would have expired already".to_owned(),
            hint: format!("name a time in the future (it is {now:.0}), or a duration: --expires 30d"),
        })
    }
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        let minutes = [("d", 24 * 60), ("h", 60), ("m", 1)]
            .into_iter()
            .find_map(|(unit, minutes)| Some((text.strip_suffix(unit)?, minutes)));
        let Some((number, minutes)) = minutes else {
            return text.parse().map(Self::At).map_err(|_| ExpiryError);
        };
        let all_digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let minutes = number.parse::<i64>().ok().filter(|_| all_digits).and_then(|number| number.checked_mul(minutes));
        match minutes {
            Some(minutes @ 1..=LONGEST_MINUTES) => Ok(Self::In(SignedDuration::from_mins(minutes))),
            _ => Err(ExpiryError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_its_unit_or_a_moment() {
        let hours = |hours| Ok(Expiry::In(SignedDuration::from_hours(hours)));
        for (text, expected) in [
            ("30d", hours(720)),
            ("12h", hours(12)),
            ("120m", hours(2)),
            ("1970-01-01T01:00:00+01:00", Ok(Expiry::At(Timestamp::UNIX_EPOCH))),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for bad in [
            "",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1.5h",
            "30",
            "30s",
            "30 d",
            "1d12h",
            "99999999999d",
            "36501d",
            "2027-01-31",
            "ä",
        ] {
            assert_eq!(bad.parse::<Expiry>(), Err(ExpiryError), "{bad}");
        }
    }

    #[test]
    fn a_moment_that_is_over_is_no_expiry() {
        let now = Timestamp::UNIX_EPOCH;
        let later = now + SignedDuration::from_mins(90);
        assert_eq!("90m".parse::<Expiry>().unwrap().from(now).unwrap(), later);
        assert!(Expiry::At(later).from(later).is_err());
        assert!(Expiry::At(now).from(later).is_err());
    }
}
