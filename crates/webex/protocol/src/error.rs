//! The two shapes of an error body, and what a failed call of a resource means.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::fields::Fields;
use crate::text::Text;
use crate::{Method, Response, visible};

/// The readable parts of an error body, in either of its two shapes (gateway or identity broker).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// The machine's word, in lower case: `error` of the identity broker's shape.
    pub code: Option<String>,
    /// The sentence: `message` or `error_description`.
    pub message: Option<String>,
    /// The sentences of the gateway's `errors`, which say more than `message` where they differ from it.
    pub details: Vec<String>,
    /// `trackingId` or `trackingID`.
    pub tracking_id: Option<String>,
}

/// As many details as are looked at.
const MOST_DETAILS: usize = 10;
/// The longest piece of a server's sentence that is repeated to a person.
const LONGEST_MESSAGE: usize = 300;

impl ErrorBody {
    /// Reads either shape, each field separately: one that cannot be read is left out and spoils no other. HTML and other texts
    /// give an empty value.
    pub fn parse(body: &[u8]) -> Self {
        let text = Text::of(body).without_controls();
        let Some(fields) = Fields::of(&text) else { return Self::default() };
        let words = |name| fields.last(&[name], |value| words(value).is_some()).as_ref().and_then(words);
        let code = fields.last(&["error"], |code: &String| !code.is_empty());
        Self {
            code: code.map(|code| printable(&code).to_ascii_lowercase()),
            message: words("error_description").or_else(|| words("message")),
            details: fields.last(&["errors"], |_: &Value| true).as_ref().map(details).unwrap_or_default(),
            tracking_id: fields
                .last(&["trackingId", "trackingID"], |id: &String| !id.is_empty())
                .map(|id| printable(&id))
                .filter(|id| !id.is_empty()),
        }
    }
}

/// The texts in a value that should be one, such as a list of sentences.
fn words(value: &Value) -> Option<String> {
    fn collect(value: &Value, found: &mut String) {
        match value {
            Value::String(text) => {
                if !found.is_empty() {
                    found.push(' ');
                }
                found.push_str(text);
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = String::new();
    collect(value, &mut found);
    Some(printable(&found)).filter(|found| !found.is_empty())
}

/// Continues the words "was answered with …": the sentence, and the tracking id last.
impl fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        f.write_str(&said(self.tracking_id.as_deref()))
    }
}

/// How a tracking id ends a sentence.
fn said(tracking_id: Option<&str>) -> String {
    tracking_id.map(|id| format!(" (tracking id {id})")).unwrap_or_default()
}

fn details(errors: &Value) -> Vec<String> {
    let errors = errors.as_array().map(Vec::as_slice).unwrap_or_default();
    let said = errors.iter().take(MOST_DETAILS).filter_map(|error| error.get("description")?.as_str());
    said.map(printable).collect()
}

/// A server's words, shortened, with [hidden characters made visible](visible), so that they can do no harm on a terminal.
pub(crate) fn printable(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST_MESSAGE).map_or(text.len(), |(at, _)| at);
    visible(&text[..end]).into_owned()
}

/// Why a call of a resource failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{method} {path} was answered with {status}{}", .body)]
pub struct ApiError {
    /// The method of the request.
    pub method: Method,
    /// The path that was asked, without its query.
    pub path: String,
    /// The status of the answer.
    pub status: StatusCode,
    /// The body of the answer.
    pub body: ErrorBody,
    /// How long Webex asks to wait (429 and 423).
    pub retry_after: Option<Duration>,
}

/// Why a resource could not be had from an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResourceError {
    /// Webex refused.
    #[error(transparent)]
    Api(#[from] Box<ApiError>),
    /// Webex answered with success and something that cannot be understood.
    #[error("the answer to {path} cannot be understood: {reason}{}", said(.tracking_id.as_deref()))]
    Malformed {
        /// The path that was asked, without its query.
        path: String,
        /// Where the reading stopped, without the body's content.
        reason: String,
        /// By which Cisco's support finds the call.
        tracking_id: Option<String>,
    },
}

impl ResourceError {
    /// By which Cisco's support finds the call.
    pub fn tracking_id(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.body.tracking_id.as_deref(),
            Self::Malformed { tracking_id, .. } => tracking_id.as_deref(),
        }
    }

    /// Returns this error with the tracking id that was sent, if the answer did not name one.
    #[must_use]
    pub fn or_tracking_id(mut self, sent: impl fmt::Display) -> Self {
        let place = match &mut self {
            Self::Api(error) => &mut error.body.tracking_id,
            Self::Malformed { tracking_id, .. } => tracking_id,
        };
        place.get_or_insert_with(|| sent.to_string());
        self
    }

    /// The status, where Webex gave one that is no success.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::Malformed { .. } => None,
        }
    }
}

