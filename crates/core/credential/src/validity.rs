//! How long a token set is good.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

/// When a token set was obtained and for how long its tokens last, as the reply said. An unknown lifetime stays unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// The moment at which the request was sent that brought the tokens: lifetimes count from it.
    pub obtained: Moment,
    /// How long the access token lasts from then; `None` where the reply did not say, or said nonsense.
    pub access: Option<Duration>,
    /// The right to renew.
    pub refresh: RefreshRight,
}

/// Whether a token set can be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefreshRight {
    /// There is no refresh token.
    None,
    /// There is one; it lasts so long from the moment of sending, where the reply said.
    Lasting(Option<Duration>),
}

/// A fraction of its lifetime before a token's end, at which a rotation is due: one fifth.
const DUE: u32 = 5;

impl Validity {
    /// How long the access token will still be accepted; `None` where that is unknown. Where the two clocks disagree, the one that
    /// leaves less of it counts.
    pub fn access_left(&self, now: &Moment) -> Option<Duration> {
        self.access.map(|lifetime| lifetime.saturating_sub(now.oldest_since(&self.obtained)))
    }

    /// How long the refresh token will still be accepted; `None` where there is none or that is unknown.
    pub fn refresh_left(&self, now: &Moment) -> Option<Duration> {
        match self.refresh {
            RefreshRight::Lasting(Some(lifetime)) => Some(lifetime.saturating_sub(now.oldest_since(&self.obtained))),
            RefreshRight::Lasting(None) | RefreshRight::None => None,
        }
    }

    /// Whether the access token has surely ended.
    pub fn access_has_ended(&self, now: &Moment) -> bool {
        self.access_left(now) == Some(Duration::ZERO)
    }

    /// Returns `now` without the time by which the wall clock went ahead of the boot clock since the tokens were obtained.
    pub fn by_boot_clock(&self, now: &Moment) -> Moment {
        now.by_boot_clock_since(&self.obtained)
    }

    /// How long it is until the wall clock, and only that, says that the access token has ended: either it was set wrong, or the machine
    /// stood still. `None` where the clocks agree, and where the boot clock says the same.
    pub fn ends_by_wall_clock_in(&self, now: &Moment) -> Option<Duration> {
        let left = self.access_left(now)?;
        (left < self.access_left(&self.by_boot_clock(now))?).then_some(left)
    }

    /// Whether only the wall clock says that the access token has ended: that is asked before anything is spent.
    pub fn ended_by_wall_clock_alone(&self, now: &Moment) -> bool {
        self.ends_by_wall_clock_in(now) == Some(Duration::ZERO)
    }

    /// The access token's end on the wall clock.
    pub fn access_expires_at(&self) -> Option<Timestamp> {
        end(self.obtained.wall, self.access?)
    }

    /// The refresh token's end on the wall clock.
    pub fn refresh_expires_at(&self) -> Option<Timestamp> {
        match self.refresh {
            RefreshRight::Lasting(lifetime) => end(self.obtained.wall, lifetime?),
            RefreshRight::None => None,
        }
    }

    /// Whether a fifth of the access token's lifetime, or less, is left, whatever renews it.
    pub fn access_is_due(&self, now: &Moment) -> bool {
        self.access_due_in(now, 0) == Some(Duration::ZERO)
    }

    /// Whether a rotation is due: a fifth of either token's lifetime, or less, is left. `jitter`, from 0 to 255, brings that
    /// moment forward by up to a twentieth of the lifetime, so that credentials obtained together do not rotate together.
    pub fn rotation_is_due(&self, now: &Moment, jitter: u8) -> bool {
        self.rotation_due_in(now, jitter) == Some(Duration::ZERO)
    }

    /// How long it is until a rotation is due; `None` where nothing will make it due: an end that is unknown brings nothing
    /// forward, Webex will say so with a 401.
    pub fn rotation_due_in(&self, now: &Moment, jitter: u8) -> Option<Duration> {
        if self.refresh == RefreshRight::None {
            return None;
        }
        let (access, refresh) = (self.access_due_in(now, jitter), self.refresh_due_in(now, jitter));
        access.into_iter().chain(refresh).min()
    }

