//! What a rotation asks for, and what it is told.

use crate::{Generation, Grant, Spend};

/// What the driver of a rotation must do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Take the lease and read the row, in one transaction.
    Claim,
    /// Write the intent durably, in place of the one that was found, if any.
    Declare {
        /// The refresh token that will be spent.
        spend: Spend,
        /// The number of this exchange within the generation.
        attempt: u32,
    },
    /// Send the refresh token, once. No repeat below this: a repeat is an attempt of its own.
    Exchange {
        /// The refresh token to send.
        spend: Spend,
    },
    /// Write the answer where the generation still is the one that was claimed. Erases intent and spare, gives the lease back.
    Commit,
    /// Wait a moment, then commit as before: the store failed and the answer exists nowhere else.
    CommitAgain,
    /// Keep the answer's refresh token, sealed, beside the newer token set.
    KeepSpare,
    /// Wait a moment, then keep the spare as before.
    KeepSpareAgain,
    /// Revoke the answer's tokens: the credential was erased or signed in anew meanwhile.
    Discard,
    /// Write down the failure where generation and intent still are the claimed ones. Gives the lease back.
    Record {
        /// What happened.
        failure: Failure,
        /// Whether the intent is closed. Where it is not, it stays and says that its answer will not come any more: the
        /// refresh token may be spent.
        settled: bool,
    },
    /// Give the lease back; nothing else is to be written.
    Release,
    /// Nothing more.
    Nothing,
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event<R> {
    /// The lease is ours, and this is the row.
    Claimed(Snapshot),
    /// Somebody else holds the lease.
    Held,
    /// There is no such credential any more, or it is being erased.
    Erased,
    /// The intent is durable.
    Declared,
    /// The row is no longer as it was claimed.
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
    /// The spare, the discarding, the record or the release is done.
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

/// The row as it was when the lease was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The generation in the row.
    pub generation: Generation,
    /// The grant behind it.
    pub grant: Grant,
    /// The intent that stands open, if any.
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
    /// What is known of its writer.
    pub writer: Writer,
}

/// Whether the answer to somebody's exchange may still be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writer {
    /// The writer is there, or cannot be told to be gone.
    Present,
    /// The writer has surely ended, has given up, or is this very process in an earlier run.
    Gone,
}

/// What is written down when a rotation did not succeed.
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
}
