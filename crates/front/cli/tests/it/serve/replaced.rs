//! A broker whose database is taken away, or replaced, under its hands.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex};

use crate::LANYARD;

const NONE: [&str; 0] = [];

fn database(home: &Home) -> PathBuf {
    home.path().join("lanyard.db")
}

/// Takes the database away, with all that belongs to it.
fn move_away(home: &Home, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        fs::rename(name(&database(home)), name(to)).unwrap();
    }
}

/// Puts it back, with what is left of that.
fn move_back(from: &Path, home: &Home) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::rename(format!("{}{suffix}", from.display()), format!("{}{suffix}", database(home).display()));
    }
}

/// It says so once, renews nothing more, and exits so that it is restarted.
#[track_caller]
fn ends(mut broker: Served, webex: &Webex) {
    let before = webex.refreshes().len();
    let said = broker.wait_for("the broker stops");
    assert!(said["error"].as_str().unwrap().contains("was removed or replaced"), "{said}");
    assert!(said["hint"].as_str().unwrap().contains("start lanyard again"), "{said}");
    let ended = broker.ended();
    assert_eq!(ended.code(), 6, "{:#?}", broker.log());
    assert_eq!(webex.refreshes().len(), before);
    let log = broker.log();
    let errors: Vec<_> = log.iter().filter(|fact| fact["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "one line for one fault: {errors:#?}");
}

#[test]
fn a_broker_whose_database_was_replaced_ends_and_the_next_one_works_on_the_new_one() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    let copy = home.beside().join("copy.db");
    home.run(["backup", copy.to_str().unwrap()]).ok();
    move_away(&home, &home.beside().join("old.db"));
    fs::rename(&copy, database(&home)).unwrap();
    ends(broker, &webex);

    home.run(["restore", "--resume"]).ok();
    let next = Served::start(&home, NONE);
    assert_eq!(next.ask("POST", "/api/v1/credentials/acme/refresh?force=true").status, 200);
    assert!(next.stop().status.success());
}

#[test]
fn a_broker_whose_database_was_removed_ends_and_no_empty_one_is_begun_in_its_place() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    let away = home.beside().join("away.db");
    move_away(&home, &away);
    ends(broker, &webex);

    // A supervisor starts it again.
    let refused = home.run(["serve"]);
    assert!(refused.hint().contains("lanyard restore FILE"), "{}", refused.stderr);
    assert!(refused.fails(6).contains("though the home has a key"));
    assert!(!database(&home).exists());
    move_back(&away, &home);
    assert_eq!(Served::start(&home, NONE).ask("GET", "/api/v1/credentials/acme/token").status, 200);
}

#[test]
fn an_answer_that_was_under_way_goes_with_the_database_that_was_moved() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let mut broker = Served::start_by(&home, ["env", "LANYARD_FAILPOINT=rotation.answered=stop"], NONE);
    let socket = broker.socket();
    let path = "/api/v1/credentials/acme/refresh?force=true";
    let renewing = std::thread::spawn(move || lanyard_testkit::ask_on(&socket, "POST", path, &[]));
    // What Webex has answered is the only refresh token that is good, and stands nowhere yet.
    broker.wait_until_stopped();
    let away = home.beside().join("away.db");
    move_away(&home, &away);
    broker.signal("CONT");
    assert_eq!(broker.ended().code(), 6, "{:#?}", broker.log());
    renewing.join().unwrap();
    assert!(
        broker.log().iter().any(|fact| fact.to_string().contains("look for it where that file was moved")),
        "{:#?}",
        broker.log()
    );
    move_back(&away, &home);
    assert_eq!(home.show("acme")["generation"], 2);
    home.run(["refresh", "acme", "--force"]).ok();
}

#[test]
fn no_backup_is_restored_beside_a_running_broker() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let copy = home.beside().join("copy.db");
    home.run(["backup", copy.to_str().unwrap()]).ok();
    let broker = Served::start(&home, NONE);
    let refused = home.run(["restore", copy.to_str().unwrap()]);
    assert!(refused.hint().contains("stop it first"), "{}", refused.stderr);
    assert!(refused.fails(1).contains("a broker runs in"));
    assert!(broker.stop().status.success());
}
