//! The comparison of the devices that Webex lists with those that were known.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use lanyard_protocol::{Device, DeviceId};

use super::Write;
use crate::alerts::{FLIPS, is_flip};
use crate::covered::Covered;
use crate::facts::Facts;
use crate::seen::Seen;
use crate::state::{Change, DISTANCE, DeviceState};

/// How many readings in succession must have a state before it counts.
const SAMPLES: u32 = 2;
/// A device that Webex no longer lists is forgotten after this time.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The longest id of a device that is kept: PostgreSQL has no index over longer ones. Webex's have about 110 characters.
const LONGEST_ID: usize = 512;

/// Forgets states that were read once: the next reading does not follow upon that one. Returns the devices.
pub(super) fn clear_candidates(known: &mut HashMap<String, Seen>) -> Vec<String> {
    let cleared = |(id, seen): (&String, &mut Seen)| {
        let (candidate, conditions) = (seen.tracked.candidate.take(), seen.conditions.begin_again());
        (candidate.is_some() || conditions).then(|| id.clone())
    };
    known.iter_mut().filter_map(cleared).collect()
}

/// Begins a period for each device that has none in `writes`: after a time of which nothing is known.
pub(super) fn begin_again(known: &HashMap<String, Seen>, writes: &mut Vec<Write>, at: Timestamp) {
    let mut left: HashMap<&str, &Seen> = known.iter().map(|(id, seen)| (id.as_str(), seen)).collect();
    let again = |seen: &Seen| (!seen.is_waiting).then_some(Change { from: None, to: seen.tracked.state, since: at });
    for write in &mut *writes {
        match write {
            Write::Put(id, seen, change) => {
                left.remove(id.as_str());
                if change.is_none() {
                    *change = again(seen);
                }
            }
            Write::Forget(id) => drop(left.remove(id.as_str())),
        }
    }
    let left = left.into_iter().filter(|(_, seen)| !seen.is_waiting);
    writes.extend(left.map(|(id, seen)| Write::Put(id.to_owned(), Box::new(seen.clone()), again(seen))));
}

/// The devices that are to be written after a reading, without their alerts, and how many are no longer listed.
pub(super) fn compare<'a>(
    known: &HashMap<String, Seen>,
    listed: &[Device],
    (covered, waits): (impl Into<Covered<'a>>, bool),
    at: Timestamp,
) -> (Vec<Write>, usize) {
    let covered = covered.into();
    let mut writes = Vec::new();
    // Whether the watch covers them.
    let mut ids: HashMap<&str, bool> = HashMap::with_capacity(listed.len());
    for device in listed {
        // Without an id it cannot be told apart from others.
        let Some(id) = device.id.as_ref().map(DeviceId::as_str).filter(|id| id.len() <= LONGEST_ID) else { continue };
        let is_covered = ids.entry(id).or_default();
        // A device that is listed twice is compared once.
        if *is_covered || !covered.covers(device, known.contains_key(id)) {
            continue;
        }
        *is_covered = true;
        let state = DeviceState::of(device.connection_status);
        let is_connected = matches!(state, DeviceState::Up | DeviceState::Degraded);
        match known.get(id) {
            None => {
                let change = Change { from: None, to: state, since: at };
                let new = Seen { is_waiting: waits, ..Seen::first(state, Facts::of(device, is_connected), at) };
                writes.push(Write::Put(id.to_owned(), Box::new(new), (!waits).then_some(change)));
            }
            Some(before) if before.is_still(state, at) && before.facts.are_of(device, is_connected) => {}
            Some(before) => {
                let mut tracked = before.tracked.clone();
                let flips = flips(before, state, at);
                let change = tracked.observe(state, at, SAMPLES);
                let facts = Facts::of(device, is_connected);
                let after = Seen { tracked, gone_since: None, flips, facts, ..before.clone() };
                if after != *before {
                    // A device that waits has no periods yet.
                    let change = change.filter(|_| !before.is_waiting);
                    writes.push(Write::Put(id.to_owned(), Box::new(after), change));
                }
            }
        }
    }
    let mut gone = 0;
    for (id, before) in known {
        let is_listed = match ids.get(id.as_str()) {
            Some(true) => continue,
            is_covered => is_covered.is_some(),
        };
        gone += usize::from(!is_listed);
        // The watch no longer covers it, or it was never approved: that is no loss.
        if is_listed || before.is_waiting {
            writes.push(Write::Forget(id.to_owned()));
            continue;
        }
        let gone_since = before.gone_since.unwrap_or(at);
        if at.duration_since(gone_since) > FORGOTTEN {
            writes.push(Write::Forget(id.to_owned()));
            continue;
        }
        let mut tracked = before.tracked.clone();
        // The grant was withdrawn, or the device was removed: nothing says that it is down.
        let change = tracked.observe(DeviceState::Unknown, at, SAMPLES);
        let after = Seen { tracked, gone_since: Some(gone_since), ..before.clone() };
        if after != *before {
            writes.push(Write::Put(id.to_owned(), Box::new(after), change));
        }
    }
    (writes, gone)
}

