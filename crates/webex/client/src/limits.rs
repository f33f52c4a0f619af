//! Whom Webex asked to wait, and until when.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lanyard_protocol::{Environment, PersonId};
use lanyard_time::Moment;

/// Whose limit a call counts against: Webex limits each person by itself, through whichever token, and each of its APIs by itself;
/// which of them an address belongs to is not known here. The key never holds a token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SubjectKey(Box<str>);

impl SubjectKey {
    /// The key of a person, a bot or a machine account of one Webex.
    pub fn person(environment: &Environment, person: &PersonId) -> Self {
        Self(format!("{} {person}", environment.id()).into())
    }

    /// Any other key, such as a token's fingerprint where its person is not known. It equals another one of the same text.
    pub fn new(key: impl Into<Box<str>>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKey({})", self.0)
    }
}

/// What Webex asked for, by subject. Nothing here waits, and no lock outlives a call.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<HashMap<SubjectKey, Asked>>);

#[derive(Debug)]
struct Asked {
    at: Moment,
    wait: Duration,
}

impl Asked {
    fn left(&self, now: &Moment) -> Duration {
        self.wait.saturating_sub(now.since(&self.at))
    }
}

impl Limits {
    /// Webex asks `subject` to wait. The later end counts, where it asked before.
    pub(crate) fn note(&self, subject: &SubjectKey, wait: Duration, now: &Moment) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, earlier| !earlier.left(now).is_zero());
        if asked.get(subject).is_none_or(|earlier| earlier.left(now) < wait) {
            asked.insert(subject.clone(), Asked { at: now.clone(), wait });
        }
    }

    /// How long `subject` has still to wait; zero for not at all.
    pub(crate) fn left(&self, subject: &SubjectKey, now: &Moment) -> Duration {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(subject).map(|asked| asked.left(now)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    #[test]
    fn the_later_end_counts_and_each_subject_has_its_own() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let (limits, a, b) = (Limits::default(), SubjectKey::new("a"), SubjectKey::new("b"));
        let seconds = Duration::from_secs;
        limits.note(&a, seconds(60), &clock.now());
        clock.advance(seconds(10));
        limits.note(&a, seconds(5), &clock.now());
        assert_eq!(limits.left(&a, &clock.now()), seconds(50));
        assert_eq!(limits.left(&b, &clock.now()), seconds(0));
        limits.note(&a, seconds(70), &clock.now());
        assert_eq!(limits.left(&a, &clock.now()), seconds(70));
        clock.advance(seconds(70));
        assert_eq!(limits.left(&a, &clock.now()), seconds(0));
    }

    #[test]
    fn a_person_of_one_webex_is_not_another_ones() {
        let person = PersonId::new("p");
        let key = |environment| SubjectKey::person(&environment, &person);
        assert_eq!(key(Environment::commercial()), key(Environment::commercial()));
        assert_ne!(key(Environment::commercial()), key(Environment::fedramp()));
    }

    #[test]
    fn what_has_passed_is_forgotten() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let limits = Limits::default();
        for subject in 0..100 {
            limits.note(&SubjectKey::new(subject.to_string()), Duration::from_secs(1), &clock.now());
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(limits.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_wall_clock_set_back_makes_nobody_wait_longer() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let (limits, a) = (Limits::default(), SubjectKey::new("a"));
        limits.note(&a, Duration::from_mins(1), &clock.now());
        clock.jump_wall(jiff::SignedDuration::from_hours(-24));
        clock.advance(Duration::from_secs(59));
        assert_eq!(limits.left(&a, &clock.now()), Duration::from_secs(1));
    }
}
