//! Being told to stop.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use lanyard_testkit::{Home, Running};
use serde_json::json;

use super::{LIFE, age, nothing_is_lost, stopped_at, strict};
use crate::{LANYARD, signed_in};

const SIGNALS: [(&str, i32); 4] = [("HUP", 1), ("INT", 2), ("QUIT", 3), ("TERM", 15)];

#[test]
fn a_signal_between_intent_and_commit_ends_the_process_after_the_commit() {
    for (signal, number) in SIGNALS {
        let webex = strict();
        let home = signed_in(&webex);
        let mut renewal = stopped_at(&home, "rotation.sending");
        webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_after_ms": 300 } }));
        // It is delivered when the process goes on, which is before the answer is there.
        renewal.signal(signal);
        renewal.signal("CONT");
        renewal.wait_for("a token request is under way; stopping as soon as its outcome is stored");
        renewal.end().fails(128 + number);
        assert_eq!(home.show("acme")["generation"], 2, "SIG{signal}");
        nothing_is_lost(&home, &webex, 1);
    }
}

#[test]
fn a_signal_to_a_process_that_waits_for_another_ends_it_at_once() {
    for (signal, number) in SIGNALS {
        let webex = strict();
        let home = signed_in(&webex);
        let first = stopped_at(&home, "rotation.declared");
        age(&home, 2 * LIFE);
        let mut waiting = Running::start(&mut home.command(["-vv", "token", "acme"]));
        waiting.wait_for("HandOut");
        waiting.signal(signal);
        let ended = waiting.end();
        assert!(!ended.stderr.contains("a token request is under way"), "{}", ended.stderr);
        ended.fails(128 + number);
        assert_eq!(webex.refreshes().len(), 0, "SIG{signal}");
        first.signal("CONT");
        first.end().ok();
        nothing_is_lost(&home, &webex, 1);
    }
}

#[test]
fn a_key_command_that_hangs_is_named_and_keeps_no_broker_from_ending() {
    for (signal, number) in SIGNALS {
        let home = Home::new(LANYARD);
        fs::create_dir(home.path()).unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
        let settings = home.path().join("lanyard.toml");
        fs::write(&settings, "key_source = \"command\"\nkey_command = [\"sleep\", \"60\"]\n").unwrap();
        fs::set_permissions(&settings, Permissions::from_mode(0o600)).unwrap();
        // The tests name a source of their own for new homes.
        let mut broker = Running::start(home.command(["serve"]).env_remove("LANYARD_KEY_SOURCE"));
        broker.wait_for("waiting for the key command sleep to end");
        broker.signal(signal);
        broker.end().fails(128 + number);
    }
}
