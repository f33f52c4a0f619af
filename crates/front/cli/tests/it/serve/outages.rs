//! A broker whose disk, database or Webex fails while it runs: valid tokens go on being handed out, what was handed out is written down
//! when it can be, and whoever asks how the broker is, or reads its log, is told.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lanyard_testkit::{Home, Method, RefreshBehaviour, Reply, Served, Webex, ask_on, left_out, wait};
use serde_json::{Value, json};

use crate::LANYARD;

const NONE: [&str; 0] = [];
pub(super) const TOKEN: &str = "/api/v1/credentials/acme/token";
pub(super) const CALL: &str = "/webex/acme/v1/people/me";

pub(super) fn webex() -> Webex {
    Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1))
}

/// Asks for tokens that are valid, again and again: each is handed out.
#[track_caller]
pub(super) fn hands_out(broker: &Served, times: usize) -> usize {
    for _ in 0..times {
        let reply = broker.ask("GET", TOKEN);
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    times
}

/// Asks until the answer is so.
#[track_caller]
pub(crate) fn until(broker: &Served, path: &str, so: impl Fn(&Reply) -> bool) -> Reply {
    for _ in 0..1500 {
        let reply = broker.ask("GET", path);
        if so(&reply) {
            return reply;
        }
        lanyard_testkit::wait(Duration::from_millis(20));
    }
    panic!("{path}: {:?}\n{:#?}", broker.ask("GET", path), broker.log());
}

/// Waits until the broker says that it is not ready, and why.
#[track_caller]
pub(super) fn in_trouble(broker: &Served, why: &str) {
    let reply = until(broker, "/readyz", |reply| reply.status == 503);
    assert!(reply.json()["trouble"].as_str().unwrap().contains(why), "{reply:?}");
}

#[track_caller]
pub(super) fn recovers(broker: &Served) {
    until(broker, "/readyz", |reply| reply.status == 200 && reply.json()["hand_outs_to_be_written"] == 0);
}

/// The log entries of a broker whose message contains this text.
fn said(broker: &Served, text: &str) -> Vec<Value> {
    broker.log().into_iter().filter(|fact| fact["message"].as_str().is_some_and(|said| said.contains(text))).collect()
}

/// Waits until it has logged so many of this kind, and no more: its log arrives by another way than its replies, and later.
#[track_caller]
fn says(broker: &Served, text: &str, times: usize) -> Vec<Value> {
    for _ in 0..1500 {
        if said(broker, text).len() >= times {
            break;
        }
        lanyard_testkit::wait(Duration::from_millis(20));
    }
    let said = said(broker, text);
    assert_eq!(said.len(), times, "{text}: {:#?}", broker.log());
    said
}

/// How many tokens the audit says were handed out, and that nobody has changed it.
#[track_caller]
pub(super) fn written_down(home: &Home) -> usize {
    home.run(["audit", "--verify"]).ok();
    let audit = home.run(["audit"]).ok();
    let lines = audit.lines().filter(|line| line.contains("handed-out") && line.contains("token"));
    lines
        .map(|line| line.rsplit_once(", ").and_then(|(_, last)| last.strip_suffix(" times")?.parse().ok()).unwrap_or(1))
        .sum()
}

#[test]
fn a_disk_that_fills_up_keeps_nobody_from_a_token_and_loses_no_hand_out() {
    let webex = webex();
    let home = match Home::on_a_disk(LANYARD) {
        Ok(home) => home.with_acme(&webex),
        Err(why) => return left_out(&format!("it takes root, to mount: {why}")),
    };
    let before = written_down(&home);
    let broker = Served::start(&home, NONE);
    let mut handed = hands_out(&broker, 1);
    home.fill_disk();
    handed += hands_out(&broker, 5);
    in_trouble(&broker, "the disk that holds the store is full");
    handed += hands_out(&broker, 20);
    assert_eq!(broker.ask("GET", CALL).status, 200, "a proxied call goes on too");
    let refused = broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true");
    assert_eq!((refused.status, refused.problem()), (503, Some("store")), "{refused:?}");
    assert_eq!(webex.refreshes().len(), 0, "nothing is spent that could not be kept");
    for _ in 0..20 {
        broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true");
    }
    broker.wait_for("does not take what is to be renewed");
    home.free_disk();
    recovers(&broker);
    says(&broker, "can write hand-outs to the audit again", 1);
    says(&broker, "cannot write hand-outs to the audit", 1);
    assert_eq!(broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true").status, 200);
    assert_eq!(said(&broker, "does not take what is to be renewed").len(), 1, "{:#?}", broker.log());
    assert_eq!(broker.wait_for("the store accepts renewals again")["count"], 21);
    assert!(said(&broker, "did not accept a step").is_empty(), "not each by itself: {:#?}", broker.log());
    assert!(broker.stop().status.success());
    assert_eq!(written_down(&home) - before, handed);
}

#[test]
fn a_disk_that_fails_and_becomes_read_only_keeps_nobody_from_a_token_and_the_broker_says_so() {
    let webex = webex();
    let home = match Home::on_a_disk_that_fails(LANYARD) {
        Ok(home) => home.with_acme(&webex),
        Err(why) => return left_out(&format!("it takes root, ext4 and a loop device: {why}")),
    };
    let broker = Served::start(&home, NONE);
    hands_out(&broker, 1);
    home.break_disk();
    hands_out(&broker, 5);
    in_trouble(&broker, "the store is read-only");
    hands_out(&broker, 20);
    assert_eq!(broker.ask("GET", CALL).status, 200);
    let refused = broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true");
    assert_eq!((refused.status, refused.problem()), (503, Some("store")), "{refused:?}");
    assert_eq!(webex.refreshes().len(), 0, "nothing is spent that could not be kept");
    let failing = says(&broker, "cannot write hand-outs to the audit", 1);
    assert!(failing[0]["hint"].as_str().unwrap().contains("writable"), "{failing:?}");
    let stopped = broker.stop();
    assert!(stopped.status.success(), "{stopped:?}");
}

/// Another program in the middle of a transaction. It ends when dropped.
struct Holder(Child);

impl Holder {
    fn of(home: &Home) -> Self {
        let mut command = Command::new("sqlite3");
        command.arg(home.path().join("lanyard.db")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("sqlite3(1) is here");
        let stdin = child.stdin.as_mut().expect("stdin is a pipe");
        stdin.write_all(b".timeout 20000\nBEGIN EXCLUSIVE;\nSELECT 'held';\n").expect("it reads");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is a pipe")).read_line(&mut line).expect("it speaks");
        assert_eq!(line.trim(), "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_database_that_somebody_holds_keeps_nobody_from_a_token_and_loses_no_hand_out() {
    let webex = webex();
    let home = Home::signed_in(LANYARD, &webex);
    let before = written_down(&home);
    let broker = Served::start(&home, NONE);
    let mut handed = hands_out(&broker, 1);
    let holder = Holder::of(&home);
    handed += hands_out(&broker, 5);
    in_trouble(&broker, "the store is busy");
    handed += hands_out(&broker, 20);
    assert_eq!(broker.ask("GET", CALL).status, 200);
    drop(holder);
    recovers(&broker);
    says(&broker, "can write hand-outs to the audit again", 1);
    says(&broker, "cannot write hand-outs to the audit", 1);
    assert!(broker.stop().status.success());
    assert_eq!(written_down(&home) - before, handed);
}

/// A database that was overwritten under the broker's hands, and can be put back.
struct Spoilt {
    path: PathBuf,
    kept: Vec<u8>,
}

impl Spoilt {
    fn of(home: &Home, broker: &Served) -> Self {
        let path = home.path().join("lanyard.db");
        // Answered once everything is in memory.
        assert_eq!(broker.ask("GET", "/api/v1/credentials").status, 200);
        // All of it in one file. The broker writes now and then, and is busy then.
        let in_one_file = || {
            let whole = Command::new("sqlite3").arg(&path).arg("PRAGMA wal_checkpoint(TRUNCATE)").output();
            String::from_utf8_lossy(&whole.expect("sqlite3(1) is here").stdout).trim() == "0|0|0"
        };
        assert!(
            (0..100).any(|_| in_one_file() || {
                wait(Duration::from_millis(20));
                false
            }),
            "the log stays"
        );
        let kept = fs::read(&path).unwrap();
        overwrite(&path, &vec![b'x'; kept.len()]);
        forget_index(home);
        Self { path, kept }
    }

    /// Waits for an answer that shows that the broker has noticed. A reader may go on with the pages that it has, if the index that another
    /// connection created again is the one that it knows.
    #[track_caller]
    fn noticed(home: &Home, broker: &Served, path: &str, so: impl Fn(&Reply) -> bool) -> Reply {
        for _ in 0..30 {
            for _ in 0..50 {
                let reply = broker.ask("GET", path);
                if so(&reply) {
                    return reply;
                }
                wait(Duration::from_millis(20));
            }
            forget_index(home);
        }
        panic!("{path}: {:#?}", broker.log());
    }

    fn put_back(self, home: &Home) {
        overwrite(&self.path, &self.kept);
        forget_index(home);
    }
}

/// The index of the log, which SQLite keeps for all processes: without its head it is created again, and nobody trusts what they read
/// before. Where nobody has the database open any more it is gone.
fn forget_index(home: &Home) {
    if let Ok(mut index) = OpenOptions::new().write(true).open(home.path().join("lanyard.db-shm")) {
        index.write_all(&[0; 136]).unwrap();
    }
}

/// In place: whoever has the file open sees it.
fn overwrite(path: &Path, bytes: &[u8]) {
    OpenOptions::new().write(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_database_that_cannot_be_read_keeps_nobody_from_a_token_for_a_while() {
    let webex = webex();
    let home = Home::signed_in(LANYARD, &webex);
    let before = written_down(&home);
    let broker = Served::start(&home, NONE);
    let mut handed = hands_out(&broker, 1);
    let spoilt = Spoilt::of(&home, &broker);
    Spoilt::noticed(&home, &broker, "/readyz", |reply| reply.body.contains("the store cannot be read"));
    handed += hands_out(&broker, 20);
    let called = broker.ask("GET", CALL);
    assert_eq!((called.status, called.problem()), (200, None), "the proxy has the token in memory too: {called:?}");
    spoilt.put_back(&home);
    recovers(&broker);
    says(&broker, "can read the store again", 1);
    says(&broker, "cannot read the store", 1);
    assert!(said(&broker, "the store cannot be read").len() <= 1, "{:#?}", broker.log());
    assert!(broker.stop().status.success());
    assert_eq!(written_down(&home) - before, handed);
}

#[test]
fn after_max_stale_nobody_is_given_a_token_until_the_store_is_read_again() {
    let webex = webex();
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, ["--max-stale", "2"]);
    hands_out(&broker, 1);
    let spoilt = Spoilt::of(&home, &broker);
    for path in [TOKEN, CALL] {
        let refused = Spoilt::noticed(&home, &broker, path, |reply| reply.status != 200);
        assert_eq!((refused.status, refused.problem()), (503, Some("store")), "{refused:?}");
        assert!(refused.json()["detail"].as_str().unwrap().contains("has not been read"), "{refused:?}");
    }
    spoilt.put_back(&home);
    for path in [TOKEN, CALL] {
        until(&broker, path, |reply| reply.status == 200);
    }
    recovers(&broker);
    assert!(broker.stop().status.success());
    home.run(["audit", "--verify"]).ok();
}

#[test]
fn a_webex_that_fails_keeps_nobody_from_a_token_and_makes_no_broker_unready() {
    let webex = webex();
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    let renew = |broker: &Served| broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true");
    let mut failures = 0;
    for action in [
        json!({ "status": 500 }),
        json!({ "status": 429, "headers": { "Retry-After": "1" } }),
        json!({ "status": 200, "body": "<html>", "content_type": "text/html" }),
        json!({ "cut": "before" }),
        json!({ "cut": "after" }),
    ] {
        webex.fault(&json!({ "path": "/v1/access_token", "count": null, "action": action }));
        failures += 1;
        let failed = renew(&broker);
        assert!(failed.status >= 400 && failed.problem().is_some(), "{action}: {failed:?}");
        says(&broker, "not renewed", failures);
        hands_out(&broker, 5);
        assert_eq!(broker.ask("GET", "/readyz").status, 200, "{action}");
        webex.control(Method::DELETE, "/faults", None);
    }
    assert_eq!(renew(&broker).status, 200, "the grant has outlived it all");
    // The line that follows the others: each of those was logged once.
    says(&broker, "renewed", failures + 1);
    assert_eq!(said(&broker, "not renewed").len(), failures, "{:#?}", broker.log());

    // One that never answers holds nobody up.
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_ms": 3_600_000 } }));
    webex.forget_record();
    let socket = broker.socket();
    let renewing =
        std::thread::spawn(move || ask_on(&socket, "POST", "/api/v1/credentials/acme/refresh?force=true", &[]));
    for _ in 0..1500 {
        if !webex.refreshes().is_empty() {
            break;
        }
        lanyard_testkit::wait(Duration::from_millis(20));
    }
    assert_eq!(webex.refreshes().len(), 1);
    hands_out(&broker, 5);
    assert_eq!(broker.ask("GET", "/readyz").status, 200);
    assert!(broker.kill());
    renewing.join().unwrap();
}

#[test]
fn a_broker_that_misses_what_it_saw_in_the_audit_says_so_and_hands_out() {
    let webex = webex();
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    hands_out(&broker, 1);
    recovers(&broker);
    // Entries that the broker saw when it started.
    let cut = "BEGIN; DELETE FROM journal WHERE number > 1; UPDATE journal_head SET number = 1, \
               mac = (SELECT mac FROM journal WHERE number = 1); COMMIT";
    crate::client::rewrite(&home, cut);
    in_trouble(&broker, "the audit no longer holds entry");
    hands_out(&broker, 1);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("the audit no longer holds entry"), "{}", doctor.stdout);
    says(&broker, "the audit no longer holds entry", 1);
    assert!(broker.stop().status.success());
}
