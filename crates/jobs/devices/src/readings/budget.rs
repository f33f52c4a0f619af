//! How many calls the readings may make as one account: decided from values.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The calls a minute that Webex is assumed to allow each account in an API, in thousandths. Webex documents no number.
const ASSUMED: i64 = 100_000;
/// The lowest that is assumed, however often Webex limits.
const LOWEST: i64 = 6_000;
/// How long it takes after a limit until that number is assumed again.
const RECOVERY: SignedDuration = SignedDuration::from_hours(1);
/// The readings get one call in so many. The rest is kept for the lists of devices, which show what is down, for people and for programs.
const SHARE: i64 = 2;
/// Limits that follow each other more closely are one: calls that were under way at the same time.
const TOGETHER: SignedDuration = SignedDuration::from_secs(20);
/// The longest pause that is believed.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
const CALL: i64 = 1_000;

/// The calls of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// The calls that the readings may make, in thousandths, as of `at`.
    pub(super) calls: i64,
    pub(super) at: Timestamp,
    /// What was assumed after Webex limited the calls last, and when that was.
    pub(super) lowered: Option<(i64, Timestamp)>,
    /// Until when Webex asked not to call.
    pub(super) paused_until: Option<Timestamp>,
}

impl Budget {
    /// The budget of an account that has made no calls.
    pub(super) const fn full(at: Timestamp) -> Self {
        Self { calls: ASSUMED / SHARE, at, lowered: None, paused_until: None }
    }

    /// This budget, if another program wrote it, without numbers that are too high or too low.
    pub(super) fn within_bounds(self) -> Self {
        let lowered = self.lowered.map(|(calls, at)| (calls.clamp(LOWEST, ASSUMED), at));
        Self { calls: self.calls.clamp(0, ASSUMED / SHARE), lowered, ..self }
    }

    /// The calls a minute that Webex is assumed to allow now, in thousandths: half of it after a limit, and more again over an hour.
    pub(super) fn limit(&self, now: Timestamp) -> i64 {
        let Some((lowered, at)) = self.lowered else { return ASSUMED };
        let passed = now.duration_since(at);
        // A clock that was ahead wrote such a time.
        if passed >= RECOVERY || passed < -TOGETHER {
            return ASSUMED;
        }
        let passed = i64::try_from(passed.as_millis().max(0)).unwrap_or_default();
        let recovery = i64::try_from(RECOVERY.as_millis()).unwrap_or(i64::MAX);
        lowered + (ASSUMED - lowered) * passed / recovery
    }

    /// The calls a minute that the readings may make, in thousandths.
    pub(super) fn rate(&self, now: Timestamp) -> i64 {
        self.limit(now) / SHARE
    }

    /// How long Webex asks not to call.
    pub(super) fn pause(&self, now: Timestamp) -> Option<SignedDuration> {
        let left = self.paused_until?.duration_since(now);
        (left.is_positive() && left <= LONGEST_PAUSE).then_some(left)
    }

    /// Takes calls for `wanted` devices: fewer if there are not as many, and at most half of those that there are, so that watches with
    /// the same account get their part.
    pub(super) fn take(&mut self, wanted: usize, now: Timestamp) -> usize {
        self.gain(now);
        if self.pause(now).is_some() || self.calls < CALL {
            return 0;
        }
        let most = usize::try_from(self.calls / CALL / 2).unwrap_or_default().max(1);
        let taken = wanted.min(most);
        self.calls -= i64::try_from(taken).unwrap_or(i64::MAX).saturating_mul(CALL);
        taken
    }

    /// Webex limited a call, and asked for a pause: half as many calls are assumed to be allowed.
    pub(super) fn lower(&mut self, wait: Option<Duration>, now: Timestamp) {
        let is_same = self.lowered.is_some_and(|(_, at)| now.duration_since(at).abs() < TOGETHER);
        if !is_same {
            self.gain(now);
            self.lowered = Some(((self.limit(now) / 2).max(LOWEST), now));
            self.calls = 0;
        }
        self.hold(wait, now);
    }

    /// Webex asks for a pause.
    pub(super) fn hold(&mut self, wait: Option<Duration>, now: Timestamp) {
        let wait = wait.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or_default().min(LONGEST_PAUSE);
        let until = now.checked_add(wait).unwrap_or(now);
        let later = self.pause(now).and(self.paused_until).is_some_and(|earlier| earlier > until);
        if !later {
            self.paused_until = Some(until);
        }
    }

