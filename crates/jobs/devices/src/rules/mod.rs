//! Rules: of what people are told, after how long, how urgent it is, and where and when it counts.
//!
//! Five exist from the first watch. Each can be changed or switched off, and others can be added for some watches or devices.

mod kind;
mod stored;
mod threshold;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::kind::{BLIND_FOR, DEGRADED_FOR, DOWN_FOR, FLAPPING_OVER, Rule};
pub(crate) use self::stored::{StoredRule, of_watch, remove, rule, rules, write};
pub use self::threshold::{Limit, LimitError, Threshold};
use crate::conditions::{Conditions, Observed};
use crate::hours::BusinessHours;
use crate::labels::WantedLabel;
use crate::names::RuleName;
use crate::seen::Seen;
use crate::state::DeviceState;
use crate::statuses::{StatusesView, Tenths};

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AlertSeverity {
    /// Somebody must act now.
    Critical,
    /// Somebody should look at it.
    Warning,
    /// It is good to know.
    Info,
}

impl AlertSeverity {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Info];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A rule for alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRule {
    /// Its name. That of one of the five is the word for what it looks at.
    #[schemars(with = "String")]
    pub name: RuleName,
    /// What it looks at.
    #[schemars(with = "String", extend("enum" = Rule::ALL.map(Rule::as_str)))]
    pub rule: Rule,
    /// Only devices that report an error that contains this text, in any case.
    #[serde(default)]
    pub error: Option<String>,
    /// The number that a device must have passed.
    #[serde(default)]
    pub threshold: Option<Threshold>,
    /// How long that must last, in seconds. Coverage and flapping have no time of their own.
    pub lasts_seconds: u64,
    /// How urgent its alerts are.
    pub severity: AlertSeverity,
    /// Only devices of watches that have all these labels, each as `KEY` or `KEY=VALUE`.
    #[serde(default, with = "as_texts")]
    #[schemars(with = "Vec<String>")]
    pub labels: Vec<WantedLabel>,
    /// Only devices that have one of these tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The hours in which its alerts begin, as in `Mon-Fri 8-18`; at any time if it is omitted.
    #[serde(default)]
    pub hours: Option<String>,
    /// The time zone of the hours.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Whether it is switched off.
    #[serde(default)]
    pub is_off: bool,
}

impl AlertRule {
    /// One of the five, as it is unless somebody changes it, or where one about a threshold begins.
    ///
    /// # Panics
    /// Never: a word is a name.
    pub fn built_in(rule: Rule) -> Self {
        let lasts = match rule {
            Rule::Blind => BLIND_FOR,
            Rule::Down => DOWN_FOR,
            Rule::Degraded => DEGRADED_FOR,
            Rule::Coverage | Rule::Flapping | Rule::Threshold => SignedDuration::ZERO,
        };
        Self {
            name: rule.as_str().parse().expect("a word is a name"),
            rule,
            error: None,
            threshold: None,
            lasts_seconds: lasts.unsigned_abs().as_secs(),
            severity: rule.severity(),
            labels: Vec::new(),
            tags: Vec::new(),
            hours: None,
            time_zone: None,
            is_off: false,
        }
    }

    /// Whether it is one of the five.
    pub fn is_built_in(&self) -> bool {
        Rule::of_built_in(self.name.as_str()) == Some(self.rule)
    }

