//! When to poll, and when to stop: decided from answers alone.

use std::time::Duration;

use super::{DeviceAuthorization, DevicePoll};

/// The state of a device's polling. Times are counted from the moment at which the codes were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polling {
    interval: Duration,
    ends: Duration,
    /// Polls in a row that brought no clear answer.
    unclear: u32,
}

/// The next step of a device that polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Poll again after so long.
    Wait(Duration),
    /// There is nothing more to ask.
    Over(Ending),
}

/// How a sign-in by code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With tokens.
    Granted,
    /// The person, or an administrator, said no.
    Denied,
    /// Nobody signed in, in time.
    Expired,
    /// Webex refuses in a way that waiting does not change.
    Refused,
}

/// The time that each `slow_down` adds to the interval, for this and all further polls (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The pause after unclear answers doubles up to this (RFC 8628, section 3.5, suggests a backoff and names no end).
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long codes last whose reply does not say it.
const UNSAID: Duration = Duration::from_mins(15);

impl Polling {
    /// Nothing is asked yet; the first poll comes one interval after this.
    pub fn begin(authorization: &DeviceAuthorization) -> Self {
        Self { interval: authorization.interval, ends: authorization.expires_in.unwrap_or(UNSAID), unclear: 0 }
    }

    /// The wait before the first poll, `elapsed` after the codes were asked for.
    pub fn first(&self, elapsed: Duration) -> Next {
        self.wait(self.interval, elapsed)
    }

    /// After an answer that came `elapsed` after the codes were asked for.
    pub fn answered(&mut self, poll: &DevicePoll, elapsed: Duration) -> Next {
        if let DevicePoll::Unclear(_) = poll {
            return self.unanswered(elapsed);
        }
        self.unclear = 0;
        match poll {
            DevicePoll::Granted(_) => Next::Over(Ending::Granted),
            DevicePoll::Denied => Next::Over(Ending::Denied),
            DevicePoll::Expired => Next::Over(Ending::Expired),
            DevicePoll::WrongClient(_) | DevicePoll::Refused(_) | DevicePoll::Malformed(_) => {
                Next::Over(Ending::Refused)
            }
            DevicePoll::Pending | DevicePoll::Unclear(_) => self.wait(self.interval, elapsed),
            DevicePoll::SlowDown => {
                self.interval = self.interval.saturating_add(SLOWER);
                self.wait(self.interval, elapsed)
            }
            DevicePoll::Limited { retry_after } => {
                self.wait(self.interval.max(retry_after.unwrap_or_default()), elapsed)
            }
        }
    }

    /// After a poll that brought no answer, or none that says anything. The pause doubles each time; the interval stays.
    pub fn unanswered(&mut self, elapsed: Duration) -> Next {
        self.unclear = self.unclear.saturating_add(1);
        let pause = self.interval.saturating_mul(1 << self.unclear.min(6));
        self.wait(pause.min(LONGEST_PAUSE).max(self.interval), elapsed)
    }

    /// A poll that would come after the end is not made.
    fn wait(&self, pause: Duration, elapsed: Duration) -> Next {
        if elapsed.saturating_add(pause) < self.ends { Next::Wait(pause) } else { Next::Over(Ending::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use lanyard_secret::DeviceCode;
    use proptest::prelude::*;

    use super::*;

    fn begun(expires_in: Option<u64>, interval: u64) -> Polling {
        Polling::begin(&DeviceAuthorization {
            device_code: DeviceCode::new("d"),
            user_code: "729703".to_owned(),
            verification_uri: "https://login.webex.com/verify".parse().unwrap(),
            verification_uri_complete: None,
            expires_in: expires_in.map(Duration::from_secs),
            interval: Duration::from_secs(interval),
        })
    }

    fn wait(seconds: u64) -> Next {
        Next::Wait(Duration::from_secs(seconds))
    }

    #[test]
    fn a_patient_device_keeps_the_interval_until_the_codes_are_too_old() {
        let mut polling = begun(Some(9), 2);
        let at = Duration::from_secs;
        assert_eq!(polling.first(at(0)), wait(2));
        assert_eq!(polling.answered(&DevicePoll::Pending, at(2)), wait(2));
        assert_eq!(polling.answered(&DevicePoll::Pending, at(6)), wait(2));
        assert_eq!(polling.answered(&DevicePoll::Pending, at(7)), Next::Over(Ending::Expired));
    }

    #[test]
    fn each_slow_down_adds_five_seconds_for_good() {
        let mut polling = begun(Some(300), 2);
        let at = Duration::from_secs;
        assert_eq!(polling.answered(&DevicePoll::SlowDown, at(2)), wait(7));
        assert_eq!(polling.answered(&DevicePoll::Pending, at(9)), wait(7));
        assert_eq!(polling.answered(&DevicePoll::SlowDown, at(16)), wait(12));
    }

    #[test]
    fn a_limit_is_honoured_once_and_silence_makes_the_pauses_longer() {
        let mut polling = begun(None, 5);
        let at = Duration::from_secs;
        assert_eq!(polling.answered(&DevicePoll::Limited { retry_after: Some(at(30)) }, at(5)), wait(30));
        assert_eq!(polling.answered(&DevicePoll::Limited { retry_after: None }, at(35)), wait(5));
        assert_eq!(polling.unanswered(at(40)), wait(10));
        assert_eq!(polling.unanswered(at(50)), wait(20));
        assert_eq!(polling.answered(&DevicePoll::Pending, at(70)), wait(5));
        assert_eq!(polling.unanswered(at(75)), wait(10));
    }

    #[test]
    fn a_clear_answer_ends_it() {
        let at = Duration::from_secs(1);
        assert_eq!(begun(None, 5).answered(&DevicePoll::Denied, at), Next::Over(Ending::Denied));
        assert_eq!(begun(None, 5).answered(&DevicePoll::Expired, at), Next::Over(Ending::Expired));
    }

    fn answers() -> impl Strategy<Value = Option<DevicePoll>> {
        prop_oneof![
            Just(None),
            Just(Some(DevicePoll::Pending)),
            Just(Some(DevicePoll::SlowDown)),
            (0u64..100_000).prop_map(|s| Some(DevicePoll::Limited { retry_after: Some(Duration::from_secs(s)) })),
            Just(Some(DevicePoll::Limited { retry_after: None })),
        ]
    }

    proptest! {
        /// A device never polls faster than the server asked, and its polling ends, regardless of the server's answers.
        #[test]
        fn polling_is_never_too_fast_and_always_ends(
            interval in 1u64..120,
            expires_in in proptest::option::of(1u64..3_600),
            answers in proptest::collection::vec(answers(), 0..2_000),
        ) {
            let mut polling = begun(expires_in, interval);
            let end = Duration::from_secs(expires_in.unwrap_or(900));
            let mut slowest = Duration::from_secs(interval);
            let mut elapsed = Duration::ZERO;
            let mut next = polling.first(elapsed);
            for answer in &answers {
                let Next::Wait(pause) = next else { break };
                prop_assert!(pause >= slowest);
                elapsed += pause;
                prop_assert!(elapsed < end);
                if matches!(answer, Some(DevicePoll::SlowDown)) {
                    slowest += Duration::from_secs(5);
                }
                next = match answer {
                    Some(poll) => polling.answered(poll, elapsed),
                    None => polling.unanswered(elapsed),
                };
            }
            if let Next::Over(ending) = next {
                prop_assert_eq!(ending, Ending::Expired);
            }
        }
    }
}
