//! Whether a device falls under a rule: the comparison of its state with the alert that it belongs to.

use jiff::{SignedDuration, Timestamp};

use super::{DEGRADED_FOR, DOWN_FOR, FLAPPING_OVER, Rule};
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
pub(crate) enum Step {
    /// Nothing.
    Keep,
    /// People are told.
    Raise(Rule),
    /// The device leaves its alert.
    End,
    /// It leaves its alert, and people are told of another one.
    Replace(Rule),
}

/// Compares a device with the alert that it belongs to. `is_silenced` withholds every new alert; maintenance withholds those about its
/// state.
pub(crate) fn step(open: Option<Rule>, seen: &Seen, is_silenced: bool, at: Timestamp) -> Step {
    let due = due(seen, at).filter(|rule| !is_silenced && (!seen.facts.maintenance || *rule == Rule::Coverage));
    let Some(open) = open else { return due.map_or(Step::Keep, Step::Raise) };
    match (has_ended(open, seen, at), due) {
        // Worse than before.
        (false, Some(Rule::Down)) if open == Rule::Degraded => Step::Replace(Rule::Down),
        (false, _) => Step::Keep,
        (true, Some(next)) => Step::Replace(next),
        (true, None) => Step::End,
    }
}

/// The rule that a device falls under.
fn due(seen: &Seen, at: Timestamp) -> Option<Rule> {
    let lasted = at.duration_since(seen.tracked.since);
    if is_gone(seen) {
        return Some(Rule::Coverage);
    }
    if is_flapping(seen, at) {
        return Some(Rule::Flapping);
    }
    match seen.tracked.state {
        // The last reading says something else.
        _ if seen.tracked.candidate.is_some() => None,
        DeviceState::Down => (lasted >= DOWN_FOR).then_some(Rule::Down),
        DeviceState::Degraded => (lasted >= DEGRADED_FOR).then_some(Rule::Degraded),
        DeviceState::Unknown | DeviceState::New | DeviceState::Asleep | DeviceState::Up => None,
    }
}

/// Whether a device leaves an alert of this rule.
fn has_ended(rule: Rule, seen: &Seen, at: Timestamp) -> bool {
    use DeviceState::{Degraded, Down, Unknown};

    let state = seen.tracked.state;
    match rule {
        Rule::Down => is_gone(seen) || !matches!(state, Down | Unknown),
        // One that went down stays in it until that is an alert, too: nothing has recovered.
        Rule::Degraded => is_gone(seen) || !matches!(state, Degraded | Down | Unknown),
        Rule::Flapping => is_gone(seen) || !is_flapping(seen, at) && is_calm(seen, at),
        // One that is listed again counts after the second reading, as every change does.
        Rule::Coverage => seen.gone_since.is_none() && (state != Unknown || seen.tracked.candidate.is_none()),
        // No device belongs to it.
        Rule::Blind => true,
    }
}

/// Whether Webex did not list the device often enough for that to count.
fn is_gone(seen: &Seen) -> bool {
    seen.gone_since.is_some() && seen.tracked.state == DeviceState::Unknown
}

fn is_flapping(seen: &Seen, at: Timestamp) -> bool {
    let recent = seen.flips.iter().filter(|flip| at.duration_since(**flip) < HOUR).count();
    recent > FLAPPING_OVER && !is_calm(seen, at)
}

fn is_calm(seen: &Seen, at: Timestamp) -> bool {
    seen.flips.iter().max().is_none_or(|last| at.duration_since(*last) >= CALM)
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
    use super::Step::{End, Keep, Raise, Replace};
    use super::*;
    use crate::facts::Facts;
    use crate::state::{Candidate, Tracked};

    const MINUTE: i64 = 60;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * MINUTE).unwrap()
    }

    /// A device that has had its state since minute 0.
    fn seen(state: DeviceState) -> Seen {
        Seen {
            tracked: Tracked::first(state, at(0)),
            gone_since: None,
            is_waiting: false,
            alert: None,
            flips: Vec::new(),
            facts: Facts::default(),
        }
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
        type Row = (Seen, i64, [Step; 5]);
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
