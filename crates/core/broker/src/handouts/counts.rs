//! How many tokens were handed out, and how many requests were refused.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts hand-outs and refusals by purpose and outcome, without a lock.
#[derive(Debug, Default)]
pub(super) struct HandOutCounts([[AtomicU64; OUTCOMES.len()]; PURPOSES.len()]);

/// The outcome of a request for a token or a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    HandedOut,
    Refused,
    /// Not handed out, because the audit had no room for it.
    Unrecorded,
}

/// A number of equal requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedHandOuts {
    /// The purpose: `token`, `exec`, `api`, `proxy`, `operation`, `request` (refused before its purpose was known) or `other`.
    pub purpose: &'static str,
    /// `handed-out`, `refused` or `unrecorded`.
    pub outcome: &'static str,
    /// How many.
    pub count: u64,
}

const PURPOSES: [&str; 7] = ["token", "exec", "api", "proxy", "request", "operation", "other"];
const OPERATION: usize = 5;
const OTHER: usize = 6;
/// In the order of [`Outcome`].
const OUTCOMES: [&str; 3] = ["handed-out", "refused", "unrecorded"];

impl HandOutCounts {
    /// Counts equal requests.
    pub(super) fn add(&self, Purpose(purpose): Purpose, outcome: Outcome, times: u32) {
        self.0[purpose][outcome as usize].fetch_add(u64::from(times), Ordering::Relaxed);
    }

    /// Returns what was counted, without the pairs that have not occurred.
    pub(super) fn counted(&self) -> Vec<CountedHandOuts> {
        let each = PURPOSES.into_iter().zip(&self.0).flat_map(|(purpose, counts)| {
            OUTCOMES.into_iter().zip(counts).map(move |(outcome, count)| {
                let count = count.load(Ordering::Relaxed);
                CountedHandOuts { purpose, outcome, count }
            })
        });
        each.filter(|counted| counted.count > 0).collect()
    }
}

/// The place of a purpose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose(usize);

impl Purpose {
    /// The purpose of a request as the audit names it. An owner's command may name any; an operation's name has a dot.
    pub(super) fn of(means: &str) -> Self {
        let word = means.split([' ', ',']).next().unwrap_or_default();
        let known = PURPOSES[..OPERATION].iter().position(|known| *known == word);
        Self(known.unwrap_or(if means == word && word.contains('.') { OPERATION } else { OTHER }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_caller_names_the_purposes_are_few() {
        let counts = HandOutCounts::default();
        for (means, outcome, times) in [
            ("token", Outcome::HandedOut, 3),
            ("exec curl, proxy GET people", Outcome::HandedOut, 1),
            ("exec", Outcome::Refused, 1),
            ("proxy POST messages", Outcome::Unrecorded, 2),
            ("credential.list", Outcome::Refused, 1),
            ("request", Outcome::Refused, 4),
        ] {
            counts.add(Purpose::of(means), outcome, times);
        }
        for number in 0..200 {
            counts.add(Purpose::of(&format!("invented-{number}.0 word")), Outcome::HandedOut, 1);
        }
        let counted: Vec<_> = counts.counted().into_iter().map(|one| (one.purpose, one.outcome, one.count)).collect();
        let expected = [
            ("token", "handed-out", 3),
            ("exec", "handed-out", 1),
            ("exec", "refused", 1),
            ("proxy", "unrecorded", 2),
            ("request", "refused", 4),
            ("operation", "refused", 1),
            ("other", "handed-out", 200),
        ];
        assert_eq!(counted, expected);
    }
}
