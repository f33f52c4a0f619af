//! A store in PostgreSQL, which several homes share. Left out where this machine has no server.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::time::Duration;

use lanyard_testkit::{Home, Postgres, RefreshBehaviour, Reply, Running, Served, Webex, left_out};

use crate::LANYARD;
use crate::serve::outages::until;

/// A home whose settings name a database.
pub(crate) fn home(address: &str) -> Home {
    let home = Home::new(LANYARD);
    let _ = DirBuilder::new().mode(0o700).create(home.path());
    let settings = home.path().join("lanyard.toml");
    fs::write(&settings, format!("store = \"{address}\"\nkey_source = \"file\"\n")).unwrap();
    fs::set_permissions(&settings, Permissions::from_mode(0o600)).unwrap();
    home
}

/// Another home of the same store, with a copy of the key.
pub(crate) fn beside(first: &Home, address: &str) -> Home {
    let home = home(address);
    fs::copy(first.path().join("home.key"), home.path().join("home.key")).unwrap();
    home
}

fn server() -> Option<&'static Postgres> {
    Postgres::shared().map_err(left_out).ok()
}

#[test]
fn homes_that_share_a_store_have_the_same_credentials() {
    let Some(server) = server() else { return };
    let address = server.database();
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_hours(1));
    let first = home(&address);
    first.run(["list"]).fails(3);
    first.run(["serve"]).fails(3);
    assert!(!first.path().join("home.key").exists(), "looking makes nothing");
    let first = first.with_acme(&webex);
    assert!(!first.path().join("lanyard.db").exists());
    let second = beside(&first, &address);
    assert_eq!(second.token(), first.token());
    second.run(["rename", "acme", "portal"]).ok();
    assert_eq!(first.show("portal")["name"], "portal");
    first.run(["audit", "--verify"]).ok();
    let doctor = second.run(["doctor"]);
    assert!(doctor.stdout.contains("postgres://lanyard@localhost/"), "{}", doctor.stdout);
    assert_eq!(doctor.code(), 0, "{}", doctor.stdout);

    // What is about files says so.
    let backup = first.run(["backup", "backup.db"]);
    assert_eq!(backup.code(), 2, "{}", backup.stderr);
    assert!(backup.stderr.contains("pg_dump --schema=lanyard"), "{}", backup.stderr);
    let restore = first.run(["restore", "backup.db"]);
    assert!(restore.stderr.contains("PostgreSQL"), "{}", restore.stderr);

    let settings = second.path().join("lanyard.toml");
    let elsewhere = fs::read_to_string(&settings).unwrap().replace("\"file\"", "\"keyring\"");
    fs::write(&settings, elsewhere).unwrap();
    let warned = second.run(["doctor"]).ok();
    assert!(warned.contains("sets key_source = \"keyring\", but the key is kept in"), "{warned}");

    // The settings' mistakes never lead to another store.
    for (text, said) in [
        (format!("store = {address}\n"), "seems to set store"),
        (format!("\"store\" = \"{address}\"\nthis is not TOML\n"), "seems to set store"),
        (format!("stroe = \"{address}\"\n"), "did you mean `store`?"),
        (format!("[serve]\nstore = \"{address}\"\n"), "did you mean `store`, above all tables?"),
        ("store = \"postgres://u:hunter2@localhost/x\"\n".to_owned(), "contains a password"),
        ("store = \"postgres://u@db.example.com/x?sslmode=require\"\n".to_owned(), "verify-full"),
    ] {
        fs::write(&settings, text).unwrap();
        let refused = second.run(["list"]);
        assert_ne!(refused.code(), 0);
        assert!(refused.stderr.contains(said) && !refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
}

#[test]
fn a_server_that_is_gone_is_named_and_what_is_in_memory_is_handed_out() {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => return left_out(&why),
    };
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_hours(1));
    let home = home(&server.database()).with_acme(&webex);
    let token = home.token();
    let mut broker = Running::start(&mut home.command(["serve"]));
    broker.wait_for("ready");
    assert_eq!(home.token(), token, "the broker has read it");
    server.kill();
    assert_eq!(home.token(), token, "the broker has it in memory");
    server.start_again();
    drop(broker);
    server.kill();
    let ended = home.run(["token", "acme"]);
    assert_eq!(ended.code(), 6, "{}", ended.stderr);
    assert!(ended.stderr.contains("server"), "{}", ended.stderr);
    server.start_again();
    assert_eq!(home.token(), token);
}