    fn lasts(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(self.lasts_seconds).unwrap_or(i64::MAX))
    }

    /// Whether its alerts begin at this time. Hours that cannot be read are all hours: an alert too many is better than none.
    fn begins_at(&self, at: Timestamp) -> bool {
        let hours = self.hours.as_ref().and_then(|hours| hours.parse::<BusinessHours>().ok());
        let zone = self.time_zone.as_deref().map_or(Ok(TimeZone::UTC), TimeZone::get);
        hours.zip(zone.ok()).is_none_or(|(hours, zone)| hours.contains(at, &zone))
    }

    /// Whether a device belongs to those that it looks at.
    fn covers(&self, seen: &Seen) -> bool {
        let has_tag = |tag: &String| seen.facts.tags.iter().any(|held| held.eq_ignore_ascii_case(tag));
        self.tags.is_empty() || self.tags.iter().any(has_tag)
    }

    /// The error of a device that it looks at.
    pub(crate) fn error_of<'s>(&self, seen: &'s Seen) -> Option<&'s str> {
        let wanted = self.error.as_ref()?.to_lowercase();
        seen.facts.errors.iter().map(String::as_str).find(|error| error.to_lowercase().contains(&wanted))
    }

    /// Whether it looks at something besides the state of a device.
    pub(crate) fn has_condition(&self) -> bool {
        self.error.is_some() || self.threshold.is_some()
    }

    /// Since when a device meets its condition; without one, since when it has its state.
    pub(crate) fn met_since(&self, seen: &Seen) -> Option<Timestamp> {
        if !self.has_condition() {
            return Some(seen.tracked.since);
        }
        let met = seen.conditions.of(self.name.as_str())?;
        (met.counts && met.missed.is_none()).then_some(met.since)
    }

    /// Whether that has lasted for long enough. Of a number that is until it was read last: nothing is known of the time since.
    fn has_lasted(&self, seen: &Seen, at: Timestamp) -> bool {
        let number = seen.conditions.of(self.name.as_str()).and_then(|met| met.number);
        let until = number.map_or(at, |(_, read_at)| read_at.min(at));
        self.met_since(seen).is_some_and(|since| until.duration_since(since) >= self.lasts())
    }

    /// The number of a device that it looks at, if that is known: read since the device has its state, and reported at all.
    fn number_of(&self, seen: &Seen, statuses: Option<&StatusesView>) -> Option<(Option<Tenths>, Timestamp)> {
        let view = statuses.filter(|_| seen.reports())?;
        let read_at = view.read_at?;
        Some((self.threshold?.what.of(&view.statuses), read_at))
    }

    /// Whether the number of a device is known, and within the limit.
    pub(crate) fn is_kept_by(&self, seen: &Seen, statuses: Option<&StatusesView>) -> bool {
        let number = self.number_of(seen, statuses).and_then(|(number, _)| number);
        self.threshold.zip(number).is_some_and(|(threshold, number)| !threshold.is_passed(number))
    }

    /// Takes in what a device has reported.
    fn observe(&self, seen: &Seen, statuses: Option<&StatusesView>, conditions: &mut Conditions, at: Timestamp) {
        let name = self.name.as_str();
        if let Some(error) = &self.error {
            if seen.gone_since.is_none() && matches!(seen.last_read(), DeviceState::Up | DeviceState::Degraded) {
                let is_met = self.error_of(seen).is_some();
                conditions.observe(name, Observed { what: error, is_met, number: None }, at);
            }
        } else if let Some(threshold) = self.threshold {
            match self.number_of(seen, statuses) {
                // A number from before is no first one.
                Some((_, read_at)) if read_at < seen.tracked.since => {}
                Some((number, read_at)) => {
                    let (what, is_met) =
                        (threshold.to_string(), number.is_some_and(|number| threshold.is_passed(number)));
                    conditions.observe(name, Observed { what: &what, is_met, number }, read_at);
                }
                // What it will report then has nothing to do with what it has reported.
                None => conditions.keep(|other| other != name),
            }
        }
    }

    /// Whether a device falls under it.
    fn is_due(&self, seen: &Seen, at: Timestamp) -> bool {
        let has_lasted = || self.has_lasted(seen, at);
        let is = |state| seen.tracked.state == state && seen.tracked.candidate.is_none();
        match self.rule {
            Rule::Blind => false,
            Rule::Coverage => seen.is_gone(),
            Rule::Flapping => !seen.is_gone() && seen.is_flapping(at),
            Rule::Down => is(DeviceState::Down) && has_lasted(),
            Rule::Degraded => is(DeviceState::Degraded) && has_lasted(),
            Rule::Threshold => has_lasted(),
        }
    }
}

/// Labels, each as `KEY` or `KEY=VALUE`.
mod as_texts {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use super::WantedLabel;

