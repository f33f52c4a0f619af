//! An alert, as people and programs see it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::{Alert, AlertNumber};
use crate::rules::{AlertSeverity, Rule};

/// An alert, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertView {
    /// Its number, as in `A-1042`.
    #[schemars(with = "String")]
    pub alert: AlertNumber,
    /// What its rule looks at.
    #[schemars(with = "String", extend("enum" = Rule::ALL.map(Rule::as_str)))]
    pub rule: Rule,
    /// The name of the rule: the same, unless it is one that was added.
    pub rule_name: String,
    /// How urgent it is.
    pub severity: AlertSeverity,
    /// The watch; its name when the alert was raised, if it was removed.
    pub watch: String,
    /// The label `customer` of the watch's credential.
    pub customer: Option<String>,
    /// The sentence that people were told.
    pub summary: String,
    /// How many devices it was about when it was raised.
    pub devices: usize,
    /// The names of the first of them.
    pub names: Vec<String>,
    /// When the cause began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// When people were told.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub raised_at: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<Timestamp>,
    /// When it was acknowledged.
    #[schemars(with = "Option<String>")]
    pub acknowledged_at: Option<Timestamp>,
    /// The caller who acknowledged it, as the audit names them.
    pub acknowledged_by: Option<String>,
    /// The note of that caller.
    pub note: Option<String>,
}

impl AlertView {
    /// An alert of a watch with a name and a customer; of none, if the watch was removed.
    pub(crate) fn of(alert: &Alert, watch: Option<(&str, Option<&str>)>) -> Self {
        let acked = alert.acked.as_ref();
        Self {
            alert: alert.number,
            rule: alert.rule,
            rule_name: alert.rule_name().to_owned(),
            severity: alert.severity(),
            watch: watch.map_or_else(|| alert.facts.watch.clone(), |(name, _)| name.to_owned()),
            customer: watch.and_then(|(_, customer)| customer.map(str::to_owned)),
            summary: alert.facts.summary.clone(),
            devices: alert.facts.count,
            names: alert.facts.names.clone(),
            since: alert.since,
            raised_at: alert.raised,
            ended_at: alert.ended,
            acknowledged_at: acked.map(|acked| acked.at),
            acknowledged_by: acked.map(|acked| acked.by.clone()),
            note: acked.and_then(|acked| acked.note.clone()),
        }
    }
}