    /// How long it is until the access token's own end asks for a new one.
    pub fn access_due_in(&self, now: &Moment, jitter: u8) -> Option<Duration> {
        Some(due_in(self.access_left(now)?, self.access?, jitter))
    }

    /// How long it is until the refresh token's own end asks for a new one.
    pub fn refresh_due_in(&self, now: &Moment, jitter: u8) -> Option<Duration> {
        match self.refresh {
            RefreshRight::Lasting(lifetime) => Some(due_in(self.refresh_left(now)?, lifetime?, jitter)),
            RefreshRight::None => None,
        }
    }
}

fn due_in(left: Duration, lifetime: Duration, jitter: u8) -> Duration {
    left.saturating_sub(lifetime / DUE + lifetime / 20 * u32::from(jitter) / 255)
}

fn end(from: Timestamp, lifetime: Duration) -> Option<Timestamp> {
    from.checked_add(lifetime).ok()
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock, ManualClock};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn clock() -> ManualClock {
        ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn validity(clock: &ManualClock) -> Validity {
        Validity { obtained: clock.now(), access: Some(10 * HOUR), refresh: RefreshRight::Lasting(Some(100 * HOUR)) }
    }

    #[test]
    fn a_rotation_is_due_when_a_fifth_is_left() {
        let clock = clock();
        let validity = validity(&clock);
        assert_eq!(validity.rotation_due_in(&clock.now(), 0), Some(8 * HOUR));
        clock.advance(Duration::from_secs(8 * 3600 - 1));
        assert!(!validity.rotation_is_due(&clock.now(), 0));
        assert!(validity.rotation_is_due(&clock.now(), 255));
        clock.advance(Duration::from_secs(1));
        assert!(validity.rotation_is_due(&clock.now(), 0));
        assert!(!validity.access_has_ended(&clock.now()));
        clock.advance(2 * HOUR);
        assert!(validity.access_has_ended(&clock.now()));
    }

    #[test]
    fn the_refresh_tokens_own_end_makes_a_rotation_due() {
        let clock = clock();
        let validity = Validity { access: Some(1000 * HOUR), ..validity(&clock) };
        clock.advance(80 * HOUR);
        assert!(validity.rotation_is_due(&clock.now(), 0));
    }

    #[test]
    fn what_only_the_wall_clock_ends_is_told_from_what_has_ended() {
        let clock = clock();
        let validity = validity(&clock);
        assert_eq!(validity.ends_by_wall_clock_in(&clock.now()), None);
        clock.jump_wall(jiff::SignedDuration::from_hours(9));
        assert_eq!(validity.ends_by_wall_clock_in(&clock.now()), Some(HOUR));
        assert!(!validity.rotation_is_due(&validity.by_boot_clock(&clock.now()), 255));
        clock.jump_wall(jiff::SignedDuration::from_hours(24 * 30));
        let now = clock.now();
        assert!(validity.access_has_ended(&now) && validity.ended_by_wall_clock_alone(&now));
        assert!(!validity.access_has_ended(&validity.by_boot_clock(&now)));
        clock.advance(11 * HOUR);
        assert!(validity.access_has_ended(&clock.now()) && !validity.ended_by_wall_clock_alone(&clock.now()));
    }

    #[test]
    fn a_wall_clock_set_back_keeps_nothing() {
        let clock = clock();
        let validity = validity(&clock);
        clock.jump_wall(jiff::SignedDuration::from_hours(-24 * 30));
        assert!(!validity.rotation_is_due(&clock.now(), 255));
        clock.advance(11 * HOUR);
        assert!(validity.access_has_ended(&clock.now()) && !validity.ended_by_wall_clock_alone(&clock.now()));
    }

    #[test]
    fn without_a_refresh_token_or_a_known_end_nothing_is_due() {
        let clock = clock();
        let bot = Validity { refresh: RefreshRight::None, ..validity(&clock) };
        clock.advance(9 * HOUR);
        assert!(!bot.rotation_is_due(&clock.now(), 255));
        let unknown = Validity { access: None, refresh: RefreshRight::Lasting(None), obtained: clock.now() };
        assert!(!unknown.rotation_is_due(&clock.now(), 255));
        assert!(!unknown.access_has_ended(&clock.now()));
        assert_eq!(unknown.access_expires_at(), None);
    }
}
