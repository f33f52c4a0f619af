//! The protocol broken on purpose, one rule at a time: the properties must notice each of them.

use super::world::{Run, Token};
use super::{Bounds, NONE, Server, broken};
use crate::Spend;
use crate::rotation::{Action, Event, Failure, IntentEnd, Outcome, Snapshot, State, Writer, decide};

/// A rule that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mutant {
    /// The token of an answer that was overtaken is not kept.
    NoSpare,
    /// The spare is never tried.
    SpareNotTried,
    /// To keep the spare is given up when the store fails.
    SpareGivenUp,
    /// A grant is called dead although a spare came meanwhile.
    NewSpareIgnored,
    /// A grant that was called dead stays so although a spare came.
    SpareRevivesNothing,
    /// The token of an open intent is sent although its writer is there.
    PresentWriterIgnored,
    /// A writer that is there is believed gone.
    PresenceMisjudged,
    /// An exchange without an answer is not repeated at once.
    NotRepeatedAtOnce,
    /// The stored token is sent although the open intent is about the spare.
    IntentsTokenIgnored,
    /// The intent is closed after a refusal, whatever an earlier exchange did.
    RefusedClosesTheIntent,
    /// The intent is closed although no answer came.
    UnknownClosesTheIntent,
    /// The intent is closed when the app's secret is wrong, whatever an earlier exchange did.
    WrongClientClosesTheIntent,
    /// A dead grant leaves the intent open.
    DeadLeavesTheIntent,
    /// An answer is given up when the store fails.
    AnswerGivenUp,
    /// A run replaces any generation that is in the row.
    GenerationNotCompared,
    /// A commit does not compare the generation.
    CommitWithoutFence,
    /// A further intent is written over one of another process.
    IntentUnguarded,
    /// A failure is written over another intent.
    FailureOverAnotherIntent,
    /// A failure is written over whatever is there, another generation too. To compare the intent suffices.
    FailureUnguarded,
    /// The token is sent although the intent could not be written.
    SentWithoutIntent,
    /// A process asks for its own lock instead of its own tasks.
    OwnNumberLookedUp,
    /// A lock is looked for that another kernel holds.
    OtherKernelsLocksLookedAt,
    /// A writer whose file is missing is believed gone.
    AbsenceIsGone,
    /// A writer is believed gone because a file in the place of its own is not locked.
    InodeNotCompared,
    /// A writer that runs is believed gone because it is late.
    LateIsGone,
    /// A writer that cannot be seen is presumed gone at its deadline, though its exchange may go on.
    MarginLeftOut,
    /// That a writer was only presumed gone is not recorded.
    PresumptionForgotten,
    /// A grant is called dead by a refusal that a writer that was presumed gone may have caused.
    DoubtIgnored,
}

impl Mutant {
    /// The event as the mutant's run sees it; `None` if the run ends.
    pub(super) fn hears(self, run: &Run, event: Event<Token>) -> Option<Event<Token>> {
        Some(match (self, run.action, event) {
            (Self::AnswerGivenUp, Action::Commit | Action::CommitAgain, Event::StoreFailed) => return None,
            (Self::SpareGivenUp, Action::KeepSpare | Action::KeepSpareAgain, Event::StoreFailed) => Event::Done,
            (Self::SentWithoutIntent, Action::Begin, Event::StoreFailed) => {
                let generation = crate::Generation::new(run.target);
                let snapshot = Snapshot { generation, intent: None, spare: false, rotates: true };
                Event::Decided(decide(generation, &snapshot, false))
            }
            (_, _, event) => event,
        })
    }

    /// Changes the row that the mutant's run reads.
    pub(super) fn reads(self, run: &Run, snapshot: &mut Snapshot) {
        match (self, &mut snapshot.intent) {
            (Self::SpareNotTried, _) => snapshot.spare = false,
            (Self::PresentWriterIgnored, Some(found)) => found.writer = Writer::Gone,
            (Self::IntentsTokenIgnored, Some(found)) => found.spend = Spend::Stored,
            (Self::GenerationNotCompared, _) => snapshot.generation = crate::Generation::new(run.target),
            _ => {}
        }
    }

