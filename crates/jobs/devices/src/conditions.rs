//! What rules look at in a device besides its state: an error, or a number that it reports.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::state::DISTANCE;
use crate::statuses::Tenths;

/// A condition that a device meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// What the rule looked at then: a rule that is changed begins again.
    pub what: String,
    /// When it was read first.
    pub since: Timestamp,
    /// Whether a second reading has confirmed it.
    pub counts: bool,
    /// The first of the last readings that said otherwise.
    pub missed: Option<Timestamp>,
    /// The last number that met it, and when it was read.
    pub number: Option<(Tenths, Timestamp)>,
}

/// What a reading says of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed<'a> {
    /// What the rule looks at.
    pub(crate) what: &'a str,
    pub(crate) is_met: bool,
    /// The number that was read, for a rule that looks at one.
    pub(crate) number: Option<Tenths>,
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

    /// Forgets what was read once: the next reading does not follow upon that one. Returns whether there was such a thing.
    pub(crate) fn begin_again(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|_, met| met.counts);
        let missed = self.0.values_mut().filter_map(|met| met.missed.take()).count();
        self.0.len() < before || missed > 0
    }

    /// Takes in a reading of a rule's condition at `at`; the same one again changes nothing. As with states, two readings in succession
    /// begin it, and two end it.
    pub(crate) fn observe(&mut self, rule: &str, observed: Observed<'_>, at: Timestamp) {
        let Observed { what, is_met, number } = observed;
        if self.0.get(rule).is_some_and(|met| met.what != what) {
            self.0.remove(rule);
        }
        let number = number.map(|number| (number, at));
        let Some(met) = self.0.get_mut(rule) else {
            if is_met {
                let met = Met { what: what.to_owned(), since: at, counts: false, missed: None, number };
                self.0.insert(rule.to_owned(), met);
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

    fn observed(is_met: bool) -> Observed<'static> {
        Observed { what: "camera", is_met, number: None }
    }

    #[test]
    fn a_changed_rule_and_a_time_of_which_nothing_is_known_begin_again() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let mut conditions = Conditions::default();
        for minute in 0..3 {
            conditions.observe("hot", observed(true), at(minute));
        }
        conditions.observe("once", observed(true), at(2));
        conditions.observe("hot", observed(false), at(3));
        assert!(conditions.begin_again() && !conditions.begin_again());
        let found = conditions.of("hot").map(|met| (met.since, met.missed));
        assert_eq!((found, conditions.of("once")), (Some((at(0), None)), None));
        conditions.observe("hot", Observed { what: "audio", ..observed(true) }, at(4));
        assert_eq!(conditions.of("hot").map(|met| (met.since, met.counts)), Some((at(4), false)));
    }

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
                    conditions.observe("hot", observed(*met), at(minute));
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
            conditions.observe("hot", observed(true), at(second));
        }
        assert_eq!(conditions.of("hot").map(|met| (met.since, met.counts)), Some((at(10), true)));
        for second in [2_000_000, 200] {
            conditions.observe("hot", observed(false), at(second));
        }
        assert_eq!(conditions.of("hot").unwrap().missed, Some(at(200)));
        conditions.observe("hot", observed(false), at(300));
        assert!(conditions.is_empty());
    }
}