/// Uses every command that a broker answers from the tokens in its memory.
#[track_caller]
fn works_from_memory(home: &Home, webex: &Webex, token: &str) {
    let printed = |arguments: &[&str]| home.run(arguments).ok().trim().to_owned();
    assert_eq!(printed(&["token"]), token, "the only credential needs no name");
    assert_eq!(printed(&["token", "acme"]), token);
    // Longer than any token is valid: a renewal would need the store.
    let short = home.run(["token", "acme", "--min-validity", "2h"]);
    assert!(short.code() == 0 && short.stdout.trim() == token, "{short:?}");
    assert_eq!(printed(&["exec", "--", "sh", "-c", "echo $WEBEX_ACCESS_TOKEN"]), token);
    for arguments in [&["api", "people/me"][..], &["api", "acme", "people/me"], &["api", "me/x", "-X", "HEAD"]] {
        let called = home.run(arguments);
        assert!(called.stdout.contains("displayName") || called.stderr.contains("404"), "{arguments:?}: {called:?}");
    }
    let address = format!("{}/people/me", webex.url());
    assert!(printed(&["api", &address]).contains("displayName"));
    let unknown = home.run(["api", "people"]);
    assert!(!unknown.stderr.contains("database"), "{unknown:?}");
    let call = "curl -sS -H \"Authorization: Bearer $WEBEX_ACCESS_TOKEN\" \"$WEBEX_BASE_URL/people/me\"";
    assert!(printed(&["exec", "--proxy", "--", "sh", "-c", call]).contains("displayName"));
}

#[test]
fn a_broker_whose_server_is_gone_or_frozen_works_from_the_tokens_in_its_memory() {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => return left_out(&why),
    };
    let webex = Webex::start(RefreshBehaviour::Rotate, Duration::from_hours(1));
    let home = home(&server.database()).with_acme(&webex);
    let broker = Served::start(&home, ["--max-stale", "10m"]);
    let token = home.token();
    server.freeze();
    works_from_memory(&home, &webex, &token);
    // The first to say so is whoever waits, or the reader whose question failed.
    let frozen = |reply: &Reply| {
        let trouble = reply.json()["trouble"].to_string();
        reply.status == 503 && ["has not answered", "no answer within"].iter().any(|said| trouble.contains(said))
    };
    until(&broker, "/readyz", frozen);
    server.thaw();
    server.kill();
    works_from_memory(&home, &webex, &token);
    let listed = home.run(["list"]);
    assert_eq!(listed.code(), 6, "what is not in memory needs the store: {listed:?}");
    server.start_again();
    until(&broker, "/readyz", |reply| reply.status == 200 && reply.json()["hand_outs_to_be_written"] == 0);
    let audit = home.run(["audit"]).ok();
    for means in ["token", "exec sh", "api GET people", "exec sh, proxy GET people"] {
        assert!(audit.contains(means), "{means}: {audit}");
    }
    assert!(broker.stop().status.success());
    home.run(["audit", "--verify"]).ok();
}

#[test]
fn processes_of_two_homes_at_the_moment_of_expiry_make_one_exchange() {
    let Some(server) = server() else { return };
    let address = server.database();
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_secs(1));
    let first = home(&address).with_acme(&webex);
    let second = beside(&first, &address);
    let old = first.token();
    first.outlive(Duration::from_secs(1));
    webex.live_longer(Duration::from_mins(1));

    let running: Vec<Running> = (0..40)
        .map(|number| {
            let home = if number % 2 == 0 { &first } else { &second };
            Running::start(&mut home.command(["token", "acme"]))
        })
        .collect();
    let tokens: BTreeSet<String> = running.into_iter().map(|process| process.end().ok()).collect();
    assert_eq!(tokens.len(), 1, "all hold the same token");
    assert!(!tokens.contains(&old), "and it is a new one");
    assert_eq!(webex.refreshes().len(), 1, "{:?}", webex.refreshes());
    assert_eq!(first.show("acme")["generation"], 2);
    second.run(["audit", "--verify"]).ok();
}

