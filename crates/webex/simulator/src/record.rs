//! The calls received and the replies sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// The oldest entries are forgotten past this number.
const MOST_ENTRIES: usize = 100_000;

/// Every call outside the control plane, in the order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Record {
    entries: VecDeque<Entry>,
    next: u64,
}

/// A call. A token appears as its fingerprint: the first 12 hexadecimal digits of its SHA-256.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "RecordedCall")]
pub(crate) struct Entry {
    sequence: u64,
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Timestamp,
    #[serde(flatten)]
    call: Call,
    issued_refresh_token_fingerprint: Option<String>,
    issued_access_token_fingerprint: Option<String>,
    /// The status of the reply, sent or not.
    status: Option<u16>,
    /// Whether the call had its effect.
    effect: bool,
    /// Whether the operating system took the reply's last byte.
    #[schemars(with = "bool")]
    reply_sent: Sent,
}

/// The request of a recorded call.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// The path without the query, which may hold a secret.
    pub(crate) path: String,
    pub(crate) client_id: Option<String>,
    pub(crate) grant_type: Option<String>,
    pub(crate) refresh_token_fingerprint: Option<String>,
    /// The fingerprint of the bearer token, valid or not.
    pub(crate) access_token_fingerprint: Option<String>,
}

/// The outcome of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) status: Option<StatusCode>,
    pub(crate) effect: bool,
    pub(crate) issued_refresh_token_fingerprint: Option<String>,
    pub(crate) issued_access_token_fingerprint: Option<String>,
}

/// Set once the operating system has taken a reply's last byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<AtomicBool>);

/// Which entry an outcome belongs to.
#[derive(Debug)]
pub(crate) struct Ticket {
    sequence: u64,
    pub(crate) sent: Sent,
}

impl Sent {
    pub(crate) fn mark(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Serialize for Sent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self.0.load(Ordering::Acquire))
    }
}

impl Record {
    /// Writes down that a call arrived.
    pub(crate) fn received(&mut self, call: Call, at: Timestamp) -> Ticket {
        let ticket = Ticket { sequence: self.next, sent: Sent::default() };
        self.next += 1;
        if self.entries.len() == MOST_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            sequence: ticket.sequence,
            at,
            call,
            issued_refresh_token_fingerprint: None,
            issued_access_token_fingerprint: None,
            status: None,
            effect: false,
            reply_sent: ticket.sent.clone(),
        });
        ticket
    }

    /// Writes down what came of it; nothing when the entry was cleared meanwhile.
    pub(crate) fn came_out(&mut self, ticket: &Ticket, outcome: Outcome) {
        if let Ok(index) = self.entries.binary_search_by_key(&ticket.sequence, |entry| entry.sequence) {
            let entry = &mut self.entries[index];
            entry.status = outcome.status.map(|status| status.as_u16());
            entry.effect = outcome.effect;
            entry.issued_refresh_token_fingerprint = outcome.issued_refresh_token_fingerprint;
            entry.issued_access_token_fingerprint = outcome.issued_access_token_fingerprint;
        }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }

    /// Forgets everything; sequence numbers go on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_that_arrives_after_a_clearing_lands_nowhere() {
        let mut record = Record::default();
        let early = record.received(Call::default(), Timestamp::UNIX_EPOCH);
        record.clear();
        let late = record.received(Call::default(), Timestamp::UNIX_EPOCH);
        record.came_out(&early, Outcome { effect: true, ..Outcome::default() });
        let entries = record.entries();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].sequence, entries[0].effect), (late.sequence, false));
    }
}
