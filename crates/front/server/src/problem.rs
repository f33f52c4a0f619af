//! Lanyard's own errors on HTTP: problem documents (RFC 9457) with a hint.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use lanyard_broker::{Class, Error};
use serde_json::json;

use crate::body::{self, Body};

/// An error of Lanyard's own: none of Webex's replies has the header that these have.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    hint: Option<String>,
    retry_after: Option<Duration>,
    /// The methods that the path has, for a problem with the method.
    allow: Option<&'static str>,
    /// Why, where the audit says more than what kind of problem it is.
    why: Option<String>,
}

/// The header that tells Lanyard's own errors from Webex's. Its value is the problem's code.
pub(crate) const LANYARD_ERROR: HeaderName = HeaderName::from_static("lanyard-error");

/// Declares the codes with their status, title and word.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $word:literal, $title:literal;)+) => {
        /// The kind of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word for it: the last part of the document's `type`, and the value of the header `Lanyard-Error`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// The status that goes with it.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }

            /// The one whose word that is.
            pub(crate) fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == word)
            }

            /// The problem that a response is; `None` where it is something else.
            pub(crate) fn of_response<B>(response: &Response<B>) -> Option<Self> {
                response.headers().get(LANYARD_ERROR).and_then(|word| Self::of(word.to_str().ok()?))
            }

            /// For the audit: its word and what it means.
            pub(crate) fn in_audit(self) -> Arc<str> {
                let mut title = self.title().to_owned();
                if !title.starts_with("Webex") {
                    title[..1].make_ascii_lowercase();
                }
                format!("{} ({title})", self.as_str()).into()
            }

            /// The title, one for all problems of the kind.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }
        }
    };
}

codes! {
    /// The request cannot be understood.
    BadRequest = BAD_REQUEST, "bad-request", "The request cannot be understood";
    /// A path that could be understood in two ways.
    BadPath = BAD_REQUEST, "bad-path", "The path is not taken";
    /// There is no key, or it is not good.
    Unauthorized = UNAUTHORIZED, "unauthorized", "A client key is required";
    /// The client's policy does not allow it.
    Refused = FORBIDDEN, "refused", "The client's policy does not allow it";
    /// Asked under a name that is not this broker's.
    WrongHost = MISDIRECTED_REQUEST, "wrong-host", "Unknown host name";
    /// There is nothing of that name.
    NoSuchName = NOT_FOUND, "no-such-name", "There is nothing of that name";
    /// There is nothing at that path.
    NoSuchPath = NOT_FOUND, "no-such-path", "Unknown path";
    /// The path does not know this method.
    Method = METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here";
    /// A person must sign in, authorise or grant something.
    PersonMustAct = CONFLICT, "person-must-act", "A person must act";
    /// It could not be done, for a reason of its own.
    Failed = UNPROCESSABLE_ENTITY, "failed", "The request failed";
    /// The body is longer than is taken.
    TooLong = PAYLOAD_TOO_LARGE, "too-long", "The body is too long";
    /// Webex asked to wait.
    Limited = TOO_MANY_REQUESTS, "limited", "Webex asks to wait";
    /// A client asked for the same thing again too soon.
    TooOften = TOO_MANY_REQUESTS, "too-often", "It was requested too often";
    /// Something inside went wrong.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Something went wrong inside the broker";
    /// Webex gave no answer that could be passed on.
    Upstream = BAD_GATEWAY, "webex-unreachable", "Webex gave no answer";
    /// Webex cut the connection before it had answered.
    UpstreamCut = BAD_GATEWAY, "webex-cut-off", "Webex cut the connection";
    /// An answer of Webex, or of something before it, that is not HTTP.
    UpstreamGarbled = BAD_GATEWAY, "webex-garbled", "Webex's answer cannot be read";
    /// The client did not send its body in time.
    SlowBody = REQUEST_TIMEOUT, "body-too-slow", "The body did not come in time";
    /// Webex took too long.
    UpstreamSlow = GATEWAY_TIMEOUT, "webex-too-slow", "Webex took too long";
    /// There is no valid token at the moment.
    NoToken = SERVICE_UNAVAILABLE, "no-valid-token", "There is no valid token at the moment";
    /// The store cannot be reached or used.
    Store = SERVICE_UNAVAILABLE, "store", "The store cannot be used";
    /// The broker is stopping, has stopped, or has as many connections as it takes.
    Busy = SERVICE_UNAVAILABLE, "busy", "The broker is busy";
}

impl Problem {
    /// A problem; `detail` says what happened this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), hint: None, retry_after: None, allow: None, why: None }
    }

    /// A method that a path does not have; `allow` lists those that it has.
    pub(crate) fn method(path: &str, allow: &'static str) -> Self {
        let problem = Self::new(Code::Method, format!("{path} supports only {allow}"));
        Self { allow: Some(allow), ..problem }
    }

    /// The store could not be read for so long that it is unknown which tokens may still be handed out.
    pub(crate) fn stale(unseen: Duration) -> Self {
        Self::new(Code::Store, format!("the store has not been read for {} s", unseen.as_secs()))
            .hint("tokens are handed out again as soon as it can be; see the broker's log")
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds the time after which to try again.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Adds the reason in a few words, for the audit.
    #[must_use]
    pub(crate) fn why(self, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..self }
    }

    /// For the audit: the code's word and why, in words of this program alone.
    pub(crate) fn in_audit(&self) -> Arc<str> {
        match &self.why {
            Some(why) => format!("{} ({why})", self.code.as_str()).into(),
            None => self.code.in_audit(),
        }
    }

    /// Its kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// As a reply.
    pub fn response(&self) -> Response<Body> {
        let document = json!({
            "type": format!("urn:lanyard:problem:{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "detail": self.detail,
            "hint": self.hint,
        });
        let mut response = Response::new(body::whole(document.to_string()));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(LANYARD_ERROR, HeaderValue::from_static(self.code.as_str()));
        if self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lanyard\""));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never too early.
            headers
                .insert(RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)));
        }
        response
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let code = match (error, error.class()) {
            (Error::NoToken { .. }, Class::Unreachable) => Code::NoToken,
            (_, Class::Usage) => Code::BadRequest,
            (_, Class::NoSuchName) => Code::NoSuchName,
            (_, Class::PersonMustAct) => Code::PersonMustAct,
            (_, Class::Unreachable) => Code::Upstream,
            (_, Class::Store) => Code::Store,
            (_, Class::Failed) => Code::Failed,
        };
        let mut detail = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(because) = source {
            let text = because.to_string();
            if !detail.contains(&text) {
                detail = format!("{detail}: {text}");
            }
            source = because.source();
        }
        let problem = Self { code, detail, hint: error.hint(), retry_after: None, allow: None, why: None };
        match error {
            Error::NoToken { wait, .. } if !wait.is_zero() => problem.retry_after(*wait),
            _ => problem,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}
