//! Requests of unknown callers, of whom the audit hears once a minute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_broker::{Asked, HandOuts};
use lanyard_operation::Actor;
use lanyard_time::Moment;

/// How long equal requests are counted before they become a record.
const PERIOD: Duration = Duration::from_mins(1);
/// The most kinds of requests that are counted apart; the rest share one record.
const MOST: usize = 256;

/// Counts requests of callers that have no valid key, so that they cannot make the audit grow: the first of a kind is recorded at
/// once, and those that follow within a minute as one record with their number.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<HashMap<Kind, Counted>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    actor: Actor,
    why: Arc<str>,
}

#[derive(Debug)]
struct Counted {
    since: Moment,
    asked: Asked,
    times: u32,
}

impl Strangers {
    /// Counts a request, and records it if it is the first of its kind.
    pub(crate) fn note(&self, hand_outs: &HandOuts, asked: Asked) {
        let now = hand_outs.now();
        if let Some(asked) = self.count(asked, &now) {
            record(hand_outs, asked, 1, &now);
        }
    }

    /// Records what was counted for a minute; everything if `all`.
    pub(crate) fn release(&self, hand_outs: &HandOuts, all: bool) {
        let now = hand_outs.now();
        for (asked, times) in self.due(&now, all) {
            record(hand_outs, asked, times, &now);
        }
    }

    /// The request, if it is to be recorded now.
    fn count(&self, mut asked: Asked, now: &Moment) -> Option<Asked> {
        let Err(why) = &asked.end else { return Some(asked) };
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = Kind { actor: asked.actor.clone(), why: Arc::clone(why) };
        if counted.len() >= MOST && !counted.contains_key(&kind) {
            kind.actor = Actor::Named("others".into());
            asked.actor = kind.actor.clone();
        }
        match counted.entry(kind) {
            Entry::Occupied(mut entry) => {
                let entry = entry.get_mut();
                entry.times = entry.times.saturating_add(1);
                None
            }
            Entry::Vacant(entry) => {
                entry.insert(Counted { since: now.clone(), asked: asked.clone(), times: 0 });
                Some(asked)
            }
        }
    }

    /// Takes what is due. A kind that was counted again is counted for another minute; one that was not is forgotten.
    fn due(&self, now: &Moment, all: bool) -> Vec<(Asked, u32)> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        counted.retain(|_, entry| {
            if !all && now.since(&entry.since) < PERIOD {
                return true;
            }
            if entry.times == 0 {
                return false;
            }
            due.push((entry.asked.clone(), std::mem::take(&mut entry.times)));
            entry.since = now.clone();
            true
        });
        due
    }
}

fn record(hand_outs: &HandOuts, asked: Asked, times: u32, now: &Moment) {
    // If there is no room even for that, the caller is refused all the same.
    let _ = hand_outs.note_times(asked, times, now.wall);
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    fn asked(actor: &str, why: &str) -> Asked {
        Asked { credential: None, actor: Actor::Named(actor.into()), means: "request".into(), end: Err(why.into()) }
    }

    #[test]
    fn a_kind_of_request_is_recorded_once_and_then_once_a_minute_with_its_number() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let strangers = Strangers::default();
        let records = |all| strangers.due(&clock.now(), all).into_iter().map(|(_, times)| times).collect::<Vec<_>>();
        let count = |why| strangers.count(asked("somebody", why), &clock.now()).is_some();
        assert!(count("no key"));
        for _ in 0..1000 {
            assert!(!count("no key"));
        }
        assert!(count("wrong key"), "another kind");
        assert!(records(false).is_empty());
        clock.advance(PERIOD);
        assert_eq!(records(false), [1000]);
        assert!(!count("no key"), "it is still counted");
        assert!(count("wrong key"), "it was forgotten");
        assert_eq!(records(true), [1], "at the end nothing is kept back");
    }

    #[test]
    fn inventing_kinds_is_of_no_use() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let strangers = Strangers::default();
        let recorded = (0..10_000)
            .filter(|uid| strangers.count(asked(&format!("uid {uid}"), "no key"), &clock.now()).is_some())
            .count();
        assert_eq!(recorded, MOST + 1);
    }
}
