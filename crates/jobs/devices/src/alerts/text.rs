//! The sentences of alerts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Alert, AlertFacts, Due, Raised, SINGLE};
use crate::places::Places;
use crate::rules::{AlertRule, Rule};
use crate::seen::Seen;
use crate::state::DeviceState;

/// How many devices of a shared alert are named.
const NAMED: usize = 5;

/// Writes what people are told of one watch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Teller<'a> {
    /// The name of the watch.
    pub(crate) watch: &'a str,
    /// The name of its credential.
    pub(crate) credential: Option<&'a str>,
    /// The time of the reading.
    pub(crate) at: Timestamp,
    /// Where its devices stand, if that is known.
    pub(crate) places: Option<&'a Places>,
}

/// How an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending<'a> {
    /// Its device is as shown now.
    Device(&'a Seen),
    /// None of its devices belongs to it any more.
    All,
    /// None of its devices meets the condition of its rule any more.
    Condition(&'a AlertRule),
    /// What its rule looks at is not known any more.
    Unread(&'a AlertRule),
    /// A more urgent alert takes its place.
    Replaced,
    /// The watch reads its devices again.
    Reads,
    /// Its last devices are no longer watched.
    Unwatched,
    /// Its rule was removed or switched off, or no longer looks at its last devices.
    Rule,
    /// The watch was paused.
    Paused,
    /// The watch was removed.
    Removed,
}

impl Teller<'_> {
    /// The alerts of the devices that enter one.
    pub(crate) fn raise(&self, due: &Due) -> Vec<Raised> {
        let mut raised = Vec::new();
        for (rule, devices) in &due.devices {
            let mut devices: Vec<(&str, &Seen)> = devices.iter().map(|(id, seen)| (id.as_str(), seen)).collect();
            devices.sort_by(|(a, one), (b, other)| (&one.facts.name, a).cmp(&(&other.facts.name, b)));
            let others = |of: usize| (due.watched - of, if rule.rule == Rule::Down { due.well } else { 0 });
            // What Webex no longer lists has one cause more often than not.
            if rule.rule != Rule::Coverage && devices.len() <= SINGLE {
                raised.extend(devices.iter().map(|device| self.device(rule, *device, others(1))));
                continue;
            }
            let mut locations: BTreeMap<Option<&str>, Vec<(&str, &Seen)>> = BTreeMap::new();
            for device in &devices {
                locations.entry(self.location(device.1)).or_default().push(*device);
            }
            if locations.len() > SINGLE {
                raised.push(self.devices(rule, None, &devices, others(devices.len())));
                continue;
            }
            let one = |(location, devices): (Option<&str>, Vec<(&str, &Seen)>)| {
                self.devices(rule, location, &devices, others(devices.len()))
            };
            raised.extend(locations.into_iter().map(one));
        }
        raised
    }

    /// An alert about one device. `others` is how many other devices the watch sees, and how many of those are well.
    fn device(&self, by: &AlertRule, (id, seen): (&str, &Seen), others: (usize, usize)) -> Raised {
        let rule = by.rule;
        let facts = &seen.facts;
        let (name, product) = (self.name(id, seen), product(seen));
        let began = moment(seen.tracked.since);
        let summary = match rule {
            Rule::Down => {
                let heard = facts.heard_at.map(|at| format!(" Webex last heard from it at {}.", moment(at)));
                let (count, well) = others;
                let others = match count {
                    0 => String::new(),
                    count => others_of((count, well), self.watch),
                };
                format!(
                    "{name} is down: {product} has been offline since {began}.{}{others}",
                    heard.unwrap_or_default()
                )
            }
            Rule::Degraded => {
                let began = moment(by.met_since(seen).unwrap_or(seen.tracked.since));
                let errors = match by.error_of(seen).or(facts.errors.first().map(String::as_str)) {
                    Some(error) => format!("{product} has reported \"{error}\" since {began}"),
                    None => format!("{product} has had issues since {began}"),
                };
                format!("{name} is degraded: {errors}.")
            }
            Rule::Flapping => format!(
                "{name} is flapping: its state changed {} times within an hour, and it is {} now. Its other alerts are withheld until it has \
                 been stable for 30 minutes.",
                seen.flips.iter().filter(|flip| self.at.duration_since(**flip) < SignedDuration::from_hours(1)).count(),
                seen.tracked.state
            ),
            Rule::Coverage => format!(
                "{} no longer sees {name}: Webex has not listed it since {}, because the grant was withdrawn or the device was removed. Its \
                 state is unknown.",
                self.watch,
                moment(seen.gone_since.unwrap_or(seen.tracked.since))
            ),
            Rule::Threshold => {
                let met = seen.conditions.of(by.name.as_str());
                let began = moment(met.map_or(self.at, |met| met.since));
                let said = by.threshold.map(|threshold| {
                    let now = met.and_then(|met| met.number).map(|(number, _)| threshold.what.show(number));
                    let now = now.map(|now| format!(", and is {now} now")).unwrap_or_default();
                    format!("the {} has been {} since {began}{now}", threshold.what.noun(), threshold.side())
                });
                format!("{name}: {}.", said.unwrap_or_default())
            }
            Rule::Blind => String::new(),
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Raised {
            rule,
            since: since(by, seen),
            devices: vec![id.to_owned()],
            hint: self.hint(rule),
            facts: AlertFacts {
                names: vec![name],
                device: Some(id.to_owned()),
                product: text(&facts.product),
                serial: facts.serial.clone(),
                location: self.location(seen).map(str::to_owned),
                ..self.facts(by, summary, 1)
            },
        }
    }

    /// One alert about several devices, which may share a location. There is at least one.
    fn devices(
        &self,
        by: &AlertRule,
        location: Option<&str>,
        devices: &[(&str, &Seen)],
        others: (usize, usize),
    ) -> Raised {
        if let [one] = devices {
            return self.device(by, *one, others);
        }
        let rule = by.rule;
        let mut names: Vec<String> = devices.iter().map(|(id, seen)| self.name(id, seen)).collect();
        names.sort();
        names.truncate(NAMED);
        let began = devices.iter().map(|(_, seen)| since(by, seen)).min().unwrap_or(self.at);
        let (count, watch, when) = (devices.len(), self.watch, moment(began));
        let place = location.map(|location| format!(" at {location}")).unwrap_or_default();
        let listed = match count - names.len() {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        };
        let summary = match rule {
            Rule::Down => {
                let (left, well) = others;
                let others = match left {
                    0 => format!(" These are all devices of {watch}."),
                    left => others_of((left, well), watch),
                };
                format!("{count} devices of {watch}{place} are down, the first since {when}: {listed}.{others}")
            }
            Rule::Degraded => {
                format!("{count} devices of {watch}{place} are degraded, the first since {when}: {listed}.")
            }
            Rule::Flapping => format!("{count} devices of {watch}{place} are flapping: {listed}."),
            Rule::Threshold => {
                let passed = by.threshold.map(|threshold| threshold.to_string()).unwrap_or_default();
                format!("{count} devices of {watch}{place}: {passed}, the first since {when}: {listed}.")
            }
            Rule::Coverage => format!(
                "{watch} no longer sees {count} devices{place}: {listed}. Webex has not listed them since {when}, because grants were withdrawn or \
                 the devices were removed. Their states are unknown."
            ),
            Rule::Blind => String::new(),
        };
        Raised {
            rule,
            since: began,
            devices: devices.iter().map(|(id, _)| (*id).to_owned()).collect(),
            hint: self.hint(rule),
            facts: AlertFacts { names, location: location.map(str::to_owned), ..self.facts(by, summary, count) },
        }
    }

    /// What every alert of a rule says.
    fn facts(&self, by: &AlertRule, summary: String, count: usize) -> AlertFacts {
        AlertFacts {
            watch: self.watch.to_owned(),
            rule: (!by.is_built_in()).then(|| by.name.to_string()),
            severity: Some(by.severity),
            summary,
            count,
            ..AlertFacts::default()
        }
    }

    /// The alert of a watch that cannot read its devices.
    pub(crate) fn blind(&self, by: &AlertRule, since: Timestamp, why: &str, count: usize) -> Raised {
        let states = match count {
            0 => String::new(),
            1 => " The state of its device is unknown, not down.".to_owned(),
            count => format!(" The states of its {count} devices are unknown, not down."),
        };
        let why = why.trim_end_matches('.');
        let summary = format!(
            "The watch {} has not been able to read its devices since {}: {why}.{states}",
            self.watch,
            moment(since)
        );
        Raised {
            rule: Rule::Blind,
            since,
            devices: Vec::new(),
            hint: self.hint(Rule::Blind),
            facts: self.facts(by, summary, count),
        }
    }

    /// The sentence that ends an alert.
    pub(crate) fn ended(&self, alert: &Alert, ending: Ending<'_>) -> String {
        let lasted = duration(self.at.duration_since(alert.since));
        let is_one = alert.facts.count == 1;
        let what = match &*alert.facts.names {
            [name] if is_one => name.clone(),
            _ if alert.rule == Rule::Blind => format!("the watch {}", self.watch),
            _ => format!("{} devices of {}", alert.facts.count, self.watch),
        };
        match (alert.rule, ending) {
            (_, Ending::Removed) => {
                format!("Alert {} has ended, because the watch {} was removed.", alert.number, self.watch)
            }
            (_, Ending::Paused) => {
                format!("Alert {} has ended, because the watch {} was paused.", alert.number, self.watch)
            }
            (_, Ending::Unwatched) => {
                let verb = if alert.facts.count == 1 { "is" } else { "are" };
                format!("Alert {} has ended, because {what} {verb} no longer watched.", alert.number)
            }
            (_, Ending::Rule) => {
                let (number, rule) = (alert.number, alert.rule_name());
                format!("Alert {number} has ended, because the rule {rule} no longer looks at {what}.")
            }
            (Rule::Down | Rule::Degraded, Ending::Replaced) if is_one => {
                format!("{what} is still {}: a more urgent alert takes the place of {}.", alert.rule, alert.number)
            }
            (_, Ending::Replaced) => format!("A more urgent alert takes the place of {}, about {what}.", alert.number),
            (_, Ending::Unread(rule)) => {
                let noun = rule.threshold.map_or("state", |threshold| threshold.what.noun());
                format!("Alert {} has ended, because the {noun} of {what} is not known any more.", alert.number)
            }
            (_, Ending::Condition(rule)) => {
                let (count, number) = (alert.facts.count, alert.number);
                match (&rule.error, rule.threshold) {
                    (Some(error), _) if is_one => format!("{what} no longer reports \"{error}\", after {lasted}."),
                    (Some(error), _) => {
                        format!(
                            "None of the {count} devices of alert {number} reports \"{error}\" any more, after {lasted}."
                        )
                    }
                    (None, Some(threshold)) if is_one => {
                        let (noun, side) = (threshold.what.noun(), threshold.side());
                        format!("The {noun} of {what} is no longer {side}, after {lasted}.")
                    }
                    (None, Some(threshold)) => format!(
                        "Alert {number} has ended, after {lasted}: none of its {count} devices reports {threshold} any more."
                    ),
                    (None, None) => format!("Alert {number} has ended, after {lasted}."),
                }
            }
            (Rule::Blind, _) => format!("The watch {} reads its devices again, after {lasted}.", self.watch),
            (Rule::Coverage, Ending::Device(_)) => format!("{} sees {what} again, after {lasted}.", self.watch),
            (Rule::Coverage, _) => format!(
                "None of the {} devices of alert {} is missing any more, after {lasted}.",
                alert.facts.count, alert.number
            ),
            (_, Ending::Device(seen)) if seen.gone_since.is_some() && seen.tracked.state == DeviceState::Unknown => {
                format!(
                    "{what} is no longer {}: Webex does not list it any more, and its state is unknown.",
                    alert.rule
                )
            }
            (Rule::Flapping, Ending::Device(seen)) => {
                format!("{what} has been stable for 30 minutes: it is {}.", seen.tracked.state)
            }
            (_, Ending::Device(seen)) => match seen.tracked.state {
                DeviceState::Up => format!("{what} is up again, after {lasted}."),
                state => format!("{what} is {state}, no longer {}, after {lasted}.", alert.rule),
            },
            (rule, _) => format!(
                "None of the {} devices of alert {} is {rule} any more, after {lasted}.",
                alert.facts.count, alert.number
            ),
        }
    }

    fn location(&self, seen: &Seen) -> Option<&str> {
        self.places?.get(seen.facts.workspace.as_deref()?)?.location.as_deref()
    }

    /// The name of a device, with its room if the name does not contain it, and its location.
    fn name(&self, id: &str, seen: &Seen) -> String {
        let name = match seen.facts.name.trim() {
            "" => seen.facts.serial.clone().unwrap_or_else(|| id.to_owned()),
            name => name.to_owned(),
        };
        let place = seen.facts.workspace.as_deref().and_then(|workspace| self.places?.get(workspace));
        let Some(place) = place else { return name };
        let room = Some(place.room.trim()).filter(|room| !room.is_empty() && !name.contains(room));
        match (room, place.location.as_deref()) {
            (None, None) => name,
            (Some(room), None) => format!("{name} ({room})"),
            (None, Some(location)) => format!("{name} ({location})"),
            (Some(room), Some(location)) => format!("{name} ({room}, {location})"),
        }
    }

    /// The command that helps. None has a text from Webex, which could be anything.
    fn hint(&self, rule: Rule) -> Option<String> {
        match rule {
            Rule::Blind => self.credential.map(|credential| format!("lanyard test {credential}")),
            Rule::Coverage => Some(format!("lanyard devices coverage {} --letter", self.watch)),
            Rule::Down | Rule::Degraded | Rule::Flapping | Rule::Threshold => None,
        }
    }
}

fn since(by: &AlertRule, seen: &Seen) -> Timestamp {
    match by.rule {
        Rule::Coverage => seen.gone_since.unwrap_or(seen.tracked.since),
        Rule::Flapping => seen.flips.iter().min().copied().unwrap_or(seen.tracked.since),
        Rule::Down | Rule::Degraded | Rule::Blind | Rule::Threshold => by.met_since(seen).unwrap_or(seen.tracked.since),
    }
}

fn product(seen: &Seen) -> String {
    let product = seen.facts.product.trim();
    match product.strip_prefix("Cisco ").unwrap_or(product) {
        "" => "the device".to_owned(),
        product => format!("the {product}"),
    }
}

/// How many of the other devices of a watch are well.
fn others_of((count, well): (usize, usize), watch: &str) -> String {
    match (count, well) {
        (1, 0) => format!(" The other device of {watch} is not well either."),
        (1, _) => format!(" The other device of {watch} is well."),
        (count, well) if count == well => format!(" The {count} other devices of {watch} are well."),
        (count, 0) => format!(" None of the {count} other devices of {watch} is well."),
        (count, 1) => format!(" Of the {count} other devices of {watch}, 1 is well."),
        (count, well) => format!(" Of the {count} other devices of {watch}, {well} are well."),
    }
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// "41 min", "2 h 14 min", "3 d 2 h".
fn duration(lasted: SignedDuration) -> String {
    let minutes = (lasted.as_secs().max(0) + 30) / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::places::Place;

    fn down(number: usize) -> (String, Seen) {
        let name = format!("Room {number}");
        let facts = Facts { name, workspace: Some(number.to_string()), ..Facts::default() };
        (number.to_string(), Seen::first(DeviceState::Down, facts, Timestamp::UNIX_EPOCH))
    }

    /// The sentences about so many devices, of which so many at a time share a location.
    fn told(count: usize, together: usize) -> Vec<(Option<String>, String)> {
        let place = |number: usize| {
            let location = (number / together < 7).then(|| format!("Site {}", number / together));
            (number.to_string(), Place { location, ..Place::default() })
        };
        let places: Places = (0..count).map(place).collect();
        let teller = Teller { watch: "lobby", credential: None, at: Timestamp::UNIX_EPOCH, places: Some(&places) };
        let devices = vec![(AlertRule::built_in(Rule::Down), (0..count).map(down).collect())];
        let raised = teller.raise(&Due { devices, watched: 30, well: 0 });
        raised.into_iter().map(|raised| (raised.facts.location, raised.facts.summary)).collect()
    }

    #[test]
    fn many_devices_share_an_alert_for_each_location_unless_there_are_many() {
        assert_eq!(told(5, 5).len(), 5, "each has its own");
        let two = told(7, 4);
        let [(Some(first), one), (Some(second), other)] = &*two else { panic!("{two:?}") };
        assert_eq!((&**first, &**second), ("Site 0", "Site 1"));
        assert!(one.starts_with("4 devices of lobby at Site 0 are down"), "{one}");
        assert!(other.starts_with("3 devices of lobby at Site 1 are down"), "{other}");
        let all = told(12, 2);
        let [(None, all)] = &*all else { panic!("{all:?}") };
        assert!(all.starts_with("12 devices of lobby are down"), "{all}");
    }
}
