//! The comparison of a credential's condition with what people were told of it last.

use std::time::Duration;

use lanyard_credential::State;

/// How long a renewal must fail before people are told.
pub(super) const STALLED: Duration = Duration::from_mins(2);

/// The condition of a credential, as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Well,
    Expiring,
    Stalled,
    NeedsLogin,
    /// It waits for its first token.
    Pending,
    /// It is disabled, or being cleared.
    Off,
}

impl From<State> for Condition {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Well,
            State::Expiring => Self::Expiring,
            State::Stalled => Self::Stalled,
            State::NeedsLogin | State::NeedsToken => Self::NeedsLogin,
            State::Pending => Self::Pending,
            State::Clearing | State::Disabled => Self::Off,
        }
    }
}

/// The condition that was compared last, and so what people know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Well,
    /// The token is valid for a fixed time, and its expiry was not announced.
    Fixed,
    /// The renewal fails, and was not announced yet.
    Failing,
    Expiring,
    Stalled,
    NeedsLogin,
    Pending,
    Off,
}

impl Told {
    const ALL: [Self; 8] = [
        Self::Well,
        Self::Fixed,
        Self::Failing,
        Self::Expiring,
        Self::Stalled,
        Self::NeedsLogin,
        Self::Pending,
        Self::Off,
    ];

    /// The word for it in the store.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Fixed => "fixed",
            Self::Failing => "failing",
            Self::Expiring => "expiring",
            Self::Stalled => "stalled",
            Self::NeedsLogin => "needs-login",
            Self::Pending => "pending",
            Self::Off => "off",
        }
    }

    /// What a word of the store stands for; `None` for a word of another version.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|told| told.word() == word)
    }

    /// Whether people were told that something is wrong.
    pub(super) const fn is_alarm(self) -> bool {
        matches!(self, Self::Expiring | Self::Stalled | Self::NeedsLogin)
    }
}

/// What people were told last, and how long ago that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) told: Told,
    /// The smallest warning time that was announced, in seconds.
    pub(super) mark: Option<u64>,
    /// How long ago; `None` if it seems to be in the future, after a clock was set back.
    pub(super) age: Option<Duration>,
}

/// An event about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Expiring,
    Stalled,
    NeedsLogin,
    Recovered,
    Authorised,
}

impl News {
    /// The word for it in the journal.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Expiring => "expiring",
            Self::Stalled => "stalled",
            Self::NeedsLogin => "needs-login",
            Self::Recovered => "recovered",
            Self::Authorised => "authorised",
        }
    }
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing has changed.
    Same,
    /// It is too early to tell people. Compare again after this time.
    Wait(Duration),
    /// The change is remembered, and is no news.
    Remember(Told),
    /// The change is remembered, and people are told.
    Tell(Told, News),
}

