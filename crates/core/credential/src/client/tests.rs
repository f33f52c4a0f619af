//! Tests of a policy's decisions.

use jiff::{SignedDuration, Timestamp};
use lanyard_protocol::Method;
use lanyard_time::SystemEntropy;

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn client() -> Client {
    Client {
        id: ClientId::random(&SystemEntropy),
        name: "monitor".parse().unwrap(),
        capabilities: "token,proxy".parse().unwrap(),
        credentials: Granted::All,
        methods: None,
        paths: None,
        org: None,
        expires_at: None,
        created_at: NOW,
        uid: None,
    }
}

fn paths(patterns: &[&str]) -> Vec<PathPattern> {
    patterns.iter().map(|pattern| pattern.parse().unwrap()).collect()
}

#[test]
fn a_client_may_do_what_is_named_with_the_credentials_that_are_named() {
    let (own, other) = (CredentialId::random(&SystemEntropy), CredentialId::random(&SystemEntropy));
    let client = Client { credentials: Granted::Only([own].into()), ..client() };
    for capability in Capability::ALL {
        let named = matches!(capability, Capability::Token | Capability::Proxy);
        assert_eq!(client.permits(own, capability, NOW).is_ok(), named, "{capability}");
        assert_eq!(client.permits_any(capability, NOW).is_ok(), named, "{capability}");
        let refused = if named { "credential" } else { "capability" };
        assert_eq!(client.permits(other, capability, NOW).unwrap_err().word(), refused);
    }
    let refused = client.permits(own, Capability::Manage, NOW).unwrap_err();
    assert_eq!(refused.to_string(), "the client monitor does not have the capability manage; it has token,proxy");
    assert!(refused.hint().contains("lanyard client set"), "{}", refused.hint());

    let all = Client { credentials: Granted::All, ..client.clone() };
    assert_eq!(all.permits(other, Capability::Token, NOW), Ok(()));
    let none = Client { credentials: Granted::Only(BTreeSet::new()), ..client };
    assert!(none.permits(own, Capability::Token, NOW).is_err(), "no credential left is not every credential");
}

#[test]
fn a_client_ends_at_its_moment_and_whatever_it_asks_then_is_refused_for_that() {
    let end = NOW + SignedDuration::from_secs(60);
    let client = Client { expires_at: Some(end), credentials: Granted::Only(BTreeSet::new()), ..client() };
    let id = CredentialId::random(&SystemEntropy);
    let word = |at| client.permits(id, Capability::Manage, at).unwrap_err().word();
    assert_eq!(word(end - SignedDuration::from_nanos(1)), "capability");
    assert_eq!(word(end), "expired");
    assert!(client.has_expired(end) && !client.has_expired(NOW));
    let refused = client.permits_any(Capability::Token, end).unwrap_err();
    assert_eq!(refused.to_string(), "the client monitor was allowed to ask until 1970-01-01T00:01:00Z");
}

#[test]
fn a_call_is_allowed_by_method_and_by_path() {
    let client =
        Client { methods: Some("GET".parse().unwrap()), paths: Some(paths(&["/people/*", "/devices/**"])), ..client() };
    let word =
        |method: &Method, segments: &[&str]| client.permits_call(method, segments, false).map_err(|no| no.word());
    assert_eq!(word(&Method::GET, &["people", "me"]), Ok(()));
    assert_eq!(word(&Method::GET, &["devices"]), Ok(()));
    assert_eq!(word(&Method::POST, &["people", "me"]), Err("method"));
    assert_eq!(word(&Method::HEAD, &["people", "me"]), Err("method"));
    assert_eq!(word(&Method::GET, &["people"]), Err("path"));
    assert_eq!(word(&Method::GET, &["identity", "people", "me"]), Err("path"));

    let free = Client { methods: None, paths: None, ..client.clone() };
    assert_eq!(free.permits_call(&Method::DELETE, &["identity", "scim"], false), Ok(()));
    let none = Client { paths: Some(Vec::new()), ..client };
    assert!(none.permits_call(&Method::GET, &["people", "me"], false).is_err(), "no path is not every path");
}

#[test]
fn a_call_whose_answer_is_a_credential_is_allowed_by_its_exact_path_alone() {
    let asked = ["authorizations", "A1"];
    let word = |client: &Client| client.permits_call(&Method::DELETE, &asked, true).map_err(|no| no.word());
    for (patterns, expected) in [
        (None, Err("yields-credential")),
        (Some(paths(&["/**"])), Err("yields-credential")),
        (Some(paths(&["/authorizations/*"])), Err("yields-credential")),
        (Some(paths(&["/authorizations/A1/**"])), Err("yields-credential")),
        (Some(paths(&["/authorizations"])), Err("yields-credential")),
        (Some(paths(&["/people/*", "/authorizations/A1"])), Ok(())),
    ] {
        let client = Client { paths: patterns, ..client() };
        assert_eq!(word(&client), expected, "{:?}", client.paths);
    }
    let reads =
        Client { paths: Some(paths(&["/authorizations/A1"])), methods: Some("GET".parse().unwrap()), ..client() };
    assert_eq!(word(&reads), Err("method"), "an exact path is no method");
}

#[test]
fn whoever_is_granted_webhooks_by_their_exact_path_may_change_those_that_a_pattern_stands_for() {
    let word = |patterns: &[&str], asked: &[&str]| {
        let client = Client { paths: Some(paths(patterns)), ..client() };
        client.permits_call(&Method::PUT, asked, true).map_err(|no| no.word())
    };
    assert_eq!(word(&["/webhooks", "/webhooks/*"], &["webhooks", "W1"]), Ok(()));
    assert_eq!(word(&["/webhooks", "/**"], &["webhooks", "W1"]), Ok(()));
    assert_eq!(word(&["/webhooks/W1"], &["webhooks", "W1"]), Ok(()));
    for (patterns, asked) in [
        (&["/webhooks"][..], &["webhooks", "W1"][..]),
        (&["/**"], &["webhooks", "W1"]),
        (&["/webhooks/*"], &["webhooks", "W1"]),
        (&["/webhooks", "/webhooks/**"], &["webhooks", "W1", "more"]),
        (&["/webhooks", "/**"], &["WebHooks", "W1"]),
        (&["/authorizations", "/**"], &["authorizations", "A1"]),
    ] {
        assert_eq!(word(patterns, asked), Err("yields-credential"), "{patterns:?} {asked:?}");
    }
}
