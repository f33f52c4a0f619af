//! A process that stands still in the middle of a renewal for longer than its intent allows, while others want a token.

use std::time::Duration;

use lanyard_testkit::{Home, Running};

use super::{age, nothing_is_lost, refused, stopped_at, strict};
use crate::signed_in;

/// Longer than an intent, shorter than a token.
const PAST_THE_DEADLINE: Duration = Duration::from_secs(400);
/// Longer than a token, too.
const PAST_THE_TOKEN: Duration = Duration::from_secs(2000);

const TAKE_OVER: &str = "renew without waiting for it: lanyard refresh acme --take-over";

/// The renewal is refused because the process that began one is late.
#[track_caller]
fn is_stalled(home: &Home, first: &Running) {
    let sentence = format!("process {} began to renew it and has not finished", first.id());
    refused(home.run(["refresh", "acme", "--force"]), 5, &sentence, TAKE_OVER);
}

/// A stopped writer is there: its answer may still come, and to spend the same refresh token would end the grant. Others get the
/// valid token, or are told to wait, however long it takes.
#[track_caller]
fn nobody_else_spends(step: &str, sent: usize) {
    let webex = strict();
    let home = signed_in(&webex);
    webex.live_longer(10 * PAST_THE_TOKEN);
    let mut first = stopped_at(&home, step);

    refused(
        home.run(["refresh", "acme", "--force"]),
        5,
        "another process is renewing acme and has not finished",
        "try again in a minute",
    );
    age(&home, PAST_THE_DEADLINE);
    is_stalled(&home, &first);
    assert_eq!(home.show("acme")["state"], "stalled");
    assert!(home.run(["doctor"]).stdout.contains(TAKE_OVER), "the doctor says what to do");
    assert!(webex.accepts(&home.token()), "the token that is valid is handed out meanwhile");
    // A caller that finds the token expired waits for the one that is on its way.
    age(&home, PAST_THE_TOKEN);
    let mut waiting = Running::start(&mut home.command(["-vv", "token", "acme"]));
    waiting.wait_for("HandOut");
    assert_eq!(webex.refreshes().len(), sent, "{:?}", webex.refreshes());
    assert!(!first.has_ended());
    first.signal("CONT");
    first.end().ok();
    assert!(webex.accepts(&waiting.end().ok()));
    assert_eq!(home.show("acme")["state"], "active");
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
fn a_person_takes_over_from_a_process_that_is_late_and_not_before() {
    let webex = strict();
    let home = signed_in(&webex);
    let first = stopped_at(&home, "rotation.declared");
    refused(
        home.run(["refresh", "acme", "--take-over"]),
        5,
        "another process is renewing acme and has not finished",
        "try again in a minute",
    );
    age(&home, PAST_THE_DEADLINE);
    is_stalled(&home, &first);
    home.run(["refresh", "acme", "--take-over"]).ok();
    assert_eq!(webex.refreshes().len(), 1);
    let audit = home.run(["audit"]).ok();
    let said = format!("process {}, which began the one before, was not waited for: a person took over", first.id());
    assert!(audit.lines().any(|line| line.contains(&said) && line.contains("uid ")), "{said:?} in:\n{audit}");

    // It goes on with a token that was spent, and finds the renewal done.
    first.signal("CONT");
    let said = first.end();
    assert!(said.stderr.contains("acme was just renewed by another process"), "{}", said.stderr);
    said.ok();
    nothing_is_lost(&home, &webex, 2);
}

/// The server rotated strictly, and the stopped process has the answer: the second exchange is refused, and that ends nothing.
#[test]
fn a_refusal_after_a_take_over_does_not_end_the_grant_while_the_answer_may_come() {
    let webex = strict();
    let home = signed_in(&webex);
    let first = stopped_at(&home, "rotation.answered");
    age(&home, PAST_THE_DEADLINE);
    refused(
        home.run(["refresh", "acme", "--take-over"]),
        5,
        "another process may have spent it and still store the next one",
        "the next attempt is due in",
    );
    assert_eq!(home.show("acme")["state"], "stalled");
    first.signal("CONT");
    first.end().ok();
    assert_eq!(home.show("acme")["state"], "active");
    nothing_is_lost(&home, &webex, 2);
}
