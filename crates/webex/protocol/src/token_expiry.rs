//! `/authorizations/tokenExpiry`.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{Environment, Method, Request};

/// Until when the token that asked is valid. Which kinds of token may ask is not documented: a refusal means "unknown".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wire")]
pub struct TokenExpiry {
    /// The end, by Webex's clock.
    pub at: Timestamp,
}

impl TokenExpiry {
    /// `GET /authorizations/tokenExpiry`, for the token that is sent with it.
    pub fn show(environment: &Environment) -> Request {
        Request::new(Method::GET, environment.resource(&["authorizations", "tokenExpiry"]))
    }
}

/// `{"exp": 1768630439322}`: a number of milliseconds since 1970.
#[derive(Deserialize)]
struct Wire {
    exp: serde_json::Number,
}

impl TryFrom<Wire> for TokenExpiry {
    type Error = &'static str;

    #[expect(clippy::cast_possible_truncation, reason = "a fraction of a millisecond is given up; the cast saturates")]
    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let milliseconds = wire.exp.as_i64().or_else(|| wire.exp.as_f64().map(|number| number as i64));
        let at = milliseconds.and_then(|number| Timestamp::from_millisecond(number).ok());
        Ok(Self { at: at.ok_or("no time at all")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<TokenExpiry> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn milliseconds_are_read_whole_or_with_a_fraction() {
        let expected = Some(TokenExpiry { at: Timestamp::from_millisecond(1_768_630_439_322).unwrap() });
        assert_eq!(read(r#"{"exp":1768630439322}"#), expected);
        assert_eq!(read(r#"{"exp":1768630439322.0}"#), expected);
        assert_eq!(read(r#"{"exp":1.768630439322e12}"#), expected);
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for json in ["{}", r#"{"exp":null}"#, r#"{"exp":"soon"}"#, r#"{"exp":1e300}"#, r#"{"exp":99999999999999999}"#] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
