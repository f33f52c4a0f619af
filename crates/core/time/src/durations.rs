//! Durations, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A histogram of durations. Adding takes no lock; a reader may see a duration that is counted but not yet summed up.
#[derive(Debug)]
pub struct Durations {
    bounds: &'static [Duration],
    /// One for each bound, and the last for what is longer.
    counts: [AtomicU64; MOST + 1],
    /// In nanoseconds.
    sum: AtomicU64,
}

/// The durations that were counted up to a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedDurations {
    /// How many lie between the bound before and this one, which they include.
    pub buckets: Vec<(Duration, u64)>,
    /// How many are longer than the last bound.
    pub longer: u64,
    /// Their sum.
    pub sum: Duration,
}

/// The most bounds of a histogram.
const MOST: usize = 12;

/// The bounds for work on this machine: from 25 microseconds to 10 seconds.
pub const LOCAL: [Duration; 10] = [
    Duration::from_micros(25),
    Duration::from_micros(100),
    Duration::from_micros(500),
    Duration::from_micros(2500),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];

/// The bounds for calls over a network: from 10 milliseconds to a minute.
pub const REMOTE: [Duration; 10] = [
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
    Duration::from_mins(1),
];

impl Durations {
    /// An empty histogram with these bounds, in ascending order.
    ///
    /// # Panics
    ///
    /// If there are too many bounds.
    pub const fn new(bounds: &'static [Duration]) -> Self {
        assert!(bounds.len() <= MOST);
        Self { bounds, counts: [const { AtomicU64::new(0) }; MOST + 1], sum: AtomicU64::new(0) }
    }

    /// Counts a duration.
    pub fn add(&self, duration: Duration) {
        let bucket = self.bounds.partition_point(|bound| *bound < duration);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum.fetch_add(nanoseconds, Ordering::Relaxed);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what was counted so far.
    pub fn counted(&self) -> CountedDurations {
        let count = |bucket: usize| self.counts[bucket].load(Ordering::Relaxed);
        CountedDurations {
            buckets: (0..).zip(self.bounds).map(|(bucket, bound)| (*bound, count(bucket))).collect(),
            longer: count(self.bounds.len()),
            sum: Duration::from_nanos(self.sum.load(Ordering::Relaxed)),
        }
    }
}

impl CountedDurations {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum::<u64>() + self.longer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_in_the_first_bucket_that_holds_it() {
        let durations = Durations::new(&REMOTE);
        for milliseconds in [0, 10, 11, 60_000, 60_001] {
            durations.add(Duration::from_millis(milliseconds));
        }
        let counted = durations.counted();
        let counts: Vec<_> = counted.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((counted.longer, counted.count()), (1, 5));
        assert_eq!(counted.sum, Duration::from_millis(120_022));
    }

    #[test]
    fn the_bounds_ascend() {
        for bounds in [LOCAL, REMOTE] {
            assert!(bounds.is_sorted_by(|one, next| one < next), "{bounds:?}");
        }
    }
}
