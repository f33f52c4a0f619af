//! The protocol itself.

use super::{Action, Answer, Decision, Event, Failure, IntentEnd, Snapshot, Writer};
use crate::{Generation, Spend};

/// A rotation under way. `R` is the answer of a successful exchange; it is held here, and nowhere else, until it is durable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State<R> {
    /// Waiting for the row, and for the intent to be durable.
    Beginning,
    /// Waiting for a further intent to be durable.
    Declaring(Attempt),
    /// Waiting for Webex.
    Exchanging(Attempt),
    /// Waiting for the answer to be durable.
    Committing {
        /// The answer.
        reply: R,
    },
    /// Overtaken; waiting for the spare to be durable.
    Keeping {
        /// The answer.
        reply: R,
    },
    /// Waiting for the answer's tokens to be revoked.
    Discarding {
        /// The answer.
        reply: R,
    },
    /// Waiting for the failure to be durable.
    Ending(Outcome),
    /// Over.
    Finished(Outcome),
}

/// One exchange within a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The refresh token that is spent.
    pub spend: Spend,
    /// Its number within the generation.
    pub number: u32,
    /// Whether an earlier process that sent the same token was only presumed gone.
    pub presumed: bool,
    /// Whether a spare may still be tried when this one is dead.
    pub spare: bool,
    /// Whether the same token was sent before and its outcome is unknown; then it is not sent a third time in this run.
    pub repeats: bool,
}

/// How a rotation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The next generation is stored, by us.
    Rotated,
    /// The next generation is stored, by somebody else.
    RotatedElsewhere,
    /// Somebody else is at it, or may be: ask again a little later.
    Busy,
    /// It did not succeed; the failure is written down.
    Failed(Failure),
    /// The credential does not rotate, or not now (disabled, pending).
    DoesNotRotate,
    /// The credential was erased.
    Erased,
    /// The store could not be written before anything was sent. Nothing happened.
    StoreUnavailable,
}

impl<R> State<R> {
    /// Begins.
    pub fn begin() -> (Self, Action) {
        (Self::Beginning, Action::Begin)
    }

    /// The answer that is held and not yet durable.
    pub fn reply(&self) -> Option<&R> {
        match self {
            Self::Committing { reply } | Self::Keeping { reply } | Self::Discarding { reply } => Some(reply),
            _ => None,
        }
    }

    /// Takes in what came of the last action and says what to do next.
    ///
    /// # Panics
    /// When the event is not one that the last action can have: a fault of the driver.
    #[must_use]
    pub fn step(self, event: Event<R>) -> (Self, Action) {
        match (self, event) {
            (Self::Beginning, event) => begun(&event),
            (Self::Declaring(attempt), event) => declared(attempt, &event),
            (Self::Exchanging(attempt), Event::Answered(answer)) => answered(attempt, answer),
            (Self::Committing { reply }, event) => committed(reply, &event),
            (Self::Keeping { reply }, Event::StoreFailed) => (Self::Keeping { reply }, Action::KeepSpareAgain),
            (Self::Keeping { reply }, Event::Superseded) => discard(reply),
            (Self::Discarding { .. }, Event::Done) => finish(Outcome::Erased),
            // A failure that somebody overtook needs no record: the row has moved on.
            (Self::Keeping { .. }, Event::Done) | (Self::Ending(Outcome::Failed(_)), Event::Superseded) => {
                finish(Outcome::RotatedElsewhere)
            }
            (Self::Ending(outcome), _) => finish(outcome),
            _ => unreachable!("a driver reports what came of the action it was given"),
        }
    }
}

fn begun<R>(event: &Event<R>) -> (State<R>, Action) {
    match event {
        Event::Decided(Decision::Exchange(attempt)) => exchange(*attempt),
        Event::Decided(Decision::Stall) => record(Failure::Overdue, IntentEnd::Leave),
        Event::Decided(Decision::End(outcome)) => finish(*outcome),
        Event::Erased => finish(Outcome::Erased),
        // If the intent was written all the same, it is our own and the next run finds its writer gone.
        Event::StoreFailed => finish(Outcome::StoreUnavailable),
        _ => unreachable!("a row is read and decided on, is erased, or cannot be read"),
    }
}

