//! Alerts: people are told once when something lasts, and once when it ends.
//!
//! Whether an alert is due follows from what is stored: the state of each device, since when, and the alerts that are open. A process
//! that ends before it has told people therefore loses nothing; the next reading finds the same.

mod step;
mod stored;
mod text;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName};
use serde::{Deserialize, Serialize};

pub(crate) use self::step::{FLIPS, Open, Step, is_flip, step};
pub(crate) use self::stored::{
    Filter, Silence, acknowledge, alert, alerts, end, end_open, forget_all, lift, open_of, prune, raise, silence,
    silences, silences_of,
};
pub(crate) use self::text::{Ending, Teller};
use crate::rules::{AlertRule, AlertSeverity, Rule};
use crate::seen::Seen;

/// If so many devices fall under a rule in one reading, each has an alert of its own; if more do, they share one.
pub(crate) const SINGLE: usize = 5;

/// The number of an alert, written as in `A-1042`. It never changes, and no other alert of the home has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlertNumber(u64);

/// A text that is not the number of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertNumberError;

impl AlertNumber {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for AlertNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("A-{}", self.0))
    }
}

impl FromStr for AlertNumber {
    type Err = AlertNumberError;

    fn from_str(text: &str) -> Result<Self, AlertNumberError> {
        let digits = text.strip_prefix("A-").or_else(|| text.strip_prefix("a-")).unwrap_or(text);
        let is_number = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number).map(Self).ok_or(AlertNumberError)
    }
}

impl TryFrom<String> for AlertNumber {
    type Error = AlertNumberError;

    fn try_from(text: String) -> Result<Self, AlertNumberError> {
        text.parse()
    }
}

impl From<AlertNumber> for String {
    fn from(number: AlertNumber) -> Self {
        number.to_string()
    }
}

impl fmt::Display for AlertNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected the number of an alert, for example A-1042")
    }
}

impl std::error::Error for AlertNumberError {}

/// An alert, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its number.
    pub number: AlertNumber,
    /// The id of the watch.
    pub watch: String,
    /// The rule.
    pub rule: Rule,
    /// When the cause began.
    pub since: Timestamp,
    /// When people were told.
    pub raised: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What people were told.
    pub facts: AlertFacts,
    /// When it was acknowledged, by whom, and the note.
    pub acked: Option<Acknowledged>,
}

impl Alert {
    /// How urgent it is.
    pub fn severity(&self) -> AlertSeverity {
        self.facts.severity.unwrap_or_else(|| self.rule.severity())
    }

    /// The name of its rule.
    pub fn rule_name(&self) -> &str {
        self.facts.rule.as_deref().unwrap_or_else(|| self.rule.as_str())
    }

    /// As the next step of one of its devices sees it.
    pub(crate) fn open(&self) -> Open<'_> {
        Open { rule: self.rule, name: self.rule_name(), severity: self.severity() }
    }
}

/// Who has acknowledged an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// When.
    pub at: Timestamp,
    /// The actor, as the audit names it.
    pub by: String,
    /// The note.
    pub note: Option<String>,
}

/// What people were told when an alert was raised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertFacts {
    /// The name of the watch.
    pub watch: String,
    /// The name of the rule, if it is not one of the five.
    pub rule: Option<String>,
    /// How urgent it is, if that is not what the rule says unless somebody changes it.
    pub severity: Option<AlertSeverity>,
    /// The location that its devices share.
    pub location: Option<String>,
    /// The sentence.
    pub summary: String,
    /// How many devices it is about.
    pub count: usize,
    /// The names of the first of them.
    pub names: Vec<String>,
    /// The id of the device, if it is about one.
    pub device: Option<String>,
    /// Its product.
    pub product: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// The credential of the watch: the end of the alert is told to those who were told of its beginning, even after that was removed.
    pub credential: Option<(CredentialId, CredentialName)>,
}

/// The devices that enter an alert after a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// By rule, the most urgent first.
    pub(crate) devices: Vec<(AlertRule, Vec<(String, Seen)>)>,
    /// How many devices the watch has.
    pub(crate) watched: usize,
    /// How many of them are well.
    pub(crate) well: usize,
}

/// An alert that is to be raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raised {
    pub(crate) rule: Rule,
    pub(crate) since: Timestamp,
    /// The ids of its devices; none for one of the watch itself.
    pub(crate) devices: Vec<String>,
    pub(crate) facts: AlertFacts,
    pub(crate) hint: Option<String>,
}

impl Raised {
    pub(crate) fn severity(&self) -> AlertSeverity {
        self.facts.severity.unwrap_or_else(|| self.rule.severity())
    }
}

/// An alert that is to be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) alert: Alert,
    pub(crate) summary: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_alert_is_read_as_it_is_written() {
        for text in ["A-1042", "a-1042", "1042"] {
            assert_eq!(text.parse::<AlertNumber>().unwrap().to_string(), "A-1042");
        }
        for text in ["", "A-", "A-x", "-5", "A--5", "A-+5", "1234567890123456", "B-1"] {
            assert!(text.parse::<AlertNumber>().is_err(), "{text:?}");
        }
    }
}
