//! Whether a device falls under a rule: the comparison of its state with the alert that it belongs to.

use jiff::{SignedDuration, Timestamp};

use crate::rules::{AlertRule, AlertSeverity, FLAPPING_OVER, Rule, Rules};
use crate::seen::Seen;
use crate::state::DeviceState;

/// How many differing readings of a device are kept: more are no news.
pub(crate) const FLIPS: usize = 12;
/// The time in which differing readings are counted.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// A device whose readings did not differ for this long no longer flaps.
const CALM: SignedDuration = SignedDuration::from_mins(30);

/// What follows for the alert of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<R> {
    /// Nothing.
    Keep,
    /// People are told.
    Raise(R),
    /// The device leaves its alert.
    End,
    /// It leaves its alert, and people are told of another one.
    Replace(R),
}

/// The open alert of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open<'a> {
    /// What its rule looks at.
    pub(crate) rule: Rule,
    /// The name of its rule.
    pub(crate) name: &'a str,
    /// How urgent it is.
    pub(crate) severity: AlertSeverity,
}

/// Compares a device with the alert that it belongs to. `is_silenced` withholds every new alert; maintenance withholds those about its
/// state.
pub(crate) fn step<'r>(
    open: Option<Open<'_>>,
    rules: &'r Rules,
    seen: &Seen,
    is_silenced: bool,
    at: Timestamp,
) -> Step<&'r AlertRule> {
    let is_withheld = |rule: Rule| is_silenced || seen.facts.maintenance && rule != Rule::Coverage;
    let due = rules.due(seen, at).filter(|due| !is_withheld(due.rule));
    let Some(open) = open else { return due.map_or(Step::Keep, Step::Raise) };
    let is_met = |rule: &AlertRule| !rule.has_condition() || seen.conditions.of(open.name).is_some();
    let has_ended = has_ended(open.rule, seen, at) || !rules.looking_at(open.name, seen).is_some_and(is_met);
    match (has_ended, due) {
        (false, Some(next)) if is_worse(open, next) => Step::Replace(next),
        (false, _) => Step::Keep,
        (true, Some(next)) => Step::Replace(next),
        (true, None) => Step::End,
    }
}

/// Whether people are told again, although the first alert has not ended. One that flaps has no other alert.
fn is_worse(open: Open<'_>, next: &AlertRule) -> bool {
    let went_down = (open.rule, next.rule) == (Rule::Degraded, Rule::Down);
    open.rule != Rule::Flapping && (went_down || next.severity < open.severity)
}

/// Whether a device leaves an alert of this rule.
fn has_ended(rule: Rule, seen: &Seen, at: Timestamp) -> bool {
    use DeviceState::{Degraded, Down, Unknown};

    let state = seen.tracked.state;
    match rule {
        Rule::Down => seen.is_gone() || !matches!(state, Down | Unknown),
        // One that went down stays in it until that is an alert, too: nothing has recovered.
        Rule::Degraded => seen.is_gone() || !matches!(state, Degraded | Down | Unknown),
        Rule::Flapping => seen.is_gone() || !seen.is_flapping(at) && seen.is_calm(at),
        // One that is listed again counts after the second reading, as every change does.
        Rule::Coverage => seen.gone_since.is_none() && (state != Unknown || seen.tracked.candidate.is_none()),
        // Nothing is known of what it would report.
        Rule::Threshold => !seen.reports(),
        // No device belongs to it.
        Rule::Blind => true,
    }
}

impl Seen {
    /// Whether Webex did not list the device often enough for that to count.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone_since.is_some() && self.tracked.state == DeviceState::Unknown
    }

    /// Whether its readings changed too often within the last hour.
    pub(crate) fn is_flapping(&self, at: Timestamp) -> bool {
        let recent = self.past_flips(at).filter(|flip| at.duration_since(*flip) < HOUR).count();
        recent > FLAPPING_OVER && !self.is_calm(at)
    }

    /// Whether it is connected, and reports what it measures.
    pub(crate) fn reports(&self) -> bool {
        !self.is_gone() && matches!(self.tracked.state, DeviceState::Up | DeviceState::Degraded)
    }

    /// Those that a clock that was ahead did not write.
    fn past_flips(&self, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.flips.iter().copied().filter(move |flip| *flip <= at)
    }

    fn is_calm(&self, at: Timestamp) -> bool {
        self.past_flips(at).max().is_none_or(|last| at.duration_since(last) >= CALM)
    }
}

