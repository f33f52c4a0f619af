//! How many renewals there were, how they ended and how long they took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lanyard_credential::TroubleKind;
use lanyard_time::{CountedDurations, Durations, REMOTE};

use super::end::{Means, RenewalEnd};
use crate::Error;

/// Counts renewals without a lock.
#[derive(Debug)]
pub(super) struct RenewalCounts {
    outcomes: [AtomicU64; OUTCOMES.len()],
    durations: Durations,
}

/// The renewals of a process, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedRenewals {
    /// How many ended in each way, those with zero included: a failure by the word for its kind.
    pub outcomes: Vec<(&'static str, u64)>,
    /// How long those took that Webex was asked for.
    pub durations: CountedDurations,
}

/// The failures come after these, by kind.
const OUTCOMES: [&str; 5 + TroubleKind::ALL.len()] = {
    let mut outcomes =
        ["rotated", "minted", "not-needed", "held-back", "store-failed", "", "", "", "", "", "", "", "", ""];
    let mut kind = 0;
    while kind < TroubleKind::ALL.len() {
        outcomes[5 + kind] = TroubleKind::ALL[kind].as_str();
        kind += 1;
    }
    outcomes
};
impl Default for RenewalCounts {
    fn default() -> Self {
        Self { outcomes: Default::default(), durations: Durations::new(&REMOTE) }
    }
}

impl RenewalCounts {
    /// Counts a renewal.
    pub(super) fn add(&self, end: &Result<RenewalEnd, Error>, took: Duration) {
        let place = match end {
            Ok(RenewalEnd::Renewed(Means::Rotation | Means::Spare)) => 0,
            Ok(RenewalEnd::Renewed(Means::Mint)) => 1,
            Ok(RenewalEnd::Elsewhere | RenewalEnd::Busy | RenewalEnd::Erased | RenewalEnd::NotRenewable) => 2,
            Ok(RenewalEnd::Failed { trouble, .. }) => {
                5 + TroubleKind::ALL.iter().position(|kind| *kind == trouble.kind).unwrap_or_default()
            }
            Ok(RenewalEnd::NotBegun(_)) => 3,
            Err(_) => 4,
        };
        if matches!(end, Ok(RenewalEnd::Renewed(_) | RenewalEnd::Failed { .. })) {
            self.durations.add(took);
        }
        self.outcomes[place].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counted(&self) -> CountedRenewals {
        let outcomes = OUTCOMES.into_iter().zip(&self.outcomes);
        CountedRenewals {
            outcomes: outcomes.map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed))).collect(),
            durations: self.durations.counted(),
        }
    }
}
