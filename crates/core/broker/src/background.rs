//! What the background work of a broker waits for, and how it fares: the watch over events, and the deliveries to channels.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_channel::Target;
use lanyard_time::{Heartbeat, Sleep};
use lanyard_work::{Claim, Halt};
use tokio::sync::watch;

/// The end of the journal, as far as this process has read it.
#[derive(Debug, Default)]
pub(crate) struct JournalEnd(watch::Sender<u64>);

impl JournalEnd {
    /// The number of the last entry.
    pub(crate) fn end(&self) -> u64 {
        *self.0.borrow()
    }

    /// The reader of the journal has come to this entry.
    pub(crate) fn reach(&self, number: u64) {
        self.0.send_if_modified(|end| mem::replace(end, number) != number);
    }

    /// Completes when the journal ends elsewhere than `seen`.
    async fn moved(&self, seen: u64) {
        let _ = self.0.subscribe().wait_for(|end| *end != seen).await;
    }
}

/// Waits until the journal has grown since its end was `seen`, for `wait` at most. Fails if the work has to stop.
pub(crate) async fn rest(
    journal: &JournalEnd,
    sleep: &dyn Sleep,
    claim: &Claim,
    seen: u64,
    wait: Duration,
) -> Result<(), Halt> {
    tokio::select! {
        halt = claim.halted() => Err(halt),
        () = journal.moved(seen) => Ok(()),
        () = sleep.sleep(wait) => Ok(()),
    }
}

/// The loops of a broker's background work.
#[derive(Debug, Default)]
pub(crate) struct Loops {
    pub(crate) watch: HeldLoop,
    pub(crate) delivery: HeldLoop,
    pub(crate) deliveries: DeliveryCounts,
}

/// The last success of a loop that runs in this process for as long as it has a claim.
#[derive(Debug, Default)]
pub(crate) struct HeldLoop {
    claims: AtomicUsize,
    last: Heartbeat,
}

impl HeldLoop {
    /// Counts a claim until the result is dropped.
    pub(crate) fn begin(&self) -> HeldClaim<'_> {
        self.claims.fetch_add(1, Ordering::Relaxed);
        HeldClaim(self)
    }

    pub(crate) fn beat(&self, at: Timestamp) {
        self.last.beat(at);
    }

    /// The last success; `None` if the loop does not run in this process.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.last.last().filter(|_| self.claims.load(Ordering::Relaxed) > 0)
    }
}

/// A claim of a [`HeldLoop`].
#[derive(Debug)]
pub(crate) struct HeldClaim<'a>(&'a HeldLoop);

impl Drop for HeldClaim<'_> {
    fn drop(&mut self) {
        self.0.claims.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The result of an attempt to deliver an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    /// It is tried again.
    Failed,
    GivenUp,
}

/// The deliveries of one kind of channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedDeliveries {
    /// The kind of the channels.
    pub kind: &'static str,
    /// Events that were delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that were given up.
    pub given_up: u64,
    /// Channels that fail.
    pub failing: u64,
    /// Events that wait for those channels.
    pub waiting: u64,
    /// When the first of those events happened.
    pub oldest: Option<Timestamp>,
}

/// The deliveries of a process.
#[derive(Debug, Default)]
pub(crate) struct DeliveryCounts {
    counts: [[AtomicU64; 3]; Target::KINDS.len()],
    /// The channels that fail, by the keys of their units.
    failing: Mutex<BTreeMap<String, Backlog>>,
}

/// What waits for a channel that fails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backlog {
    /// The kind of the channel.
    pub(crate) kind: &'static str,
    /// How many events wait.
    pub(crate) waiting: u64,
    /// When the first of them happened.
    pub(crate) oldest: Timestamp,
}

impl DeliveryCounts {
    pub(crate) fn count(&self, kind: &str, outcome: Outcome) {
        if let Some(at) = Target::KINDS.iter().position(|known| *known == kind) {
            self.counts[at][outcome as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Replaces what waits for a channel; `None` if it does not fail.
    pub(crate) fn set(&self, key: &str, backlog: Option<Backlog>) {
        match backlog {
            Some(backlog) => self.failing().insert(key.to_owned(), backlog),
            None => self.failing().remove(key),
        };
    }

    pub(crate) fn counted(&self) -> Vec<CountedDeliveries> {
        let failing = self.failing();
        let kinds = Target::KINDS.iter().zip(&self.counts);
        kinds
            .map(|(&kind, counts)| {
                let of = |outcome: Outcome| counts[outcome as usize].load(Ordering::Relaxed);
                let own = || failing.values().filter(move |backlog| backlog.kind == kind);
                CountedDeliveries {
                    kind,
                    delivered: of(Outcome::Delivered),
                    failed: of(Outcome::Failed),
                    given_up: of(Outcome::GivenUp),
                    failing: u64::try_from(own().count()).unwrap_or(u64::MAX),
                    waiting: own().map(|backlog| backlog.waiting).sum(),
                    oldest: own().map(|backlog| backlog.oldest).min(),
                }
            })
            .collect()
    }

    fn failing(&self) -> MutexGuard<'_, BTreeMap<String, Backlog>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_runs_elsewhere_shows_no_last_success() {
        let kept = HeldLoop::default();
        let claim = kept.begin();
        assert_eq!(kept.last(), None);
        kept.beat(Timestamp::UNIX_EPOCH);
        assert_eq!(kept.last(), Some(Timestamp::UNIX_EPOCH));
        drop(claim);
        assert_eq!(kept.last(), None);
    }

    #[test]
    fn deliveries_are_counted_by_the_kind_of_channel() {
        let deliveries = DeliveryCounts::default();
        for outcome in [Outcome::Delivered, Outcome::Delivered, Outcome::Failed, Outcome::GivenUp] {
            deliveries.count("mail", outcome);
        }
        deliveries.count("of another version", Outcome::Failed);
        let at = |second| Timestamp::from_second(second).unwrap();
        for (key, waiting, second) in [("a", 2, 20), ("b", 1, 10)] {
            deliveries.set(key, Some(Backlog { kind: "mail", waiting, oldest: at(second) }));
        }
        let of = |kind: &str| deliveries.counted().into_iter().find(|counted| counted.kind == kind).unwrap();
        let mail = of("mail");
        assert_eq!((mail.delivered, mail.failed, mail.given_up), (2, 1, 1));
        assert_eq!((mail.failing, mail.waiting, mail.oldest), (2, 3, Some(at(10))));
        deliveries.set("b", None);
        assert_eq!((of("mail").failing, of("mail").waiting, of("mail").oldest), (1, 2, Some(at(20))));
        assert_eq!((of("webhook").delivered, of("webhook").failing, of("webhook").oldest), (0, 0, None));
    }
}
