//! Whom Webex asked to wait, and until when.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lanyard_protocol::{Environment, PersonId};
use lanyard_secret::SafeUrl;
use lanyard_time::Moment;

/// Whose limit a call counts against: Webex limits each person separately, through whichever token, in each of its APIs. The key never
/// holds a token.
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

/// One of Webex's APIs, by the address of a call: its origin, and the first words of its path. Webex names its limits nowhere; each API
/// has one of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Api(Box<str>);

impl Api {
    /// The API that an address belongs to: `/v1/telephony/config/…`, `/v1/people`, `/identity/scim/…`. An id in the path does not count.
    pub(crate) fn of(url: &SafeUrl) -> Self {
        let segments = url.expose().path_segments().into_iter().flatten();
        let mut words = segments.filter(|segment| !segment.is_empty() && *segment != "v1");
        let first = words.next().unwrap_or_default();
        let is_word = |second: &&str| {
            *second != "me" && second.len() <= LONGEST_WORD && second.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        let second = words.next().filter(is_word).unwrap_or_default();
        let (url, port) = (url.expose(), url.expose().port_or_known_default().unwrap_or_default());
        let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
        Self([scheme, "://", host, ":", &port.to_string(), " ", first, "/", second].concat().into())
    }
}

/// The longest word in a path; ids are longer, or have digits.
const LONGEST_WORD: usize = 32;

/// The longest wait without a try, however long Webex asks for: a limit may end sooner than was said, and a wrong answer
/// must not stop all clients of a subject for a day.
const BELIEVED: Duration = Duration::from_mins(1);

/// The waits that Webex asked for, by subject and API. Its methods never wait, and no lock outlives a call.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<HashMap<(SubjectKey, Api), Asked>>);

#[derive(Debug)]
struct Asked {
    at: Moment,
    wait: Duration,
    /// When a call was last let through, or Webex last said no.
    tried: Moment,
}

impl Asked {
    /// How much is left of the time that Webex asked to wait.
    fn left(&self, now: &Moment) -> Duration {
        self.wait.saturating_sub(now.since(&self.at))
    }