#[test]
fn a_home_is_moved_to_a_server_and_goes_on_there() {
    let Some(server) = server() else { return };
    let address = server.database();
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
    let home = Home::new(LANYARD).with_acme(&webex);
    let token = home.token();
    let missing = Home::new(LANYARD).run(["migrate-store", &address]);
    assert_eq!(missing.code(), 3, "{}", missing.stderr);

    // What it refuses.
    let password = home.run(["migrate-store", "postgres://u:hunter2@localhost/x"]);
    assert_eq!(password.code(), 2, "{}", password.stderr);
    assert!(password.stderr.contains("--password-file") && !password.stderr.contains("hunter2"), "{}", password.stderr);
    let unsaid = Running::start(home.command(["migrate-store", &address]).env_remove("LANYARD_KEY_SOURCE")).end();
    assert_eq!(unsaid.code(), 2, "{}", unsaid.stderr);
    assert!(unsaid.stderr.contains("--key-source file"), "{}", unsaid.stderr);
    let other = home.run(["migrate-store", &address, "--key-source", "command"]);
    assert!(other.stderr.contains("lanyard key rotate --to command"), "{}", other.stderr);
    let mut broker = Running::start(&mut home.command(["serve"]));
    broker.wait_for("ready");
    let busy = home.run(["migrate-store", &address, "--key-source", "file"]);
    assert_eq!(busy.code(), 1, "{}", busy.stderr);
    assert!(busy.stderr.contains("a broker runs in"), "{}", busy.stderr);
    drop(broker);

    let moved = home.run(["migrate-store", &address, "--key-source", "file"]);
    assert_eq!(moved.code(), 0, "{}", moved.stderr);
    assert!(moved.stderr.contains("moved 1 credential, 1 app, 0 clients and "), "{}", moved.stderr);
    assert!(moved.stderr.contains("added to lanyard.toml: store = ") && moved.stderr.contains("lanyard.db.moved"));
    assert_eq!(home.token(), token);
    home.run(["refresh", "acme", "--force"]).ok();
    assert!(webex.accepts(&home.token()));
    home.run(["audit", "--verify"]).ok();
    assert!(home.run(["audit"]).ok().contains("moved"));
    let again: serde_json::Value = serde_json::from_str(&home.run(["--json", "migrate-store", &address]).ok()).unwrap();
    assert_eq!((&again["rows"], &again["settings"]["named"]), (&serde_json::Value::Null, &"already".into()));
    let elsewhere = home.run(["migrate-store", &server.database()]);
    assert_eq!(elsewhere.code(), 2, "{}", elsewhere.stderr);

    // A home that somebody makes of the old file never hands anything out.
    let old = home.path().join("lanyard.db.moved");
    let copy = Home::new(LANYARD);
    let key = home.path().join("home.key");
    copy.run(["restore", old.to_str().unwrap(), "--key-file", key.to_str().unwrap()]);
    let resumed = copy.run(["restore", "--resume"]);
    assert_ne!(resumed.code(), 0, "{}", resumed.stderr);
    assert_ne!(copy.run(["token", "acme"]).code(), 0);
}

#[test]
fn a_move_that_a_person_must_finish_keeps_its_key() {
    let Some(server) = server() else { return };
    let address = server.database();
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
    let home = Home::new(LANYARD).with_acme(&webex);
    let token = home.token();
    let settings = home.path().join("lanyard.toml");
    fs::write(&settings, "key_sorce = \"file\"\n").unwrap();
    fs::set_permissions(&settings, Permissions::from_mode(0o600)).unwrap();
    let mistaken = home.run(["migrate-store", &address, "--key-source", "file"]);
    assert!(mistaken.stderr.contains("key_sorce") && mistaken.code() != 0, "{}", mistaken.stderr);
    assert_eq!(home.token(), token, "nothing was begun");
    fs::remove_file(&settings).unwrap();

    // Settings that are a link are not edited.
    let elsewhere = home.beside().join("settings.toml");
    fs::write(&elsewhere, "").unwrap();
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &settings).unwrap();
    let begun = home.run(["migrate-store", &address, "--key-source", "file"]);
    assert_eq!(begun.code(), 4, "{}", begun.stderr);
    let line = format!("store = \"{address}\"");
    assert!(begun.stderr.lines().any(|shown| shown == line), "{}", begun.stderr);

    // The key of the copy is the key of the file, and nothing changes it now.
    for words in [&["key", "rotate"][..], &["key", "rotate", "--cancel"], &["token", "acme"]] {
        let refused = home.run(words);
        assert!(
            refused.hint().contains(&format!("lanyard migrate-store '{address}'")),
            "{words:?}: {}",
            refused.stderr
        );
        refused.fails(4);
    }
    // Without the variable that says where the keys of new homes are kept: the move has begun.
    let again = Running::start(home.command(["migrate-store", &address]).env_remove("LANYARD_KEY_SOURCE")).end();
    assert_eq!(again.code(), 4, "{}", again.stderr);
    fs::write(&elsewhere, format!("{line}\n")).unwrap();
    home.run(["migrate-store", &address]).ok();
    assert_eq!(home.token(), token);
    home.run(["key", "rotate"]).ok();

    fs::write(&elsewhere, "").unwrap();
    let lost = home.run(["list"]);
    assert!(lost.stderr.contains("was moved to PostgreSQL"), "{}", lost.stderr);
}
