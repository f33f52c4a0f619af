//! What follows from a reading: a pure function of what was known, what Webex lists, and the time.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use lanyard_protocol::{Device, DeviceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::{Alert, Due, Ended, Ending, FLIPS, Raised, Step, Teller, is_flip, step};
use crate::covered::Covered;
use crate::facts::Facts;
use crate::places::Places;
use crate::rules::{AlertRule, Rule, Rules};
use crate::seen::{Reading, Seen};
use crate::state::{Change, DISTANCE, DeviceState, Tracked};
use crate::watch::Watch;

/// How many readings in succession must have a state before it counts.
const SAMPLES: u32 = 2;
/// A device that Webex no longer lists is forgotten after this time.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The longest id of a device that is kept: PostgreSQL has no index over longer ones. Webex's have about 110 characters.
const LONGEST_ID: usize = 512;

/// What a reading found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Swept {
    /// How many devices Webex listed.
    pub listed: usize,
    /// How many of them are watched.
    pub watched: usize,
    /// How many states changed.
    pub changed: usize,
    /// How many devices are no longer listed.
    pub gone: usize,
    /// How many alerts were raised.
    pub raised: usize,
    /// How many alerts ended.
    pub ended: usize,
    /// Why the devices could not be read. Then nothing else is known, and no device counts as down.
    pub blind: Option<String>,
}

/// A device that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// As it is now, with the change of state that counts.
    Put(String, Box<Seen>, Option<Change>),
    /// Not any more.
    Forget(String),
}

impl Write {
    /// The device.
    pub(crate) fn device(&self) -> &str {
        match self {
            Self::Put(id, ..) | Self::Forget(id) => id,
        }
    }
}

/// What was known of a watch before a reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// How the last reading went.
    pub(crate) reading: Reading,
    /// The devices, by id.
    pub(crate) devices: HashMap<String, Seen>,
    /// Where its devices stand, if the watch covers only some locations.
    pub(crate) places: Places,
    /// The open alerts, by number.
    pub(crate) alerts: BTreeMap<u64, Alert>,
    /// Until when no new alerts are raised, by device; an empty one is the whole watch.
    pub(crate) silences: HashMap<String, Timestamp>,
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    /// How the reading went.
    pub(crate) reading: Reading,
    /// The end of the periods of all devices, if nothing is known of the time that followed it.
    pub(crate) unknown_from: Option<Timestamp>,
    /// The devices that have changed; those of new alerts are the first.
    pub(crate) writes: Vec<Write>,
    /// The devices that enter an alert.
    pub(crate) due: Due,
    /// The alerts that begin; those of devices follow from `due`, once it is known where these stand.
    pub(crate) raised: Vec<Raised>,
    /// The alerts that end.
    pub(crate) ended: Vec<Ended>,
    /// The same for the caller.
    pub(crate) swept: Swept,
}

/// Decides what is to be written after a reading: the devices that Webex lists, or the reason why it lists none.
pub(crate) fn decide(
    watch: &Watch,
    teller: &Teller<'_>,
    known: &mut Known,
    rules: &Rules,
    listed: Result<&[Device], &str>,
) -> Decision {
    let (at, read_before) = (teller.at, known.reading.read_at);
    // Nothing is known of the time in which nobody could read, or did.
    let was_blind = known.reading.blind.is_some() || read_before.is_some_and(|read_at| watch.is_late(read_at, at));
    let devices = match listed {
        Ok(devices) => devices,
        Err(why) => return blind(teller, known, rules, why, was_blind),
    };
    let cleared = if was_blind { clear_candidates(&mut known.devices) } else { Vec::new() };
    // What the first reading finds was there when a person added the watch.
    let waits = watch.approve_new && read_before.is_some();
    let covered = Covered::of(watch, &known.places);
    let (mut writes, gone) = compare(&known.devices, devices, (covered, waits), at);
    let written: HashSet<String> = writes.iter().map(|write| write.device().to_owned()).collect();
    let cleared = cleared.into_iter().filter(|id| !written.contains(id));
    writes.extend(cleared.map(|id| Write::Put(id.clone(), Box::new(known.devices[&id].clone()), None)));
    if was_blind {
        begin_again(&known.devices, &mut writes, at);
    }
    let was = |device: &Device| device.id.as_ref().is_some_and(|id| known.devices.contains_key(id.as_str()));
    let watched = devices.iter().filter(|device| covered.covers(device, was(device))).count();
    let is_change = |write: &&Write| matches!(write, Write::Put(_, _, Some(change)) if change.from.is_some());
    let changed = writes.iter().filter(is_change).count();
    let (due, ended) = alert(teller, known, rules, &mut writes);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let left_out = number(devices.len() - watched);
    Decision {
        reading: Reading { read_at: Some(at), blind: None, listed: number(devices.len()), left_out },
        unknown_from: was_blind.then(|| read_before.unwrap_or(at)),
        swept: Swept { listed: devices.len(), watched, changed, gone, raised: 0, ended: ended.len(), blind: None },
        writes,
        due,
        raised: Vec::new(),
        ended,
    }
}

