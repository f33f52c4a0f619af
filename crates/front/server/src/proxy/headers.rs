//! Which headers go up, and which come down.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use lanyard_secret::AccessToken;
use zeroize::Zeroizing;

use super::admission::nominated;
use crate::problem::LANYARD_ERROR;

/// The headers of a client that Webex gets: what describes the body and the answer that is wanted, and what some calls of Webex take
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

/// The headers of Webex that a client does not get: what belongs to the connection, what would set state or lead elsewhere in the
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

/// Takes out of an answer's headers what a client does not get; the token that was sent is never among them, whatever Webex says and
/// in whichever usual encoding.
pub(super) fn down(headers: &mut HeaderMap, token: &AccessToken) {
    let nominated: Vec<String> = nominated(headers).collect();
    // No form of the token is shorter than the token, and few headers are that long.
    let is_long = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().len().max(value.len()) >= token.expose_secret().len()
    };
    let forms = if headers.iter().any(is_long) { Forms::of(token) } else { Forms::none() };
    let stays = |name: &HeaderName, value: &HeaderValue| {
        !NOT_DOWN.contains(&name.as_str())
            && name != LANYARD_ERROR
            && !nominated.iter().any(|other| other == name.as_str())
            && !forms.are_in(name.as_str().as_bytes())
            && !forms.are_in(value.as_bytes())
    };
    if headers.iter().all(|(name, value)| stays(name, value)) {
        return;
    }
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, value)| stays(name, value)) {
        kept.append(name.clone(), value.clone());
    }
    *headers = kept;
}

/// A token in the forms in which a server could send it back: as it is, in hexadecimal digits, in base64 at each of the three places
/// that it can begin at. All in lower case, as a header's name is.
struct Forms(Vec<Zeroizing<String>>);

impl Forms {
    const fn none() -> Self {
        Self(Vec::new())
    }

    fn of(token: &AccessToken) -> Self {
        let token = token.expose_secret();
        let mut forms = vec![Zeroizing::new(token.to_ascii_lowercase())];
        if token.len() >= SHORTEST {
            let mut digits = Zeroizing::new(String::with_capacity(2 * token.len()));
            for byte in token.bytes() {
                // A string can always be written to.
                let _ = write!(digits, "{byte:02x}");
            }
            forms.push(digits);
            forms.extend((0..3).map(|before| in_base64(token, before)));
        }
        forms.retain(|form| !form.is_empty());
        Self(forms)
    }

    /// Whether one is in a text, percent-encoded or not.
    fn are_in(&self, text: &[u8]) -> bool {
        // An escaped text is longer than the original.
        if self.0.iter().all(|form| text.len() < form.len()) {
            return false;
        }
        let text = Zeroizing::new(text.to_ascii_lowercase());
        let found = |text: &[u8]| {
            let is_in = |form: &Zeroizing<String>| text.windows(form.len()).any(|window| window == form.as_bytes());
            self.0.iter().any(is_in)
        };
        if found(&text) {
            return true;
        }
        if !text.iter().any(|byte| b"%-_".contains(byte)) {
            return false;
        }
        let decoded = Zeroizing::new(unescaped(&text));
        let twice = Zeroizing::new(unescaped(&decoded));
        [&decoded, &twice].into_iter().any(|text| found(text) || found(&Zeroizing::new(plain_base64(text))))
    }
}

/// A token that is shorter is looked for as it is only.
const SHORTEST: usize = 8;

/// The part of a token's base64 that does not depend on its neighbours, for so many bytes before it in its group of three.
fn in_base64(token: &str, before: usize) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; before]);
    bytes.extend_from_slice(token.as_bytes());
    let whole = Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes));
    let (start, end) = ([0, 2, 3][before], bytes.len() * 8 / 6);
    Zeroizing::new(whole[start..end].to_ascii_lowercase())
}

/// Base64 in the alphabet for addresses as it is in the other one.
fn plain_base64(text: &[u8]) -> Vec<u8> {
    let letter = |&byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte,
    };
    text.iter().map(letter).collect()
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| {
        byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let pair = (digit(text.get(at + 1)), digit(text.get(at + 2)));
        if let (b'%', (Some(high), Some(low))) = (byte, pair) {
            decoded.push((high << 4 | low).to_ascii_lowercase());
            at += 3;
        } else {
            decoded.push(byte);
            at += 1;
        }
    }
    decoded
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

    #[test]
    fn the_token_comes_down_in_no_form() {
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        let token = "Canary~Token?>-_9";
        let hex = token.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
        let escaped = token.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        let mut texts = vec![token.to_owned(), token.to_uppercase(), hex, escaped.clone(), escaped.replace('%', "%25")];
        for around in ["", "a", "ab", "Bearer ", "{\"token\":\""] {
            let whole = format!("{around}{token}{around}");
            texts.push(STANDARD.encode(&whole));
            texts.push(URL_SAFE_NO_PAD.encode(&whole));
            texts.push(STANDARD.encode(&whole).replace('+', "%2B").replace('/', "%2F"));
        }
        for text in texts {
            let mut headers = HeaderMap::new();
            headers.insert("x-echo", HeaderValue::from_str(&format!("seen: {text}.")).unwrap());
            headers.insert("x-other", HeaderValue::from_static("a%2Fb-c_d"));
            down(&mut headers, &AccessToken::new(token));
            assert_eq!(names(&headers), ["x-other"], "{text}");
        }
        let mut named = map(&[("x-canary-token", "1"), ("x-43616e6172792d546f6b656e", "1"), ("x-kept", "1")]);
        down(&mut named, &AccessToken::new("Canary-Token"));
        assert_eq!(names(&named), ["x-kept"]);
    }
}