/// Whether two readings in succession differ in a way that counts as flapping.
pub(crate) const fn is_flip(before: DeviceState, now: DeviceState) -> bool {
    const fn group(state: DeviceState) -> Option<u8> {
        match state {
            DeviceState::Down => Some(0),
            DeviceState::Degraded => Some(1),
            DeviceState::Asleep | DeviceState::Up => Some(2),
            DeviceState::Unknown | DeviceState::New => None,
        }
    }
    match (group(before), group(now)) {
        (Some(before), Some(now)) => before != now,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Step::{End, Keep, Raise, Replace};
    use super::*;
    use crate::facts::Facts;
    use crate::state::Candidate;

    const MINUTE: i64 = 60;

    /// The same with the five rules as they are unless somebody changes them.
    fn step(open: Option<Rule>, seen: &Seen, is_silenced: bool, at: Timestamp) -> Step<Rule> {
        let open = open.map(|rule| Open { rule, name: rule.as_str(), severity: rule.severity() });
        match super::step(open, &Rules::of(&[], &BTreeMap::new()), seen, is_silenced, at) {
            Keep => Keep,
            Raise(rule) => Raise(rule.rule),
            End => End,
            Replace(rule) => Replace(rule.rule),
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * MINUTE).unwrap()
    }

    /// A device that has had its state since minute 0.
    fn seen(state: DeviceState) -> Seen {
        Seen::first(state, Facts::default(), at(0))
    }

    fn gone() -> Seen {
        Seen { gone_since: Some(at(0)), ..seen(DeviceState::Unknown) }
    }

    fn flapping(state: DeviceState) -> Seen {
        Seen { flips: (0..6).map(at).collect(), ..seen(state) }
    }

    #[test]
    fn every_state_meets_every_alert() {
        use DeviceState::{Asleep, Degraded, Down, New, Unknown, Up};
        use Rule::{Coverage as Lost, Degraded as Bad, Down as Off, Flapping as Flap};
        // For each device after 6 minutes and after 31: the step from no alert, and from an alert of each rule.
        type Row = (Seen, i64, [Step<Rule>; 5]);
        let flap = |state| flapping(state);
        let table: [Row; 15] = [
            //                  none         down            coverage      degraded       flapping
            (seen(Up), 6, [Keep, End, End, End, End]),
            (seen(Asleep), 6, [Keep, End, End, End, End]),
            (seen(New), 6, [Keep, End, End, End, End]),
            (seen(Down), 4, [Keep, Keep, End, Keep, End]),
            (seen(Down), 6, [Raise(Off), Keep, Replace(Off), Replace(Off), Replace(Off)]),
            (seen(Degraded), 6, [Keep, End, End, Keep, End]),
            (seen(Degraded), 31, [Raise(Bad), Replace(Bad), Replace(Bad), Keep, Replace(Bad)]),
            // Listed with a word that is not known: nothing has recovered.
            (seen(Unknown), 31, [Keep, Keep, End, Keep, End]),
            (gone(), 6, [Raise(Lost), Replace(Lost), Keep, Replace(Lost), Replace(Lost)]),
            (flap(Up), 6, [Raise(Flap), Replace(Flap), Replace(Flap), Replace(Flap), Keep]),
            (flap(Down), 6, [Raise(Flap), Keep, Replace(Flap), Keep, Keep]),
            (flap(Down), 34, [Raise(Flap), Keep, Replace(Flap), Keep, Keep]),
            // Calm for half an hour.
            (flap(Down), 35, [Raise(Off), Keep, Replace(Off), Replace(Off), Replace(Off)]),
            (flap(Up), 35, [Keep, End, End, End, End]),
            (flap(Degraded), 36, [Raise(Bad), Replace(Bad), Replace(Bad), Keep, Replace(Bad)]),
        ];
        for (device, minute, steps) in table {
            let rules = [None, Some(Off), Some(Lost), Some(Bad), Some(Flap)];
            for (open, expected) in rules.into_iter().zip(steps) {
                let found = step(open, &device, false, at(minute));
                assert_eq!(found, expected, "{:?} after {minute} min, open: {open:?}", device.tracked.state);
                // Silence withholds what is new, and nothing that ends.
                let silent = match expected {
                    Raise(_) => Keep,
                    Replace(Off) if open == Some(Bad) && !has_ended(Bad, &device, at(minute)) => Keep,
                    Replace(_) => End,
                    other => other,
                };
                assert_eq!(step(open, &device, true, at(minute)), silent, "silenced, open: {open:?}");
            }
        }
    }

    #[test]
    fn an_alert_ends_with_its_rule_and_makes_room_for_a_more_urgent_one() {
        let down = seen(DeviceState::Down);
        let own = |severity| AlertRule { name: "own".parse().unwrap(), severity, ..AlertRule::built_in(Rule::Down) };
        let open = Open { rule: Rule::Down, name: "own", severity: AlertSeverity::Info };
        let names = BTreeMap::new();
        let off = AlertRule { is_off: true, ..AlertRule::built_in(Rule::Down) };
        // Whether the own rule exists, whether that of all devices does, and the step.
        for (rules, expected) in [
            (vec![own(AlertSeverity::Info), off.clone()], Keep),
            (vec![own(AlertSeverity::Info)], Replace("down")),
            (vec![own(AlertSeverity::Warning), off.clone()], Replace("own")),
            (vec![off], End),
        ] {
            let rules = Rules::of(&rules, &names);
            let found = match super::step(Some(open), &rules, &down, false, at(6)) {
                Replace(rule) => Replace(rule.name.as_str()),
                Raise(rule) => Raise(rule.name.as_str()),
                Keep => Keep,
                End => End,
            };
            assert_eq!(found, expected, "{rules:?}");
        }
    }

    #[test]
    fn maintenance_withholds_the_alert_of_a_state_until_it_ends_and_no_loss_of_coverage() {
        let mut down = seen(DeviceState::Down);
        down.facts.maintenance = true;
        assert_eq!(step(None, &down, false, at(600)), Keep);
        down.facts.maintenance = false;
        assert_eq!(step(None, &down, false, at(600)), Raise(Rule::Down));
        let mut lost = gone();
        lost.facts.maintenance = true;
        assert_eq!(step(None, &lost, false, at(600)), Raise(Rule::Coverage));
    }

    #[test]
    fn a_device_that_is_listed_again_leaves_its_alert_with_the_second_reading() {
        let candidate = Candidate { state: DeviceState::Up, since: at(5), samples: 1 };
        let mut again = seen(DeviceState::Unknown);
        again.tracked.candidate = Some(candidate);
        assert_eq!(step(Some(Rule::Coverage), &again, false, at(6)), Keep);
        assert_eq!(step(Some(Rule::Coverage), &seen(DeviceState::Up), false, at(6)), End);
    }

    #[test]
    fn nobody_is_told_that_a_device_is_down_by_a_reading_that_says_otherwise() {
        let mut down = seen(DeviceState::Down);
        down.tracked.candidate = Some(Candidate { state: DeviceState::Up, since: at(6), samples: 1 });
        assert_eq!(step(None, &down, false, at(6)), Keep);
        assert_eq!(step(Some(Rule::Down), &down, false, at(6)), Keep, "and one reading ends nothing");
    }

    #[test]
    fn five_changes_within_an_hour_are_none_too_many_and_older_ones_do_not_count() {
        let mut device = flapping(DeviceState::Up);
        assert_eq!(step(None, &device, false, at(20)), Raise(Rule::Flapping));
        device.flips.pop();
        assert_eq!(step(None, &device, false, at(20)), Keep);
        device.flips = [0, 1, 55, 56, 57, 61].map(at).to_vec();
        assert_eq!(step(None, &device, false, at(62)), Keep);
    }

    #[test]
    fn sleep_is_no_flapping_and_neither_is_an_unknown_state() {
        use DeviceState::{Asleep, Degraded, Down, New, Unknown, Up};
        assert!(is_flip(Up, Down) && is_flip(Down, Asleep) && is_flip(Degraded, Up));
        for (before, now) in [(Up, Asleep), (Up, Unknown), (Unknown, Down), (New, Up), (Up, Up)] {
            assert!(!is_flip(before, now), "{before} {now}");
        }
    }
}
