//! Which headers go up, and which come down.

use http::{HeaderMap, HeaderName, HeaderValue};
use lanyard_secret::AccessToken;

use super::admission::nominated;
use crate::problem::LANYARD_ERROR;

/// What of a client's headers Webex gets: what describes the body and the answer that is wanted, and what some calls of Webex take
/// as a header (`TrackingID` everywhere; the others in Cisco's documents of the Meetings API). A client's key, its cookies, where it
/// comes from, and what would change the method or the host are not among them.
const UP: [&str; 23] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "email",
    "hostemail",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "password",
    "personid",
    "prefer",
    "range",
    "siteurl",
    "timezone",
    "trackingid",
    "user-agent",
];

/// What of Webex's headers a client does not get: what belongs to the connection, what would set state or lead elsewhere in the
/// name of this broker, and the header by which Lanyard's own errors are known.
const NOT_DOWN: [&str; 20] = [
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "alt-svc",
    "clear-site-data",
    "connection",
    "content-location",
    "keep-alive",
    "nel",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "refresh",
    "report-to",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The headers of a request as they go to Webex. An answer's coding is the client's to choose: nothing in a body is rewritten, so it
/// is passed through as it is.
pub(super) fn up(headers: &HeaderMap) -> HeaderMap {
    let nominated: Vec<String> = nominated(headers).collect();
    let goes = |name: &HeaderName| UP.contains(&name.as_str()) && !nominated.iter().any(|other| other == name.as_str());
    let mut out = HeaderMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| goes(name)) {
        let mut value = HeaderValue::clone(value);
        value.set_sensitive(name == "password");
        out.append(name.clone(), value);
    }
    out
}

/// Takes out of an answer's headers what a client does not get; the token that was sent is never among them, whatever Webex says.
pub(super) fn down(headers: &mut HeaderMap, token: &AccessToken) {
    let nominated: Vec<String> = nominated(headers).collect();
    let stays = |name: &HeaderName, value: &HeaderValue| {
        !NOT_DOWN.contains(&name.as_str())
            && name != LANYARD_ERROR
            && !nominated.iter().any(|other| other == name.as_str())
            && !holds(value.as_bytes(), token.expose_secret().as_bytes())
    };
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, value)| stays(name, value)) {
        kept.append(name.clone(), value.clone());
    }
    *headers = kept;
}

fn holds(value: &[u8], secret: &[u8]) -> bool {
    !secret.is_empty() && value.windows(secret.len()).any(|window| window == secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn only_what_is_known_goes_up() {
        let sent = up(&map(&[
            ("accept", "*/*"),
            ("authorization", "Bearer lyk_1"),
            ("connection", "close, TimeZone"),
            ("content-length", "5"),
            ("content-type", "application/json"),
            ("cookie", "a=b"),
            ("expect", "100-continue"),
            ("forwarded", "for=1"),
            ("host", "evil.example"),
            ("origin", "https://evil.example"),
            ("proxy-authorization", "x"),
            ("siteurl", "acme.webex.com"),
            ("te", "trailers"),
            ("timezone", "UTC"),
            ("trackingid", "T_1"),
            ("transfer-encoding", "chunked"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/v1/access_token"),
        ]));
        assert_eq!(names(&sent), ["accept", "content-type", "siteurl", "trackingid"]);
    }

    #[test]
    fn neither_state_nor_the_connection_nor_our_own_header_nor_the_token_comes_down() {
        let mut headers = map(&[
            ("connection", "x-hop"),
            ("content-encoding", "gzip"),
            ("content-length", "5"),
            ("lanyard-error", "forged"),
            ("retry-after", "7"),
            ("set-cookie", "a=b"),
            ("strict-transport-security", "max-age=1"),
            ("trackingid", "T_1"),
            ("transfer-encoding", "chunked"),
            ("x-echo", "Bearer canary-token"),
            ("x-hop", "1"),
        ]);
        down(&mut headers, &AccessToken::new("canary-token"));
        assert_eq!(names(&headers), ["content-encoding", "content-length", "retry-after", "trackingid"]);
    }
}
