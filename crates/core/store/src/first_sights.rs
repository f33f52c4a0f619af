//! Deadlines that no clock could have set.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::CredentialId;
use lanyard_time::{BootTime, Moment};

/// When deadlines were first seen that lie further ahead than any can: the wall clock was set back.
#[derive(Debug, Default)]
pub(crate) struct FirstSights(Mutex<HashMap<CredentialId, (Timestamp, BootTime)>>);

impl FirstSights {
    /// How long ago the deadline of an entry was first seen further ahead than any can lie, which is `length`.
    pub(crate) fn time_since(
        &self,
        id: CredentialId,
        deadline: Timestamp,
        length: Duration,
        now: &Moment,
    ) -> Option<Duration> {
        let ahead = Duration::try_from(deadline.duration_since(now.wall)).unwrap_or_default();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(&id) {
            Some((seen, at)) if *seen == deadline => now.boot.since(at),
            _ if ahead > length => {
                seen.insert(id, (deadline, now.boot.clone()));
                Some(Duration::ZERO)
            }
            _ => {
                seen.remove(&id);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lanyard_time::BootId;

    use super::*;

    fn at(wall: &str, boot: &str, elapsed: u64) -> Moment {
        let boot = BootTime { boot: BootId::new(boot), elapsed: Duration::from_secs(elapsed) };
        Moment { wall: wall.parse().unwrap(), boot }
    }

    #[test]
    fn a_deadline_that_no_clock_could_set_is_counted_from_when_it_was_first_seen() {
        let seen = FirstSights::default();
        let id = CredentialId::random(&lanyard_time::SystemEntropy);
        let since = |deadline: &str, now: &Moment| {
            let since = seen.time_since(id, deadline.parse().unwrap(), Duration::from_mins(1), now);
            since.map(|since| since.as_secs())
        };
        let june = "2026-06-01T00:00:00Z";
        // Within an exchange's time there is nothing to count.
        assert_eq!(since(june, &at("2026-05-31T23:59:30Z", "a", 10)), None);
        // The clock was set back, and goes on being wrong.
        assert_eq!(since(june, &at("2026-01-01T00:00:00Z", "b", 10)), Some(0));
        assert_eq!(since(june, &at("2026-01-01T00:00:20Z", "b", 30)), Some(20));
        assert_eq!(since(june, &at("2025-01-01T00:00:00Z", "b", 80)), Some(70));
        // Another intent is counted from its own first sight.
        assert_eq!(since("2026-07-01T00:00:00Z", &at("2026-01-01T00:02:00Z", "b", 90)), Some(0));
    }
}
