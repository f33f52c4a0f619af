//! The last success of a loop.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// The time at which a loop last did its work. It is compared with the wall clocks of other machines, so it is a wall clock's time.
#[derive(Debug)]
pub struct Heartbeat(AtomicI64);

const NEVER: i64 = i64::MIN;

impl Default for Heartbeat {
    fn default() -> Self {
        Self(AtomicI64::new(NEVER))
    }
}

impl Heartbeat {
    /// Notes a success.
    pub fn beat(&self, at: Timestamp) {
        self.0.store(at.as_millisecond(), Ordering::Relaxed);
    }

    /// The last success; `None` before the first.
    pub fn last(&self) -> Option<Timestamp> {
        let milliseconds = self.0.load(Ordering::Relaxed);
        (milliseconds != NEVER).then(|| Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_success_counts() {
        let heartbeat = Heartbeat::default();
        assert_eq!(heartbeat.last(), None);
        for seconds in [0, 1_800_000_000] {
            let at = Timestamp::from_second(seconds).unwrap();
            heartbeat.beat(at);
            assert_eq!(heartbeat.last(), Some(at));
        }
    }
}
