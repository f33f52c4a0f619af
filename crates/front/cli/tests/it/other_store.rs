//! A command that means another store than the broker that runs in its home.

use std::fs;

use lanyard_testkit::{Ended, Home, Postgres, RefreshBehaviour, Running, Webex, left_out};
use std::time::Duration;

use crate::LANYARD;
use crate::on_server::home as home_on;

/// No server is asked: the broker compares before anything is done.
const OTHER: &str = "postgres://lanyard@127.0.0.1:1/try";

fn with(home: &Home, store: &str, arguments: &[&str]) -> Ended {
    Running::start(home.command(arguments).env("LANYARD_STORE", store)).end()
}

#[track_caller]
fn refused(ended: Ended, code: i32, stores: [&str; 2], hint: &str) {
    for said in stores {
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    assert!(ended.hint().contains(hint), "{ended:?}");
    assert!(ended.stdout.is_empty(), "{ended:?}");
    ended.fails(code);
}

#[test]
fn a_broker_on_a_file_does_nothing_for_a_command_that_means_a_server() {
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_hours(1));
    let home = Home::new(LANYARD).with_acme(&webex);
    let mut broker = Running::start(&mut home.command(["serve"]));
    broker.wait_for("ready");
    let token = home.token();
    let database = home.path().join("lanyard.db");
    let stores = ["uses the store ", "/lanyard.db, but this command is for postgres://lanyard@127.0.0.1:1/try"];
    for (arguments, code) in [
        (&["clear", "acme", "--yes"][..], 2),
        (&["token", "acme"], 2),
        (&["token"], 2),
        (&["exec", "acme", "--proxy", "--", "true"], 125),
        (&["list"], 2),
        (&["rename", "acme", "other"], 2),
    ] {
        refused(with(&home, OTHER, arguments), code, stores, "unset LANYARD_STORE");
    }
    let malformed = with(&home, "postgres://nowhere", &["list"]);
    assert!(malformed.stderr.contains("LANYARD_STORE: expected postgres://"), "{malformed:?}");
    malformed.fails(2);
    let doctor = with(&home, OTHER, &["doctor"]);
    assert!(doctor.stdout.contains("!!  broker       the broker that runs in this home uses the store"), "{doctor:?}");
    assert_ne!(doctor.code(), 0);

    // The other store has its key from the same files.
    let keys = fs::read(home.path().join("home.key")).unwrap();
    for arguments in [&["key", "rotate"][..], &["key", "rotate", "--cancel"]] {
        let rotate = with(&home, OTHER, arguments);
        assert!(rotate.stderr.contains("whose key is in the same files"), "{rotate:?}");
        assert!(rotate.hint().contains("unset LANYARD_STORE"), "{rotate:?}");
        rotate.fails(2);
    }
    assert_eq!(fs::read(home.path().join("home.key")).unwrap(), keys);

    // The setting was written after the broker had started.
    let settings = home.path().join("lanyard.toml");
    let store = format!("store = \"{OTHER}\"\n");
    fs::write(&settings, &store).unwrap();
    refused(
        home.run(["clear", "acme", "--yes"]),
        2,
        [database.to_str().unwrap(), "(store in lanyard.toml)"],
        "lanyard serve",
    );
    fs::remove_file(&settings).unwrap();

    assert!(webex.accepts(&token));
    assert_eq!(home.token(), token);
    home.run(["doctor"]).ok();
}

#[test]
fn a_home_is_the_same_by_another_path() {
    let home = Home::new(LANYARD);
    home.run(["add", "bot", "lobby", "--token-file", home.file("token", "x").to_str().unwrap()]);
    let mut broker = Running::start(&mut home.command(["serve"]));
    broker.wait_for("ready");
    let link = home.beside().join("link");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    let listed = Running::start(home.command(["list"]).env("LANYARD_HOME", &link)).end();
    assert_eq!(listed.code(), 0, "{listed:?}");
}

#[test]
fn a_broker_on_a_server_does_nothing_for_a_command_that_means_another_store() {
    let server = match Postgres::shared() {
        Ok(server) => server,
        Err(why) => return left_out(why),
    };
    let (address, other) = (server.database(), server.database());
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_hours(1));
    let home = home_on(&address).with_acme(&webex);
    let mut broker = Running::start(&mut home.command(["serve"]));
    broker.wait_for("ready");
    let token = home.token();
    refused(with(&home, &other, &["clear", "acme", "--yes"]), 2, [&address, &other], "unset LANYARD_STORE");

    // Another spelling is the same store.
    let respelt =
        address.replace("postgres://lanyard@localhost/", "postgresql://someone@127.0.0.1:5432/") + "&sslmode=disable";
    let printed = with(&home, &respelt, &["token", "acme"]);
    assert_eq!(printed.stdout.trim(), token, "{printed:?}");

    let settings = home.path().join("lanyard.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replace(&address, &other)).unwrap();
    refused(home.run(["list"]), 2, [&address, &other], "lanyard serve");
    // Without the setting, the home's own file is meant.
    fs::write(&settings, "").unwrap();
    refused(home.run(["token", "acme"]), 2, [&address, "/lanyard.db (the home's own"], "set LANYARD_STORE");
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("!!  broker       the broker that runs in this home uses the store"), "{doctor:?}");
    assert_ne!(doctor.code(), 0);
    let printed = with(&home, &address, &["token", "acme"]);
    assert_eq!(printed.stdout.trim(), token, "{printed:?}");
    fs::write(&settings, text).unwrap();
    assert_eq!(home.token(), token);
    assert!(webex.accepts(&token));
}