/// Compares a credential's condition with what people were told last. `mark` is the smallest warning time before its expiry that has begun,
/// in seconds.
pub(super) fn compare(last: Option<Last>, condition: Condition, mark: Option<u64>) -> Verdict {
    use Verdict::{Remember, Same, Tell, Wait};

    let told = last.map(|last| last.told);
    let told_mark = last.and_then(|last| last.mark);
    let is_nearer = mark.is_some() && (told_mark.is_none() || mark < told_mark);
    match (told, condition) {
        // A failure that ends within minutes is no news.
        (None | Some(Told::Well | Told::Off | Told::Pending | Told::Fixed), Condition::Stalled) => {
            Remember(Told::Failing)
        }
        (Some(Told::Failing), Condition::Stalled) => match last.and_then(|last| last.age) {
            None => Remember(Told::Failing),
            Some(age) if age < STALLED => Wait(STALLED.saturating_sub(age)),
            Some(_) => Tell(Told::Stalled, News::Stalled),
        },
        (Some(Told::Stalled), Condition::Stalled)
        | (Some(Told::NeedsLogin), Condition::NeedsLogin)
        | (Some(Told::Well), Condition::Well)
        | (Some(Told::Pending), Condition::Pending)
        | (Some(Told::Off), Condition::Off) => Same,
        (Some(Told::Expiring | Told::NeedsLogin), Condition::Stalled) => Tell(Told::Stalled, News::Stalled),
        (_, Condition::NeedsLogin) => Tell(Told::NeedsLogin, News::NeedsLogin),

        // A token that was added for a fixed time is no news until its expiry comes near.
        (Some(Told::Fixed | Told::Expiring), Condition::Expiring) if is_nearer => Tell(Told::Expiring, News::Expiring),
        (Some(Told::Fixed | Told::Expiring), Condition::Expiring) if mark == told_mark => Same,
        // It is switched on again, and what people were told before had ended.
        (Some(Told::Off), Condition::Expiring) if mark.is_some() => Tell(Told::Expiring, News::Expiring),
        (None | Some(Told::Fixed | Told::Off), Condition::Expiring) => Remember(Told::Fixed),
        (Some(Told::Expiring | Told::NeedsLogin), Condition::Expiring) => Tell(Told::Fixed, News::Recovered),
        (Some(Told::Pending), Condition::Expiring) => Tell(Told::Fixed, News::Authorised),
        (Some(Told::Well | Told::Failing | Told::Stalled), Condition::Expiring) => Tell(Told::Expiring, News::Expiring),

        (Some(Told::Pending), Condition::Well) => Tell(Told::Well, News::Authorised),
        (told, Condition::Well) => ended(told, Told::Well),
        (told, Condition::Pending) => ended(told, Told::Pending),
        (told, Condition::Off) => ended(told, Told::Off),
    }
}

