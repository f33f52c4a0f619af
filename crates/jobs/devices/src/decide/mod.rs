//! What follows from a reading: a pure function of what was known, what Webex lists, and the time.

mod compare;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use lanyard_protocol::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::compare::{begin_again, clear_candidates, compare};
use crate::alerts::{Alert, Due, Ended, Ending, Raised, Step, Teller, step};
use crate::covered::Covered;
use crate::places::Places;
use crate::rules::{AlertRule, Rule, Rules};
use crate::seen::{Reading, Seen};
use crate::state::{Change, DeviceState};
use crate::statuses::StatusesView;
use crate::watch::Watch;

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
    /// What its devices reported last, by id, if a rule looks at that and it is read.
    pub(crate) statuses: HashMap<String, StatusesView>,
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
    observe(known, rules, &mut writes, at);
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

/// Takes in what devices say of the conditions of rules: in `writes`, and of the other devices, of which those that changed are added.
fn observe(known: &Known, rules: &Rules, writes: &mut Vec<Write>, at: Timestamp) {
    let holds = |seen: &Seen| !seen.conditions.is_empty();
    if !rules.have_conditions() && !known.devices.values().any(holds) {
        return;
    }
    let mut written: HashSet<&str> = HashSet::with_capacity(writes.len());
    let after = |id: &str, seen: &Seen| {
        let conditions = rules.observe(seen, known.statuses.get(id), at);
        (conditions != seen.conditions).then_some(conditions)
    };
    let mut changed = Vec::new();
    for write in &mut *writes {
        if let Write::Put(id, seen, _) = write
            && let Some(conditions) = after(id, seen)
        {
            seen.conditions = conditions;
        }
    }
    written.extend(writes.iter().map(Write::device));
    for (id, seen) in known.devices.iter().filter(|(id, _)| !written.contains(id.as_str())) {
        if let Some(conditions) = after(id, seen) {
            changed.push(Write::Put(id.clone(), Box::new(Seen { conditions, ..seen.clone() }), None));
        }
    }
    writes.extend(changed);
}

/// What is to be written after a reading that failed: nothing of any device.
fn blind(teller: &Teller<'_>, known: &Known, rules: &Rules, why: &str, was_blind: bool) -> Decision {
    let at = teller.at;
    let since = known.reading.blind.as_ref().map_or(at, |(since, _)| *since);
    let due = rules.blind(since, at).filter(|_| !is_silenced(known, "", at));
    let mut is_told = false;
    let mut ended = Vec::new();
    for alert in known.alerts.values().filter(|alert| alert.rule == Rule::Blind) {
        let ending = match due {
            _ if rules.named(alert.rule_name()).is_none() => Ending::Rule,
            Some(due) if due.severity < alert.severity() => Ending::Replaced,
            _ => {
                is_told = true;
                continue;
            }
        };
        ended.push(Ended { alert: alert.clone(), summary: teller.ended(alert, ending) });
    }
    let due = due.filter(|_| !is_told);
    let raised: Vec<_> = due.map(|rule| teller.blind(rule, since, why, known.devices.len())).into_iter().collect();
    let is_first = known.reading.blind.is_none();
    Decision {
        reading: Reading { blind: Some((since, why.to_owned())), ..known.reading.clone() },
        unknown_from: (was_blind || is_first).then(|| known.reading.read_at.unwrap_or(at)),
        writes: Vec::new(),
        swept: Swept { ended: ended.len(), blind: Some(why.to_owned()), ..Swept::default() },
        due: Due::default(),
        raised,
        ended,
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
    // How many devices belong to each open alert, and the last one that left it, with the rule that took it over.
    let mut members: BTreeMap<u64, usize> = BTreeMap::new();
    let mut last: BTreeMap<u64, (&str, &Seen, Option<Rule>)> = BTreeMap::new();
    for (id, seen) in after.filter(|(_, seen)| !seen.is_waiting) {
        due.watched += 1;
        due.well += usize::from(matches!(seen.tracked.state, DeviceState::Up | DeviceState::Asleep));
        let open = seen.alert.and_then(|number| known.alerts.get(&number));
        let next = step(open.map(Alert::open), rules, seen, is_silenced(known, id, at), at);
        if let (Some(number), false) = (seen.alert, matches!(next, Step::Keep) && open.is_some()) {
            left.insert(id.to_owned());
            let took_over = match next {
                Step::Replace(rule) => Some(rule.rule),
                _ => None,
            };
            last.insert(number, (id, seen, took_over));
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
                Some((id, seen, took_over)) => rules.looking_at(alert.rule_name(), seen).map_or(Ending::Rule, |rule| {
                    match *took_over {
                        // It goes on, as far as this rule is concerned.
                        Some(next) if next == rule.rule => Ending::Replaced,
                        _ if rule.threshold.is_some() => {
                            let is_kept = rule.is_kept_by(seen, known.statuses.get(*id));
                            if alert.facts.count > 1 || is_kept {
                                Ending::Condition(rule)
                            } else {
                                Ending::Unread(rule)
                            }
                        }
                        _ if rule.error.is_some()
                            && (alert.facts.count > 1 || seen.tracked.state == DeviceState::Degraded) =>
                        {
                            Ending::Condition(rule)
                        }
                        _ if alert.facts.count == 1 => Ending::Device(seen),
                        _ => Ending::All,
                    }
                }),
                None => Ending::All,
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
