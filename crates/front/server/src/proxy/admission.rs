//! Which request heads are taken at all.

use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};

use crate::problem::{Code, Problem};

/// Headers that two readers of one request must not find different values of.
const ONCE: [HeaderName; 4] = [HOST, CONTENT_LENGTH, CONTENT_TYPE, CONTENT_ENCODING];

/// Refuses what a proxy must not take: tunnels, other protocols, targets with a host of their own, and heads that two readers
/// could understand differently. Some of it hyper refuses or resolves before; nothing here rests on that.
pub(super) fn admit(parts: &Parts) -> Result<(), Problem> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Err(Problem::new(Code::Method, format!("{} is not forwarded", parts.method)));
    }
    if parts.uri.scheme().is_some() || parts.uri.authority().is_some() {
        return Err(bad("the request names a host in its target").hint("ask for a path: /webex/NAME/v1/…"));
    }
    if let Some(name) = ONCE.iter().find(|name| parts.headers.get_all(*name).iter().count() > 1) {
        return Err(bad(format!("the request has more than one {name} header")));
    }
    if parts.headers.contains_key(CONTENT_LENGTH) && parts.headers.contains_key(TRANSFER_ENCODING) {
        return Err(bad("the request gives the length of its body in two ways"));
    }
    if parts.headers.contains_key(UPGRADE) || nominated(&parts.headers).any(|name| name == "upgrade") {
        return Err(bad("another protocol than HTTP is not forwarded"));
    }
    Ok(())
}

/// The names in a message's `Connection` headers: fields that end at this hop (RFC 9110, section 7.6.1). In lower case.
pub(super) fn nominated(headers: &HeaderMap) -> impl Iterator<Item = String> + '_ {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase())
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, detail)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn code(method: &str, target: &str, headers: &[(&str, &str)]) -> Option<Code> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        admit(&parts).err().map(|problem| problem.code())
    }

    #[test]
    fn heads_that_two_readers_understand_differently_are_refused() {
        for (method, target, headers, expected) in [
            ("GET", "/v1/people", &[("host", "a")] as &[_], None),
            ("POST", "/v1/people", &[("host", "a"), ("content-length", "2"), ("connection", "close")], None),
            ("CONNECT", "evil.example:443", &[], Some(Code::Method)),
            ("TRACE", "/v1/people", &[], Some(Code::Method)),
            ("GET", "http://evil.example/webex/acme/v1/people", &[], Some(Code::BadRequest)),
            ("GET", "/v1/people", &[("host", "a"), ("host", "b")], Some(Code::BadRequest)),
            ("POST", "/v1/x", &[("content-length", "2"), ("content-length", "2")], Some(Code::BadRequest)),
            ("POST", "/v1/x", &[("content-type", "a/b"), ("content-type", "a/b")], Some(Code::BadRequest)),
            ("POST", "/v1/x", &[("content-length", "2"), ("transfer-encoding", "chunked")], Some(Code::BadRequest)),
            ("GET", "/v1/x", &[("connection", "Upgrade"), ("upgrade", "h2c")], Some(Code::BadRequest)),
            ("GET", "/v1/x", &[("upgrade", "websocket")], Some(Code::BadRequest)),
            ("GET", "/v1/x", &[("connection", "close, UPGRADE")], Some(Code::BadRequest)),
        ] {
            assert_eq!(code(method, target, headers), expected, "{method} {target} {headers:?}");
        }
    }
}