/// When the last readings of a device differed from the ones before, this one included.
fn flips(before: &Seen, state: DeviceState, at: Timestamp) -> Vec<Timestamp> {
    let last = before.tracked.candidate.as_ref().map_or(before.tracked.state, |candidate| candidate.state);
    let mut flips = before.flips.clone();
    // A clock that was ahead wrote later ones.
    flips.retain(|flip| *flip <= at);
    let is_close = flips.last().is_some_and(|last| at.duration_since(*last) < DISTANCE);
    if is_flip(last, state) && !is_close {
        flips.push(at);
        let first = flips.len().saturating_sub(FLIPS);
        flips.drain(..first);
    }
    flips
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::state::Tracked;
    use crate::watch::WatchedKinds;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn device(id: &str, status: &str) -> Device {
        serde_json::from_value(json!({ "id": id, "type": "roomdesk", "workspaceId": "w", "connectionStatus": status }))
            .unwrap()
    }

    /// Compares reading after reading, and gives the changes that count.
    fn changes(readings: &[Vec<Device>]) -> Vec<(i64, String, DeviceState)> {
        let (mut known, mut changes) = (HashMap::new(), Vec::new());
        for (minute, listed) in (0..).zip(readings) {
            for write in compare(&known, listed, (WatchedKinds::default(), false), at(minute)).0 {
                match write {
                    Write::Put(id, seen, change) => {
                        changes.extend(change.map(|change| (minute, id.clone(), change.to)));
                        known.insert(id, *seen);
                    }
                    Write::Forget(id) => drop(known.remove(&id)),
                }
            }
        }
        changes
    }

    #[test]
    fn a_device_that_is_no_longer_listed_is_unknown_and_never_down() {
        let listed = vec![device("a", "connected"), device("b", "connected")];
        let fewer = vec![device("a", "connected")];
        let found = changes(&[listed.clone(), fewer.clone(), fewer, listed.clone(), listed]);
        assert_eq!(
            found,
            [
                (0, "a".to_owned(), DeviceState::Up),
                (0, "b".to_owned(), DeviceState::Up),
                (2, "b".to_owned(), DeviceState::Unknown),
                (4, "b".to_owned(), DeviceState::Up),
            ]
        );
    }

    #[test]
    fn what_has_not_changed_is_not_written() {
        let listed = [device("a", "connected")];
        let Some(Write::Put(id, seen, _)) =
            compare(&HashMap::new(), &listed, (WatchedKinds::default(), false), at(0)).0.pop()
        else {
            panic!("it is new")
        };
        let known = HashMap::from([(id, *seen)]);
        assert_eq!(compare(&known, &listed, (WatchedKinds::default(), false), at(9)).0, []);
    }

    #[test]
    fn after_a_time_of_which_nothing_is_known_every_device_begins_a_period_once() {
        let mut known = HashMap::new();
        for id in ["a", "b", "c"] {
            let mut tracked = Tracked::first(DeviceState::Up, at(0));
            if id != "c" {
                assert_eq!(tracked.observe(DeviceState::Down, at(1), 2), None);
            }
            known.insert(id.to_owned(), Seen { tracked, ..Seen::first(DeviceState::Up, Facts::default(), at(0)) });
        }
        let mut cleared = clear_candidates(&mut known);
        cleared.sort();
        assert_eq!(cleared, ["a", "b"]);
        let listed = [device("a", "disconnected"), device("c", "connected"), device("d", "connected")];
        let (mut writes, _) = compare(&known, &listed, (WatchedKinds::default(), false), at(9));
        begin_again(&known, &mut writes, at(9));
        let mut begun: Vec<_> = writes
            .iter()
            .map(|write| match write {
                Write::Put(id, _, Some(change)) => (id.as_str(), change.to, change.since),
                other => panic!("{other:?}"),
            })
            .collect();
        begun.sort_by_key(|(id, ..)| *id);
        let up = DeviceState::Up;
        assert_eq!(begun, [("a", up, at(9)), ("b", up, at(9)), ("c", up, at(9)), ("d", up, at(9))]);
    }

    #[test]
    fn odd_devices_affect_only_themselves() {
        let odd = [
            json!({}),
            json!({ "id": null, "connectionStatus": "connected" }),
            json!({ "id": "x", "type": "hologram", "connectionStatus": "dreaming", "errorCodes": null }),
            json!({ "id": "y", "type": "roomdesk", "connectionStatus": "connected", "plannedMaintenance": { "mode": "off" } }),
            json!({ "id": "y", "type": "roomdesk", "connectionStatus": "disconnected" }),
            json!({ "id": "z".repeat(513), "type": "roomdesk", "connectionStatus": "connected" }),
            json!({ "id": "p", "type": "phone", "connectionStatus": "connected" }),
            json!({ "id": "q", "type": "roomdesk", "personId": "someone", "connectionStatus": "connected" }),
        ];
        let listed: Vec<Device> = odd.into_iter().map(|device| serde_json::from_value(device).unwrap()).collect();
        let found: Vec<_> = changes(&[listed]).into_iter().map(|(_, id, state)| (id, state)).collect();
        assert_eq!(found, [("x".to_owned(), DeviceState::Unknown), ("y".to_owned(), DeviceState::Up)]);
    }

    #[test]
    fn a_device_that_the_watch_no_longer_covers_is_forgotten_and_not_missed() {
        let phone =
            || serde_json::from_value::<Device>(json!({ "id": "p", "type": "phone", "connectionStatus": "connected" }));
        let listed = [phone().unwrap()];
        let with_phones = WatchedKinds { phones: true, ..WatchedKinds::default() };
        let Some(Write::Put(id, seen, _)) = compare(&HashMap::new(), &listed, (with_phones, false), at(0)).0.pop()
        else {
            panic!("it is covered")
        };
        let known = HashMap::from([(id, *seen)]);
        assert_eq!(
            compare(&known, &listed, (WatchedKinds::default(), false), at(3)).0,
            [Write::Forget("p".to_owned())]
        );
    }

    #[test]
    fn a_device_that_waits_for_approval_has_no_state_that_counts() {
        let compare = |known: &HashMap<String, Seen>, listed: &[Device], minute| {
            super::compare(known, listed, (WatchedKinds::default(), true), at(minute)).0
        };
        let Some(Write::Put(id, seen, None)) = compare(&HashMap::new(), &[device("a", "connected")], 0).pop() else {
            panic!("it is written without a change")
        };
        assert!(seen.is_waiting);
        let mut known = HashMap::from([(id, *seen)]);
        for minute in [3, 6] {
            let Some(Write::Put(id, seen, None)) = compare(&known, &[device("a", "disconnected")], minute).pop() else {
                panic!("it waits still")
            };
            known.insert(id, *seen);
        }
        assert_eq!(known["a"].tracked.state, DeviceState::Down);
        let mut writes = Vec::new();
        begin_again(&known, &mut writes, at(9));
        assert_eq!(writes, [], "no period begins");
        assert_eq!(compare(&known, &[], 9), [Write::Forget("a".to_owned())], "nobody misses it");
    }

    #[test]
    fn a_device_that_stays_away_is_forgotten() {
        let known = HashMap::from([(
            "a".to_owned(),
            Seen { gone_since: Some(at(0)), ..Seen::first(DeviceState::Unknown, Facts::default(), at(0)) },
        )]);
        let day = 24 * 60;
        assert_eq!(compare(&known, &[], (WatchedKinds::default(), false), at(29 * day)).0, []);
        let (forgotten, _) = compare(&known, &[], (WatchedKinds::default(), false), at(31 * day));
        assert_eq!(forgotten, [Write::Forget("a".to_owned())]);
    }
}
