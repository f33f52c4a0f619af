//! The work of a refresher, done and outstanding.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::TroubleKind;
use lanyard_protocol::Environment;
use lanyard_time::Moment;

/// The work of a refresher: done since it began, and outstanding.
#[derive(Clone, Debug)]
pub struct RefresherReport {
    /// When it last looked at what is due; `None` before it first did. It looks once a second at least.
    pub looked: Option<Moment>,
    /// When it last read what has changed in the store, and began what was due.
    pub last_success: Option<Timestamp>,
    /// Whether it has read the store.
    pub ready: bool,
    /// How many credentials it knows.
    pub credentials: usize,
    /// The work that is done.
    pub counts: Counts,
    /// How it stands with each environment.
    pub environments: Vec<EnvironmentReport>,
}

/// The work that is done, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Token sets replaced by the next.
    pub rotations: u64,
    /// Those that another process had replaced already.
    pub elsewhere: u64,
    /// Grants had through another credential.
    pub mints: u64,
    /// Tokens that Webex was asked about and accepts.
    pub checks: u64,
    /// Failures, by what went wrong.
    pub failures: Vec<(TroubleKind, u64)>,
    /// Attempts that the store did not take.
    pub store_failures: u64,
}

impl Counts {
    pub(super) fn count_failure(&mut self, kind: TroubleKind) {
        match self.failures.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => self.failures.push((kind, 1)),
        }
    }

    /// How often that went wrong.
    pub fn failures_of(&self, kind: TroubleKind) -> u64 {
        self.failures.iter().find(|(known, _)| *known == kind).map_or(0, |(_, count)| *count)
    }
}

/// How it stands with an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentReport {
    /// The environment.
    pub environment: Environment,
    /// How many credentials are due and wait for their turn.
    pub due: usize,
    /// How many are being worked on.
    pub under_way: usize,
    /// Whether requests to it are held back.
    pub breaker: BreakerState,
    /// How many renewals may begin at once by the rate, in the app of which the fewest may.
    pub starts_left: u32,
    /// How long until the next may begin; `None` where nothing is due, or where the end of another is waited for.
    pub next: Option<Duration>,
}

/// Whether requests to an environment are held back because it is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// It is not; so many calls in a row have failed.
    Closed {
        /// How many.
        failures: u32,
    },
    /// It is.
    Open {
        /// How long still.
        left: Duration,
    },
    /// One call is under way, and decides.
    Probing,
}