    pub(super) fn serialize<S: Serializer>(labels: &[WantedLabel], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(labels.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<WantedLabel>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
    }
}

/// The rules of one watch, the most urgent first.
#[derive(Clone, Debug)]
pub(crate) struct Rules(Vec<AlertRule>);

impl Rules {
    /// The five, in place of which those stand that were changed, and the added ones, for a watch with these labels.
    pub(crate) fn of(changed: &[AlertRule], labels: &BTreeMap<String, String>) -> Self {
        let is_changed = |rule: &AlertRule| changed.iter().any(|other| other.name == rule.name);
        let built_in = Rule::BUILT_IN.map(AlertRule::built_in).into_iter().filter(|rule| !is_changed(rule));
        let mut rules: Vec<_> = built_in
            .chain(changed.iter().cloned())
            .filter(|rule| !rule.is_off && rule.labels.iter().all(|label| label.is_in(labels)))
            .collect();
        rules.sort_by(|a, b| {
            let key = |rule: &AlertRule| (rule.severity, rule.rule, rule.is_built_in(), Reverse(rule.lasts_seconds));
            (key(a), &a.name).cmp(&(key(b), &b.name))
        });
        Self(rules)
    }

    /// The rules themselves.
    pub(crate) fn into_all(self) -> Vec<AlertRule> {
        self.0
    }

    /// The rule that a device falls under. One that flaps falls under no rule about its state, unless nobody is told that it flaps.
    pub(crate) fn due(&self, seen: &Seen, at: Timestamp) -> Option<&AlertRule> {
        // Nearly every device, at nearly every reading.
        if seen.tracked.state == DeviceState::Up && seen.flips.len() <= FLAPPING_OVER && seen.conditions.is_empty() {
            return None;
        }
        let covering = || self.0.iter().filter(|rule| rule.covers(seen));
        let flaps = seen.is_flapping(at) && covering().any(|rule| rule.rule == Rule::Flapping && rule.begins_at(at));
        let is_due = |rule: &&AlertRule| rule.is_due(seen, at) && rule.begins_at(at);
        covering().filter(|rule| !flaps || matches!(rule.rule, Rule::Flapping | Rule::Coverage)).find(is_due)
    }

    /// The rule of a watch that cannot read, if it is due at this time.
    pub(crate) fn blind(&self, since: Timestamp, at: Timestamp) -> Option<&AlertRule> {
        let is_due = |rule: &&AlertRule| at.duration_since(since) >= rule.lasts() && rule.begins_at(at);
        self.0.iter().filter(|rule| rule.rule == Rule::Blind).find(is_due)
    }

    /// The rule with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&AlertRule> {
        self.0.iter().find(|rule| rule.name.as_str() == name)
    }

    /// The rule with this name, if it looks at a device.
    pub(crate) fn looking_at(&self, name: &str, seen: &Seen) -> Option<&AlertRule> {
        self.named(name).filter(|rule| rule.covers(seen))
    }

    /// Whether some of them look at something besides the states of devices.
    pub(crate) fn have_conditions(&self) -> bool {
        self.0.iter().any(AlertRule::has_condition)
    }

    /// Whether some of them look at numbers that devices report.
    pub(crate) fn have_thresholds(&self) -> bool {
        self.0.iter().any(|rule| rule.threshold.is_some())
    }

