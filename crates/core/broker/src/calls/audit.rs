//! What was done, and by whom.

use lanyard_store::{AuditEntry, AuditVerdict, Head};
use serde::{Deserialize, Serialize};

use crate::{Broker, Call, Error};

/// The latest records, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadAudit {
    /// How many at most.
    pub limit: u32,
}

impl Call for ReadAudit {
    type Reply = Vec<AuditEntry>;

    async fn run(self, broker: &Broker) -> Result<Vec<AuditEntry>, Error> {
        let mut entries = broker.store.audit(self.limit).await?;
        entries.reverse();
        Ok(entries)
    }
}

/// Checks every record against its chain, and the chains' ends against heads that were exported earlier.
#[derive(Debug, Serialize, Deserialize)]
pub struct VerifyAudit {
    /// Heads kept elsewhere: without them a chain whose end was cut off looks whole.
    pub heads: Vec<Head>,
}

impl Call for VerifyAudit {
    type Reply = AuditVerdict;

    async fn run(self, broker: &Broker) -> Result<AuditVerdict, Error> {
        Ok(broker.store.verify_audit(&self.heads).await?)
    }
}
