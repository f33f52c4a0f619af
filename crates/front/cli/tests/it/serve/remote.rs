//! Commands while a broker runs in the home: it does what they ask for, and they never open the store.

use std::fs;
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex};

use crate::LANYARD;

const NONE: [&str; 0] = [];

/// A signed-in home whose key is put out of reach once its broker runs: whoever opens the store now fails.
fn served(webex: &Webex) -> (Home, Served) {
    let home = Home::signed_in(LANYARD, webex);
    let broker = Served::start(&home, NONE);
    fs::rename(key(&home), home.beside().join("key")).unwrap();
    assert_eq!(home.run(["key", "show"]).code(), 6, "no command opens the store now");
    (home, broker)
}

fn key(home: &Home) -> std::path::PathBuf {
    let mut files = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "key")).unwrap()
}

#[test]
fn every_command_asks_the_broker_and_leaves_the_store_closed() {
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_hours(1));
    let (home, broker) = served(&webex);
    let token = home.token();
    assert!(webex.accepts(token.trim()));
    assert!(home.run(["list"]).ok().contains("acme"));
    assert_eq!(home.show("acme")["kind"], "integration");
    assert!(home.run(["app", "list"]).ok().contains("desk"));
    home.run(["test", "acme"]).ok();
    assert!(home.run(["api", "acme", "people/me"]).ok().contains("emails"));
    home.run(["refresh", "acme", "--force"]).ok();
    assert_ne!(home.token(), token, "the broker hands out what it has just got");
    home.run(["rename", "acme", "globex"]).ok();
    home.run(["label", "globex", "room=4"]).ok();
    home.run(["disable", "globex"]).ok();
    assert_eq!(home.run(["token", "globex"]).code(), 1);
    home.run(["enable", "globex"]).ok();
    home.sign_in(&webex, "second");
    assert!(home.run(["exec", "second", "--", "sh", "-c", "echo $WEBEX_ACCESS_TOKEN"]).ok().trim().len() > 20);
    home.run(["clear", "second"]).ok();
    assert_eq!(home.run(["show", "second"]).code(), 3);
    home.run(["audit", "--verify"]).ok();
    assert!(broker.stop().status.success());
}

#[test]
fn a_hand_out_is_written_down_with_who_asked_and_what_for() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    webex.forget_record();
    home.token();
    home.run(["exec", "acme", "--", "true"]).ok();
    assert_eq!(webex.record().len(), 0, "the tokens came from memory");
    assert!(broker.stop().status.success());
    let audit = home.run(["audit"]).ok();
    let uid = format!("uid {}", rustix::process::getuid().as_raw());
    for means in ["token, generation 1", "exec true, generation 1"] {
        let found =
            audit.lines().any(|line| line.contains("handed-out") && line.contains(means) && line.contains(&uid));
        assert!(found, "{means}: {audit}");
    }
}

#[test]
fn a_failure_is_told_in_the_same_words_whether_a_broker_runs_or_not() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let commands: [&[&str]; 5] = [
        &["show", "acne"],
        &["token", "nobody"],
        &["app", "remove", "desk"],
        &["--json", "rename", "acme", "acme"],
        &["--webex-url", "http://127.0.0.1:9/v1", "token", "acme"],
    ];
    let told = || {
        commands.map(|command| {
            let ended = home.run(command);
            (ended.code(), ended.stdout, ended.stderr)
        })
    };
    let without = told();
    let broker = Served::start(&home, NONE);
    assert_eq!(told(), without);
    assert!(broker.stop().status.success());
}

#[test]
fn a_socket_that_a_killed_broker_left_behind_stops_nobody() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    let socket = broker.socket();
    let token = home.token();
    assert!(broker.kill());
    assert!(socket.exists());
    assert_eq!(home.token(), token);
}
