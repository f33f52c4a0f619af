//! Callers that want the same renewal at the same moment, and callers of one app that do not.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::os::unix::net::UnixStream;

use lanyard_testkit::{Home, Running, Served, Webex, ask_on};
use serde_json::json;

use super::endings::revoke_access;
use super::{LIFE, age, nothing_is_lost, slow, strict};
use crate::signed_in;

const NONE: [&str; 0] = [];

/// Waits until Webex has been sent so many refresh tokens.
fn sent(webex: &Webex, count: usize) {
    while webex.refreshes().len() < count {
        std::thread::yield_now();
    }
}

#[test]
fn four_calls_of_one_program_whose_token_is_refused_renew_it_once() {
    let webex = strict();
    let home = signed_in(&webex);
    revoke_access(&webex);
    slow(&webex, 500);
    let call = "curl -s -o /dev/null -w '%{http_code} ' -H \"Authorization: Bearer $WEBEX_ACCESS_TOKEN\" \"$WEBEX_BASE_URL/people/me\"";
    let four = format!("for call in 1 2 3 4; do {call} & done; wait");
    let ended = home.run(["exec", "acme", "--proxy", "--", "sh", "-c", &four]);
    assert_eq!(ended.ok(), "200 200 200 200");
    nothing_is_lost(&home, &webex, 1);
}

#[test]
fn four_commands_whose_token_is_refused_renew_it_once() {
    let webex = strict();
    let home = signed_in(&webex);
    revoke_access(&webex);
    slow(&webex, 500);
    let calls = [(); 4].map(|()| Running::start(&mut home.command(["api", "acme", "people/me"])));
    for call in calls {
        call.end().ok();
    }
    nothing_is_lost(&home, &webex, 1);
}

#[test]
fn a_client_that_hangs_up_leaves_its_renewal_to_those_that_share_it() {
    let webex = strict();
    let home = signed_in(&webex);
    let broker = Served::start(&home, NONE);
    home.outlive(std::time::Duration::from_secs(1));
    slow(&webex, 1500);
    let longer = format!("/api/v1/credentials/acme/token?min_validity={}", LIFE.as_secs() - 1);
    let mut first = UnixStream::connect(broker.socket()).unwrap();
    write!(first, "GET {longer} HTTP/1.1\r\nhost: broker\r\n\r\n").unwrap();
    sent(&webex, 1);
    let socket = broker.socket();
    let others = [(); 3].map(|()| {
        let (socket, longer) = (socket.clone(), longer.clone());
        std::thread::spawn(move || ask_on(&socket, "GET", &longer, &[]).expect("an answer"))
    });
    drop(first);
    let given: BTreeSet<String> = others
        .into_iter()
        .map(|other| {
            let reply = other.join().unwrap();
            assert_eq!(reply.status, 200, "{reply:?}");
            reply.json()["access_token"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(given.len(), 1, "all have the token of the one renewal");
    assert!(webex.accepts(given.first().unwrap()));
    assert!(broker.stop().status.success());
    assert_eq!(home.show("acme")["generation"], 2);
    nothing_is_lost(&home, &webex, 1);
}

/// Signs the administrator's colleague in as `other`, through the same app.
fn sign_in_colleague(webex: &Webex, home: &Home) {
    let mut login = home.begin_login("other");
    let url = login.wait_for("/authorize?").trim().to_owned();
    let redirected = webex.signs_in(&webex.colleague(), &url, true);
    login.write_line(redirected.as_str());
    login.end().ok();
}

#[test]
fn a_user_whom_webex_limits_keeps_no_other_user_of_the_app_waiting() {
    let webex = strict();
    let home = signed_in(&webex);
    sign_in_colleague(&webex, &home);
    age(&home, 2 * LIFE);
    let limit = json!({ "status": 429, "headers": { "Retry-After": "3600" } });
    webex.fault(&json!({ "path": "/v1/access_token", "action": limit }));
    let broker = Served::start(&home, NONE);
    broker.wait_for("not renewed");
    broker.wait_for("\"renewed\"");
    let (limited, other) = if home.show("acme")["generation"] == 2 { ("other", "acme") } else { ("acme", "other") };
    assert_eq!((&home.show(limited)["state"], &home.show(other)["state"]), (&json!("stalled"), &json!("active")));
    assert!(webex.accepts(&home.run(["token", other]).ok()));
    // The pause that Webex asked for is respected in the broker and in a command.
    home.run(["token", limited]).fails(5);
    assert!(broker.stop().status.success());
    home.run(["token", limited]).fails(5);
    home.run(["refresh", limited]).fails(5);
    assert_eq!(webex.refreshes().len(), 2, "{:?}", webex.refreshes());
    // A person may try, and the grant is still valid.
    home.run(["refresh", limited, "--force"]).ok();
    assert!(webex.accepts(&home.run(["token", limited]).ok()));
}
