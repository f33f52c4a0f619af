//! Limits that Webex sets, which hold for all processes of a store and for nobody else.

use std::fs;

use lanyard_testkit::{Home, Reply, Served};
use serde_json::json;

use super::{LIFE, age, strict};
use crate::signed_in;

const NONE: [&str; 0] = [];

/// Two brokers of one home.
fn two_brokers(home: &Home) -> [Served; 2] {
    let elsewhere = home.beside().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    [Served::start(home, NONE), Served::start(home, ["--sockets", elsewhere.to_str().unwrap()])]
}

fn token(broker: &Served, name: &str) -> Reply {
    broker.ask("GET", &format!("/api/v1/credentials/{name}/token"))
}

#[test]
fn a_limit_that_a_command_met_holds_for_two_brokers_and_other_commands() {
    let webex = strict();
    let home = signed_in(&webex);
    home.sign_in(&webex, "twin");
    home.sign_in(&webex, "third");
    age(&home, 2 * LIFE);
    let limit = json!({ "status": 429, "headers": { "Retry-After": "3600" } });
    webex.fault(&json!({ "path": "/v1/access_token", "action": limit }));
    home.run(["token", "acme"]).fails(5);
    let refused = home.run(["token", "twin"]);
    assert!(refused.stderr.contains("Webex limits the calls of this app or person"), "{}", refused.stderr);
    refused.fails(5);
    assert_eq!(home.show("twin")["state"], "active", "nothing failed that was not tried");
    let brokers = two_brokers(&home);
    for broker in &brokers {
        let reply = token(broker, "twin");
        assert_eq!((reply.status, reply.problem()), (503, Some("no-valid-token")), "{reply:?}");
    }
    assert_eq!(webex.refreshes().len(), 1, "{:?}", webex.refreshes());

    // A person may try; when that succeeds, the limit has ended for all.
    home.run(["refresh", "twin", "--force"]).ok();
    for broker in &brokers {
        assert_eq!(token(broker, "twin").status, 200);
        assert_eq!(token(broker, "third").status, 200);
    }
    for broker in brokers {
        assert!(broker.stop().status.success());
    }
}
