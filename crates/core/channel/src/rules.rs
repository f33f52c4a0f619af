//! Which notices a channel wants.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lanyard_credential::{Kind, Label};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::notice::{AlertState, Notice, NoticeType, PREFIX, Severity, is_word};

/// Which notices a channel wants: those that satisfy every condition. Without conditions these are all but heartbeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The types; any of them. Without any, all but heartbeats.
    pub types: Vec<TypePattern>,
    /// The least severity. The end of an alert is wanted whatever its severity is, because its begin may have been delivered.
    pub severity: Option<Severity>,
    /// The kinds of the credential that the notice is about; any of them.
    #[serde(with = "kinds_as_text")]
    pub kinds: Vec<Kind>,
    /// The labels of that credential; all of them.
    pub labels: Vec<Label>,
}

impl Rules {
    /// Whether a channel with these rules wants a notice.
    pub fn wants(&self, notice: &Notice) -> bool {
        self.wants_type(notice) && self.wants_severity(notice) && self.wants_credential(notice)
    }

    /// Refuses rules with which a channel stays silent: a type that no event has, or heartbeats without an interval. A test is sent whatever
    /// the rules are.
    pub fn check(&self, heartbeat: Option<Duration>) -> Result<(), SilentRules> {
        let known = |pattern: &TypePattern| known_types().any(|kind| pattern.matches(&kind));
        if let Some(unknown) = self.types.iter().find(|pattern| !known(pattern)) {
            return Err(SilentRules::UnknownType(unknown.clone()));
        }
        let is_heartbeat = |pattern: &TypePattern| pattern.is_exactly(&NoticeType::HEARTBEAT);
        if heartbeat.is_none() && self.types.iter().any(is_heartbeat) {
            return Err(SilentRules::NoHeartbeat);
        }
        Ok(())
    }

    fn wants_type(&self, notice: &Notice) -> bool {
        if self.types.is_empty() {
            return notice.kind != NoticeType::HEARTBEAT;
        }
        let matches = |kind: &NoticeType| self.types.iter().any(|pattern| pattern.matches(kind));
        // The channel may have received the begin of an alert that this notice ends.
        let ends = || notice.data.state == AlertState::Resolved && notice.kind.resolves().iter().any(matches);
        matches(&notice.kind) || ends()
    }

    fn wants_severity(&self, notice: &Notice) -> bool {
        let data = &notice.data;
        data.state == AlertState::Resolved || self.severity.is_none_or(|least| data.severity >= least)
    }

    fn wants_credential(&self, notice: &Notice) -> bool {
        let Some(credential) = &notice.data.credential else { return self.kinds.is_empty() && self.labels.is_empty() };
        let has = |label: &Label| {
            credential.labels.get(label.key.as_str()).is_some_and(|value| value == label.value.as_str())
        };
        (self.kinds.is_empty() || self.kinds.contains(&credential.kind)) && self.labels.iter().all(has)
    }
}

/// A pattern for types: `*`, `credential.*` or `credential.expiring`, with or without `lanyard.` in front.
#[derive(Clone, PartialEq, Eq)]
pub struct TypePattern {
    /// The words before the star, or all words.
    words: String,
    has_star: bool,
}

/// A text that cannot be a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a type of events; use credential.expiring, credential.* or *")]
pub struct TypePatternError(String);

impl TypePattern {
    /// Whether it is this type, without a star.
    fn is_exactly(&self, kind: &NoticeType) -> bool {
        !self.has_star && kind.short() == self.words
    }

    /// Whether a type matches.
    pub fn matches(&self, kind: &NoticeType) -> bool {
        let short = kind.short();
        if !self.has_star {
            return short == self.words;
        }
        self.words.is_empty() || short.strip_prefix(&self.words).is_some_and(|rest| rest.starts_with('.'))
    }
}

impl FromStr for TypePattern {
    type Err = TypePatternError;

    fn from_str(text: &str) -> Result<Self, TypePatternError> {
        let short = text.strip_prefix(PREFIX).unwrap_or(text);
        if short == "*" {
            return Ok(Self { words: String::new(), has_star: true });
        }
        let (words, has_star) = short.strip_suffix(".*").map_or((short, false), |words| (words, true));
        if words.len() <= 100 && words.split('.').all(is_word) {
            Ok(Self { words: words.to_owned(), has_star })
        } else {
            Err(TypePatternError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.has_star, self.words.as_str()) {
            (true, "") => f.write_str("*"),
            (true, words) => write!(f, "{words}.*"),
            (false, words) => f.write_str(words),
        }
    }
}

impl fmt::Debug for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

lanyard_protocol::serde_as_text!(TypePattern);

/// Reads and writes kinds as their words.
mod kinds_as_text {
    use lanyard_credential::Kind;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(kinds: &[Kind], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(kinds.iter().map(|kind| kind.as_str()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Kind>, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        words.iter().map(|word| word.parse().map_err(D::Error::custom)).collect()
    }
}

/// Why a channel with these rules would stay silent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SilentRules {
    /// No event has this type.
    #[error("no event has the type {0}")]
    UnknownType(TypePattern),
    /// Heartbeats are wanted, and none are sent.
    #[error("the type heartbeat needs an interval")]
    NoHeartbeat,
}

impl SilentRules {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownType(_) => {
                let known: Vec<_> = known_types().map(|kind| kind.short().to_owned()).collect();
                format!("use one of {}, or a pattern such as credential.*", known.join(", "))
            }
            Self::NoHeartbeat => "add an interval: --heartbeat 1h, or heartbeat = \"1h\" in lanyard.toml".to_owned(),
        }
    }
}

