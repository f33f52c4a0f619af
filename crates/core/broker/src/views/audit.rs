//! The audit.

use jiff::Timestamp;
use lanyard_store::{AuditVerdict, Event, Fault, JournalEntry, Retention, Verified};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::time;

/// An entry of the audit: an event, and the parts of it that programs look for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
pub struct AuditEntryView {
    /// Its number, from 1 on.
    pub number: u64,
    /// The host of the process that wrote it.
    pub writer: String,
    /// When it happened (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub at: Option<String>,
    /// The kind of the event, such as `handed-out`.
    pub action: String,
    /// The name that the credential had then; null for an event of the home.
    pub credential: Option<String>,
    /// The credential's id.
    pub credential_id: Option<String>,
    /// Who caused it.
    pub actor: String,
    /// The name of the client, if one caused it.
    pub client: Option<String>,
    /// A sentence for people.
    pub detail: String,
    /// The fields of the event.
    pub payload: Option<Value>,
    /// How a token was used, if one was handed out.
    pub means: Option<String>,
    /// The number of the token set that was handed out.
    pub generation: Option<u32>,
    /// How often it was handed out.
    pub times: Option<u32>,
}

/// The result of a check of the audit.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "AuditVerdict")]
pub struct AuditVerdictView {
    /// Whether every entry is as it was written.
    pub intact: bool,
    /// How many entries were checked.
    pub records: Option<u64>,
    /// The first entry.
    pub first: Option<EndView>,
    /// The last entry.
    pub last: Option<EndView>,
    /// The number of the last entry that was removed because of its age.
    pub pruned_up_to: Option<u64>,
    /// How many earlier heads were compared.
    pub compared_heads: usize,
    /// The present heads.
    pub heads: Vec<String>,
    /// The first entry that is not as it was written.
    pub broken: Option<BrokenView>,
}

/// One end of the entries that were checked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditEnd")]
pub struct EndView {
    /// The entry's number.
    pub number: u64,
    /// Its time (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub at: Option<String>,
}

/// An entry that is not as it was written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "BrokenEntry")]
pub struct BrokenView {
    /// The writer of its chain, for an exported head of an earlier version.
    pub writer: Option<String>,
    /// Its number.
    pub number: u64,
    /// Its fault.
    #[schemars(extend("enum" = ["missing", "altered", "cut"]))]
    pub fault: &'static str,
}

/// How long entries are kept.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditRetention")]
pub struct RetentionView {
    /// The time that is set, in seconds; null if entries are kept forever.
    pub keep_seconds: Option<u64>,
    /// The time that is in force, in seconds: a shorter one takes effect after a day.
    pub in_force_seconds: Option<u64>,
    /// When the time that is set takes effect (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub takes_effect: Option<String>,
}

impl AuditEntryView {
    /// Describes an entry.
    pub fn of(entry: &JournalEntry) -> Self {
        let record = &entry.record;
        let credential = record.about.as_credential();
        let event = serde_json::to_value(&record.event).ok();
        let handed_out = match &record.event {
            Event::HandedOut { means, generation, times } => Some((means, generation.number(), *times)),
            _ => None,
        };
        Self {
            number: entry.number,
            writer: entry.writer.clone(),
            at: time(Some(record.at)),
            action: record.event.kind().as_str().to_owned(),
            credential: credential.map(|(_, name)| name.to_string()),
            credential_id: credential.map(|(id, _)| id.to_string()),
            actor: record.actor.clone(),
            client: record.actor.strip_prefix("client ").map(str::to_owned),
            detail: record.event.to_string(),
            payload: event.and_then(|mut event| Some(event.get_mut("payload")?.take())),
            means: handed_out.map(|(means, _, _)| means.clone()),
            generation: handed_out.map(|(_, generation, _)| generation),
            times: handed_out.map(|(_, _, times)| times),
        }
    }
}

impl AuditVerdictView {
    /// Describes a verdict, for which so many earlier heads were given.
    pub fn of(verdict: &AuditVerdict, heads: usize) -> Self {
        match verdict {
            AuditVerdict::Intact(verified) => Self {
                intact: true,
                records: Some(records(verified)),
                first: verified.first.map(EndView::of),
                last: verified.last.map(EndView::of),
                pruned_up_to: verified.pruned.as_ref().map(|pruned| pruned.up_to),
                compared_heads: heads - verified.older_heads,
                heads: verified.heads.iter().map(ToString::to_string).collect(),
                broken: None,
            },
            AuditVerdict::Broken { writer, number, fault } => {
                let fault = match fault {
                    Fault::Missing => "missing",
                    Fault::Altered => "altered",
                    Fault::Cut => "cut",
                };
                let broken = BrokenView { writer: writer.clone(), number: *number, fault };
                Self { compared_heads: heads, broken: Some(broken), ..Self::default() }
            }
        }
    }
}

/// How many entries were checked.
fn records(verified: &Verified) -> u64 {
    match (verified.first, verified.last) {
        (Some((first, _)), Some((last, _))) => last - first + 1,
        _ => 0,
    }
}

impl EndView {
    fn of((number, at): (u64, Timestamp)) -> Self {
        Self { number, at: time(Some(at)) }
    }
}

impl RetentionView {
    /// Describes a retention.
    pub fn of(retention: &Retention, now: Timestamp) -> Self {
        Self {
            keep_seconds: retention.keep.map(|time| time.as_secs()),
            in_force_seconds: retention.in_force(now).map(|time| time.as_secs()),
            takes_effect: time(Some(retention.takes_effect())),
        }
    }
}