    /// The step that the mutant's run takes instead of the right one.
    pub(super) fn does(self, state: State<Token>, action: Action, after_no_answer: bool) -> (State<Token>, Action) {
        let settle = |failure, intent| (State::Ending(Outcome::Failed(failure)), Action::Record { failure, intent });
        let close = |failure| settle(failure, IntentEnd::Close);
        match (self, action) {
            (Self::NotRepeatedAtOnce, Action::Declare { .. }) if after_no_answer => {
                settle(Failure::Unknown, IntentEnd::Unanswered)
            }
            (Self::RefusedClosesTheIntent, Action::Record { failure: Failure::Refused, .. }) => close(Failure::Refused),
            (Self::UnknownClosesTheIntent, Action::Record { failure: Failure::Unknown, .. }) => close(Failure::Unknown),
            (Self::WrongClientClosesTheIntent, Action::Record { failure: Failure::WrongClient, .. }) => {
                close(Failure::WrongClient)
            }
            (Self::DeadLeavesTheIntent, Action::Record { failure: Failure::DeadGrant, .. }) => {
                settle(Failure::DeadGrant, IntentEnd::Unanswered)
            }
            (Self::DoubtIgnored, Action::Record { failure: Failure::Doubted, .. }) => close(Failure::DeadGrant),
            _ => (state, action),
        }
    }
}

/// Where each rule is missed. Whatever is in none of these worlds guards nothing.
const MISSED: [(Mutant, Server, Bounds); 28] = [
    (Mutant::NoSpare, Server::Latest, Bounds { pauses: 3, ..NONE }),
    (Mutant::SpareNotTried, Server::Latest, Bounds { pauses: 3, ..NONE }),
    (Mutant::SpareGivenUp, Server::Latest, Bounds { pauses: 3, store_failures: 1, ..NONE }),
    (Mutant::NewSpareIgnored, Server::Latest, Bounds { pauses: 4, ..NONE }),
    (Mutant::SpareRevivesNothing, Server::Latest, Bounds { pauses: 4, ..NONE }),
    (Mutant::PresentWriterIgnored, Server::Strict, Bounds { pauses: 1, ..NONE }),
    (Mutant::PresenceMisjudged, Server::Strict, Bounds { pauses: 1, ..NONE }),
    (Mutant::NotRepeatedAtOnce, Server::Repeats, Bounds { cuts: 1, ..NONE }),
    (Mutant::IntentsTokenIgnored, Server::Latest, Bounds { pauses: 2, crashes: 1, runs: 4, ..NONE }),
    (Mutant::RefusedClosesTheIntent, Server::Strict, Bounds { cuts: 1, refusals: 1, ..NONE }),
    (Mutant::UnknownClosesTheIntent, Server::Strict, Bounds { cuts: 2, ..NONE }),
    (Mutant::WrongClientClosesTheIntent, Server::Strict, Bounds { cuts: 1, rejections: 1, ..NONE }),
    (Mutant::DeadLeavesTheIntent, Server::Strict, Bounds { revocations: 1, ..NONE }),
    (Mutant::AnswerGivenUp, Server::Strict, Bounds { store_failures: 1, ..NONE }),
    (Mutant::GenerationNotCompared, Server::Keeps, NONE),
    (Mutant::CommitWithoutFence, Server::Repeats, Bounds { pauses: 3, ..NONE }),
    (Mutant::IntentUnguarded, Server::Strict, Bounds { pauses: 2, cuts: 1, ..NONE }),
    (Mutant::FailureOverAnotherIntent, Server::Strict, Bounds { pauses: 2, refusals: 1, crashes: 1, ..NONE }),
    (Mutant::FailureUnguarded, Server::Strict, Bounds { pauses: 2, ..NONE }),
    (Mutant::SentWithoutIntent, Server::Strict, Bounds { store_failures: 1, ..NONE }),
    (Mutant::OwnNumberLookedUp, Server::Keeps, Bounds { drops: 1, ..NONE }),
    (Mutant::OtherKernelsLocksLookedAt, Server::Strict, NONE),
    (Mutant::AbsenceIsGone, Server::Strict, Bounds { files: 1, ..NONE }),
    (Mutant::InodeNotCompared, Server::Strict, Bounds { files: 1, ..NONE }),
    (Mutant::LateIsGone, Server::Strict, Bounds { pauses: 1, ..NONE }),
    (Mutant::MarginLeftOut, Server::Strict, Bounds { pauses: 1, ..NONE }),
    (Mutant::PresumptionForgotten, Server::Strict, Bounds { pauses: 2, ..NONE }),
    (Mutant::DoubtIgnored, Server::Strict, Bounds { pauses: 2, ..NONE }),
];

#[test]
fn every_rule_is_missed_when_it_is_not_kept() {
    let unnoticed: Vec<_> = MISSED
        .iter()
        .filter(|(mutant, server, bounds)| {
            let property = broken(*server, *bounds, Some(*mutant));
            eprintln!("{mutant:?}: {}", property.unwrap_or("NOT NOTICED"));
            property.is_none()
        })
        .collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}
