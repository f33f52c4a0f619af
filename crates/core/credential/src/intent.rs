//! The durable note that a refresh token is about to be spent.

use std::fmt;

use lanyard_time::BootId;

use crate::Generation;

/// Written before an exchange, erased by the commit that follows it. A process that finds it open knows that the refresh token of this
/// generation may have been spent by a process that did not live to write the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The generation whose refresh token is spent.
    pub generation: Generation,
    /// Which of the stored refresh tokens is spent.
    pub spend: Spend,
    /// 1 for the first exchange of this generation, counted up by each that follows it without a commit between.
    pub attempt: u32,
    /// The process that spends it.
    pub writer: Process,
    /// The state of its answer.
    pub phase: IntentPhase,
    /// Whether an earlier process that sent the same token was only presumed gone: its answer may still come.
    pub presumed: bool,
}

/// A process as the others that share its store know it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its random number: the name of the file that it keeps locked while it lives. Empty if an earlier version wrote the intent.
    pub number: Box<str>,
    /// The boot session of the kernel that it runs under: only there can others see its lock.
    pub kernel: BootId,
    /// Its process id, for people.
    pub pid: u32,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({:.8})", self.pid, self.number)
    }
}

/// Whether the answer to an exchange may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntentPhase {
    /// It may: its writer is working on it, or died.
    Open,
    /// It will not: the writer itself saw its request end without an answer. Any process may try again.
    Unanswered,
    /// Webex refused the token, but a process that was only presumed gone may have spent it. Its answer may come until the deadline.
    Doubted,
}

/// The refresh tokens of one credential that may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spend {
    /// The one of the token set.
    Stored,
    /// The spare: the answer of a rotation that another had overtaken.
    Spare,
}