/// What is to be written after a reading that failed: nothing of any device.
fn blind(teller: &Teller<'_>, known: &Known, rules: &Rules, why: &str, was_blind: bool) -> Decision {
    let at = teller.at;
    let since = known.reading.blind.as_ref().map_or(at, |(since, _)| *since);
    let is_told = known.alerts.values().any(|alert| alert.rule == Rule::Blind);
    let due = rules.blind(since, at).filter(|_| !is_told && !is_silenced(known, "", at));
    let raised: Vec<_> = due.map(|rule| teller.blind(rule, since, why, known.devices.len())).into_iter().collect();
    let is_first = known.reading.blind.is_none();
    Decision {
        reading: Reading { blind: Some((since, why.to_owned())), ..known.reading.clone() },
        unknown_from: (was_blind || is_first).then(|| known.reading.read_at.unwrap_or(at)),
        writes: Vec::new(),
        swept: Swept { blind: Some(why.to_owned()), ..Swept::default() },
        due: Due::default(),
        raised,
        ended: Vec::new(),
    }
}

fn is_silenced(known: &Known, device: &str, at: Timestamp) -> bool {
    let is_silent = |device: &str| known.silences.get(device).is_some_and(|until| at < *until);
    is_silent("") || is_silent(device)
}

/// Compares each device, as it is after the reading, with the alert that it belongs to. Adds to `writes` the devices that leave an alert
/// or enter one, the latter in front.
fn alert(teller: &Teller<'_>, known: &Known, rules: &Rules, writes: &mut Vec<Write>) -> (Due, Vec<Ended>) {
    let at = teller.at;
    // The alerts that had a device that is no longer watched: that it was mended is not known.
    let mut unwatched: HashSet<u64> = HashSet::new();
    let mut changed: HashMap<&str, Option<&Seen>> = HashMap::with_capacity(writes.len());
    for write in &*writes {
        match write {
            Write::Put(id, seen, _) => drop(changed.insert(id, Some(seen))),
            Write::Forget(id) => {
                unwatched.extend(known.devices.get(id).and_then(|seen| seen.alert));
                changed.insert(id, None);
            }
        }
    }
    let unchanged =
        known.devices.iter().map(|(id, seen)| (id.as_str(), seen)).filter(|(id, _)| !changed.contains_key(id));
    let after = changed.iter().filter_map(|(id, seen)| Some((*id, (*seen)?))).chain(unchanged);
    let mut due = Due::default();
    let mut entering: BTreeMap<_, (&AlertRule, Vec<(String, Seen)>)> = BTreeMap::new();
    let mut left: HashSet<String> = HashSet::new();
    // How many devices belong to each open alert, and the last one that left it.
    let mut members: BTreeMap<u64, usize> = BTreeMap::new();
    let mut last: BTreeMap<u64, &Seen> = BTreeMap::new();
    for (id, seen) in after.filter(|(_, seen)| !seen.is_waiting) {
        due.watched += 1;
        due.well += usize::from(matches!(seen.tracked.state, DeviceState::Up | DeviceState::Asleep));
        let open = seen.alert.and_then(|number| known.alerts.get(&number));
        let next = step(open.map(Alert::open), rules, seen, is_silenced(known, id, at), at);
        if let (Some(number), false) = (seen.alert, matches!(next, Step::Keep) && open.is_some()) {
            left.insert(id.to_owned());
            last.insert(number, seen);
        } else if let Some(number) = seen.alert {
            *members.entry(number).or_default() += 1;
        }
        if let Step::Raise(rule) | Step::Replace(rule) = next {
            let key = (rule.severity, rule.rule, rule.name.as_str());
            entering.entry(key).or_insert((rule, Vec::new())).1.push((id.to_owned(), seen.clone()));
        }
    }
    let ended = known
        .alerts
        .iter()
        .filter(|(number, _)| !members.contains_key(number))
        .map(|(number, alert)| {
            let ending = match last.get(number) {
                _ if alert.rule == Rule::Blind => Ending::Reads,
                _ if unwatched.contains(number) => Ending::Unwatched,
                Some(seen) if !rules.look_at(alert.rule_name(), seen) => Ending::Rule,
                Some(seen) if alert.facts.count == 1 => Ending::Device(seen),
                _ => Ending::All,
            };
            Ended { alert: alert.clone(), summary: teller.ended(alert, ending) }
        })
        .collect();
    due.devices = entering.into_values().map(|(rule, devices)| (rule.clone(), devices)).collect();
    let entered: HashSet<String> =
        due.devices.iter().flat_map(|(_, devices)| devices).map(|(id, _)| id.clone()).collect();
    change_members(known, writes, &entered, &left);
    (due, ended)
}

