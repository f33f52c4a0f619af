//! Backups, and homes out of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use lanyard_testkit::{Home, Options, RefreshBehaviour, Running, Served, Webex};
use serde_json::Value;

use crate::{LANYARD, signed_in};

fn path(path: &std::path::Path) -> &str {
    path.to_str().expect("it is text")
}

#[test]
fn a_restored_home_hands_out_nothing_until_a_person_says_that_the_original_is_off() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, std::time::Duration::from_hours(1));
    let home = signed_in(&webex);
    let token = home.token();
    let file = home.beside().join("copy");
    let made = home.run(["backup", path(&file)]);
    assert!(made.stderr.contains("is not in it; it is kept in") && made.stderr.contains("home.key"), "{}", made.stderr);
    made.ok();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&file).unwrap();
    for secret in [token.as_bytes(), webex.description().integration.client_secret.as_bytes()] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }

    let second = Home::new(LANYARD);
    let key = home.path().join("home.key");
    let restored = second.run(["restore", path(&file), "--key-file", path(&key)]);
    assert!(restored.stdout.contains("acme") && restored.stdout.contains("accepted"), "{}", restored.stdout);
    assert!(restored.stderr.contains("cannot be tried without using them"), "{}", restored.stderr);
    assert!(restored.stderr.contains("two homes that spend one refresh token"), "{}", restored.stderr);
    restored.ok();
    assert_eq!(webex.refreshes().len(), 0, "nothing was spent for it");

    for refused in [&["token", "acme"][..], &["refresh", "acme", "--force"], &["exec", "acme", "--", "true"]] {
        let refused = second.run(refused);
        assert!(refused.stderr.contains("this home has been paused since"), "{}", refused.stderr);
        assert!(refused.hint().contains("lanyard restore --resume"), "{}", refused.hint());
        assert!(refused.code() == 4 || refused.code() == 125, "{}", refused.code());
    }
    assert_eq!(webex.refreshes().len(), 0);
    for read in [&["list"][..], &["show", "acme"], &["app", "list"], &["audit", "--verify"], &["key", "show"]] {
        second.run(read).ok();
    }
    for read in [&["list"][..], &["show", "acme"], &["list", "--json"]] {
        let said = second.run(read).stderr;
        assert!(said.contains("warning: this home has been paused since"), "{said}");
    }
    let doctor = second.run(["doctor"]);
    assert!(doctor.stdout.contains("lanyard restore --resume"), "{}", doctor.stdout);
    doctor.fails(4);

    let resumed = second.run(["restore", "--resume"]);
    assert_eq!((resumed.stderr.as_str(), resumed.stdout.as_str()), ("the home is active again\n", ""));
    resumed.ok();
    assert_eq!(second.token(), token);
    second.run(["refresh", "acme", "--force"]).ok();
    assert!(webex.accepts(&second.token()));
    let audit = second.run(["audit"]).ok();
    assert!(["restored", "resumed"].iter().all(|word| audit.contains(word)), "{audit}");
    assert!(home.run(["audit"]).ok().contains("backed-up"));
}

#[test]
fn a_broker_in_a_paused_home_reports_the_pause_until_it_ends() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let file = home.beside().join("copy");
    home.run(["backup", path(&file)]).ok();
    let second = Home::new(LANYARD);
    second.run(["restore", path(&file), "--key-file", path(&home.path().join("home.key"))]).ok();

    let broker = Served::start(&second, [""; 0]);
    let said = broker.log();
    let warned = said.iter().position(|fact| fact["level"] == "WARN").expect("it warns");
    assert!(
        said[warned].to_string().contains("nothing is handed out or renewed: this home has been paused"),
        "{said:#?}"
    );
    assert!(said[warned]["hint"].as_str().unwrap().contains("lanyard restore --resume"), "{said:#?}");
    assert!(said.iter().position(|fact| fact["message"] == "ready").is_some_and(|ready| warned < ready), "{said:#?}");
    let reply = broker.ask("GET", "/readyz");
    assert_eq!((reply.status, &reply.json()["status"]), (503, &"not ready".into()), "{reply:?}");
    assert!(reply.json()["trouble"].as_str().unwrap().contains("this home has been paused"), "{reply:?}");
    assert!(reply.json()["hint"].as_str().unwrap().contains("lanyard restore --resume"), "{reply:?}");
    assert_eq!(broker.ask("GET", "/healthz").status, 200);
    assert_eq!(broker.ask("GET", "/api/v1/credentials/acme/token").status, 409);
    let doctor = second.run(["doctor"]);
    assert!(doctor.stdout.contains("is not ready: this home has been paused"), "{}", doctor.stdout);
    doctor.fails(4);

    second.run(["restore", "--resume"]).ok();
    broker.wait_for("the home is active again");
    assert_eq!(broker.ask("GET", "/readyz").status, 200);
    assert_eq!(broker.ask("GET", "/api/v1/credentials/acme/token").status, 200);
    let log = broker.log();
    let complaints = log.iter().filter(|fact| fact["level"] == "ERROR" || fact["level"] == "WARN").count();
    assert_eq!(complaints, 1, "a pause is one fact: {log:#?}");
    assert!(broker.stop().status.success());
}

