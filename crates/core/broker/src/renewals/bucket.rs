//! How many calls begin in a while.

use std::time::Duration;

/// A token bucket: so many starts a second, and so many at once after a rest. Its time is how long the plan's clock runs.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// The cost of one start: the time in which the bucket gains one.
    cost: Duration,
    /// The content of a full bucket.
    most: Duration,
    /// From when on it is full. As long as this lies ahead, something is missing.
    full_at: Duration,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(rate: f64, burst: u32) -> Self {
        let cost = Duration::from_secs_f64(1.0 / rate.clamp(0.001, 1_000_000.0));
        Self { cost, most: cost * burst.max(1), full_at: Duration::ZERO }
    }

    /// How long until a start is allowed; zero when it is.
    pub(super) fn ready_in(&self, now: Duration) -> Duration {
        (self.full_at + self.cost).saturating_sub(now + self.most)
    }

    /// How many starts are allowed at once.
    pub(super) fn starts_left(&self, now: Duration) -> u32 {
        let left = self.most.saturating_sub(self.full_at.saturating_sub(now));
        u32::try_from(left.as_nanos() / self.cost.as_nanos().max(1)).unwrap_or(u32::MAX)
    }

    /// The time in which the bucket gains one start.
    pub(super) fn cost(&self) -> Duration {
        self.cost
    }

    /// Returns an unused start to the bucket.
    pub(super) fn give_back(&mut self) {
        self.full_at = self.full_at.saturating_sub(self.cost);
    }

    /// Changes the rate. Starts that were used stay used.
    pub(super) fn set_rate(&mut self, rate: f64, now: Duration) {
        let other = Self::new(rate, 1).cost;
        let change = other.as_secs_f64() / self.cost.as_secs_f64();
        let missing = self.full_at.saturating_sub(now).mul_f64(change);
        *self = Self { cost: other, most: self.most.mul_f64(change), full_at: now + missing };
    }

    /// Takes one start, where one is allowed.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let ready = self.ready_in(now).is_zero();
        if ready {
            self.full_at = self.full_at.max(now) + self.cost;
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rest_gives_a_burst_and_no_more() {
        let mut bucket = Bucket::new(10.0, 5);
        let hour = Duration::from_hours(1);
        assert_eq!((0..100).filter(|_| bucket.take(hour)).count(), 5);
        assert_eq!(bucket.ready_in(hour), Duration::from_millis(100));
        assert_eq!((0..100).filter(|_| bucket.take(hour + Duration::from_secs(1))).count(), 5);
    }

    #[test]
    fn a_rate_that_changes_and_a_start_that_comes_back_leave_the_rest_as_it_was() {
        let mut bucket = Bucket::new(10.0, 5);
        let hour = Duration::from_hours(1);
        assert!((0..5).all(|_| bucket.take(hour)));
        bucket.set_rate(5.0, hour);
        assert_eq!(bucket.ready_in(hour), Duration::from_millis(200));
        bucket.give_back();
        assert!(bucket.take(hour) && !bucket.take(hour));
        assert_eq!((0..100).filter(|_| bucket.take(hour + Duration::from_secs(9))).count(), 5);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_starts_than_allowed(
            rate in 1_u32..50,
            burst in 1_u32..30,
            steps in prop::collection::vec(0_u64..400, 1..300),
        ) {
            let mut bucket = Bucket::new(f64::from(rate), burst);
            let mut now = Duration::ZERO;
            let mut starts = Vec::new();
            for step in steps {
                now += Duration::from_millis(step);
                if bucket.take(now) {
                    starts.push(now);
                }
            }
            for (first, from) in starts.iter().enumerate() {
                for (last, to) in starts.iter().enumerate().skip(first) {
                    let gained = to.saturating_sub(*from).as_micros() * u128::from(rate);
                    prop_assert!((last - first + 1) as u128 * 1_000_000 <= u128::from(burst) * 1_000_000 + gained + 100);
                }
            }
        }

        #[test]
        fn whoever_waits_as_long_as_it_says_is_let_in(rate in 1_u32..50, burst in 1_u32..9, tries in 1_usize..60) {
            let mut bucket = Bucket::new(f64::from(rate), burst);
            let mut now = Duration::from_secs(5);
            for _ in 0..tries {
                now += bucket.ready_in(now);
                prop_assert!(bucket.take(now));
            }
        }
    }
}