/// Decides how to replace generation `target` by the next, in the transaction that reads the row. A person who `takes_over` does not wait
/// for a writer that is late or cannot be seen.
pub fn decide(target: Generation, snapshot: &Snapshot, takes_over: bool) -> Decision {
    if snapshot.generation != target {
        return Decision::End(Outcome::RotatedElsewhere);
    }
    if !snapshot.rotates {
        return Decision::End(Outcome::DoesNotRotate);
    }
    let Some(found) = snapshot.intent else {
        let spare = snapshot.spare;
        return Decision::Exchange(Attempt { spend: Spend::Stored, number: 1, presumed: false, spare, repeats: false });
    };
    // The answer of a writer that is not gone may still come. To send the same token now could end the grant that the answer carries.
    match found.writer {
        Writer::Present => return Decision::End(Outcome::Busy),
        Writer::Overdue if !takes_over => return Decision::Stall,
        Writer::Unknown if !takes_over => return Decision::End(Outcome::Busy),
        Writer::Overdue | Writer::Unknown | Writer::Presumed | Writer::Gone => {}
    }
    Decision::Exchange(Attempt {
        spend: found.spend,
        number: found.attempt.saturating_add(1),
        presumed: found.presumed || found.writer != Writer::Gone,
        spare: snapshot.spare && found.spend == Spend::Stored,
        repeats: true,
    })
}

fn declared<R>(attempt: Attempt, event: &Event<R>) -> (State<R>, Action) {
    match event {
        Event::Declared => exchange(attempt),
        Event::Superseded => finish(Outcome::RotatedElsewhere),
        Event::StoreFailed => finish(Outcome::StoreUnavailable),
        _ => unreachable!("an intent is written, superseded or failed"),
    }
}

fn answered<R>(attempt: Attempt, answer: Answer<R>) -> (State<R>, Action) {
    let following = attempt.number.saturating_add(1);
    match answer {
        Answer::Granted(reply) => (State::Committing { reply }, Action::Commit),
        Answer::Dead if attempt.spare => {
            declare(Attempt { spend: Spend::Spare, number: following, spare: false, repeats: false, ..attempt })
        }
        // A process that was presumed gone may have spent it, and have the answer.
        Answer::Dead if attempt.presumed => record(Failure::Doubted, IntentEnd::Doubted),
        Answer::Dead => record(Failure::DeadGrant, IntentEnd::Close),
        // What an earlier exchange did stays unknown, whatever is said of this one.
        Answer::WrongClient => record(Failure::WrongClient, unspent(attempt)),
        Answer::Refused => record(Failure::Refused, unspent(attempt)),
        // A server that repeats its answer does so for a short while only: ask again at once.
        Answer::Unknown if !attempt.repeats => declare(Attempt { number: following, repeats: true, ..attempt }),
        Answer::Unknown => record(Failure::Unknown, IntentEnd::Unanswered),
    }
}

/// The further use of the intent of an exchange that had no effect.
const fn unspent(attempt: Attempt) -> IntentEnd {
    if attempt.repeats || attempt.presumed { IntentEnd::Unanswered } else { IntentEnd::Close }
}

fn committed<R>(reply: R, event: &Event<R>) -> (State<R>, Action) {
    match event {
        Event::Committed => finish(Outcome::Rotated),
        Event::Overtaken { same_grant: true } => (State::Keeping { reply }, Action::KeepSpare),
        Event::Overtaken { same_grant: false } | Event::Erased => discard(reply),
        Event::StoreFailed => (State::Committing { reply }, Action::CommitAgain),
        _ => unreachable!("a commit holds, is overtaken, or fails"),
    }
}

fn declare<R>(attempt: Attempt) -> (State<R>, Action) {
    let Attempt { spend, number, presumed, .. } = attempt;
    (State::Declaring(attempt), Action::Declare { spend, attempt: number, presumed })
}

fn exchange<R>(attempt: Attempt) -> (State<R>, Action) {
    (State::Exchanging(attempt), Action::Exchange { spend: attempt.spend })
}

fn discard<R>(reply: R) -> (State<R>, Action) {
    (State::Discarding { reply }, Action::Discard)
}

fn record<R>(failure: Failure, intent: IntentEnd) -> (State<R>, Action) {
    (State::Ending(Outcome::Failed(failure)), Action::Record { failure, intent })
}