#[test]
fn a_backup_from_before_a_rotation_is_restored_by_the_hint() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let (file, key) = (home.beside().join("copy"), home.beside().join("key"));
    home.run(["backup", path(&file)]).ok();
    fs::copy(home.path().join("home.key"), &key).unwrap();
    home.run(["key", "rotate"]).ok();
    for name in ["lanyard.db", "lanyard.db-wal", "lanyard.db-shm"] {
        let _ = fs::rename(home.path().join(name), home.beside().join(name));
    }
    let refused = home.run(["restore", path(&file)]);
    let (_, commands) = refused.hint().rsplit_once(": ").unwrap();
    assert!(commands.starts_with("mv ") && commands.contains("home.key.old && lanyard restore FILE"), "{commands}");
    let commands =
        commands.replace("FILE", path(&file)).replace("KEY", path(&key)).replace("lanyard restore", "\"$0\" restore");
    refused.fails(6);
    let nothing: [&str; 0] = [];
    Running::start(&mut home.command_by(["sh", "-c", &commands], nothing)).end().ok();
    home.run(["restore", "--resume"]).ok();
    assert!(webex.accepts(&home.token()));
}

#[test]
fn what_cannot_be_restored_leaves_nothing_behind() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let file = home.beside().join("copy");
    home.run(["backup", path(&file)]).ok();
    let again = home.run(["backup", path(&file)]);
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
    again.fails(2);

    let second = Home::new(LANYARD);
    let key = home.path().join("home.key");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 3]).unwrap();
    let refused = second.run(["restore", path(&file), "--key-file", path(&key)]);
    assert!(refused.stderr.contains("is damaged"), "{}", refused.stderr);
    refused.fails(6);
    assert!(!second.path().exists());
    fs::write(&file, &whole).unwrap();
    let refused = second.run(["restore", path(&file)]);
    assert!(refused.hint().contains("--key-file KEY"), "{}", refused.hint());
    refused.fails(6);
    assert!(!second.path().exists());
    // Nor is a home that is there touched.
    let refused = home.run(["restore", path(&file), "--key-file", path(&key)]);
    assert!(refused.stderr.contains("there is a store in"), "{}", refused.stderr);
    refused.fails(2);
    assert!(webex.accepts(&home.token()));
}

#[test]
fn tokens_that_ended_meanwhile_are_told_from_those_that_webex_accepts() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let file = home.beside().join("copy");
    home.run(["backup", path(&file)]).ok();
    // Signed out, and its tokens revoked, after the copy was made.
    home.run(["clear", "acme"]).ok();
    let second = Home::new(LANYARD);
    let key = home.path().join("home.key");
    let restored = second.run(["--json", "restore", path(&file), "--key-file", path(&key)]).ok();
    let restored: Value = serde_json::from_str(&restored).unwrap();
    assert_eq!(restored["credentials"][0]["access_token"], "refused");
    assert_eq!(restored["credentials"][0]["refresh_token"], "untried");
    assert_eq!(restored["paused"], true);
}

#[test]
fn a_backup_is_its_owners_alone_whatever_the_umask() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    for umask in ["000", "077", "777"] {
        let file = home.beside().join(format!("copy-{umask}"));
        let under = ["sh", "-c", "umask \"$0\"; exec \"$@\"", umask];
        Running::start(&mut home.command_by(under, ["backup", path(&file)])).end().ok();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "umask {umask}");
    }
    let unfinished = fs::read_dir(home.beside()).unwrap().map(|entry| entry.unwrap().file_name());
    let unfinished = unfinished.filter(|name| name.to_string_lossy().contains("unfinished"));
    assert_eq!(unfinished.count(), 0);
}

#[test]
fn a_backup_is_no_stream() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let refused = Running::start(home.command(["backup", "-"]).current_dir(home.beside())).end();
    assert!(refused.hint().contains("./-"), "{}", refused.stderr);
    refused.fails(2);
    assert!(!home.beside().join("-").exists());
}
