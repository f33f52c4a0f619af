//! The protocol itself.

use super::{Action, Answer, Event, Failure, Snapshot, Writer};
use crate::{Generation, Spend};

/// A rotation under way. `R` is the answer of a successful exchange; it is held here, and nowhere else, until it is durable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum State<R> {
    /// Waiting for the lease and the row.
    Claiming {
        /// The generation that is to be replaced.
        target: Generation,
    },
    /// Waiting for the intent to be durable.
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
    /// Waiting for the failure to be durable, or for the lease to be given back.
    Ending(Outcome),
    /// Over.
    Finished(Outcome),
}

/// One exchange within a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The refresh token that is spent.
    spend: Spend,
    /// Its number within the generation.
    number: u32,
    /// Whether a spare may still be tried when this one is dead.
    spare: bool,
    /// Whether the same token was sent before and its outcome is unknown; then it is not sent a third time in this run.
    repeats: bool,
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
    /// Begins: replace generation `target` by the next.
    pub fn begin(target: Generation) -> (Self, Action) {
        (Self::Claiming { target }, Action::Claim)
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
            (Self::Claiming { target }, event) => claimed(target, &event),
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

fn claimed<R>(target: Generation, event: &Event<R>) -> (State<R>, Action) {
    match event {
        Event::Claimed(snapshot) => decide(target, *snapshot),
        Event::Held => finish(Outcome::Busy),
        Event::Erased => finish(Outcome::Erased),
        Event::StoreFailed => finish(Outcome::StoreUnavailable),
        _ => unreachable!("a claim is held, refused or failed"),
    }
}

/// The lease is ours and the row is read again: is there still something to do, and with which token?
fn decide<R>(target: Generation, snapshot: Snapshot) -> (State<R>, Action) {
    if snapshot.generation != target {
        return release(Outcome::RotatedElsewhere);
    }
    if !snapshot.rotates {
        return release(Outcome::DoesNotRotate);
    }
    match snapshot.intent {
        None => declare(Attempt { spend: Spend::Stored, number: 1, spare: snapshot.spare, repeats: false }),
        // Its answer may still come. To send the same token now could end the grant that the answer carries.
        Some(found) if found.writer == Writer::Present => release(Outcome::Busy),
        Some(found) => declare(Attempt {
            spend: found.spend,
            number: found.attempt.saturating_add(1),
            spare: snapshot.spare && found.spend == Spend::Stored,
            repeats: true,
        }),
    }
}

fn declared<R>(attempt: Attempt, event: &Event<R>) -> (State<R>, Action) {
    match event {
        Event::Declared => (State::Exchanging(attempt), Action::Exchange { spend: attempt.spend }),
        Event::Superseded => release(Outcome::RotatedElsewhere),
        // Should the intent have been written all the same, it is our own and the next run finds its writer gone.
        Event::StoreFailed => release(Outcome::StoreUnavailable),
        _ => unreachable!("an intent is written, superseded or failed"),
    }
}

fn answered<R>(attempt: Attempt, answer: Answer<R>) -> (State<R>, Action) {
    let following = attempt.number.saturating_add(1);
    match answer {
        Answer::Granted(reply) => (State::Committing { reply }, Action::Commit),
        Answer::Dead if attempt.spare => {
            declare(Attempt { spend: Spend::Spare, number: following, spare: false, repeats: false })
        }
        Answer::Dead => record(Failure::DeadGrant, true),
        // What an earlier exchange did stays unknown, whatever is said of this one.
        Answer::WrongClient => record(Failure::WrongClient, !attempt.repeats),
        Answer::Refused => record(Failure::Refused, !attempt.repeats),
        // A server that repeats its answer does so for a short while only: ask again at once.
        Answer::Unknown if !attempt.repeats => declare(Attempt { number: following, repeats: true, ..attempt }),
        Answer::Unknown => record(Failure::Unknown, false),
    }
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
    let action = Action::Declare { spend: attempt.spend, attempt: attempt.number };
    (State::Declaring(attempt), action)
}

fn discard<R>(reply: R) -> (State<R>, Action) {
    (State::Discarding { reply }, Action::Discard)
}

fn record<R>(failure: Failure, settled: bool) -> (State<R>, Action) {
    (State::Ending(Outcome::Failed(failure)), Action::Record { failure, settled })
}

fn release<R>(outcome: Outcome) -> (State<R>, Action) {
    (State::Ending(outcome), Action::Release)
}

fn finish<R>(outcome: Outcome) -> (State<R>, Action) {
    (State::Finished(outcome), Action::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grant;
    use crate::rotation::Found;

    const ONE: Generation = Generation::new(1);

    fn snapshot(intent: Option<Found>, spare: bool) -> Snapshot {
        Snapshot { generation: ONE, grant: Grant::new(1), intent, spare, rotates: true }
    }

    /// Feeds events in order; gives the actions that were asked for and how it ended.
    fn run(events: Vec<Event<&'static str>>) -> (Vec<Action>, State<&'static str>) {
        let (mut state, action) = State::begin(ONE);
        let mut actions = vec![action];
        for event in events {
            let action;
            (state, action) = state.step(event);
            actions.push(action);
        }
        (actions, state)
    }

    fn declare(spend: Spend, attempt: u32) -> Action {
        Action::Declare { spend, attempt }
    }

    fn exchange(spend: Spend) -> Action {
        Action::Exchange { spend }
    }

    #[test]
    fn the_plain_way() {
        let (actions, state) = run(vec![
            Event::Claimed(snapshot(None, false)),
            Event::Declared,
            Event::Answered(Answer::Granted("new")),
            Event::Committed,
        ]);
        let expected =
            [Action::Claim, declare(Spend::Stored, 1), exchange(Spend::Stored), Action::Commit, Action::Nothing];
        assert_eq!(actions, expected);
        assert_eq!(state, State::Finished(Outcome::Rotated));
    }

    #[test]
    fn a_spare_is_tried_before_a_grant_is_called_dead() {
        let (actions, state) = run(vec![
            Event::Claimed(snapshot(None, true)),
            Event::Declared,
            Event::Answered(Answer::Dead),
            Event::Declared,
            Event::Answered(Answer::Dead),
            Event::Done,
        ]);
        assert_eq!(actions[3..5], [declare(Spend::Spare, 2), exchange(Spend::Spare)]);
        assert_eq!(actions[5], Action::Record { failure: Failure::DeadGrant, settled: true });
        assert_eq!(state, State::Finished(Outcome::Failed(Failure::DeadGrant)));
    }

    #[test]
    fn an_open_intent_is_repeated_once_its_writer_is_gone_and_not_before() {
        let found = |writer| Some(Found { spend: Spend::Stored, attempt: 1, writer });
        let (actions, _) = run(vec![Event::Claimed(snapshot(found(Writer::Gone), false)), Event::Declared]);
        assert_eq!(actions[1..], [declare(Spend::Stored, 2), exchange(Spend::Stored)]);
        let (actions, state) = run(vec![Event::Claimed(snapshot(found(Writer::Present), false)), Event::Done]);
        assert_eq!(actions, [Action::Claim, Action::Release, Action::Nothing]);
        assert_eq!(state, State::Finished(Outcome::Busy));
    }

    #[test]
    fn an_unanswered_exchange_is_repeated_once_and_then_left_open() {
        let (actions, state) = run(vec![
            Event::Claimed(snapshot(None, false)),
            Event::Declared,
            Event::Answered(Answer::Unknown),
            Event::Declared,
            Event::Answered(Answer::Refused),
            Event::Done,
        ]);
        assert_eq!(actions[3..5], [declare(Spend::Stored, 2), exchange(Spend::Stored)]);
        // The first exchange may have spent the token, whatever became of the second.
        assert_eq!(actions[5], Action::Record { failure: Failure::Refused, settled: false });
        assert_eq!(state, State::Finished(Outcome::Failed(Failure::Refused)));
    }

    #[test]
    fn an_answer_that_was_overtaken_is_a_spare_or_is_given_back() {
        let overtaken = |same_grant| {
            run(vec![
                Event::Claimed(snapshot(None, false)),
                Event::Declared,
                Event::Answered(Answer::Granted("new")),
                Event::StoreFailed,
                Event::Overtaken { same_grant },
            ])
        };
        let (actions, state) = overtaken(true);
        assert_eq!(actions[4..], [Action::CommitAgain, Action::KeepSpare]);
        assert_eq!(state.reply(), Some(&"new"));
        // A later sign-in may act as somebody else: its credential must not get this one's token.
        let (actions, _) = overtaken(false);
        assert_eq!(actions[5], Action::Discard);
    }
}
