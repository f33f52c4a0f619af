//! Parts of a broker that panic.

use lanyard_testkit::{Home, Running};

use super::{LIFE, age, nothing_is_lost, strict};
use crate::signed_in;

/// Starts a broker in which a step panics, and gives what it said when it has ended.
#[track_caller]
fn ended_by(home: &Home, step: &str) -> String {
    let mut serve = home.command(["serve", "--log", "json"]);
    let broker = Running::start(serve.env("LANYARD_FAILPOINT", format!("{step}=panic")));
    broker.end().fails(1)
}

#[test]
fn a_broker_ends_with_an_error_when_a_background_task_panics() {
    let webex = strict();
    let home = signed_in(&webex);
    let said = ended_by(&home, "refresher.look");
    assert!(said.contains("a test asked for it at refresher.look"), "{said}");
    assert!(said.contains("error: the broker's refresher ended unexpectedly: it panicked"), "{said}");
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_broker_ends_with_an_error_when_a_task_of_its_refresher_panics() {
    for step in ["refresher.turn", "rotation.declared"] {
        let webex = strict();
        let home = signed_in(&webex);
        age(&home, 2 * LIFE);
        let said = ended_by(&home, step);
        assert!(said.contains(&format!("ended unexpectedly: it panicked: a test asked for it at {step}")), "{said}");
        // Every line of the log is one fact, the panic's too.
        let mut lines = said.lines().filter(|line| !line.starts_with("error: ") && !line.starts_with("hint: "));
        assert!(lines.all(|line| line.starts_with('{')), "{said}");
        nothing_is_lost(&home, &webex, 1);
    }
}
