use http::HeaderMap;
use lanyard_secret::{ClientSecret, SecretBytes};
use proptest::prelude::*;

use super::*;

fn answer(status: u16, body: &str) -> Response {
    Response {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: SecretBytes::new(body.as_bytes().to_vec()),
    }
}

#[test]
fn the_documented_codes_read() {
    let codes = DeviceAuthorization::parse(&answer(
        200,
        r#"{"device_code":"canary","expires_in":300,"user_code":"729703","verification_uri":"https://login.webex.com/verify",
            "verification_uri_complete":"https://login.webex.com/verify?userCode=729703","interval":2}"#,
    ))
    .unwrap();
    assert_eq!(codes.device_code.expose_secret(), "canary");
    assert_eq!(codes.user_code, "729703");
    assert_eq!((codes.expires_in, codes.interval), (Some(Duration::from_mins(5)), Duration::from_secs(2)));
    assert!(!format!("{codes:?}").contains("canary"));
}

#[test]
fn a_reply_without_an_interval_means_five_seconds() {
    for interval in ["", r#","interval":null"#, r#","interval":0"#, r#","interval":"soon""#] {
        let body = format!(
            r#"{{"device_code":"d","user_code":"1","verification_uri":"http://127.0.0.1:7/verify"{interval}}}"#
        );
        let codes = DeviceAuthorization::parse(&answer(200, &body)).unwrap();
        assert_eq!(codes.interval, Duration::from_secs(5), "{body}");
        assert!(codes.expires_in.is_none() && codes.verification_uri_complete.is_none());
    }
}

#[test]
fn a_person_is_not_sent_to_an_address_that_could_harm() {
    for uri in ["javascript:alert(1)", "http://login.example/verify", "file:///etc/passwd", ""] {
        let body = format!(
            r#"{{"device_code":"d","user_code":"1","verification_uri":"https://a.example","verification_uri_complete":"{uri}"}}"#
        );
        assert!(DeviceAuthorization::parse(&answer(200, &body)).unwrap().verification_uri_complete.is_none(), "{uri}");
        let body = format!(r#"{{"device_code":"d","user_code":"1","verification_uri":"{uri}"}}"#);
        assert!(matches!(DeviceAuthorization::parse(&answer(200, &body)), Err(DeviceRefused::Malformed(_))), "{uri}");
    }
}

#[test]
fn a_refusal_to_begin_says_whose_fault_it_is() {
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_scope"}"#, "Scope"),
        (400, r#"{"message":"Invalid scopes","errors":[]}"#, "Scope"),
        (400, r#"{"error":"invalid_client"}"#, "Client"),
        (401, "", "Client"),
        (403, "", "Client"),
        (404, "", "Unclear"),
        (500, r#"{"error":"invalid_scope"}"#, "Unclear"),
        (429, "<html>", "Limited"),
        (200, "{}", "Malformed"),
        (200, r#"{"device_code":"","user_code":"1","verification_uri":"https://a.example"}"#, "Malformed"),
    ] {
        let error = DeviceAuthorization::parse(&answer(status, body)).unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{status} {body}: {error:?}");
    }
}

#[test]
fn a_poll_is_read_in_both_dresses() {
    let gateway =
        |word: &str| format!(r#"{{"message":"{word}","errors":[{{"description":"{word}"}}],"trackingId":"T_1"}}"#);
    let rfc = |word: &str| format!(r#"{{"error":"{word}"}}"#);
    for (status, body, expected) in [
        (428, gateway("Precondition required. authorization_pending"), "Pending"),
        (428, String::new(), "Pending"),
        (400, rfc("authorization_pending"), "Pending"),
        (400, gateway("authorization_pending"), "Pending"),
        (400, rfc("slow_down"), "SlowDown"),
        (428, gateway("slow_down"), "SlowDown"),
        (400, rfc("access_denied"), "Denied"),
        (403, gateway("access_denied"), "Denied"),
        (400, rfc("expired_token"), "Expired"),
        (400, gateway("The device code has expired"), "Expired"),
        (400, gateway("The code has expired; the client must ask for another"), "Expired"),
        (400, rfc("invalid_grant"), "Expired"),
        (401, rfc("invalid_client"), "WrongClient"),
        (401, String::new(), "WrongClient"),
        (400, rfc("unsupported_grant_type"), "Refused"),
        (404, "<html>".into(), "Refused"),
        (302, String::new(), "Refused"),
        (503, rfc("authorization_pending"), "Unclear"),
        (429, "<html>".into(), "Limited"),
        (200, "{}".into(), "Malformed"),
        (200, r#"{"access_token":"a"}"#.into(), "Granted"),
    ] {
        let poll = DevicePoll::parse(&answer(status, &body));
        assert!(format!("{poll:?}").starts_with(expected), "{status} {body}: {poll:?}");
    }
}

#[test]
fn a_poll_proves_the_app_by_basic_and_shows_nothing() {
    let auth = ClientAuth { client_id: AppClientId::new("C1"), client_secret: ClientSecret::new("canary&1") };
    let request = poll(&Environment::commercial(), &auth, &DeviceCode::new("canary2"));
    assert_eq!(
        std::str::from_utf8(request.body.expose_secret()).unwrap(),
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=canary2&client_id=C1"
    );
    // C1:canary%261
    assert_eq!(request.headers.get("authorization").unwrap().to_str().unwrap(), "Basic QzE6Y2FuYXJ5JTI2MQ==");
    assert!(!format!("{request:?} {:?}", request.headers).contains("canary"));
    let scopes: ScopeSet = "spark:people_read a".parse().unwrap();
    let request = authorize(&Environment::commercial(), &AppClientId::new("C1"), &scopes);
    assert_eq!(request.body.expose_secret(), b"client_id=C1&scope=a+spark%3Apeople_read");
}

proptest! {
    #[test]
    fn any_answer_is_read_without_panic_and_shown_nowhere(status in 200u16..600, canary in "[a-z]{24}") {
        for body in [
            format!("{{\"error\":\"{canary}\",\"error_description\":\"{canary}\",\"trackingID\":\"{canary}\"}}"),
            format!("{{\"access_token\":[\"{canary}\"],\"device_code\":[\"{canary}\"]}}"),
            format!("{{\"access_token\":\"{canary}\"}}"),
            canary.clone(),
        ] {
            let response = answer(status, &body);
            let shown = format!("{:?} {:?}", DevicePoll::parse(&response), DeviceAuthorization::parse(&response));
            prop_assert!(!shown.contains(&canary), "{}", shown);
        }
    }
}
