//! Disks that are full or read-only.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;

use lanyard_testkit::{Home, Running, Webex, left_out};

use super::clocks::after_a_reboot;
use super::{nothing_is_lost, refused, stopped_at, strict};
use crate::LANYARD;

fn on_a_disk(webex: &Webex) -> Option<Home> {
    match Home::on_a_disk(LANYARD) {
        Ok(home) => Some(home.with_acme(webex)),
        Err(why) => {
            left_out(&format!("it takes root, to mount: {why}"));
            None
        }
    }
}

/// A valid token comes out; the warning says that the audit does not know of it, and why.
#[track_caller]
fn handed_out_unrecorded(home: &Home, webex: &Webex, why: &str) {
    let ended = home.run(["token", "acme"]);
    assert!(
        ended.stderr.contains(&format!("warning: this hand-out is missing from the audit: {why}")),
        "{}",
        ended.stderr
    );
    assert!(webex.accepts(&ended.ok()));
}

/// Neither a token that has ended nor a forced renewal makes anything leave this machine.
#[track_caller]
fn nothing_is_sent(home: &Home, webex: &Webex, sentence: &str, hint: &str) {
    refused(home.run(["refresh", "acme", "--force"]), 6, sentence, hint);
    let Some(mut later) = after_a_reboot(home) else { return };
    later.extend(["faketime", "-f", "+40m"].map(str::to_owned));
    let mut token = home.command_by(later, ["token", "acme"]);
    refused(Running::start(token.env("FAKETIME_DONT_FAKE_MONOTONIC", "1")).end(), 6, sentence, hint);
    assert_eq!(webex.refreshes().len(), 0, "{:?}", webex.refreshes());
}

/// Leaves the database alone in the home, without the files that SQLite keeps beside it.
#[track_caller]
fn come_to_rest(home: &Home) {
    home.run(["exec", "acme", "--", "true"]).ok();
    assert!(!home.path().join("lanyard.db-wal").exists());
}

const FULL: &str = "the disk that holds the store is full";
const READ_ONLY: &str = "the store is read-only";

#[test]
fn a_full_disk_keeps_nobody_from_a_valid_token_and_nothing_is_sent() {
    let webex = strict();
    let Some(home) = on_a_disk(&webex) else { return };
    home.fill_disk();
    handed_out_unrecorded(&home, &webex, FULL);
    nothing_is_sent(&home, &webex, FULL, "free space");
    home.free_disk();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_disk_that_is_full_before_the_home_is_opened_is_no_different() {
    let webex = strict();
    let Some(home) = on_a_disk(&webex) else { return };
    come_to_rest(&home);
    let checked = || home.run(["doctor"]).stdout;
    assert!(!checked().contains("is full"));
    home.fill_disk();
    handed_out_unrecorded(&home, &webex, FULL);
    nothing_is_sent(&home, &webex, FULL, "free space");
    assert!(checked().contains("is full: no credential can be renewed"), "{}", checked());
    home.free_disk();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn an_answer_that_finds_the_disk_full_is_kept_until_there_is_room_again() {
    let webex = strict();
    let Some(home) = on_a_disk(&webex) else { return };
    let mut renewal = stopped_at(&home, "rotation.answered");
    home.fill_disk();
    renewal.signal("CONT");
    renewal.wait_for("held in memory only");
    renewal.signal("TERM");
    renewal.wait_for("a token request is under way; stopping as soon as its outcome is stored");
    // Several tries later it is still there.
    renewal.wait_for("held in memory only");
    assert!(!renewal.has_ended());
    home.free_disk();
    renewal.end().fails(128 + 15);
    assert_eq!(home.show("acme")["generation"], 2);
    nothing_is_lost(&home, &webex, 1);
}

#[test]
fn a_read_only_disk_keeps_nobody_from_a_valid_token_and_nothing_is_sent() {
    let webex = strict();
    let Some(home) = on_a_disk(&webex) else { return };
    home.lock_disk();
    handed_out_unrecorded(&home, &webex, READ_ONLY);
    nothing_is_sent(&home, &webex, READ_ONLY, "make the home writable");
    home.unlock_disk();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_disk_that_is_read_only_before_the_home_is_opened_is_no_different() {
    let webex = strict();
    let Some(home) = on_a_disk(&webex) else { return };
    come_to_rest(&home);
    home.lock_disk();
    handed_out_unrecorded(&home, &webex, READ_ONLY);
    nothing_is_sent(&home, &webex, READ_ONLY, "make the home writable");
    refused(home.run(["serve"]), 6, "Read-only file system", "for writing");
    home.unlock_disk();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_read_only_directory_is_no_different() {
    let webex = strict();
    let Some(home) = on_a_disk(&webex) else { return };
    come_to_rest(&home);
    set_permissions(home.path(), Permissions::from_mode(0o500)).unwrap();
    handed_out_unrecorded(&home, &webex, READ_ONLY);
    nothing_is_sent(&home, &webex, READ_ONLY, "make the home writable");
    set_permissions(home.path(), Permissions::from_mode(0o700)).unwrap();
    nothing_is_lost(&home, &webex, 0);
}
