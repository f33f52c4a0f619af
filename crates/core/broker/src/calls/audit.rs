//! The audit: reading and verifying it.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::CredentialName;
use lanyard_operation::{Declaration, Operation};
use lanyard_store::{AuditVerdict, Head, JournalEntry, Retention};
use serde::{Deserialize, Serialize};

use crate::{Broker, Error};

operations![ReadAudit, VerifyAudit, KeepAudit, ShowAuditRetention];

/// Reads the latest entries of the journal, oldest first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadAudit {
    /// The credential they are about; `None` for all entries.
    pub name: Option<CredentialName>,
    /// The earliest moment; `None` for the beginning.
    pub since: Option<Timestamp>,
    /// How many at most.
    pub limit: u32,
}

impl Operation for ReadAudit {
    const DECLARED: Declaration = Declaration::read("audit.read");

    type Context = Broker;
    type Reply = Vec<JournalEntry>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<JournalEntry>, Error> {
        let Self { name, since, limit } = self;
        let mut entries = broker.store.audit_about(name.as_ref(), since, limit).await?;
        if let (Some(name), true) = (name, entries.is_empty()) {
            // A credential that was cleared still has its entries.
            broker.credential(&name).await?;
        }
        entries.reverse();
        Ok(entries)
    }
}

/// Checks every entry against the chain, and the chain against heads that were exported earlier.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyAudit {
    /// Heads kept elsewhere: without them a journal whose end was cut off looks whole.
    pub heads: Vec<Head>,
}

impl Operation for VerifyAudit {
    const DECLARED: Declaration = Declaration::read("audit.verify");

    type Context = Broker;
    type Reply = AuditVerdict;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<AuditVerdict, Error> {
        Ok(broker.store.verify_audit(&self.heads).await?)
    }
}

/// Changes how long the journal's entries are kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepAudit {
    /// How long; `None` for forever.
    pub keep: Option<Duration>,
}

impl Operation for KeepAudit {
    const DECLARED: Declaration = Declaration::change("audit.keep");

    type Context = Broker;
    type Reply = Retention;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Retention, Error> {
        Ok(broker.store.keep_journal(self.keep).await?)
    }
}

/// Tells how long the journal's entries are kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowAuditRetention;

impl Operation for ShowAuditRetention {
    const DECLARED: Declaration = Declaration::part("audit.retention");

    type Context = Broker;
    type Reply = Retention;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Retention, Error> {
        Ok(broker.store.journal_retention().await?)
    }
}
