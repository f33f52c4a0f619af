//! The actions that a rotation asks for, and the events that it receives.

use super::{Attempt, Outcome};
use crate::{Generation, Spend};

/// The next action for the driver of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the row and [decide](super::decide); where that says so, write the intent in the same transaction.
    Begin,
    /// Write the intent durably, in place of this run's own.
    Declare {
        /// The refresh token that will be spent.
        spend: Spend,
        /// The number of this exchange within the generation.
        attempt: u32,
        /// Whether an earlier process that sent the same token was only presumed gone.
        presumed: bool,
    },
    /// Send the refresh token, once. No repeat below this: a repeat is an attempt of its own.
    Exchange {
        /// The refresh token to send.
        spend: Spend,
    },
    /// Write the answer where the generation still is the one that was claimed. Erases intent and spare.
    Commit,
    /// Wait a moment, then commit as before: the store failed and the answer exists nowhere else.
    CommitAgain,
    /// Keep the answer's refresh token, sealed, beside the newer token set.
    KeepSpare,
    /// Wait a moment, then keep the spare as before.
    KeepSpareAgain,
    /// Revoke the answer's tokens: the credential was erased or signed in again meanwhile.
    Discard,
    /// Write down the failure where generation and intent still are those that this run knows.
    Record {
        /// The failure.
        failure: Failure,
        /// The further use of the intent.
        intent: IntentEnd,
    },
    /// Nothing more.
    Nothing,
}

/// The result of an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event<R> {
    /// The row was read, and this was decided; where it is an exchange, its intent is durable.
    Decided(Decision),
    /// There is no such credential any more, or it is being erased.
    Erased,
    /// The intent is durable.
    Declared,
    /// The row is no longer as this run knows it.
    Superseded,
    /// The exchange ended so.
    Answered(Answer<R>),
    /// The next generation is durable.
    Committed,
    /// Another was faster: the row holds a later generation.
    Overtaken {
        /// Whether that generation descends from the same sign-in.
        same_grant: bool,
    },
    /// The spare, the discarding or the record is done.
    Done,
    /// The store did not take it.
    StoreFailed,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer<R> {
    /// A token set.
    Granted(R),
    /// The refresh token is not accepted: expired, revoked or spent.
    Dead,
    /// The app's client id or secret is not accepted. The refresh token is untouched.
    WrongClient,
    /// It surely had no effect: it was never sent, or Webex declined to look at it (429).
    Refused,
    /// It may have had an effect: no answer, or none that can be understood.
    Unknown,
}

/// The decision of a run after it has read the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// To send a refresh token.
    Exchange(Attempt),
    /// To say that the process that renews the credential is stuck.
    Stall,
    /// To do nothing.
    End(Outcome),
}

/// The row as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The generation in the row.
    pub generation: Generation,
    /// The intent that is open, if any.
    pub intent: Option<Found>,
    /// Whether a spare is kept.
    pub spare: bool,
    /// Whether the credential may rotate at all: it has a refresh token and is neither disabled nor pending.
    pub rotates: bool,
}

/// An open intent that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// The refresh token that may be spent.
    pub spend: Spend,
    /// Its number within the generation.
    pub attempt: u32,
    /// The state of its writer.
    pub writer: Writer,
    /// Whether an earlier process that sent the same token was only presumed gone.
    pub presumed: bool,
}

/// Whether the answer to another process's exchange may still be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writer {
    /// The writer runs, and its time is not over.
    Present,
    /// The writer runs, or is stopped and may go on, and its time is over.
    Overdue,
    /// It cannot be told whether the writer runs, and its time is not over.
    Unknown,
    /// It cannot be told whether the writer runs, but it had more time than any exchange takes.
    Presumed,
    /// The writer has ended, has given up, or is this very process in an earlier run.
    Gone,
}

/// The further use of an intent whose exchange yielded no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntentEnd {
    /// It is erased: the refresh token is unspent, or dead.
    Close,
    /// It stays, and says that its answer will not come: the refresh token may be spent.
    Unanswered,
    /// It stays, and says that the token was refused while the answer of a process that was presumed gone may still come.
    Doubted,
    /// It stays as it is: it is another process's.
    Leave,
}

/// The failure of a rotation, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The grant is dead: a person must act.
    DeadGrant,
    /// The app's secret is wrong.
    WrongClient,
    /// The last exchange had no effect; to be tried again later.
    Refused,
    /// The last exchange may have had an effect; to be tried again later.
    Unknown,
    /// The grant seems dead, but a process that was presumed gone may have spent the token; to be tried again later.
    Doubted,
    /// Another process began a renewal and does not finish it.
    Overdue,
}
