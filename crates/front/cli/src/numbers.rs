//! Numbers on the command line, refused in words.

use std::num::NonZeroU32;

/// Seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "expected a whole number of seconds, for example 300")
}

/// Any number.
pub(crate) fn number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "expected a whole number, for example 7")
}

/// How many, and at least one.
pub(crate) fn at_least_one(text: &str) -> Result<NonZeroU32, &'static str> {
    text.parse().map_err(|_| "expected a whole number, 1 or more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_refused_in_words() {
        assert_eq!((seconds("300"), number("0")), (Ok(300), Ok(0)));
        assert_eq!(at_least_one("20").map(NonZeroU32::get), Ok(20));
        for text in ["1d", "", "-1", "1.5", " 3", "99999999999999999999"] {
            assert!(seconds(text).is_err() && number(text).is_err() && at_least_one(text).is_err(), "{text}");
        }
        assert!(at_least_one("0").is_err());
    }
}
