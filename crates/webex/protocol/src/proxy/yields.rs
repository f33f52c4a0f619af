//! Calls that bring a credential.

use http::Method;

/// Whether the answer or the effect of a call is a credential, so that a program that may call Webex without holding a token would
/// hold one, or something as good, after it. `segments` as [`ProxyPath::segments`](super::ProxyPath::segments) has them.
///
/// Compared without regard to case, and to what some servers cut off: parameters, and dots and spaces at an end. What Webex takes a
/// spelling for is not known.
pub fn yields_credential(method: &Method, segments: &[&str]) -> bool {
    let is =
        |index: usize, word: &str| segments.get(index).is_some_and(|segment| bare(segment).eq_ignore_ascii_case(word));
    let has = |word: &str| segments.iter().any(|segment| bare(segment).eq_ignore_ascii_case(word));
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    // OAuth's own endpoints, and what lists and ends tokens.
    ["access_token", "authorize", "device", "authorizations", "applications"].iter().any(|word| is(0, word))
        || (is(0, "guests") && is(1, "token"))
        // A one-time password for a person's sign-in (`/identity/organizations/{orgId}/users/{userId}/actions/generateOtp`).
        || has("generateOtp")
        // What registers a device (`POST /devices/activationCode`, and the like of it in Calling).
        || has("activationCode")
        || has("activationCodes")
        // A webhook sends what happens to an address of the caller's choice.
        || (is(0, "webhooks") && !reads)
}

fn bare(segment: &str) -> &str {
    let name = segment.split_once(';').map_or(segment, |(name, _)| name);
    name.trim().trim_end_matches(|end: char| end == '.' || end.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProxyPath;

    fn yields(method: &Method, raw: &str) -> bool {
        yields_credential(method, &ProxyPath::parse(raw).unwrap().segments())
    }

    #[test]
    fn what_brings_a_credential_is_known_in_every_spelling() {
        for (method, raw) in [
            (Method::POST, "/v1/access_token"),
            (Method::POST, "/v1/Access_Token/"),
            (Method::POST, "/v1/%61ccess%5Ftoken"),
            (Method::GET, "/v1/authorize"),
            (Method::POST, "/v1/device/authorize"),
            (Method::POST, "/v1/device/token"),
            (Method::GET, "/v1/authorizations"),
            (Method::GET, "/v1/authorizations/tokenExpiry"),
            (Method::DELETE, "/v1/authorizations/x"),
            (Method::POST, "/v1/applications/x/token"),
            (Method::POST, "/v1/guests/token"),
            (Method::POST, "/v1/identity/organizations/o/users/u/actions/generateOtp"),
            (Method::POST, "/identity/organizations/o/users/u/actions/generateotp"),
            (Method::POST, "/v1/devices/activationCode"),
            (Method::POST, "/v1/webhooks"),
            (Method::PUT, "/v1/webhooks/x"),
            (Method::DELETE, "/v1/webhooks/x"),
            (Method::POST, "/v1/webhooks;x=1"),
            (Method::POST, "/v1/access_token%3Ba=b"),
            (Method::POST, "/v1/access_token%20"),
            (Method::POST, "/v1/access_token.%20."),
            (Method::POST, "/v1/%C2%A0access_token"),
            (Method::POST, "/v1/guests;x/token;y"),
            (Method::POST, "/v1/devices/activationCode;x"),
        ] {
            assert!(yields(&method, raw), "{method} {raw}");
        }
    }

    #[test]
    fn ordinary_calls_bring_none() {
        for (method, raw) in [
            (Method::GET, "/v1/people/me"),
            (Method::GET, "/v1/devices"),
            (Method::PATCH, "/v1/devices/x"),
            (Method::GET, "/v1/guests/count"),
            (Method::GET, "/v1/webhooks"),
            (Method::GET, "/v1/webhooks/x"),
            (Method::POST, "/v1/messages"),
            (Method::GET, "/identity/scim/o/v2/Users"),
            (Method::GET, "/@analytics/v1/meeting/qualities"),
        ] {
            assert!(!yields(&method, raw), "{method} {raw}");
        }
    }
}
