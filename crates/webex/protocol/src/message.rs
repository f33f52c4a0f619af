//! Requests out and responses in, as values.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lanyard_secret::{AccessToken, OddLetter, SafeUrl, SecretBytes};

pub use http::Method;

/// A request to be sent. Its `Debug` shows method and URL; never headers or body.
#[derive(Clone)]
pub struct Request {
    /// GET, POST, ….
    pub method: Method,
    /// Where to.
    pub url: SafeUrl,
    /// Headers, the secret ones marked sensitive.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: SecretBytes,
    /// Why it must not be sent: its token cannot stand in a header.
    pub unsendable: Option<OddLetter>,
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, url: SafeUrl) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: SecretBytes::new(Vec::new()), unsendable: None }
    }

    /// Adds `Authorization: Bearer …`. A token that cannot stand in a header makes the request
    /// [unsendable](Self::unsendable), so that it never goes out without its token.
    #[must_use]
    pub fn bearer(mut self, token: &AccessToken) -> Self {
        match bearer(token) {
            Ok(value) => {
                self.headers.insert(http::header::AUTHORIZATION, value);
            }
            Err(odd) => self.unsendable = Some(odd),
        }
        self
    }

    /// Adds a body and its type.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: SecretBytes) -> Self {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body;
        self
    }
}

/// The value of `Authorization` for a token (RFC 6750, section 2.1), or the letter that no token has.
///
/// # Panics
/// Never: a text without an odd letter fits into a header.
pub fn bearer(token: &AccessToken) -> Result<HeaderValue, OddLetter> {
    let odd = OddLetter::find(token.expose_secret());
    odd.map_or_else(|| Ok(sensitive("Bearer ", token.expose_secret()).expect("visible ASCII fits into a header")), Err)
}

/// A header value that is marked so that no log prints it.
pub(crate) fn sensitive(prefix: &str, secret: &str) -> Option<HeaderValue> {
    let text = zeroize::Zeroizing::new(format!("{prefix}{secret}"));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// A response that came whole. Its `Debug` shows the status; the body of a token endpoint must never be seen.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; it may hold tokens.
    pub body: SecretBytes,
}

/// Webex echoes a request's tracking id under this name, sometimes doubled as `X, X`.
const TRACKING_ID: HeaderName = HeaderName::from_static("trackingid");

impl Response {
    /// The id by which Cisco's support finds the call.
    pub fn tracking_id(&self) -> Option<&str> {
        let value = self.headers.get(TRACKING_ID)?.to_str().ok()?;
        value.split(',').next().map(str::trim).filter(|id| !id.is_empty())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.status, self.body.expose_secret().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_header_and_no_body() {
        let url: SafeUrl = "https://webexapis.com/v1/people?q=canary1".parse().unwrap();
        let request = Request::new(Method::POST, url)
            .bearer(&AccessToken::new("canary2"))
            .body("text/plain", SecretBytes::new(b"canary3".to_vec()));
        let shown = format!("{request:?} {:?}", request.headers);
        assert!(!shown.contains("canary"), "{shown}");
        let response =
            Response { status: StatusCode::OK, headers: HeaderMap::new(), body: SecretBytes::new(b"canary4".to_vec()) };
        assert_eq!(format!("{response:?}"), "200 OK (7 bytes)");
    }

    #[test]
    fn a_token_that_no_header_can_carry_makes_a_request_unsendable() {
        let url: SafeUrl = "https://webexapis.com/v1/people".parse().unwrap();
        for (token, sendable) in [("a-b_c.d~e+f/g==", true), ("a\nb", false), ("a\u{200b}", false), ("a\"b", false)] {
            let request = Request::new(Method::GET, url.clone()).bearer(&AccessToken::new(token));
            assert_eq!(request.unsendable.is_none(), sendable, "{token:?}");
            assert_eq!(request.headers.contains_key("authorization"), sendable, "{token:?}");
        }
    }

    #[test]
    fn a_doubled_tracking_id_is_read_once() {
        let mut headers = HeaderMap::new();
        headers.insert("trackingid", HeaderValue::from_static("ROUTER_1, ROUTER_1"));
        let response = Response { status: StatusCode::OK, headers, body: SecretBytes::new(Vec::new()) };
        assert_eq!(response.tracking_id(), Some("ROUTER_1"));
    }
}
