//! Refusals, in the two shapes that Webex gives them, and the tracking ids by which Cisco's support finds a call.

use axum::Json;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use lanyard_time::Entropy;
use serde_json::{Value, json};

use crate::random;

/// The reply to a call of REST, or its refusal.
pub(super) type Reply<T = Json<Value>> = Result<T, Refusal>;

/// Why a call was refused. The body is written by [`finish`], which knows the tracking id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The gateway's, for REST calls.
    Unauthorised,
    /// A scope, a role or a licence is missing; Webex does not say which.
    Forbidden,
    /// Like [`Forbidden`](Self::Forbidden), with a sentence of its own.
    ForbiddenBecause(&'static str),
    /// Too many calls; how many seconds to wait. Its body is no JSON.
    TooMany(u64),
    NotFound,
    MethodNotAllowed,
    /// The request's own fault, in the gateway's shape.
    BadRequest(String),
    /// A 400 whose reason stands among its errors alone, as the APIs of meetings write it.
    Invalid(String),
    /// A 400 whose reason has a number.
    Coded {
        message: &'static str,
        code: u32,
        description: String,
    },
    /// The gateway's message with any other status.
    Gateway(StatusCode, &'static str),
    /// The identity broker's, for OAuth.
    Broker {
        status: StatusCode,
        error: &'static str,
        description: String,
    },
}

impl Refusal {
    /// A refusal of the identity broker.
    pub(crate) fn broker(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self::Broker { status, error, description: description.into() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ForbiddenBecause(_) => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) | Self::Invalid(_) | Self::Coded { .. } => StatusCode::BAD_REQUEST,
            Self::Gateway(status, _) | Self::Broker { status, .. } => *status,
        }
    }

    fn body(&self, tracking: &TrackingId) -> serde_json::Value {
        let gateway = |message: &str| {
            json!({
                "message": message,
                "errors": [{"description": message}],
                "trackingId": tracking.as_str(),
            })
        };
        match self {
            Self::Unauthorised => {
                gateway("The request requires a valid access token set in the Authorization request header.")
            }
            Self::Forbidden => gateway(
                "The server understood the request, but refused to fulfill it because the access token is missing required \
                 scopes or the user is missing required roles or licenses.",
            ),
            Self::TooMany(_) => gateway("Too many requests."),
            Self::NotFound => gateway("The requested resource could not be found."),
            Self::MethodNotAllowed => {
                gateway("The request was made to a resource using an HTTP method that is not supported.")
            }
            Self::BadRequest(message) => gateway(message),
            Self::Invalid(description) => json!({
                "message": "The input parameters contain invalid items.",
                "errors": [{"description": description}],
                "trackingId": tracking.as_str(),
            }),
            Self::Coded { message, code, description } => json!({
                "message": message,
                "errors": [{"errorCode": code, "description": description}],
                "trackingId": tracking.as_str(),
            }),
            Self::Gateway(_, message) | Self::ForbiddenBecause(message) => gateway(message),
            // The capital ID is Webex's.
            Self::Broker { error, description, .. } => json!({
                "error": error,
                "error_description": description,
                "trackingID": tracking.as_str(),
            }),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes a refusal's body, and leaves any other reply as it is.
pub(crate) fn finish(mut reply: Response<Bytes>, tracking: &TrackingId) -> Response<Bytes> {
    if let Some(refusal) = reply.extensions_mut().remove::<Refusal>() {
        if let Refusal::TooMany(seconds) = refusal {
            *reply.body_mut() = Bytes::from_static(b"<html><body><h1>429 Too Many Requests</h1></body></html>");
            reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            return reply;
        }
        *reply.body_mut() = refusal.body(tracking).to_string().into();
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    }
    reply
}

/// A call's tracking id: the request's own, or one made for it.
#[derive(Clone, Debug)]
pub(crate) struct TrackingId(String);

impl TrackingId {
    pub(crate) fn of(headers: &HeaderMap, entropy: &dyn Entropy) -> Self {
        let own = headers.get("trackingid").and_then(|value| value.to_str().ok());
        Self(match own {
            Some(own) if !own.trim().is_empty() => own.trim().to_owned(),
            _ => format!("ROUTER_{}", random::uuid(entropy).hyphenated().to_string().to_uppercase()),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the reply's header; a capture of Webex shows it twice.
    pub(crate) fn header(&self, doubled: bool) -> String {
        if doubled { format!("{0}, {0}", self.0) } else { self.0.clone() }
    }
}
