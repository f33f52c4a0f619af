//! The state of a device, and when a change of it counts.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use lanyard_protocol::ConnectionStatus;
use serde::{Deserialize, Serialize};

/// The state of a device. Worse states come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceState {
    /// Webex has no connection to it.
    Down,
    /// Not known: Webex says nothing of it, or says a word that is not known here.
    Unknown,
    /// Connected, and it reports errors.
    Degraded,
    /// Being activated.
    New,
    /// Asleep on purpose.
    Asleep,
    /// Connected, and well.
    Up,
}

impl DeviceState {
    /// All states.
    pub const ALL: [Self; 6] = [Self::Down, Self::Unknown, Self::Degraded, Self::New, Self::Asleep, Self::Up];

    /// The state that a connection status means.
    pub const fn of(status: ConnectionStatus) -> Self {
        match status {
            ConnectionStatus::Connected => Self::Up,
            ConnectionStatus::ConnectedWithIssues => Self::Degraded,
            ConnectionStatus::Disconnected | ConnectionStatus::OfflineExpired => Self::Down,
            ConnectionStatus::OfflineDeepSleep => Self::Asleep,
            ConnectionStatus::Activating | ConnectionStatus::Pending => Self::New,
            ConnectionStatus::Unknown => Self::Unknown,
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::New => "new",
            Self::Asleep => "asleep",
            Self::Up => "up",
        }
    }

    /// The state with this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Readings that follow each other more closely than this count as one.
pub(crate) const DISTANCE: SignedDuration = SignedDuration::from_secs(10);

/// The state of a device that counts, and the one that was read since and does not count yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The state.
    pub state: DeviceState,
    /// Since when.
    pub since: Timestamp,
    /// Another state that was read last.
    pub candidate: Option<Candidate>,
}

/// A state that was read, but not often enough to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The state.
    pub state: DeviceState,
    /// When it was read first.
    pub since: Timestamp,
    /// How many readings in succession had it.
    pub samples: u32,
}

/// A change that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The state before; `None` for a device that is seen for the first time.
    pub from: Option<DeviceState>,
    /// The state now.
    pub to: DeviceState,
    /// When the new state was read first.
    pub since: Timestamp,
}

impl Tracked {
    /// A device that is seen for the first time: its state counts at once.
    pub const fn first(state: DeviceState, at: Timestamp) -> Self {
        Self { state, since: at, candidate: None }
    }

    /// Takes in a reading. A new state counts once `needed` readings in succession had it, and from the first of them. One that follows
    /// the first within ten seconds is not counted. A reading of a third state begins to count again.
    pub fn observe(&mut self, seen: DeviceState, at: Timestamp, needed: u32) -> Option<Change> {
        // A clock that was ahead wrote later times: nothing lasts until those have come.
        self.since = self.since.min(at);
        if let Some(candidate) = &mut self.candidate {
            candidate.since = candidate.since.min(at);
        }
        if seen == self.state {
            self.candidate = None;
            return None;
        }
        let candidate = match self.candidate.take() {
            // Also after a clock was set back.
            Some(candidate) if candidate.state == seen && at.duration_since(candidate.since) < DISTANCE => candidate,
            Some(candidate) if candidate.state == seen => {
                Candidate { samples: candidate.samples.saturating_add(1), ..candidate }
            }
            _ => Candidate { state: seen, since: at, samples: 1 },
        };
        if candidate.samples < needed {
            self.candidate = Some(candidate);
            return None;
        }
        let change = Change { from: Some(self.state), to: seen, since: candidate.since };
        (self.state, self.since) = (seen, candidate.since);
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn every_state_has_a_word_of_its_own() {
        for state in DeviceState::ALL {
            assert_eq!(DeviceState::of_word(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!(DeviceState::of_word("Up"), None);
    }

    #[test]
    fn a_change_counts_after_two_readings_and_from_the_first_of_them() {
        use DeviceState::{Degraded, Down, Up};
        // The readings, a minute apart; the change that each one makes.
        type Case<'a> = (&'a [DeviceState], &'a [Option<(DeviceState, DeviceState, i64)>]);
        let cases: [Case<'_>; 5] = [
            (&[Up, Up, Up], &[None, None, None]),
            (&[Up, Down, Down], &[None, None, Some((Up, Down, 1))]),
            (&[Up, Down, Up, Down, Up], &[None; 5]),
            (&[Up, Down, Degraded, Degraded], &[None, None, None, Some((Up, Degraded, 2))]),
            (&[Up, Down, Down, Up, Up, Up], &[None, None, Some((Up, Down, 1)), None, Some((Down, Up, 3)), None]),
        ];
        for (readings, expected) in cases {
            let mut tracked = Tracked::first(readings[0], at(0));
            let mut changes = vec![None];
            for (minute, seen) in (1..).zip(&readings[1..]) {
                let change = tracked.observe(*seen, at(minute), 2);
                changes.push(change.map(|change| (change.from.unwrap(), change.to, change.since.as_second() / 60)));
            }
            assert_eq!(changes, expected, "{readings:?}");
        }
    }

    #[test]
    fn readings_that_follow_each_other_closely_are_one() {
        let second = |second| Timestamp::from_second(second).unwrap();
        let mut tracked = Tracked::first(DeviceState::Up, second(0));
        for at in [100, 100, 101, 109, 50] {
            assert_eq!(tracked.observe(DeviceState::Down, second(at), 2), None, "{at}");
        }
        // However often it was read before: the first reading counts, by the clock that was set back.
        let change = tracked.observe(DeviceState::Down, second(110), 2).unwrap();
        assert_eq!((change.to, change.since), (DeviceState::Down, second(50)));
    }

    #[test]
    fn a_clock_that_was_ahead_delays_nothing() {
        let mut tracked = Tracked::first(DeviceState::Up, at(1_000_000));
        tracked.candidate = Some(Candidate { state: DeviceState::Down, since: at(1_000_000), samples: 1 });
        assert_eq!(tracked.observe(DeviceState::Down, at(3), 2), None);
        assert_eq!(tracked.since, at(3));
        let change = tracked.observe(DeviceState::Down, at(6), 2).unwrap();
        assert_eq!((change.to, change.since), (DeviceState::Down, at(3)));
    }

    #[test]
    fn one_reading_is_enough_where_one_is_needed() {
        let mut tracked = Tracked::first(DeviceState::Up, at(0));
        let change = tracked.observe(DeviceState::Down, at(9), 1).unwrap();
        assert_eq!((change.to, change.since), (DeviceState::Down, at(9)));
        assert_eq!(tracked, Tracked::first(DeviceState::Down, at(9)));
    }
}