/// Reads JSON in whichever encoding a body has it.
pub fn parse_json<T: serde::de::DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_str(&Text::of(body))
}

impl Response {
    /// Whether `method` `path` was done: any success, whatever stands in the answer.
    pub fn done(&self, method: &Method, path: &str) -> Result<(), ResourceError> {
        if self.status.is_success() {
            return Ok(());
        }
        let mut body = ErrorBody::parse(self.body.expose_secret());
        body.tracking_id = body.tracking_id.or_else(|| self.tracking_id().map(printable));
        Err(Box::new(ApiError {
            method: method.clone(),
            path: path.to_owned(),
            status: self.status,
            body,
            retry_after: self.retry_after(),
        })
        .into())
    }

    /// Decodes a resource from the answer to `method` `path`.
    pub fn resource<T: serde::de::DeserializeOwned>(&self, method: &Method, path: &str) -> Result<T, ResourceError> {
        self.done(method, path)?;
        parse_json(self.body.expose_secret()).map_err(|error| self.malformed(path, &error))
    }

    /// The error of an answer that is not the JSON that it should be.
    pub(crate) fn malformed(&self, path: &str, error: &serde_json::Error) -> ResourceError {
        ResourceError::Malformed {
            path: path.to_owned(),
            // serde repeats values in some messages; the place is enough.
            reason: format!("line {}, column {}", error.line(), error.column()),
            tracking_id: self.tracking_id().map(printable),
        }
    }

    /// `Retry-After` (RFC 9110, section 10.2.3) in seconds, or as a date against the response's own `Date`; at most a day is
    /// believed. A date that has passed means no wait at all, and a value that cannot be read 15
    /// seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_by(None)
    }

    /// Like [`retry_after`](Self::retry_after), for a response that may have no `Date` of its own: a date in `Retry-After` is then compared
    /// with the reader's `now`.
    pub fn retry_after_at(&self, now: Timestamp) -> Option<Duration> {
        self.retry_after_by(Some(now))
    }

    fn retry_after_by(&self, now: Option<Timestamp>) -> Option<Duration> {
        let value = self.headers.get(http::header::RETRY_AFTER)?;
        let Ok(text) = value.to_str().map(str::trim) else { return Some(UNREADABLE_WAIT) };
        let asked = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number too long for any type is a long wait too.
            text.parse().map_or(LONGEST_WAIT, Duration::from_secs)
        } else if let Ok(until) = httpdate::parse_http_date(text) {
            let sent = self.date(http::header::DATE).or_else(|| now.map(SystemTime::from))?;
            until.duration_since(sent).unwrap_or(Duration::ZERO)
        } else {
            UNREADABLE_WAIT
        };
        Some(asked.min(LONGEST_WAIT))
    }

    fn date(&self, name: HeaderName) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(name)?.to_str().ok()?.trim()).ok()
    }
}

