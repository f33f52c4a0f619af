//! Calls that bring a credential.

use http::Method;

use super::shape;

/// Whether the answer or the effect of a call is a credential, so that a program that may call Webex without holding a token would
/// hold one, or something as good, after it. `segments` as [`ProxyPath::segments`](super::ProxyPath::segments) has them.
///
/// Segments are compared by their [`shape`]: which spellings Webex accepts is not known.
pub fn yields_credential(method: &Method, segments: &[&str]) -> bool {
    let words: Vec<_> = segments.iter().map(|segment| shape(segment)).collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    // What may stand before the name of a resource.
    let start = words.iter().position(|word| !matches!(word.as_str(), "" | "v1" | "identity" | "idb" | "oauth2"));
    let first = start.map_or("", |start| words[start].as_str());
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    // Whatever is called a token (`/access_token`, `/guests/token`, `/applications/{id}/token`, `…/getDomainVerificationToken`), and
    // the rest of OAuth. An id is longer.
    words.iter().any(|word| word.len() <= LONGEST_WORD && (word.ends_with("token") || word.ends_with("tokens")))
        || has(&["authorize", "authorizations"])
        || ["device", "applications"].contains(&first)
        // A one-time password for a person's sign-in (`/identity/organizations/{orgId}/users/{userId}/actions/generateOtp`).
        || has(&["generateotp"])
        // What registers a device (`POST /devices/activationCode`, and the like of it in Calling).
        || has(&["activationcode", "activationcodes"])
        // A webhook sends events to an address of the caller's choice; reading one shows the secret that they are signed with.
        || first == "webhooks"
        // A data source sends media and tokens to an address of the caller's choice.
        || (first == "datasources" && !(reads && has(&["schemas"])))
}

/// The longest name of a call; ids of Webex are longer.
const LONGEST_WORD: usize = 40;

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
            (Method::GET, "/v1/webhooks"),
            (Method::GET, "/v1/webhooks/x"),
            (Method::POST, "/v1/dataSources"),
            (Method::PUT, "/v1/dataSources/x"),
            (Method::GET, "/v1/dataSources/x"),
            (Method::POST, "/identity/organizations/o/actions/getDomainVerificationToken"),
            (Method::POST, "/v1/access%E2%80%8B_token"),
            (Method::POST, "/v1/access_token%E2%80%8B"),
            (Method::POST, "/v1/access_token%23"),
            (Method::POST, "/v1/access_token%3Fx"),
            (Method::POST, "/v1/access_token,x"),
            (Method::POST, "/v1/access_token:x"),
            (Method::POST, "/v1/access_token.json"),
            (Method::POST, "/v1/v1/access_token"),
            (Method::POST, "/v1/v1/webhooks"),
            (Method::POST, "/identity/access_token"),
            (Method::POST, "/identity/v1/access_token"),
            (Method::POST, "/v1/idb/oauth2/v1/access_token"),
            (Method::GET, "/identity/oauth2/authorize"),
            (Method::POST, "/v1/webhooks.json"),
            (Method::GET, "/@analytics/v1/access_token"),
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
            (Method::GET, "/v1/dataSources/schemas"),
            (Method::GET, "/v1/people/Y2lzY29zcGFyazovL3VzL1BFT1BMRS8xOTUzOTdhMi03MTU5LTRjtoken"),
            (Method::POST, "/v1/messages"),
            (Method::GET, "/identity/scim/o/v2/Users"),
            (Method::GET, "/@analytics/v1/meeting/qualities"),
        ] {
            assert!(!yields(&method, raw), "{method} {raw}");
        }
    }
}
