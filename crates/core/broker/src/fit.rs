//! Decides whether a token may be handed out and satisfies a request, for tokens in memory and in the store alike.

use std::time::Duration;

use lanyard_credential::{Standing, TroubleKind, Validity};
use lanyard_time::Moment;

/// How a token meets a request, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is valid for as long as requested, or for an unknown time.
    Enough,
    /// It is valid, but for a shorter time than requested.
    Short,
    /// It has expired.
    Expired,
    /// Its credential does not hand out tokens.
    Withheld,
}

impl Fit {
    /// Judges a token for a request for `min_validity` at `now`. `hands_out` shows whether its credential hands out tokens.
    pub(crate) fn of(hands_out: bool, validity: Option<&Validity>, min_validity: Duration, now: &Moment) -> Self {
        match validity.and_then(|validity| validity.access_left(now)) {
            _ if !hands_out => Self::Withheld,
            Some(Duration::ZERO) => Self::Expired,
            Some(left) if left < min_validity => Self::Short,
            Some(_) | None => Self::Enough,
        }
    }
}

/// Whether a credential hands out its valid token. It does not once Webex has refused the token permanently.
pub(crate) fn hands_out(standing: &Standing) -> bool {
    standing.hands_out() && standing.trouble().is_none_or(|trouble| trouble.kind != TroubleKind::DeadToken)
}

#[cfg(test)]
mod tests {
    use lanyard_credential::RefreshRight;
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    #[test]
    fn a_token_meets_a_request_until_less_is_left_than_was_asked() {
        let minute = Duration::from_mins(1);
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let obtained = clock.now();
        let lasting = |access| Validity { obtained: obtained.clone(), access, refresh: RefreshRight::None };
        let hour = lasting(Some(60 * minute));
        let fit = |validity: Option<&Validity>, asked| Fit::of(true, validity, asked, &clock.now());
        assert_eq!((fit(Some(&hour), 60 * minute), fit(Some(&hour), 61 * minute)), (Fit::Enough, Fit::Short));
        assert_eq!((fit(Some(&lasting(None)), 61 * minute), fit(None, minute)), (Fit::Enough, Fit::Enough));
        clock.advance(59 * minute);
        assert_eq!((fit(Some(&hour), Duration::ZERO), fit(Some(&hour), 2 * minute)), (Fit::Enough, Fit::Short));
        assert_eq!(Fit::of(false, Some(&hour), Duration::ZERO, &clock.now()), Fit::Withheld);
        clock.advance(minute);
        assert_eq!(fit(Some(&hour), Duration::ZERO), Fit::Expired);
        assert_eq!(Fit::of(false, Some(&hour), Duration::ZERO, &clock.now()), Fit::Withheld);
    }
}