    /// The conditions that a device meets after a reading at `at`. `statuses` is what it reported last, unless that is not read.
    pub(crate) fn observe(&self, seen: &Seen, statuses: Option<&StatusesView>, at: Timestamp) -> Conditions {
        let mut conditions = seen.conditions.clone();
        conditions.keep(|name| self.looking_at(name, seen).is_some_and(AlertRule::has_condition));
        for rule in self.0.iter().filter(|rule| rule.has_condition() && rule.covers(seen)) {
            rule.observe(seen, statuses, &mut conditions, at);
        }
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::state::Candidate;
    use crate::statuses::{Quantity, Statuses, Tenths};

    fn at(minute: i64) -> Timestamp {
        // A Monday, at midnight.
        Timestamp::from_second(1_764_547_200 + minute * 60).unwrap()
    }

    fn seen(state: DeviceState, tags: &[&str], errors: &[&str]) -> Seen {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let facts = Facts { tags: texts(tags), errors: texts(errors), ..Facts::default() };
        Seen::first(state, facts, at(0))
    }

    fn own(name: &str, rule: Rule, minutes: u64) -> AlertRule {
        let name = name.parse().unwrap();
        AlertRule { name, lasts_seconds: minutes * 60, ..AlertRule::built_in(rule) }
    }

    /// The rule that is due if the device is read at once, after a minute, and then.
    fn due(rules: &Rules, seen: &Seen, minute: i64) -> Option<String> {
        let mut seen = seen.clone();
        for minute in [0, 1, minute] {
            seen.conditions = rules.observe(&seen, None, at(minute));
        }
        rules.due(&seen, at(minute)).map(|rule| rule.name.to_string())
    }

    #[test]
    fn a_changed_rule_takes_the_place_of_the_one_with_its_name() {
        let labels = BTreeMap::from([("customer".to_owned(), "acme".to_owned())]);
        let down = seen(DeviceState::Down, &[], &[]);
        for (changed, minutes) in [
            (vec![], [(4, false), (5, true)]),
            (vec![own("down", Rule::Down, 10)], [(9, false), (10, true)]),
            (vec![AlertRule { is_off: true, ..own("down", Rule::Down, 0) }], [(4, false), (600, false)]),
        ] {
            let rules = Rules::of(&changed, &labels);
            for (minute, expected) in minutes {
                assert_eq!(due(&rules, &down, minute).is_some(), expected, "{changed:?} after {minute} minutes");
            }
        }
    }

    #[test]
    fn an_own_rule_counts_only_where_its_labels_tags_errors_and_hours_do() {
        let labels = |customer: &str| BTreeMap::from([("customer".to_owned(), customer.to_owned())]);
        let boards = AlertRule { tags: vec!["Board".to_owned()], ..own("boards", Rule::Down, 1) };
        let camera = AlertRule { error: Some("CAMERA".to_owned()), ..own("camera", Rule::Degraded, 2) };
        let acme = AlertRule { labels: vec!["customer=acme".parse().unwrap()], ..own("acme", Rule::Down, 2) };
        let worktime = AlertRule {
            hours: Some("Mon-Fri 8-18".to_owned()),
            time_zone: Some("UTC".to_owned()),
            ..own("worktime", Rule::Degraded, 0)
        };
        let all = [boards, camera, acme, worktime];
        let (rules, others) = (Rules::of(&all, &labels("acme")), Rules::of(&all, &labels("other")));
        let (down, board) = (seen(DeviceState::Down, &[], &[]), seen(DeviceState::Down, &["board"], &[]));
        let degraded = |errors: &[&str]| seen(DeviceState::Degraded, &[], errors);
        let (silent, lost) = (degraded(&["audio"]), degraded(&["audio", "cameralost"]));
        for (rules, seen, minute, expected) in [
            (&rules, &down, 1, None),
            (&rules, &board, 1, Some("boards")),
            (&rules, &down, 2, Some("acme")),
            (&others, &down, 2, None),
            (&others, &down, 5, Some("down")),
            (&rules, &lost, 1, None),
            (&rules, &lost, 2, Some("camera")),
            (&rules, &silent, 2, None),
            // By then the rule of all devices is due, too.
            (&rules, &silent, 7 * 60 + 59, Some("degraded")),
            (&rules, &silent, 8 * 60, Some("worktime")),
        ] {
            assert_eq!(due(rules, seen, minute).as_deref(), expected, "{seen:?} after {minute} minutes");
        }
        let looks = |name, seen| rules.looking_at(name, seen).is_some();
        assert!(looks("boards", &board) && !looks("boards", &down) && !looks("other", &board));
    }

    #[test]
    fn an_error_counts_from_when_it_was_read_and_not_from_when_the_device_was_degraded() {
        let camera = AlertRule { error: Some("camera".to_owned()), ..own("camera", Rule::Degraded, 10) };
        let rules = Rules::of(&[camera], &BTreeMap::new());
        let mut device = seen(DeviceState::Degraded, &[], &["audio"]);
        let mut found = Vec::new();
        for minute in 0..25 {
            let errors: &[&str] = match minute {
                // One reading without the error is no end of it, and one with it no beginning.
                5..=8 | 10.. => &["audio", "Camera lost"],
                2 => &["camera"],
                _ => &["audio"],
            };
            device.facts = seen(DeviceState::Degraded, &[], errors).facts;
            device.conditions = rules.observe(&device, None, at(minute));
            found.extend(rules.due(&device, at(minute)).map(|rule| (minute, rule.name.to_string())));
        }
        assert_eq!(found.first(), Some(&(15, "camera".to_owned())));
        assert_eq!(found.len(), 10);
    }

    #[test]
    fn a_number_counts_after_two_readings_of_it_and_not_while_the_device_is_down() {
        use DeviceState::{Asleep, Down, Up};

        let threshold = Threshold {
            what: Quantity::Temperature,
            is_above: true,
            limit: Tenths::within(28.0, (0.0, 50.0)).unwrap(),
        };
        let hot = AlertRule { threshold: Some(threshold), ..own("hot", Rule::Threshold, 0) };
        let rules = Rules::of(&[hot], &BTreeMap::new());
        assert!(rules.have_thresholds() && rules.have_conditions());
        let view = |number: f64, minute| StatusesView {
            statuses: Statuses { temperature: Tenths::within(number, (0.0, 50.0)), ..Statuses::default() },
            read_at: Some(at(minute)),
            ..StatusesView::default()
        };
        let mut device = seen(DeviceState::Up, &[], &[]);
        // When it is read, its state and since when, another state that was read once, the temperature and when that was read; whether the
        // rule is due, and whether the device still meets it.
        for (minute, state, since, candidate, number, read_at, is_due, is_met) in [
            (0, Up, 0, None, 27.0, 0, false, false),
            (15, Up, 0, None, 29.0, 15, false, true),
            (18, Up, 0, None, 29.0, 15, false, true),
            (30, Up, 0, None, 29.0, 30, true, true),
            (33, Up, 0, Some(Down), 29.0, 30, true, true),
            (45, Up, 0, None, 28.0, 45, false, true),
            (60, Up, 0, None, 29.5, 60, true, true),
            (63, Down, 63, None, 29.5, 60, false, false),
            // It is back, and has not been asked yet.
            (66, Up, 66, None, 29.5, 60, false, false),
            (75, Up, 66, None, 29.5, 75, false, true),
            (90, Up, 66, None, 29.5, 90, true, true),
            // One that sleeps is not asked.
            (93, Asleep, 93, None, 29.5, 90, false, false),
        ] {
            device.tracked.state = state;
            device.tracked.since = at(since);
            device.tracked.candidate = candidate.map(|state| Candidate { state, since: at(minute), samples: 1 });
            device.conditions = rules.observe(&device, Some(&view(number, read_at)), at(minute));
            let found = (
                rules.due(&device, at(minute)).is_some_and(|rule| rule.name.as_str() == "hot"),
                device.conditions.of("hot").is_some(),
            );
            assert_eq!(found, (is_due, is_met), "after {minute} minutes: {:?}", device.conditions);
        }
        // It has lasted until it was read last, and not until now.
        let long = AlertRule { lasts_seconds: 1800, ..rules.named("hot").unwrap().clone() };
        let rules = Rules::of(&[long], &BTreeMap::new());
        let mut device = seen(Up, &[], &[]);
        for (minute, read_at, expected) in [(0, 0, false), (15, 15, false), (60, 15, false), (75, 75, true)] {
            device.conditions = rules.observe(&device, Some(&view(29.0, read_at)), at(minute));
            assert_eq!(rules.due(&device, at(minute)).is_some(), expected, "after {minute} minutes");
        }
        let unread = rules.observe(&device, None, at(76));
        assert!(unread.is_empty(), "nothing is known of what is not read");
    }

    #[test]
    fn a_device_that_flaps_has_no_other_alert_unless_nobody_is_told_that_it_flaps() {
        let flapping = Seen { flips: (0..6).map(at).collect(), ..seen(DeviceState::Down, &[], &[]) };
        let rules = Rules::of(&[], &BTreeMap::new());
        assert_eq!(due(&rules, &flapping, 6).as_deref(), Some("flapping"));
        let off = AlertRule { is_off: true, ..AlertRule::built_in(Rule::Flapping) };
        assert_eq!(due(&Rules::of(&[off], &BTreeMap::new()), &flapping, 6).as_deref(), Some("down"));
    }

    #[test]
    fn hours_that_cannot_be_read_are_all_hours() {
        let with = |hours: &str, zone: &str| AlertRule {
            hours: Some(hours.to_owned()),
            time_zone: Some(zone.to_owned()),
            ..AlertRule::built_in(Rule::Down)
        };
        for (rule, expected) in [
            (with("Mon-Fri 8-18", "UTC"), false),
            (with("Mon-Fri 0-8", "UTC"), true),
            (with("soon", "UTC"), true),
            (with("Mon-Fri 8-18", "Atlantis/Capital"), true),
        ] {
            assert_eq!(rule.begins_at(at(1)), expected, "{rule:?}");
        }
    }
}
