//! Homes that are damaged, that are open to others, or that somebody took something out of.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use lanyard_testkit::{Home, Running, Webex};

use super::{nothing_is_lost, refused, strict};
use crate::{LANYARD, signed_in};

/// Both the hand-out and the renewal are refused so, the doctor says the same, and nothing is sent.
#[track_caller]
fn out_of_order(home: &Home, webex: &Webex, sentence: &str, hint: &str) {
    refused(home.run(["token", "acme"]), 6, sentence, hint);
    refused(home.run(["refresh", "acme", "--force"]), 6, sentence, hint);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains(sentence) && doctor.stdout.contains(hint), "{}", doctor.stdout);
    doctor.fails(6);
    assert_eq!(webex.refreshes().len(), 0);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// Runs a statement in the database, from outside; gives what it prints.
fn sqlite(home: &Home, statement: &str) -> String {
    let database = home.path().join("lanyard.db");
    let output = Command::new("sqlite3").arg(database).arg(statement).output().expect("sqlite3(1) is here");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_truncated_database_is_named_and_left_alone() {
    let webex = strict();
    let home = signed_in(&webex);
    sqlite(&home, "PRAGMA wal_checkpoint(TRUNCATE)");
    let database = home.path().join("lanyard.db");
    let whole = fs::read(&database).unwrap();
    for length in [0, 100, 4096, whole.len() / 2] {
        for file in ["lanyard.db-wal", "lanyard.db-shm"] {
            let _ = fs::remove_file(home.path().join(file));
        }
        fs::write(&database, &whole).unwrap();
        OpenOptions::new().write(true).open(&database).unwrap().set_len(length as u64).unwrap();
        out_of_order(&home, &webex, "damaged", " a backup");
        assert_eq!(fs::metadata(&database).unwrap().len(), length as u64, "nobody mends, and nobody makes it worse");
    }
    fs::write(&database, &whole).unwrap();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let webex = strict();
    let home = signed_in(&webex);
    sqlite(&home, "PRAGMA wal_checkpoint(TRUNCATE)");
    let database = home.path().join("lanyard.db");
    let whole = fs::read(&database).unwrap();
    fs::write(&database, "this is no database\n".repeat(500)).unwrap();
    out_of_order(&home, &webex, "damaged", " a backup");
    fs::write(&database, &whole).unwrap();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn another_homes_key_is_refused() {
    let webex = strict();
    let (home, other) = (signed_in(&webex), signed_in(&webex));
    let key = home.path().join("home.key");
    let own = fs::read(&key).unwrap();
    fs::write(&key, fs::read(other.path().join("home.key")).unwrap()).unwrap();
    out_of_order(&home, &webex, "the home needs the key", "put the key file with the key");
    fs::write(&key, own).unwrap();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_missing_key_is_never_replaced_by_a_new_one() {
    let webex = strict();
    let home = signed_in(&webex);
    let (key, away) = (home.path().join("home.key"), home.beside().join("away.key"));
    fs::rename(&key, &away).unwrap();
    out_of_order(&home, &webex, "has a database but no key", "your copy of the key");
    // Nor by a command that makes a home where there is none.
    let secret = home.file("token", &webex.description().bot.access_token);
    let mut add = home.command(["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file"]);
    refused(Running::start(add.arg(secret)).end(), 6, "has a database but no key", "your copy of the key");
    assert!(!key.exists());
    fs::rename(&away, &key).unwrap();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn what_others_can_read_is_not_used() {
    let webex = strict();
    let home = signed_in(&webex);
    let key = home.path().join("home.key");
    for (path, shut, open) in
        [(key, 0o600, 0o640), (home.path(), 0o700, 0o750), (home.path().join("lanyard.db"), 0o600, 0o604)]
    {
        set_mode(&path, open);
        out_of_order(&home, &webex, "others can read or write", "run `chmod");
        set_mode(&path, shut);
    }
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_newer_store_is_left_to_the_newer_binary() {
    let webex = strict();
    let home = signed_in(&webex);
    let version = sqlite(&home, "PRAGMA user_version");
    sqlite(&home, "PRAGMA user_version = 999");
    out_of_order(&home, &webex, "the store has version 999", "use the newer lanyard");
    sqlite(&home, &format!("PRAGMA user_version = {version}"));
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn many_processes_make_one_home() {
    let webex = strict();
    let home = Home::new(LANYARD);
    let app = &webex.description().integration;
    let secret = home.file("secret", &app.client_secret);
    let add = |number: usize| {
        let mut command = home.command(["--webex-url", webex.url(), "app", "add", &format!("app-{number}")]);
        command.args(["--kind", "integration", "--client-id", &app.client_id, "--scope", "spark:people_read"]);
        Running::start(command.args(["--redirect-uri", &app.redirect_uris[0], "--client-secret-file"]).arg(&secret))
    };
    let running: Vec<Running> = (0..8).map(add).collect();
    for process in running {
        process.end().ok();
    }

    let apps = home.run(["app", "list"]).ok();
    assert!((0..8).all(|number| apps.contains(&format!("app-{number}"))), "{apps}");
    let audit = home.run(["audit"]).ok();
    assert_eq!(audit.matches("home-created").count(), 1, "{audit}");
    home.run(["audit", "--verify"]).ok();
}

/// The command that starts a process under a umask.
fn under(umask: &str) -> [&str; 4] {
    ["sh", "-c", "umask \"$0\"; exec \"$@\"", umask]
}

/// The files of a home, each of which must be its owner's alone.
#[track_caller]
fn files(home: &Home, umask: &str) -> Vec<String> {
    files_in(&home.path(), umask)
}

#[track_caller]
fn files_in(directory: &Path, umask: &str) -> Vec<String> {
    assert_eq!(mode(directory), 0o700, "umask {umask}");
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).expect("it is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if name == "presence" {
            assert_eq!(files_in(&path, umask).len(), 1, "umask {umask}: one process shows that it is there");
            continue;
        }
        assert_eq!(mode(&path), 0o600, "umask {umask}: {name}");
        names.push(name);
    }
    names.sort();
    names
}

#[test]
fn a_home_is_its_owners_alone_whatever_the_umask() {
    let webex = strict();
    for umask in ["000", "077", "777"] {
        let home = Home::new(LANYARD);
        let token = home.file("token", &webex.description().bot.access_token);
        let add = ["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file", token.to_str().unwrap()];
        Running::start(&mut home.command_by(under(umask), add)).end().ok();
        assert!(files(&home, umask).starts_with(&["home.key", "home.lock", "lanyard.db"].map(str::to_owned)));
    }
}

#[test]
fn what_a_database_keeps_beside_it_is_its_owners_alone_whatever_the_umask() {
    let webex = strict();
    for umask in ["000", "077", "777"] {
        let home = signed_in(&webex);
        home.run(["exec", "acme", "--", "true"]).ok();
        assert_eq!(files(&home, umask), ["home.key", "home.lock", "lanyard.db"], "the last to close takes them away");
        let mut command = home.command_by(under(umask), ["refresh", "acme", "--force"]);
        let stopped = Running::start(command.env("LANYARD_FAILPOINT", "rotation.declared=stop"));
        stopped.wait_until_stopped();
        let names = files(&home, umask);
        assert_eq!(names, ["home.key", "home.lock", "lanyard.db", "lanyard.db-shm", "lanyard.db-wal"]);
    }
}
