//! Refusals of the store, reported together: everything that is due meets the same full disk.

use std::time::Duration;

use lanyard_time::Moment;

/// How often the store did not take what was to be renewed, and what was said of it.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// Not told yet.
    count: u64,
    /// All since it last took something.
    total: u64,
    error: Option<Refusal>,
    told: Option<Moment>,
}

/// Why it did not, the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    pub(crate) hint: String,
}

/// It is told again at most as often.
const AGAIN: Duration = Duration::from_mins(1);

impl Refusals {
    /// It did not take something.
    pub(crate) fn count(&mut self, refusal: Refusal) {
        self.count += 1;
        self.total += 1;
        self.error = Some(refusal);
    }

    /// The refusals to report now: their number since the last report, and the latest.
    pub(crate) fn tell(&mut self, now: &Moment) -> Option<(u64, Refusal)> {
        let is_time = self.told.as_ref().is_none_or(|told| now.since(told) >= AGAIN);
        if self.count == 0 || !is_time {
            return None;
        }
        self.told = Some(now.clone());
        Some((std::mem::take(&mut self.count), self.error.clone()?))
    }

    /// It took something. How often it did not before that, where it was told that it does not.
    pub(crate) fn end(&mut self) -> Option<u64> {
        let Self { total, told, .. } = std::mem::take(self);
        told.map(|_| total)
    }
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    fn full() -> Refusal {
        Refusal { error: "the disk is full".to_owned(), hint: "free some".to_owned() }
    }

    #[test]
    fn a_store_that_takes_nothing_is_told_of_once_a_minute_with_a_count_and_once_when_it_is_well() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let mut refusals = Refusals::default();
        assert_eq!(refusals.tell(&clock.now()), None);
        for _ in 0..200 {
            refusals.count(full());
        }
        assert_eq!(refusals.tell(&clock.now()), Some((200, full())));
        for _ in 0..59 {
            refusals.count(full());
            clock.advance(Duration::from_secs(1));
            assert_eq!(refusals.tell(&clock.now()), None);
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(refusals.tell(&clock.now()), Some((59, full())));
        assert_eq!((refusals.end(), refusals.end()), (Some(259), None));
        refusals.count(full());
        assert_eq!(refusals.tell(&clock.now()), Some((1, full())), "another time is told at once");
    }

    #[test]
    fn what_was_over_before_it_was_told_is_not_told_at_all() {
        let mut refusals = Refusals::default();
        refusals.count(full());
        assert_eq!(refusals.end(), None);
    }
}