fn known_types() -> impl Iterator<Item = NoticeType> {
    NoticeType::ALL.into_iter().filter(|kind| *kind != NoticeType::TEST)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::notice::{NoticeCredential, NoticeData};

    fn notice(kind: NoticeType, severity: Severity) -> Notice {
        Notice::new(
            "1".parse().unwrap(),
            "/lanyard",
            kind,
            Timestamp::UNIX_EPOCH,
            NoticeData::new("Something.", severity),
        )
    }

    fn about(kind: Kind, labels: &[(&str, &str)]) -> Notice {
        let mut notice = notice(NoticeType::CREDENTIAL_STALLED, Severity::Warning);
        notice.data.credential = Some(NoticeCredential {
            id: "6ac7d7d6-0000-4000-8000-000000000000".parse().unwrap(),
            name: "acme".parse().unwrap(),
            kind,
            labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        });
        notice
    }

    fn rules(json: serde_json::Value) -> Rules {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn without_rules_everything_but_heartbeats_is_wanted() {
        let rules = Rules::default();
        assert!(rules.wants(&notice(NoticeType::TEST, Severity::Info)));
        assert!(rules.wants(&about(Kind::Bot, &[])));
        assert!(!rules.wants(&notice(NoticeType::HEARTBEAT, Severity::Info)));
    }

    #[test]
    fn types_are_matched_word_by_word() {
        for (pattern, kind, matches) in [
            ("*", "lanyard.heartbeat", true),
            ("credential.*", "lanyard.credential.expiring", true),
            ("lanyard.credential.*", "lanyard.credential.expiring", true),
            ("credential.*", "lanyard.credentials.expiring", false),
            ("credential.*", "lanyard.credential", false),
            ("devices.*", "lanyard.devices.alert.down", true),
            ("credential.expiring", "lanyard.credential.expiring", true),
            ("credential.expiring", "lanyard.credential.expiring.soon", false),
        ] {
            let pattern: TypePattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(&kind.parse().unwrap()), matches, "{pattern} {kind}");
        }
        for bad in ["", "cred*", "*.expiring", "credential.*.x", "a b", "Credential.*", ".*"] {
            assert!(bad.parse::<TypePattern>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_condition_must_hold() {
        let rules = rules(serde_json::json!({
            "types": ["credential.*", "backup.*"],
            "severity": "warning",
            "kinds": ["bot", "service-app"],
            "labels": [{ "key": "customer", "value": "acme" }, { "key": "team", "value": "" }],
        }));
        let labels = [("customer", "acme"), ("team", ""), ("x", "y")];
        assert!(rules.wants(&about(Kind::Bot, &labels)));
        assert!(!rules.wants(&about(Kind::Guest, &labels)));
        assert!(!rules.wants(&about(Kind::Bot, &labels[..1])));
        assert!(!rules.wants(&about(Kind::Bot, &[("customer", "other"), ("team", "")])));
        let mut info = about(Kind::Bot, &labels);
        info.data.severity = Severity::Info;
        assert!(!rules.wants(&info));
        let mut other = about(Kind::Bot, &labels);
        other.kind = NoticeType::KEY_CHANGED;
        assert!(!rules.wants(&other));
        assert!(!rules.wants(&notice(NoticeType::BACKUP_TOO_OLD, Severity::Critical)), "it is about no credential");
    }

    #[test]
    fn the_end_of_an_alert_is_wanted_wherever_its_begin_was() {
        let rules = rules(serde_json::json!({ "types": ["credential.needs-login"], "severity": "critical" }));
        let mut recovered = notice(NoticeType::CREDENTIAL_RECOVERED, Severity::Info);
        assert!(!rules.wants(&recovered));
        recovered.data.state = AlertState::Resolved;
        assert!(rules.wants(&recovered));
        let mut other = notice(NoticeType::CHANNEL_RECOVERED, Severity::Info);
        other.data.state = AlertState::Resolved;
        assert!(!rules.wants(&other));
    }

    #[test]
    fn rules_read_back_as_they_were_written() {
        let written = serde_json::json!({
            "types": ["credential.*", "*", "test"],
            "severity": "critical",
            "kinds": ["service-app"],
            "labels": [{ "key": "a", "value": "b" }],
        });
        assert_eq!(serde_json::to_value(rules(written.clone())).unwrap(), written);
        assert!(serde_json::from_value::<Rules>(serde_json::json!({ "type": ["*"] })).is_err());
    }
}
