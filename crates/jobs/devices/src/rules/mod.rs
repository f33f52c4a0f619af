//! Rules: of what people are told, after how long, how urgent it is, and where and when it counts.
//!
//! Five exist from the first watch. Each can be changed or switched off, and others can be added for some watches or devices.

mod kind;
mod stored;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::kind::{BLIND_FOR, DEGRADED_FOR, DOWN_FOR, FLAPPING_OVER, Rule};
pub(crate) use self::stored::{StoredRule, of_watch, remove, rule, rules, write};
use crate::hours::BusinessHours;
use crate::labels::WantedLabel;
use crate::names::RuleName;
use crate::seen::Seen;
use crate::state::DeviceState;

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
    /// One of the five, as it is unless somebody changes it.
    ///
    /// # Panics
    /// Never: a word is a name.
    pub fn built_in(rule: Rule) -> Self {
        let lasts = match rule {
            Rule::Blind => BLIND_FOR,
            Rule::Down => DOWN_FOR,
            Rule::Degraded => DEGRADED_FOR,
            Rule::Coverage | Rule::Flapping => SignedDuration::ZERO,
        };
        Self {
            name: rule.as_str().parse().expect("a word is a name"),
            rule,
            error: None,
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
        self.name.as_str() == self.rule.as_str()
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

    /// The error that it looks at; an empty one if it looks at none.
    pub(crate) fn error_of<'s>(&self, seen: &'s Seen) -> Option<&'s str> {
        let Some(wanted) = &self.error else { return Some("") };
        let wanted = wanted.to_lowercase();
        seen.facts.errors.iter().map(String::as_str).find(|error| error.to_lowercase().contains(&wanted))
    }

    /// Whether a device falls under it.
    fn is_due(&self, seen: &Seen, at: Timestamp) -> bool {
        let lasted = at.duration_since(seen.tracked.since);
        let has_lasted =
            |state| seen.tracked.state == state && seen.tracked.candidate.is_none() && lasted >= self.lasts();
        match self.rule {
            Rule::Blind => false,
            Rule::Coverage => seen.is_gone(),
            Rule::Flapping => !seen.is_gone() && seen.is_flapping(at),
            Rule::Down => has_lasted(DeviceState::Down),
            Rule::Degraded => has_lasted(DeviceState::Degraded) && self.error_of(seen).is_some(),
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
        let built_in = Rule::ALL.map(AlertRule::built_in).into_iter().filter(|rule| !is_changed(rule));
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
        if seen.tracked.state == DeviceState::Up && seen.flips.len() <= FLAPPING_OVER {
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

    /// Whether a rule still looks at a device. One that is down reports no errors.
    pub(crate) fn look_at(&self, name: &str, seen: &Seen) -> bool {
        let has_error = |rule: &AlertRule| seen.tracked.state != DeviceState::Degraded || rule.error_of(seen).is_some();
        self.0.iter().any(|rule| rule.name.as_str() == name && rule.covers(seen) && has_error(rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::state::Tracked;

    fn at(minute: i64) -> Timestamp {
        // A Monday, at midnight.
        Timestamp::from_second(1_764_547_200 + minute * 60).unwrap()
    }

    fn seen(state: DeviceState, tags: &[&str], errors: &[&str]) -> Seen {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let facts = Facts { tags: texts(tags), errors: texts(errors), ..Facts::default() };
        let tracked = Tracked::first(state, at(0));
        Seen { tracked, gone_since: None, is_waiting: false, alert: None, flips: Vec::new(), facts }
    }

    fn own(name: &str, rule: Rule, minutes: u64) -> AlertRule {
        let name = name.parse().unwrap();
        AlertRule { name, lasts_seconds: minutes * 60, ..AlertRule::built_in(rule) }
    }

    fn due(rules: &Rules, seen: &Seen, minute: i64) -> Option<String> {
        rules.due(seen, at(minute)).map(|rule| rule.name.to_string())
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
        assert!(rules.look_at("boards", &board) && !rules.look_at("boards", &down) && !rules.look_at("other", &board));
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
