//! The two shapes of an error body, and what a failed call of a resource means.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use thiserror::Error;

use crate::{Method, Response};

/// What could be read of an error body, whichever of the two shapes it had (gateway or identity broker).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// The machine's word: `error` of the identity broker's shape.
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
    /// Reads either shape; whatever cannot be read is left out. HTML and other texts give an empty value.
    pub fn parse(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Either {
            error: Option<serde_json::Value>,
            error_description: Option<String>,
            message: Option<String>,
            #[serde(default)]
            errors: serde_json::Value,
            #[serde(alias = "trackingID")]
            #[serde(rename = "trackingId")]
            tracking_id: Option<String>,
        }
        let Ok(either) = serde_json::from_slice::<Either>(body) else {
            return Self::default();
        };
        Self {
            code: either.error.and_then(|error| error.as_str().map(printable)),
            message: either.error_description.or(either.message).map(|text| printable(&text)),
            details: details(&either.errors),
            tracking_id: either.tracking_id.map(|text| printable(&text)),
        }
    }
}

fn details(errors: &serde_json::Value) -> Vec<String> {
    let errors = errors.as_array().map(Vec::as_slice).unwrap_or_default();
    let said = errors.iter().take(MOST_DETAILS).filter_map(|error| error.get("description")?.as_str());
    said.map(printable).collect()
}

/// A server's words, shortened and without control characters, so that they can do no harm on a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_MESSAGE).collect()
}

/// Why a call of a resource failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{method} {path} was answered with {status}{}", .body.message.as_deref().map(|m| format!(": {m}")).unwrap_or_default())]
pub struct ApiError {
    /// What was asked.
    pub method: Method,
    /// The path that was asked, without its query.
    pub path: String,
    /// The status of the answer.
    pub status: StatusCode,
    /// What the answer said.
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
    #[error("the answer to {path} cannot be understood: {reason}")]
    Malformed {
        /// The path that was asked, without its query.
        path: String,
        /// Where the reading stopped, without the body's content.
        reason: String,
    },
}

impl ResourceError {
    /// The status, where Webex gave one that is no success.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::Malformed { .. } => None,
        }
    }
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
        serde_json::from_slice(self.body.expose_secret()).map_err(|error| ResourceError::Malformed {
            path: path.to_owned(),
            // serde repeats values in some messages; the place is enough.
            reason: format!("line {}, column {}", error.line(), error.column()),
        })
    }

    /// `Retry-After` in seconds; at most a day is believed.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
        let seconds: u64 = text.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.min(86_400)))
    }
}

#[cfg(test)]
mod tests {
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
    fn what_is_no_json_is_no_error_body() {
        assert_eq!(ErrorBody::parse(b"<html>429</html>"), ErrorBody::default());
        assert_eq!(ErrorBody::parse(b""), ErrorBody::default());
    }

    #[test]
    fn a_message_cannot_play_with_the_terminal() {
        let body = ErrorBody::parse("{\"message\":\"\\u001b[2Jgone\\n\"}".as_bytes());
        assert_eq!(body.message.as_deref(), Some("[2Jgone"));
    }
}
