//! The durable note that a refresh token is about to be spent.

use lanyard_time::{BootTime, ProcessIdentity};

use crate::Generation;

/// Written before an exchange, erased by the commit that follows it. Whoever finds it open knows that the refresh token of this
/// generation may have been spent by a process that did not live to write the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The generation whose refresh token is spent.
    pub generation: Generation,
    /// Which of the refresh tokens at hand is spent.
    pub spend: Spend,
    /// 1 for the first exchange of this generation, counted up by each that follows it without a commit between.
    pub attempt: u32,
    /// Who spends it.
    pub writer: ProcessIdentity,
    /// The writer sends nothing after this reading of the store's clock, and has its answer or has given up by then.
    pub deadline: BootTime,
    /// Whether its answer may still come.
    pub phase: IntentPhase,
}

/// Whether the answer to an exchange may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntentPhase {
    /// It may: its writer is at it, or died at it.
    Open,
    /// It will not: the writer itself saw its request end without an answer. Anyone may try again.
    Unanswered,
}

/// The refresh tokens of one credential that may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spend {
    /// The one of the token set.
    Stored,
    /// The spare: the answer of a rotation that another had overtaken.
    Spare,
}