    /// Adds the calls of the time that has passed: of a minute at most.
    fn gain(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.at).clamp(SignedDuration::ZERO, SignedDuration::from_mins(1));
        let passed = i64::try_from(passed.as_millis()).unwrap_or_default();
        let rate = self.rate(now);
        self.calls = (self.calls.max(0) + rate * passed / 60_000).min(rate);
        self.at = now;
    }
}

/// How long it takes to read so many devices at a rate, in seconds.
pub(super) fn seconds_for(devices: u64, rate: i64) -> u64 {
    devices.saturating_mul(60_000).div_ceil(u64::try_from(rate).unwrap_or_default().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    /// The calls of an hour in which there is always something to read, from `begin` on.
    fn an_hour(budget: &mut Budget, begin: i64) -> usize {
        (begin..begin + 3_600).step_by(15).map(|second| budget.take(1_000, at(second))).sum()
    }

    #[test]
    fn the_readings_make_half_of_the_calls_that_are_assumed_to_be_allowed() {
        let mut budget = Budget::full(at(0));
        let calls = an_hour(&mut budget, 0);
        assert!((2_950..=3_050).contains(&calls), "{calls}");
        assert_eq!(seconds_for(900, budget.rate(at(3_600))), 18 * 60);
    }

    #[test]
    fn watches_of_one_account_share_its_calls() {
        let mut budget = Budget::full(at(0));
        let mut calls = [0, 0, 0];
        for second in (0..3_600).step_by(15) {
            for (number, calls) in calls.iter_mut().enumerate() {
                *calls += budget.take(1_000, at(second + 5 * i64::try_from(number).unwrap()));
            }
        }
        assert!((2_950..=3_050).contains(&calls.iter().sum::<usize>()), "{calls:?}");
        assert!(calls.iter().all(|calls| (900..1_150).contains(calls)), "{calls:?}");
    }

    #[test]
    fn a_limit_halves_what_is_assumed_and_an_hour_brings_it_back() {
        let mut budget = Budget::full(at(0));
        let _ = budget.take(1_000, at(0));
        budget.lower(Some(Duration::from_secs(30)), at(1));
        // Another call that was under way.
        budget.lower(Some(Duration::from_secs(10)), at(2));
        assert_eq!((budget.limit(at(1)), budget.limit(at(1_801)), budget.limit(at(3_601))), (50_000, 75_000, 100_000));
        assert_eq!(budget.take(10, at(30)), 0, "Webex asked for a pause");
        assert!(budget.take(10, at(32)) > 0);
        budget.lower(None, at(60));
        assert!((25_000..26_000).contains(&budget.limit(at(60))), "{}", budget.limit(at(60)));
        for second in (100..2_000).step_by(60) {
            budget.lower(None, at(second));
        }
        assert!(budget.limit(at(1_960)) >= LOWEST && budget.rate(at(1_960)) > 0);
    }

    #[test]
    fn no_stored_budget_allows_more_than_is_assumed_or_stops_the_readings() {
        let altered = |calls, lowered| {
            let lowered = Some((lowered, at(0)));
            Budget { calls, at: at(0), lowered, paused_until: Some(at(1_000_000)) }.within_bounds()
        };
        let mut high = altered(i64::MAX, i64::MAX);
        assert_eq!((high.take(1_000, at(0)), high.limit(at(0))), (25, ASSUMED));
        let mut low = altered(i64::MIN, i64::MIN);
        assert_eq!((low.take(1_000, at(0)), low.limit(at(0))), (0, LOWEST));
        assert!(low.take(1_000, at(60)) > 0);
    }

    #[test]
    fn a_clock_that_was_ahead_stops_nothing() {
        let mut budget = Budget::full(at(1_000_000));
        budget.lower(Some(Duration::from_hours(1)), at(1_000_000));
        assert_eq!((budget.limit(at(0)), budget.pause(at(0))), (ASSUMED, None));
        assert_eq!(budget.take(10, at(0)), 0, "nothing was left");
        assert!(budget.take(10, at(60)) > 0);
        let mut behind = Budget::full(at(0));
        assert_eq!(behind.take(3, at(1_000_000)), 3);
        assert!(behind.calls <= ASSUMED / SHARE);
    }
}