/// The end of what people were told, if they were told of an alarm.
fn ended(told: Option<Told>, next: Told) -> Verdict {
    if told.is_some_and(Told::is_alarm) { Verdict::Tell(next, News::Recovered) } else { Verdict::Remember(next) }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Remember, Same, Tell, Wait};
    use super::*;

    /// The verdict for each condition, in the order of [`CONDITIONS`], on what was told long ago without a mark.
    const TABLE: [(Option<Told>, [Verdict; 6]); 9] = {
        const FAILING: Verdict = Remember(Told::Failing);
        const STALLED: Verdict = Tell(Told::Stalled, News::Stalled);
        const NEEDS: Verdict = Tell(Told::NeedsLogin, News::NeedsLogin);
        const EXPIRES: Verdict = Tell(Told::Expiring, News::Expiring);
        const WELL: Verdict = Remember(Told::Well);
        const FIXED: Verdict = Remember(Told::Fixed);
        const PENDING: Verdict = Remember(Told::Pending);
        const OFF: Verdict = Remember(Told::Off);
        const fn again(told: Told) -> Verdict {
            Tell(told, News::Recovered)
        }
        const fn first(told: Told) -> Verdict {
            Tell(told, News::Authorised)
        }
        [
            // (told, [well, expiring, stalled, needs-login, pending, off])
            (None, [WELL, FIXED, FAILING, NEEDS, PENDING, OFF]),
            (Some(Told::Well), [Same, EXPIRES, FAILING, NEEDS, PENDING, OFF]),
            (Some(Told::Fixed), [WELL, Same, FAILING, NEEDS, PENDING, OFF]),
            (Some(Told::Failing), [WELL, EXPIRES, STALLED, NEEDS, PENDING, OFF]),
            (Some(Told::Expiring), [again(Told::Well), Same, STALLED, NEEDS, again(Told::Pending), again(Told::Off)]),
            (Some(Told::Stalled), [again(Told::Well), EXPIRES, Same, NEEDS, again(Told::Pending), again(Told::Off)]),
            (
                Some(Told::NeedsLogin),
                [again(Told::Well), again(Told::Fixed), STALLED, Same, again(Told::Pending), again(Told::Off)],
            ),
            (Some(Told::Pending), [first(Told::Well), first(Told::Fixed), FAILING, NEEDS, Same, OFF]),
            (Some(Told::Off), [WELL, FIXED, FAILING, NEEDS, PENDING, Same]),
        ]
    };

    const CONDITIONS: [Condition; 6] = [
        Condition::Well,
        Condition::Expiring,
        Condition::Stalled,
        Condition::NeedsLogin,
        Condition::Pending,
        Condition::Off,
    ];

    const LONG: Duration = Duration::from_hours(1);

    fn last(told: Told, mark: Option<u64>) -> Last {
        Last { told, mark, age: Some(LONG) }
    }

    #[test]
    fn every_change_of_condition_is_told_once_or_is_no_news() {
        for (told, verdicts) in TABLE {
            for (condition, expected) in CONDITIONS.into_iter().zip(verdicts) {
                let before = told.map(|told| last(told, None));
                let verdict = compare(before, condition, None);
                assert_eq!(verdict, expected, "{told:?} {condition:?}");
                // The comparison that follows finds nothing new.
                if let Remember(next) | Tell(next, _) = verdict
                    && next != Told::Failing
                {
                    assert_eq!(compare(Some(last(next, None)), condition, None), Same, "{told:?} {condition:?}");
                }
            }
        }
    }

    #[test]
    fn an_expiry_is_announced_at_each_warning_time_and_not_again() {
        let day = Some(24 * 60 * 60);
        let hour = Some(60 * 60);
        for (told, told_mark, mark, expected) in [
            (Told::Fixed, None, None, Same),
            (Told::Fixed, None, day, Tell(Told::Expiring, News::Expiring)),
            (Told::Fixed, day, day, Same),
            (Told::Fixed, day, hour, Tell(Told::Expiring, News::Expiring)),
            (Told::Expiring, day, day, Same),
            (Told::Expiring, day, hour, Tell(Told::Expiring, News::Expiring)),
            // A new token lasts longer.
            (Told::Fixed, hour, day, Remember(Told::Fixed)),
            (Told::Expiring, hour, day, Tell(Told::Fixed, News::Recovered)),
            (Told::Expiring, hour, None, Tell(Told::Fixed, News::Recovered)),
            (Told::NeedsLogin, hour, day, Tell(Told::Fixed, News::Recovered)),
            // It was disabled and is enabled again.
            (Told::Off, day, day, Tell(Told::Expiring, News::Expiring)),
            (Told::Off, None, hour, Tell(Told::Expiring, News::Expiring)),
            // It was renewed until now.
            (Told::Well, None, hour, Tell(Told::Expiring, News::Expiring)),
        ] {
            let verdict = compare(Some(last(told, told_mark)), Condition::Expiring, mark);
            assert_eq!(verdict, expected, "{told:?} {told_mark:?} {mark:?}");
        }
        // A token that was added just now is no news, however soon it expires.
        assert_eq!(compare(None, Condition::Expiring, hour), Remember(Told::Fixed));
    }

    #[test]
    fn a_failure_is_told_after_two_minutes_even_if_a_clock_was_set_back() {
        let failing = |age| Some(Last { told: Told::Failing, mark: None, age });
        for (age, expected) in [
            (Some(Duration::ZERO), Wait(STALLED)),
            (Some(STALLED / 2), Wait(STALLED / 2)),
            (Some(STALLED), Tell(Told::Stalled, News::Stalled)),
            (None, Remember(Told::Failing)),
        ] {
            assert_eq!(compare(failing(age), Condition::Stalled, None), expected, "{age:?}");
        }
    }

    #[test]
    fn every_word_is_read_back() {
        for told in Told::ALL {
            assert_eq!(Told::of(told.word()), Some(told));
        }
        assert_eq!(Told::of("of-another-version"), None);
    }
}
