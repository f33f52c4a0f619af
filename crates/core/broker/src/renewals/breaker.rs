//! When requests to an environment are held back.

use std::time::Duration;

use lanyard_credential::TroubleKind;

/// A circuit breaker: after some failures in a row nothing is tried for a while, then one try, and all again once one succeeds.
/// Its time is how long the plan's clock runs.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    limits: Limits,
    state: State,
    /// Which run of the state a call belongs to: what was under way when it opened says nothing about what comes after.
    run: u32,
}

/// When it opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// So many failures in a row open it.
    pub(super) failures: u32,
    /// The first pause; each further one is twice as long.
    pub(super) first: Duration,
    /// The longest pause, unless Webex itself asks for a longer one.
    pub(super) longest: Duration,
}

/// The calls that a breaker permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything; so many calls in a row have failed.
    Closed { failures: u32 },
    /// Nothing until then.
    Open { until: Duration, pause: Duration },
    /// One call is under way; it decides.
    Probing { pause: Duration },
}

/// The leave to make one call, to be given back with what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leave(u32);

/// The health of an environment, as one call shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answers, whatever it says.
    Well,
    /// It cannot be reached or is out of order; it asks to wait so long.
    Ill { asked: Duration },
    /// Nothing: it was not asked.
    Unknown,
}

impl Health {
    /// The health that a failed renewal shows; `asked` is how long Webex asked to wait.
    pub(crate) fn after(kind: TroubleKind, asked: Duration) -> Self {
        match kind {
            TroubleKind::Unreachable | TroubleKind::OutcomeUnknown => Self::Ill { asked },
            TroubleKind::ViaUnusable | TroubleKind::Unfinished => Self::Unknown,
            // Webex answered, and means this credential, this app or this user alone. The credential waits as long as a limit asks.
            TroubleKind::Limited
            | TroubleKind::WrongClient
            | TroubleKind::DeadGrant
            | TroubleKind::DeadToken
            | TroubleKind::NotAuthorised => Self::Well,
        }
    }
}

