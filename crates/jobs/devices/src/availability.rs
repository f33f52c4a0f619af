//! How much of a time a device was available.

use jiff::Timestamp;

use crate::seen::Period;
use crate::state::DeviceState;

/// The part of the time from `from` to `to` in which a device was available, from 0 to 1. Only the time counts in which its state was
/// known; `None` if that is no time at all.
///
/// A device that is degraded or asleep on purpose is available. One that is being activated is neither.
pub fn availability(periods: &[Period], from: Timestamp, to: Timestamp) -> Option<f64> {
    let mut tally = Tally::default();
    tally.add(periods, from, to);
    tally.ratio()
}

/// Milliseconds in which devices were available, of those in which their states were known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    available: u64,
    counted: u64,
}

impl Tally {
    /// Adds the time from `from` to `to`.
    pub(crate) fn add(&mut self, periods: &[Period], from: Timestamp, to: Timestamp) {
        for period in periods {
            let end = period.ended.unwrap_or(to).min(to);
            let lasted = end.as_millisecond().saturating_sub(period.began.max(from).as_millisecond());
            let Ok(lasted) = u64::try_from(lasted) else { continue };
            match period.state {
                DeviceState::Up | DeviceState::Degraded | DeviceState::Asleep => {
                    self.available += lasted;
                    self.counted += lasted;
                }
                DeviceState::Down => self.counted += lasted,
                DeviceState::Unknown | DeviceState::New => {}
            }
        }
    }

    /// The part that was available; `None` if nothing was known.
    pub(crate) fn ratio(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a ratio of milliseconds needs no more digits")]
        (self.counted > 0).then(|| self.available as f64 / self.counted as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn period(began: i64, ended: Option<i64>, state: DeviceState) -> Period {
        Period { began: at(began), ended: ended.map(at), state, cause: None }
    }

    #[test]
    fn only_time_in_which_the_state_was_known_counts() {
        use DeviceState::{Asleep, Down, New, Unknown, Up};
        let cases: [(Vec<Period>, Option<f64>); 7] = [
            (vec![], None),
            (vec![period(0, None, Up)], Some(1.0)),
            (vec![period(0, None, Unknown)], None),
            (vec![period(0, Some(50), Up), period(50, None, Down)], Some(0.5)),
            (vec![period(-1000, Some(75), Asleep), period(75, None, Down)], Some(0.75)),
            (
                vec![
                    period(0, Some(20), New),
                    period(20, Some(60), Unknown),
                    period(60, Some(80), Up),
                    period(80, None, Down),
                ],
                Some(0.5),
            ),
            // Before and after the time that was asked for.
            (vec![period(-10, Some(0), Down), period(0, Some(100), Up), period(100, None, Down)], Some(1.0)),
        ];
        for (periods, expected) in cases {
            assert_eq!(availability(&periods, at(0), at(100)), expected, "{periods:?}");
        }
    }
}
