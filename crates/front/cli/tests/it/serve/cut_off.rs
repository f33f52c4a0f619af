//! A broker that is cut off from the server with its store: it hands out what it has in memory for a while, then says why it does not,
//! and goes on without anybody's doing when it reaches the server again.

use std::time::Duration;

use lanyard_testkit::{Home, Postgres, Relay, Served, left_out};

use super::outages::{CALL, TOKEN, hands_out, in_trouble, recovers, until, webex, written_down};
use crate::on_server;

/// As an error names it.
fn server_of(relay: &Relay) -> String {
    format!("the database server {}", relay.address())
}

/// In seconds.
const MAX_STALE: &str = "4";

/// `commands` checks how commands of the owner fail once `max_stale` is over.
fn is_cut_off(cut: fn(&Relay), commands: fn(&Home, &str)) {
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
        commands(&home, &server_of(&relay));

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
    is_cut_off(Relay::hold, |home, _| {
        let refused = |words: &[&str]| {
            let command = home.run(words);
            assert!(command.code() == 6 && command.stdout.is_empty(), "{words:?}: {command:?}");
            assert!(command.hint().contains("lanyard doctor"), "{words:?}: {command:?}");
            command.stderr
        };
        // Each waited for the server itself, its error would name it.
        for words in [&["token", "acme"][..], &["api", "acme", "people/me"]] {
            let error = refused(words);
            assert!(error.contains("the store has not been read for"), "{words:?}: {error}");
        }
        // Perhaps before the broker takes its store for silent.
        let error = refused(&["list"]);
        assert!(error.contains("the store has not answered for"), "{error}");
        for words in [&["list"][..], &["show", "acme"], &["refresh", "acme"], &["app", "list"]] {
            let error = refused(words);
            assert!(error.contains("the store has not answered for"), "{words:?}: {error}");
            assert!(error.contains("nothing was changed"), "{words:?}: {error}");
        }
    });
}

#[test]
fn a_broker_whose_connections_are_reset_hands_out_for_max_stale_and_recovers() {
    is_cut_off(Relay::reset, |home, server| {
        let command = home.run(["token", "acme"]);
        assert!(command.code() == 6 && command.stdout.is_empty(), "{command:?}");
        let is_stale = command.stderr.contains("the store has not been read for");
        assert!(is_stale || command.stderr.contains(server), "{command:?}");
        let command = home.run(["list"]);
        assert!(command.code() == 6 && command.stderr.contains(server), "{command:?}");
        assert!(command.hint().contains("check that the server is running"), "{command:?}");
    });
}
