//! How often to try, and how long to wait in between: decided from values.

use std::time::Duration;

use http::{Method, StatusCode};
use lanyard_protocol::Response;
use lanyard_time::Moment;

use crate::SendError;

/// How much a caller puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long all tries and the waits between them may take. A wait that would go beyond is not begun; a try that was begun
    /// takes as long as it takes.
    pub total: Duration,
    /// How many requests are sent at most.
    pub tries: u32,
}

impl Patience {
    /// One try, and no wait before it.
    pub const NONE: Self = Self { total: Duration::ZERO, tries: 1 };

    /// Whether one may wait for `pause` when so much is `spent`.
    pub(crate) fn allows(self, pause: Duration, spent: Duration) -> bool {
        pause.is_zero() || spent.saturating_add(pause) <= self.total
    }
}

impl Default for Patience {
    /// A minute, and five tries.
    fn default() -> Self {
        Self { total: Duration::from_mins(1), tries: 5 }
    }
}

/// The verdict on a try: whether another one may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is what it is.
    Final,
    /// Another try can do no harm; Webex asks for this pause, where it does.
    Again { asked: Option<Duration> },
}

/// Whether a request may be sent again after `outcome`. Nothing whose outcome is unknown is, unless it only reads.
pub(crate) fn judge(method: &Method, outcome: Result<&Response, &SendError>, now: &Moment) -> Verdict {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match outcome {
        Ok(response) => {
            let asked = response.retry_after_at(now.wall);
            match response.status {
                StatusCode::TOO_MANY_REQUESTS => Verdict::Again { asked: Some(asked.unwrap_or(UNSAID)) },
                StatusCode::LOCKED => Verdict::Again { asked },
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT if reads => {
                    Verdict::Again { asked }
                }
                _ => Verdict::Final,
            }
        }
        // Webex cannot have seen it.
        Err(SendError::NotSent(..)) => Verdict::Again { asked: None },
        Err(SendError::Unanswered(..)) if reads => Verdict::Again { asked: None },
        Err(_) => Verdict::Final,
    }
}

/// How long a limit lasts where Webex does not say so, or in a way that cannot be read.
pub(crate) const UNSAID: Duration = Duration::from_secs(5);

/// The pause before the second try; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The spread of the waits that Webex asked for, so that clients with equal waits do not return at the same moment.
const SPREAD: Duration = Duration::from_millis(250);

/// How long to wait after `failures` tries. `random` is any number: what Webex asks for is spread upwards by a little, a pause of
/// our own over its upper half.
pub(crate) fn pause(asked: Option<Duration>, failures: u32, random: u64) -> Duration {
    let share = |of: Duration| of.mul_f64(f64::from((random >> 32) as u32) / f64::from(u32::MAX));
    // "At once" was wrong a moment ago.
    if let Some(asked) = asked.filter(|asked| !asked.is_zero()) {
        return asked + share(SPREAD);
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    doubled / 2 + share(doubled / 2)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use lanyard_secret::SecretBytes;
    use lanyard_time::{Clock as _, ManualClock};
    use proptest::prelude::*;

    use super::*;

    fn verdict(method: &Method, status: u16, retry_after: Option<&str>) -> Verdict {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert("retry-after", text.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response { status, headers, body: SecretBytes::new(Vec::new()) };
        let now = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap()).now();
        judge(method, Ok(&response), &now)
    }

    #[test]
    fn a_limit_lets_every_method_try_again_and_a_servers_fault_only_those_that_read() {
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        for method in &methods {
            let reads = matches!(*method, Method::GET | Method::HEAD);
            for status in [429, 423] {
                let asked = Some(Duration::from_secs(7));
                assert_eq!(verdict(method, status, Some("7")), Verdict::Again { asked }, "{method} {status}");
            }
            for status in [502, 503, 504] {
                let again = verdict(method, status, None) == Verdict::Again { asked: None };
                assert_eq!(again, reads, "{method} {status}");
            }
            for status in [200, 204, 302, 400, 401, 403, 404, 408, 409, 410, 428, 500, 501] {
                assert_eq!(verdict(method, status, Some("7")), Verdict::Final, "{method} {status}");
            }
        }
    }

    #[test]
    fn a_limit_without_a_readable_wait_lasts_a_while() {
        assert_eq!(verdict(&Method::POST, 429, None), Verdict::Again { asked: Some(UNSAID) });
        assert_eq!(verdict(&Method::POST, 423, None), Verdict::Again { asked: None });
        let asked = Some(Duration::from_secs(15));
        for text in ["rand(30),add(30)", "-1", "", "soon"] {
            assert_eq!(verdict(&Method::POST, 429, Some(text)), Verdict::Again { asked }, "{text:?}");
            assert_eq!(verdict(&Method::POST, 423, Some(text)), Verdict::Again { asked }, "{text:?}");
        }
    }

    #[test]
    fn a_date_is_measured_by_the_local_clock_where_webex_does_not_date_its_answer() {
        let asked = Some(Duration::from_secs(30));
        assert_eq!(verdict(&Method::GET, 429, Some("Thu, 01 Jan 2026 00:00:30 GMT")), Verdict::Again { asked });
    }

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_asked_and_never_out_of_bounds(
            asked in proptest::option::of(prop_oneof![Just(0), 0u64..100_000]), failures in 1u32..1_000, random: u64,
        ) {
            let asked = asked.map(Duration::from_secs);
            let pause = pause(asked, failures, random);
            match asked.filter(|asked| !asked.is_zero()) {
                Some(asked) => prop_assert!(pause >= asked && pause <= asked + SPREAD),
                None => prop_assert!(pause >= FIRST_PAUSE / 2 && pause <= LONGEST_PAUSE),
            }
        }
    }
}
