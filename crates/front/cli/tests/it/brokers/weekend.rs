//! A machine that wakes after a weekend.

use std::collections::BTreeSet;

use lanyard_testkit::{RefreshBehaviour, Served, ask_on};

use super::fleet::Fleet;

/// More than may begin at once.
const CREDENTIALS: usize = 40;

#[test]
fn clients_that_wake_after_a_weekend_renew_each_credential_once() {
    let fleet = Fleet::in_file(RefreshBehaviour::RotateStrict, CREDENTIALS);
    fleet.query("UPDATE credentials SET obtained_wall = obtained_wall - 3 * 24 * 3600 * 1000");
    let broker = Served::start(&fleet.homes[0], [""; 0]);
    let socket = broker.socket();
    let ask = |name: &str| {
        let reply = ask_on(&socket, "GET", &format!("/api/v1/credentials/{name}/token"), &[]).expect("an answer");
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        reply.json()["access_token"].as_str().expect("a token").to_owned()
    };
    let tokens: BTreeSet<String> = std::thread::scope(|scope| {
        // Two clients for each credential, while the broker renews what it finds expired.
        let twice = fleet.ships.iter().chain(&fleet.ships);
        let asked: Vec<_> = twice.map(|ship| scope.spawn(|| ask(&ship.name))).collect();
        asked.into_iter().map(|asked| asked.join().expect("each gets its token")).collect()
    });
    assert_eq!(tokens.len(), CREDENTIALS, "one for each credential");
    assert!(tokens.iter().all(|token| fleet.webex.accepts(token)));
    assert_eq!(fleet.webex.refreshes().len(), CREDENTIALS);
    assert!(broker.stop().status.success());
}