/// The wait where `Retry-After` is there and cannot be read; Webex has sent `rand(30),add(30)`.
const UNREADABLE_WAIT: Duration = Duration::from_secs(15);
/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_shapes_are_read() {
        let gateway = ErrorBody::parse(br#"{"message":"The requested resource could not be found.","errors":[{"description":"x"}],"trackingId":"ROUTER_1"}"#);
        assert_eq!(gateway.message.as_deref(), Some("The requested resource could not be found."));
        assert_eq!(gateway.tracking_id.as_deref(), Some("ROUTER_1"));
        assert_eq!(gateway.details, ["x"]);
        let broker = ErrorBody::parse(br#"{"error":"invalid_request","error_description":"The refresh token provided is expired, revoked, malformed, or invalid.","trackingID":"T"}"#);
        assert_eq!(broker.code.as_deref(), Some("invalid_request"));
        assert_eq!(broker.tracking_id.as_deref(), Some("T"));
    }

    #[test]
    fn one_odd_field_spoils_no_other() {
        let expected = |message: Option<&str>| ErrorBody {
            code: Some("invalid_grant".to_owned()),
            message: message.map(str::to_owned),
            details: Vec::new(),
            tracking_id: Some("T".to_owned()),
        };
        for (rest, message) in [
            (r#""error_description":["a","b"]"#, Some("a b")),
            (r#""error_description":7"#, None),
            (r#""error_description":7,"message":"a""#, Some("a")),
            (r#""message":{"text":"a"}"#, Some("a")),
            (r#""trackingID":"T""#, None),
            (r#""trackingId":null"#, None),
            (r#""error":null,"errors":"x""#, None),
            (r#""message":"\ud800""#, None),
        ] {
            let body = format!(r#"{{"error":"Invalid_Grant","trackingId":"T",{rest}}}"#);
            assert_eq!(ErrorBody::parse(body.as_bytes()), expected(message), "{body}");
        }
        let latin = b"{\"error\":\"invalid_grant\",\"message\":\"expir\xe9\",\"trackingId\":\"T\"}";
        assert_eq!(ErrorBody::parse(latin), expected(Some("expiré")));
        let utf16: Vec<u8> = r#"{"message":"a"}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(ErrorBody::parse(&utf16).message.as_deref(), Some("a"));
    }

    #[test]
    fn what_is_no_json_is_no_error_body() {
        assert_eq!(ErrorBody::parse(b"<html>429</html>"), ErrorBody::default());
        assert_eq!(ErrorBody::parse(b""), ErrorBody::default());
    }

    #[test]
    fn a_message_cannot_play_with_the_terminal() {
        let body = ErrorBody::parse("{\"message\":\"\\u001b[2Jgone\\n\"}".as_bytes());
        assert_eq!(body.message.as_deref(), Some(r"\u{1b}[2Jgone\n"));
    }

    fn waits(headers: &[(&'static str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Response {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: headers.collect(),
            body: lanyard_secret::SecretBytes::new(Vec::new()),
        }
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date_in_each_of_its_three_forms() {
        let seconds = |response: Response| response.retry_after().map(|wait| wait.as_secs());
        assert_eq!(seconds(waits(&[("retry-after", " 120 ")])), Some(120));
        assert_eq!(seconds(waits(&[("retry-after", "99999999999999999999999")])), Some(86_400));
        for date in ["Sun, 06 Nov 1994 08:50:37 GMT", "Sunday, 06-Nov-94 08:50:37 GMT", "Sun Nov  6 08:50:37 1994"] {
            let response = waits(&[("retry-after", date), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")]);
            assert_eq!(seconds(response), Some(60), "{date}");
        }
        let passed =
            waits(&[("retry-after", "Sun, 06 Nov 1994 08:49:36 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert_eq!(seconds(passed), Some(0));
        for odd in ["rand(30),add(30)", "-1", "", "soon", "1.5"] {
            assert_eq!(seconds(waits(&[("retry-after", odd)])), Some(15), "{odd}");
        }
        assert_eq!(seconds(waits(&[])), None);
    }

    #[test]
    fn a_date_by_itself_is_compared_with_the_readers_clock() {
        let response = waits(&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")]);
        assert_eq!(response.retry_after(), None);
        assert_eq!(response.retry_after_at("1994-11-06T08:50:00Z".parse().unwrap()), Some(Duration::from_secs(37)));
        let own = waits(&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", "Sun, 06 Nov 1994 08:50:36 GMT")]);
        assert_eq!(own.retry_after_at("2030-01-01T00:00:00Z".parse().unwrap()), Some(Duration::from_secs(1)));
    }

    #[test]
    fn an_error_ends_with_its_tracking_id() {
        let refused = Response {
            status: StatusCode::NOT_FOUND,
            body: lanyard_secret::SecretBytes::new(br#"{"message":"Gone.","trackingId":"ROUTER_1"}"#.to_vec()),
            ..waits(&[])
        };
        let error = refused.done(&Method::GET, "/v1/people/x").unwrap_err().or_tracking_id("SENT_1");
        assert_eq!(error.to_string(), "GET /v1/people/x was answered with 404 Not Found: Gone. (tracking id ROUTER_1)");
        let silent = waits(&[]).done(&Method::GET, "/v1/people").unwrap_err().or_tracking_id("SENT_1");
        assert_eq!(silent.to_string(), "GET /v1/people was answered with 429 Too Many Requests (tracking id SENT_1)");
        let odd = Response { status: StatusCode::OK, ..waits(&[]) };
        let odd = odd.resource::<u8>(&Method::GET, "/v1/x").unwrap_err().or_tracking_id("SENT_1");
        assert!(odd.to_string().ends_with("(tracking id SENT_1)"), "{odd}");
    }

    proptest! {
        #[test]
        fn any_wait_is_read_without_panic_and_is_no_longer_than_a_day(text in "[ -~]{0,40}", date in "[ -~]{0,40}") {
            let response = waits(&[("retry-after", &text), ("date", &date)]);
            for wait in [response.retry_after(), response.retry_after_at(Timestamp::MIN), response.retry_after_at(Timestamp::MAX)] {
                prop_assert!(wait.unwrap_or_default() <= Duration::from_hours(24));
            }
        }

        #[test]
        fn any_date_is_a_wait_of_the_difference(sent in 0i64..4_000_000_000, ahead in 0u64..86_400) {
            let sent = SystemTime::from(Timestamp::from_second(sent).unwrap());
            let until = sent + Duration::from_secs(ahead);
            let (until, sent) = (httpdate::fmt_http_date(until), httpdate::fmt_http_date(sent));
            let response = waits(&[("retry-after", &until), ("date", &sent)]);
            prop_assert_eq!(response.retry_after(), Some(Duration::from_secs(ahead)));
        }
    }
}
