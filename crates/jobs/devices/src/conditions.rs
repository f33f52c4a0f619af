//! What rules look at in a device besides its state: an error, or a number that it reports.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::DISTANCE;
use crate::statuses::Tenths;

/// A condition that a device meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// When it was read first.
    pub since: Timestamp,
    /// Whether a second reading has confirmed it.
    pub counts: bool,
    /// The first of the last readings that said otherwise.
    pub missed: Option<Timestamp>,
    /// The number that was read last.
    pub number: Option<Tenths>,
}

/// The conditions that a device meets, by the name of the rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Conditions(BTreeMap<String, Met>);

impl Conditions {
    /// Whether it meets none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The condition of a rule, if the device meets it.
    pub fn of(&self, rule: &str) -> Option<&Met> {
        self.0.get(rule)
    }

    /// Forgets the conditions of other rules.
    pub(crate) fn keep(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|rule, _| is_kept(rule));
    }

    /// Takes in a reading of a rule's condition at `at`; the same one again changes nothing. As with states, two readings in succession
    /// begin it, and two end it.
    pub(crate) fn observe(&mut self, rule: &str, (is_met, number): (bool, Option<Tenths>), at: Timestamp) {
        let Some(met) = self.0.get_mut(rule) else {
            if is_met {
                self.0.insert(rule.to_owned(), Met { since: at, counts: false, missed: None, number });
            }
            return;
        };
        // A clock that was ahead wrote a later time.
        let follows = |first: Timestamp| at.duration_since(first) >= DISTANCE;
        if is_met {
            met.since = met.since.min(at);
            met.counts |= follows(met.since);
            (met.missed, met.number) = (None, number);
        } else {
            let first = met.missed.map_or(at, |first| first.min(at));
            if !met.counts && at > met.since || follows(first) {
                self.0.remove(rule);
            } else if met.counts {
                met.missed = Some(first);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_readings_begin_a_condition_and_two_end_it() {
        type Case<'a> = (&'a [bool], Option<(i64, bool, Option<i64>)>);
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        // Readings a minute apart; afterwards: since when it is met, whether that counts, and since when it is missed.
        let cases: [Case<'_>; 7] = [
            (&[false, false], None),
            (&[true], Some((0, false, None))),
            (&[true, false], None),
            (&[false, true, true], Some((1, true, None))),
            (&[true, true, false], Some((0, true, Some(2)))),
            (&[true, true, false, true], Some((0, true, None))),
            (&[true, true, false, false], None),
        ];
        for (readings, expected) in cases {
            let mut conditions = Conditions::default();
            for (minute, met) in (0..).zip(readings) {
                // Each reading is taken in twice.
                for _ in 0..2 {
                    conditions.observe("hot", (*met, None), at(minute));
                }
            }
            let minute = |at: Timestamp| at.as_second() / 60;
            let found = conditions.of("hot").map(|met| (minute(met.since), met.counts, met.missed.map(minute)));
            assert_eq!(found, expected, "{readings:?}");
        }
    }

    #[test]
    fn a_clock_that_was_ahead_keeps_no_condition() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut conditions = Conditions::default();
        for second in [1_000_000, 10, 100] {
            conditions.observe("hot", (true, None), at(second));
        }
        assert_eq!(conditions.of("hot").map(|met| (met.since, met.counts)), Some((at(10), true)));
        for second in [2_000_000, 200] {
            conditions.observe("hot", (false, None), at(second));
        }
        assert_eq!(conditions.of("hot").unwrap().missed, Some(at(200)));
        conditions.observe("hot", (false, None), at(300));
        assert!(conditions.is_empty());
    }
}
