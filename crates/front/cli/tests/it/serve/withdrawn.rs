//! Calls that are under way when their credential is cleared or disabled.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex, wait};
use serde_json::json;

use crate::LANYARD;

const NONE: [&str; 0] = [];

/// Longer than any test runs.
const FOREVER: u64 = 3_600_000;

#[test]
fn a_call_under_way_ends_when_its_credential_is_withdrawn() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    home.sign_in(&webex, "second");
    let broker = Served::start(&home, NONE);
    for (name, command, action, is_answered) in [
        ("acme", &["disable", "acme"] as &[_], json!({"delay_ms": FOREVER}), true),
        ("second", &["clear", "second", "--yes"], json!({"drip_bytes": 10, "drip_ms": FOREVER}), false),
    ] {
        webex.fault(&json!({"path": "/v1/people/me", "action": action}));
        webex.forget_record();
        let mut stream = UnixStream::connect(broker.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        write!(stream, "GET /webex/{name}/v1/people/me HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        while webex.record().is_empty() {
            wait(Duration::from_millis(10));
        }
        home.run(command).ok();
        let mut reply = String::new();
        // A connection that is cut within a body is an error to some, and an end to others.
        if let Err(error) = stream.read_to_string(&mut reply) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{name}: {reply}");
        }
        if is_answered {
            assert!(reply.starts_with("HTTP/1.1 503") && reply.contains("no-valid-token"), "{reply}");
        } else {
            assert!(reply.starts_with("HTTP/1.1 200") && !reply.contains('}'), "{reply}");
        }
    }
    assert!(broker.stop().status.success());
}
