//! Lanyard's own errors on HTTP: problem documents (RFC 9457) with a hint.

use std::time::Duration;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response};
use serde_json::json;

pub use lanyard_operation::{Code, Problem};

use crate::body::{self, Body};

/// The header that tells Lanyard's own errors from Webex's. Its value is the problem's code.
pub(crate) const LANYARD_ERROR: HeaderName = HeaderName::from_static("lanyard-error");

/// Returns the code of a response that is a problem; `None` for any other response.
pub(crate) fn code_of<B>(response: &Response<B>) -> Option<Code> {
    response.headers().get(LANYARD_ERROR).and_then(|word| Code::of(word.to_str().ok()?))
}

/// The problem of a method that a path does not have; `allow` lists those that it has.
pub(crate) fn method(path: &str, allow: &str) -> Problem {
    Problem::new(Code::Method, format!("{path} supports only {allow}")).allow(allow)
}

/// The problem of a store that was not read for so long that it is unknown which tokens may still be handed out.
pub(crate) fn stale(unseen: Duration) -> Problem {
    Problem::new(Code::Store, format!("the store has not been read for {} s", unseen.as_secs()))
        .hint("tokens are handed out again as soon as it can be; see the broker's log")
}

/// Converts a problem to a reply.
pub fn response(problem: &Problem) -> Response<Body> {
    let code = problem.code();
    let document = json!({
        "type": format!("urn:lanyard:problem:{}", code.as_str()),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": problem.detail(),
        "hint": problem.next_step(),
    });
    let mut response = Response::new(body::whole(document.to_string()));
    *response.status_mut() = code.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(LANYARD_ERROR, HeaderValue::from_static(code.as_str()));
    if code == Code::Unauthorized {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lanyard\""));
    }
    if let Some(allow) = problem.allowed() {
        headers.extend(HeaderValue::from_str(allow).map(|allow| (ALLOW, allow)));
    }
    if let Some(wait) = problem.wait() {
        // Whole seconds, and never too early.
        let seconds = wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