fn finish<R>(outcome: Outcome) -> (State<R>, Action) {
    (State::Finished(outcome), Action::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::Found;

    const ONE: Generation = Generation::new(1);

    fn snapshot(intent: Option<Found>, spare: bool) -> Snapshot {
        Snapshot { generation: ONE, intent, spare, rotates: true }
    }

    fn begun(snapshot: Snapshot) -> Event<&'static str> {
        Event::Decided(decide(ONE, &snapshot, false))
    }

    fn found(writer: Writer, presumed: bool) -> Snapshot {
        snapshot(Some(Found { spend: Spend::Stored, attempt: 1, writer, presumed }), false)
    }

    /// Feeds events in order; returns the actions and how the rotation ended.
    fn run(events: Vec<Event<&'static str>>) -> (Vec<Action>, State<&'static str>) {
        let (mut state, action) = State::begin();
        let mut actions = vec![action];
        for event in events {
            let action;
            (state, action) = state.step(event);
            actions.push(action);
        }
        (actions, state)
    }

    fn exchange(spend: Spend) -> Action {
        Action::Exchange { spend }
    }

    #[test]
    fn the_plain_way() {
        let (actions, state) =
            run(vec![begun(snapshot(None, false)), Event::Answered(Answer::Granted("new")), Event::Committed]);
        assert_eq!(actions, [Action::Begin, exchange(Spend::Stored), Action::Commit, Action::Nothing]);
        assert_eq!(state, State::Finished(Outcome::Rotated));
    }

    #[test]
    fn a_spare_is_tried_before_a_grant_is_called_dead() {
        let (actions, state) = run(vec![
            begun(snapshot(None, true)),
            Event::Answered(Answer::Dead),
            Event::Declared,
            Event::Answered(Answer::Dead),
            Event::Done,
        ]);
        let declare = Action::Declare { spend: Spend::Spare, attempt: 2, presumed: false };
        assert_eq!(actions[2..4], [declare, exchange(Spend::Spare)]);
        assert_eq!(actions[4], Action::Record { failure: Failure::DeadGrant, intent: IntentEnd::Close });
        assert_eq!(state, State::Finished(Outcome::Failed(Failure::DeadGrant)));
    }

    #[test]
    fn an_open_intent_is_repeated_once_its_writer_is_gone_or_a_person_takes_over() {
        let busy = Decision::End(Outcome::Busy);
        let again = |presumed| {
            let (spend, number) = (Spend::Stored, 2);
            Decision::Exchange(Attempt { spend, number, presumed, spare: false, repeats: true })
        };
        for (writer, decided, taken_over) in [
            (Writer::Present, busy, busy),
            (Writer::Overdue, Decision::Stall, again(true)),
            (Writer::Unknown, busy, again(true)),
            (Writer::Presumed, again(true), again(true)),
            (Writer::Gone, again(false), again(false)),
        ] {
            assert_eq!(decide(ONE, &found(writer, false), false), decided, "{writer:?}");
            assert_eq!(decide(ONE, &found(writer, false), true), taken_over, "{writer:?}");
        }
        // That a writer was only presumed gone is not forgotten when the next one is surely gone.
        assert_eq!(decide(ONE, &found(Writer::Gone, true), false), again(true));
    }

    #[test]
    fn a_process_that_is_late_is_said_to_be_stuck_and_its_intent_is_left_alone() {
        let (actions, state) = run(vec![begun(found(Writer::Overdue, false)), Event::Done]);
        assert_eq!(actions[1], Action::Record { failure: Failure::Overdue, intent: IntentEnd::Leave });
        assert_eq!(state, State::Finished(Outcome::Failed(Failure::Overdue)));
    }

    #[test]
    fn a_grant_is_not_called_dead_while_the_answer_of_a_writer_that_was_presumed_gone_may_come() {
        for (presumed, failure, intent) in [
            (Writer::Presumed, Failure::Doubted, IntentEnd::Doubted),
            (Writer::Gone, Failure::DeadGrant, IntentEnd::Close),
        ] {
            let (actions, _) = run(vec![begun(found(presumed, false)), Event::Answered(Answer::Dead), Event::Done]);
            assert_eq!(actions[2], Action::Record { failure, intent });
        }
    }

    #[test]
    fn an_unanswered_exchange_is_repeated_once_and_then_left_open() {
        let (actions, state) = run(vec![
            begun(snapshot(None, false)),
            Event::Answered(Answer::Unknown),
            Event::Declared,
            Event::Answered(Answer::Refused),
            Event::Done,
        ]);
        let declare = Action::Declare { spend: Spend::Stored, attempt: 2, presumed: false };
        assert_eq!(actions[2..4], [declare, exchange(Spend::Stored)]);
        // The first exchange may have spent the token, whatever became of the second.
        assert_eq!(actions[4], Action::Record { failure: Failure::Refused, intent: IntentEnd::Unanswered });
        assert_eq!(state, State::Finished(Outcome::Failed(Failure::Refused)));
    }

    #[test]
    fn an_answer_that_was_overtaken_is_a_spare_or_is_given_back() {
        let overtaken = |same_grant| {
            run(vec![
                begun(snapshot(None, false)),
                Event::Answered(Answer::Granted("new")),
                Event::StoreFailed,
                Event::Overtaken { same_grant },
            ])
        };
        let (actions, state) = overtaken(true);
        assert_eq!(actions[3..], [Action::CommitAgain, Action::KeepSpare]);
        assert_eq!(state.reply(), Some(&"new"));
        // A later sign-in may act as another account: its credential must not get this one's token.
        let (actions, _) = overtaken(false);
        assert_eq!(actions[4], Action::Discard);
    }
}
