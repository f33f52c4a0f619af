//! Lifetimes, as servers write them.

use std::time::Duration;

use serde_json::Value;

/// The longest lifetime that is believed: two hundred years (a bot's token lasts one hundred).
const LONGEST: u64 = 200 * 365 * 86_400;

/// A lifetime in seconds: a number, or a number written as text, from 1 second to 200 years. Any other value is an unknown
/// lifetime and not an error.
pub(crate) fn lifetime(value: &Value) -> Option<Duration> {
    seconds(value).filter(|seconds| (1..=LONGEST).contains(seconds)).map(Duration::from_secs)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the range is checked just before, and a fraction of a second is given up"
)]
fn seconds(value: &Value) -> Option<u64> {
    let (whole, number): (Option<u64>, Option<f64>) = match value {
        Value::Number(number) => (number.as_u64(), number.as_f64()),
        Value::String(text) => (text.trim().parse().ok(), text.trim().parse().ok()),
        _ => return None,
    };
    whole.or_else(|| number.filter(|number| (1.0..=LONGEST as f64).contains(number)).map(|number| number as u64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_lifetime_is_unknown() {
        for (json, expected) in [
            ("1209599", Some(1_209_599)),
            (r#""64799""#, Some(64_799)),
            ("3153600000", Some(3_153_600_000)),
            ("59.9", Some(59)),
            (r#""59.9""#, Some(59)),
            ("0", None),
            ("-5", None),
            ("1e300", None),
            ("18446744073709551615", None),
            (r#""soon""#, None),
            (r#""inf""#, None),
            ("null", None),
            ("{}", None),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(lifetime(&value).map(|lifetime| lifetime.as_secs()), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_number_is_a_lifetime_within_bounds_or_none_and_never_an_error(number: f64, whole: u64, text in "[ -~]{0,30}") {
            let text = serde_json::to_string(&text).unwrap();
            for value in [whole.to_string(), format!("\"{whole}\""), format!("{number:e}"), format!("-{whole}"), text] {
                // NaN and infinities are not JSON.
                let Ok(read) = serde_json::from_str::<Value>(&value) else { continue };
                if let Some(lifetime) = lifetime(&read) {
                    prop_assert!((1..=LONGEST).contains(&lifetime.as_secs()), "{}", value);
                }
            }
        }

        #[test]
        fn a_lifetime_is_the_same_as_a_number_and_as_a_text(seconds in 1..=LONGEST) {
            for value in [seconds.to_string(), format!("\" {seconds} \""), format!("{seconds}.5")] {
                let read: Value = serde_json::from_str(&value).unwrap();
                prop_assert!(lifetime(&read) == Some(Duration::from_secs(seconds)) || seconds == LONGEST, "{}", value);
            }
        }
    }
}
