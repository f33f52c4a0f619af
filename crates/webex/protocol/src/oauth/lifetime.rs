//! Lifetimes, as servers write them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// The longest lifetime that is believed: two hundred years (a bot's token lasts one hundred).
const LONGEST: u64 = 200 * 365 * 86_400;

/// A lifetime in seconds. A number, or a number written as text, from 1 second to 200 years; anything else is an unknown
/// lifetime and not an error: the tokens beside it are worth keeping.
pub(crate) fn lenient<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(seconds).filter(|seconds| (1..=LONGEST).contains(seconds)).map(Duration::from_secs))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the range is checked just before, and a fraction of a second is given up"
)]
fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64()?;
            (1.0..=LONGEST as f64).contains(&number).then_some(number as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Deserialize)]
    struct Reply {
        #[serde(default, deserialize_with = "lenient")]
        expires_in: Option<Duration>,
    }

    #[test]
    fn what_is_no_lifetime_is_unknown() {
        for (json, expected) in [
            (r#"{"expires_in":1209599}"#, Some(1_209_599)),
            (r#"{"expires_in":"64799"}"#, Some(64_799)),
            (r#"{"expires_in":3153600000}"#, Some(3_153_600_000)),
            (r#"{"expires_in":59.9}"#, Some(59)),
            (r#"{"expires_in":0}"#, None),
            (r#"{"expires_in":-5}"#, None),
            (r#"{"expires_in":1e300}"#, None),
            (r#"{"expires_in":18446744073709551615}"#, None),
            (r#"{"expires_in":"soon"}"#, None),
            (r#"{"expires_in":null}"#, None),
            (r#"{"expires_in":{}}"#, None),
            ("{}", None),
        ] {
            let reply: Reply = serde_json::from_str(json).unwrap();
            assert_eq!(reply.expires_in.map(|lifetime| lifetime.as_secs()), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_number_is_a_lifetime_within_bounds_or_none_and_never_an_error(number: f64, whole: u64, text in "[ -~]{0,30}") {
            let text = serde_json::to_string(&text).unwrap();
            for value in [whole.to_string(), format!("\"{whole}\""), format!("{number:e}"), format!("-{whole}"), text] {
                // What is no JSON at all (NaN, infinities) is not this function's.
                let Ok(reply) = serde_json::from_str::<Reply>(&format!("{{\"expires_in\":{value}}}")) else {
                    prop_assert!(serde_json::from_str::<Value>(&value).is_err(), "{}", value);
                    continue;
                };
                if let Some(lifetime) = reply.expires_in {
                    prop_assert!((1..=LONGEST).contains(&lifetime.as_secs()), "{}", value);
                }
            }
        }

        #[test]
        fn a_lifetime_is_the_same_as_a_number_and_as_a_text(seconds in 1..=LONGEST) {
            for value in [seconds.to_string(), format!("\" {seconds} \""), format!("{seconds}.5")] {
                let reply: Reply = serde_json::from_str(&format!("{{\"expires_in\":{value}}}")).unwrap();
                prop_assert!(reply.expires_in == Some(Duration::from_secs(seconds)) || seconds == LONGEST, "{}", value);
            }
        }
    }
}