impl Breaker {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: State::Closed { failures: 0 }, run: 0 }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// How long until a call may be tried; `None` while one call decides.
    pub(super) fn ready_in(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => Some(Duration::ZERO),
            State::Open { until, .. } => Some(until.saturating_sub(now)),
            State::Probing { .. } => None,
        }
    }

    /// Returns how long an optional call should wait; `None` if it may be made now.
    pub(super) fn closed_for(&self, now: Duration) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } => Some(until.saturating_sub(now)).filter(|left| !left.is_zero()),
            State::Probing { pause } => Some(pause),
        }
    }

    /// The leave to make a call, where one may be made.
    pub(super) fn enter(&mut self, now: Duration) -> Option<Leave> {
        match self.state {
            State::Open { until, pause } if until <= now => {
                self.run = self.run.wrapping_add(1);
                self.state = State::Probing { pause };
            }
            State::Open { .. } | State::Probing { .. } => return None,
            State::Closed { .. } => {}
        }
        Some(Leave(self.run))
    }

    /// Takes in what came of a call. True when that has opened or closed it.
    pub(super) fn leave(&mut self, leave: Leave, health: Health, now: Duration) -> bool {
        if leave.0 != self.run {
            return false;
        }
        match (self.state, health) {
            (State::Closed { failures }, Health::Ill { asked }) => {
                let failures = failures + 1;
                if failures < self.limits.failures {
                    self.state = State::Closed { failures };
                    return false;
                }
                self.open(self.limits.first, asked, now);
                true
            }
            (State::Closed { .. }, Health::Well) => {
                self.state = State::Closed { failures: 0 };
                false
            }
            (State::Probing { .. }, Health::Well) => {
                self.run = self.run.wrapping_add(1);
                self.state = State::Closed { failures: 0 };
                true
            }
            (State::Probing { pause }, Health::Ill { asked }) => {
                self.open((pause * 2).min(self.limits.longest), asked, now);
                false
            }
            // The call that should have decided was not made: the next one does.
            (State::Probing { pause }, Health::Unknown) => {
                self.state = State::Open { until: now, pause };
                false
            }
            // While it is open no call is of its run.
            (State::Closed { .. }, Health::Unknown) | (State::Open { .. }, _) => false,
        }
    }

    /// Takes in the outcome of a call that did not ask the breaker. True if it opened the breaker.
    pub(super) fn hear(&mut self, health: Health, now: Duration) -> bool {
        match (self.state, health) {
            (State::Closed { .. }, _) => self.leave(Leave(self.run), health, now),
            // It answers: whether it does for good is tried at once.
            (State::Open { pause, .. }, Health::Well) => {
                self.state = State::Open { until: now, pause };
                false
            }
            (State::Open { until, pause }, Health::Ill { asked }) => {
                self.state = State::Open { until: until.max(now + asked), pause };
                false
            }
            // The call that is under way decides.
            (State::Open { .. }, Health::Unknown) | (State::Probing { .. }, _) => false,
        }
    }

    fn open(&mut self, pause: Duration, asked: Duration, now: Duration) {
        self.run = self.run.wrapping_add(1);
        self.state = State::Open { until: now + pause.max(asked), pause };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { failures: 3, first: Duration::from_secs(5), longest: Duration::from_secs(15) };
    const ILL: Health = Health::Ill { asked: Duration::ZERO };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One after the other: when, what comes of a call that may be made then (`None`: none may), and how long the next waits after it.
    #[test]
    fn it_opens_waits_longer_each_time_probes_and_closes() {
        let mut breaker = Breaker::new(LIMITS);
        let story = [
            (0, Some(ILL), 0),
            (0, Some(ILL), 0),
            (0, Some(Health::Well), 0),
            (0, Some(ILL), 0),
            (0, Some(Health::Unknown), 0),
            (0, Some(ILL), 0),
            (1, Some(ILL), 5),
            (5, None, 1),
            (6, Some(ILL), 10),
            (15, None, 1),
            (16, Some(Health::Unknown), 0),
            (16, Some(ILL), 15),
            (31, Some(Health::Ill { asked: at(100) }), 100),
            (130, None, 1),
            (131, Some(Health::Well), 0),
            (131, Some(ILL), 0),
            (131, Some(ILL), 0),
            (131, Some(ILL), 5),
        ];
        for (line, (now, call, wait)) in story.into_iter().enumerate() {
            let leave = breaker.enter(at(now));
            assert_eq!(leave.is_some(), call.is_some(), "line {line}");
            if let (Some(leave), Some(health)) = (leave, call) {
                breaker.leave(leave, health, at(now));
            }
            assert_eq!(breaker.ready_in(at(now)), Some(at(wait)), "line {line}");
        }
    }

    #[test]
    fn calls_that_nobody_asked_leave_for_count_like_others_and_decide_nothing() {
        let mut breaker = Breaker::new(LIMITS);
        breaker.hear(ILL, at(0));
        let leave = breaker.enter(at(0)).unwrap();
        breaker.leave(leave, ILL, at(0));
        assert!(breaker.hear(ILL, at(0)), "the third in a row opens it");
        assert_eq!(breaker.state(), State::Open { until: at(5), pause: at(5) });
        breaker.hear(Health::Ill { asked: at(60) }, at(1));
        assert_eq!(breaker.ready_in(at(1)), Some(at(60)), "Webex asks for more than was meant");
        breaker.hear(Health::Well, at(2));
        assert_eq!(breaker.ready_in(at(2)), Some(at(0)));
        let probe = breaker.enter(at(2)).unwrap();
        breaker.hear(Health::Well, at(2));
        assert_eq!(breaker.state(), State::Probing { pause: at(5) });
        assert!(breaker.leave(probe, Health::Well, at(2)));
    }

    #[test]
    fn one_call_decides_and_those_from_before_do_not() {
        let mut breaker = Breaker::new(LIMITS);
        let early: Vec<_> = (0..5).map(|_| breaker.enter(at(0)).unwrap()).collect();
        for leave in &early[..3] {
            breaker.leave(*leave, ILL, at(0));
        }
        assert_eq!(breaker.state(), State::Open { until: at(5), pause: at(5) });
        assert!(!breaker.leave(early[3], Health::Well, at(1)));
        let probe = breaker.enter(at(5)).unwrap();
        assert_eq!((breaker.enter(at(6)), breaker.ready_in(at(6))), (None, None));
        breaker.leave(early[4], ILL, at(6));
        assert_eq!(breaker.state(), State::Probing { pause: at(5) });
        assert!(breaker.leave(probe, Health::Well, at(7)));
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }
}
