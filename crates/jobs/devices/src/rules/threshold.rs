//! A number that a device must not pass.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statuses::{Quantity, Tenths};

/// A number that a device reports, and where it is too high or too low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Threshold {
    /// The number.
    pub what: Quantity,
    /// Whether it is too high above the limit, and not too low below it.
    pub is_above: bool,
    /// The limit. A number that equals it is neither above nor below.
    #[schemars(with = "f64")]
    pub limit: Tenths,
}

impl Threshold {
    /// Whether a number has passed it.
    pub fn is_passed(self, number: Tenths) -> bool {
        if self.is_above { number > self.limit } else { number < self.limit }
    }

    /// Where numbers have passed it, as in "above 28.0 C".
    pub(crate) fn side(self) -> String {
        format!("{} {}", if self.is_above { "above" } else { "below" }, self.what.show(self.limit))
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.side())
    }
}

/// A number and its limit, as in `temperature=28`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The number.
    pub what: Quantity,
    /// The limit.
    pub limit: Tenths,
}

/// A text that is not a number with its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitError;

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Quantity::ALL.map(Quantity::as_str).join(", ");
        write!(f, "expected WHAT=NUMBER, for example temperature=28; WHAT is one of: {words}")
    }
}

impl std::error::Error for LimitError {}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (what, limit) = text.split_once('=').ok_or(LimitError)?;
        let what = what.trim().parse().map_err(|_| LimitError)?;
        let limit = limit.trim().parse().ok().and_then(|number| Tenths::within(number, (-1_000.0, 100_000.0)));
        Ok(Self { what, limit: limit.ok_or(LimitError)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_passed_on_one_side_and_not_by_a_number_that_equals_it() {
        let Limit { what, limit } = "temperature=28".parse().unwrap();
        let tenths = |number| Tenths::within(number, (-50.0, 100.0)).unwrap();
        let above = Threshold { what, is_above: true, limit };
        let below = Threshold { is_above: false, ..above };
        for (number, is_above, is_below) in [(28.1, true, false), (28.0, false, false), (27.9, false, true)] {
            assert_eq!((above.is_passed(tenths(number)), below.is_passed(tenths(number))), (is_above, is_below));
        }
        assert_eq!(above.to_string(), "temperature above 28.0 C");
        assert_eq!(Threshold { what: Quantity::People, ..below }.to_string(), "people below 28");
    }

    #[test]
    fn a_limit_is_read_as_a_number_of_something_that_devices_report() {
        for text in ["temperature", "temperature=", "temperature=warm", "warmth=3", "=3", "people=1e300", "people=nan"]
        {
            assert_eq!(text.parse::<Limit>(), Err(LimitError), "{text}");
        }
        assert!(" humidity = -3.5 ".parse::<Limit>().is_ok());
    }
}