/// Writes devices that enter an alert, in front, or leave one. The number of a new alert is not known yet.
fn change_members(known: &Known, writes: &mut Vec<Write>, entered: &HashSet<String>, left: &HashSet<String>) {
    let mut missing: HashSet<&String> = entered.union(left).collect();
    for write in &mut *writes {
        if let Write::Put(id, seen, _) = write
            && missing.remove(id)
        {
            seen.alert = None;
        }
    }
    let rest = missing.into_iter().filter_map(|id| Some((id, known.devices.get(id)?)));
    writes.extend(rest.map(|(id, seen)| Write::Put(id.clone(), Box::new(Seen { alert: None, ..seen.clone() }), None)));
    writes.sort_by_key(|write| !entered.contains(write.device()));
}

/// Forgets states that were read once: the next reading does not follow upon that one. Returns the devices.
fn clear_candidates(known: &mut HashMap<String, Seen>) -> Vec<String> {
    let cleared = |(id, seen): (&String, &mut Seen)| seen.tracked.candidate.take().map(|_| id.clone());
    known.iter_mut().filter_map(cleared).collect()
}

/// Begins a period for each device that has none in `writes`: after a time of which nothing is known.
fn begin_again(known: &HashMap<String, Seen>, writes: &mut Vec<Write>, at: Timestamp) {
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
fn compare<'a>(
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
                let (tracked, facts) = (Tracked::first(state, at), Facts::of(device, is_connected));
                let new = Seen { tracked, gone_since: None, is_waiting: waits, alert: None, flips: Vec::new(), facts };
                writes.push(Write::Put(id.to_owned(), Box::new(new), (!waits).then_some(change)));
            }
            Some(before) if before.is_still(state) && before.facts.are_of(device, is_connected) => {}
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
            known.insert(
                id.to_owned(),
                Seen {
                    tracked,
                    gone_since: None,
                    is_waiting: false,
                    alert: None,
                    flips: Vec::new(),
                    facts: Facts::default(),
                },
            );
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
            Seen {
                tracked: Tracked::first(DeviceState::Unknown, at(0)),
                gone_since: Some(at(0)),
                is_waiting: false,
                alert: None,
                flips: Vec::new(),
                facts: Facts::default(),
            },
        )]);
        let day = 24 * 60;
        assert_eq!(compare(&known, &[], (WatchedKinds::default(), false), at(29 * day)).0, []);
        let (forgotten, _) = compare(&known, &[], (WatchedKinds::default(), false), at(31 * day));
        assert_eq!(forgotten, [Write::Forget("a".to_owned())]);
    }
}
