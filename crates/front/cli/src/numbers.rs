//! Numbers on the command line, refused in words.

use std::num::NonZeroU32;

pub(crate) use lanyard_home::seconds;

/// Any number.
pub(crate) fn number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "expected a whole number, for example 7")
}

/// A number of things.
pub(crate) fn count(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "expected a whole number, for example 50")
}

/// A number between two bounds, which the refusal names.
pub(crate) fn between(least: u32, most: u32) -> impl Fn(&str) -> Result<u32, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
    }
}

/// A length of time that is not zero.
pub(crate) fn some_seconds(text: &str) -> Result<u64, &'static str> {
    seconds(text).and_then(|seconds| if seconds == 0 { Err("expected at least one second") } else { Ok(seconds) })
}

/// A number of things, and at least one.
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
        for text in ["", "-1", "1.5", " 3", "99999999999999999999"] {
            assert!(seconds(text).is_err() && number(text).is_err() && at_least_one(text).is_err(), "{text}");
        }
        assert!(at_least_one("0").is_err() && some_seconds("0").is_err());
        assert_eq!((some_seconds("1m"), count("0"), between(1, 9)("9")), (Ok(60), Ok(0), Ok(9)));
        assert_eq!(between(1, 9)("x"), between(1, 9)("10"));
        assert!(count("x").is_err());
    }
}