    /// How long until the next call may go: the end of the wait, or another try.
    fn held(&self, now: &Moment) -> Duration {
        self.left(now).min(BELIEVED.saturating_sub(now.since(&self.tried)))
    }
}

impl Limits {
    /// Webex asks `subject` to wait before it calls this API again. The later end counts, where it asked before.
    pub(crate) fn note(&self, subject: &SubjectKey, api: Api, wait: Duration, now: &Moment) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, earlier| !earlier.left(now).is_zero());
        let noted =
            asked.entry((subject.clone(), api)).or_insert_with(|| Asked { at: now.clone(), wait, tried: now.clone() });
        noted.tried = now.clone();
        if noted.left(now) < wait {
            (noted.at, noted.wait) = (now.clone(), wait);
        }
    }

    /// Lets a call through, or says how long it has to wait. Of those that come during a long wait one a minute is let through, to
    /// find out whether the limit still holds.
    pub(crate) fn admit(&self, subject: &SubjectKey, api: &Api, now: &Moment) -> Result<(), Duration> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // There is almost always no limit to wait for, so no key is made.
        if asked.is_empty() {
            return Ok(());
        }
        let Some(noted) = asked.get_mut(&(subject.clone(), api.clone())) else { return Ok(()) };
        let held = noted.held(now);
        if !held.is_zero() {
            return Err(held);
        }
        noted.tried = now.clone();
        Ok(())
    }

    /// How many subjects have to wait, each counted once for each API.
    pub(crate) fn count(&self, now: &Moment) -> usize {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.values().filter(|noted| !noted.left(now).is_zero()).count()
    }

    /// A call that was sent at `sent` was answered by something other than a limit. Where it was a try, the limit is over.
    pub(crate) fn answered(&self, subject: &SubjectKey, api: &Api, sent: &Moment) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.is_empty() {
            return;
        }
        let key = (subject.clone(), api.clone());
        if asked.get(&key).is_some_and(|noted| sent.since(&noted.at) >= noted.wait.min(BELIEVED)) {
            asked.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    fn clock() -> ManualClock {
        ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn api(url: &str) -> Api {
        Api::of(&url.parse().unwrap())
    }

    fn people() -> Api {
        api("https://webexapis.com/v1/people")
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_api_is_the_first_words_of_a_path() {
        for (url, same) in [
            ("https://webexapis.com/v1/people?max=1", true),
            ("https://webexapis.com/v1/people/me", true),
            (
                "https://webexapis.com/v1/people/Y2lzY29zcGFyazovL3VzL1BFT1BMRS8xOTUzOTdhMi03MTU5LTRjNTgtYTBiOC00NmQ2ZWZlZTdkMTM",
                true,
            ),
            ("https://webexapis.com/v1/people/195397a2-7159-4c58-a0b8-46d6efee7d13", true),
            ("https://webexapis.com/v1/rooms", false),
            ("https://webexapis.com/identity/people", false),
            ("https://analytics.webexapis.com/v1/people", false),
            ("http://webexapis.com/v1/people", false),
        ] {
            assert_eq!(api(url) == people(), same, "{url}");
        }
        let (config, calls) =
            ("https://webexapis.com/v1/telephony/config/x", "https://webexapis.com/v1/telephony/calls");
        assert_ne!(api(config), api(calls));
        assert_eq!(api(config), api("https://webexapis.com/v1/telephony/config"));
    }

    #[test]
    fn the_later_end_counts_and_each_subject_and_api_has_its_own() {
        let clock = clock();
        let (limits, a, b) = (Limits::default(), SubjectKey::new("a"), SubjectKey::new("b"));
        limits.note(&a, people(), seconds(50), &clock.now());
        clock.advance(seconds(10));
        limits.note(&a, people(), seconds(5), &clock.now());
        assert_eq!(limits.count(&clock.now()), 1);
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Err(seconds(40)));
        assert_eq!(limits.admit(&b, &people(), &clock.now()), Ok(()));
        assert_eq!(limits.admit(&a, &api("https://webexapis.com/v1/rooms"), &clock.now()), Ok(()));
        limits.note(&a, people(), seconds(55), &clock.now());
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Err(seconds(55)));
        clock.advance(seconds(55));
        assert_eq!(limits.count(&clock.now()), 0);
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Ok(()));
    }

    #[test]
    fn a_long_wait_lets_one_call_a_minute_through_and_ends_when_that_is_answered() {
        let clock = clock();
        let (limits, a) = (Limits::default(), SubjectKey::new("a"));
        limits.note(&a, people(), seconds(3600), &clock.now());
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Err(seconds(60)));
        clock.advance(seconds(60));
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Ok(()));
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Err(seconds(60)), "one try at a time");
        limits.note(&a, people(), seconds(3540), &clock.now());
        clock.advance(seconds(60));
        let sent = clock.now();
        assert_eq!(limits.admit(&a, &people(), &sent), Ok(()));
        clock.advance(seconds(1));
        limits.answered(&a, &people(), &sent);
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Ok(()));
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Ok(()));
    }

    #[test]
    fn a_call_that_was_sent_before_the_limit_does_not_end_it() {
        let clock = clock();
        let (limits, a) = (Limits::default(), SubjectKey::new("a"));
        let sent = clock.now();
        clock.advance(seconds(1));
        limits.note(&a, people(), seconds(30), &clock.now());
        limits.answered(&a, &people(), &sent);
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Err(seconds(30)));
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
        let clock = clock();
        let limits = Limits::default();
        for subject in 0..100 {
            limits.note(&SubjectKey::new(subject.to_string()), people(), seconds(1), &clock.now());
            clock.advance(seconds(1));
        }
        assert_eq!(limits.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_wall_clock_set_back_makes_nobody_wait_longer() {
        let clock = clock();
        let (limits, a) = (Limits::default(), SubjectKey::new("a"));
        limits.note(&a, people(), seconds(60), &clock.now());
        clock.jump_wall(jiff::SignedDuration::from_hours(-24));
        clock.advance(seconds(59));
        assert_eq!(limits.admit(&a, &people(), &clock.now()), Err(seconds(1)));
    }
}
