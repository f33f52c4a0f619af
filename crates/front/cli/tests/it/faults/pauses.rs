//! A process that stands still in the middle of a renewal for longer than its lease lasts, while others want a token.

use std::time::Duration;

use lanyard_testkit::Running;

use super::{age, nothing_is_lost, refused, stopped_at, strict};
use crate::signed_in;

/// Longer than a lease and an intent, shorter than a token.
const PAST_THE_LEASE: Duration = Duration::from_secs(400);
/// Longer than a token, too.
const PAST_THE_TOKEN: Duration = Duration::from_secs(2000);

/// A stopped writer is there: its answer may still come, and to spend the same refresh token would end the grant. Others get the
/// valid token, or are told to wait, however long it takes.
#[track_caller]
fn nobody_else_spends(step: &str, sent: usize) {
    let webex = strict();
    let home = signed_in(&webex);
    webex.live_longer(10 * PAST_THE_TOKEN);
    let mut first = stopped_at(&home, step);

    age(&home, PAST_THE_LEASE);
    refused(
        home.run(["refresh", "acme", "--force"]),
        5,
        "another process is renewing acme and has not finished",
        "try again in a minute",
    );
    assert!(webex.accepts(&home.token()), "the token that is valid is handed out meanwhile");
    // Whoever finds the token ended waits for the one that is on its way.
    age(&home, PAST_THE_TOKEN);
    let mut waiting = Running::start(&mut home.command(["-vv", "token", "acme"]));
    waiting.wait_for("HandOut");
    assert_eq!(webex.refreshes().len(), sent, "{:?}", webex.refreshes());
    assert!(!first.has_ended());
    first.signal("CONT");
    first.end().ok();
    assert!(webex.accepts(&waiting.end().ok()));
    nothing_is_lost(&home, &webex, 1);
}

#[test]
fn nobody_else_spends_what_a_process_stopped_after_its_intent_may_send() {
    nobody_else_spends("rotation.declared", 0);
}

#[test]
fn nobody_else_spends_what_a_process_stopped_before_sending_may_send() {
    nobody_else_spends("rotation.sending", 0);
}

#[test]
fn nobody_else_spends_what_a_process_stopped_before_its_commit_has_sent() {
    nobody_else_spends("rotation.answered", 1);
}

#[test]
fn a_process_that_outslept_its_lease_before_the_intent_finds_the_renewal_done_and_sends_nothing() {
    let webex = strict();
    let home = signed_in(&webex);
    let first = stopped_at(&home, "rotation.claimed");

    // Within the lease it keeps others out ...
    let early = home.run(["refresh", "acme", "--force"]);
    refused(early, 5, "another process is renewing acme and has not finished", "try again in a minute");
    assert_eq!(webex.refreshes().len(), 0);
    // ... and beyond it no more.
    age(&home, PAST_THE_LEASE);
    home.run(["refresh", "acme", "--force"]).ok();
    assert_eq!(webex.refreshes().len(), 1);

    first.signal("CONT");
    let said = first.end();
    assert!(said.stderr.contains("acme was just renewed by another process"), "{}", said.stderr);
    said.ok();
    nothing_is_lost(&home, &webex, 1);
}
