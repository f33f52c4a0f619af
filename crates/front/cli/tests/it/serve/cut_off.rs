//! A broker that is cut off from the server with its store: it hands out what it has in memory for a while, then says why it does not,
//! and goes on without anybody's doing when it reaches the server again.

use std::time::Duration;

use lanyard_testkit::{Postgres, Relay, Served, left_out};

use super::outages::{CALL, TOKEN, hands_out, in_trouble, recovers, until, webex, written_down};
use crate::on_server;

/// As an error names it.
fn server_of(relay: &Relay) -> String {
    format!("the database server {}", relay.address())
}

/// In seconds.
const MAX_STALE: &str = "4";

fn is_cut_off(cut: fn(&Relay)) {
    let server = match Postgres::shared() {
        Ok(server) => server,
        Err(why) => return left_out(why),
    };
    let (webex, relay) = (webex(), Relay::start(&server.socket()));
    let address = format!("postgres://lanyard@{}/{}", relay.address(), server.new_database());
    let home = on_server::home(&address).with_acme(&webex);
    let before = written_down(&home);
    let broker = Served::start(&home, ["--max-stale", MAX_STALE]);
    let mut handed = hands_out(&broker, 5);
    for _ in 0..2 {
        cut(&relay);
        handed += hands_out(&broker, 5);
        let refused = loop {
            let reply = broker.ask("GET", TOKEN);
            if reply.status != 200 {
                break reply;
            }
            handed += 1;
            lanyard_testkit::wait(Duration::from_millis(20));
        };
        assert_eq!((refused.status, refused.problem()), (503, Some("store")), "{refused:?}");
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("has not been read"), "{detail}");
        let called = broker.ask("GET", CALL);
        assert_eq!((called.status, called.problem()), (503, Some("store")), "{called:?}");
        in_trouble(&broker, "");
        let command = home.run(["token", "acme"]);
        assert_eq!(command.code(), 6, "{command:?}");
        assert!(command.stderr.contains(&server_of(&relay)) && command.stdout.is_empty(), "{command:?}");
        assert!(command.hint().contains("check that the server is running"), "{command:?}");

        relay.forward();
        for path in [TOKEN, CALL] {
            until(&broker, path, |reply| reply.status == 200);
        }
        handed += 1;
        recovers(&broker);
    }
    assert_eq!(broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true").status, 200);
    assert!(broker.stop().status.success());
    assert_eq!(written_down(&home) - before, handed, "each hand-out is in the audit, once");
}

#[test]
fn a_broker_whose_server_is_silent_hands_out_for_max_stale_and_recovers() {
    is_cut_off(Relay::hold);
}

#[test]
fn a_broker_whose_connections_are_reset_hands_out_for_max_stale_and_recovers() {
    is_cut_off(Relay::reset);
}
