//! Whether the chains are whole.

use lanyard_vault::Mac;
use serde::{Deserialize, Serialize};

use super::{AuditAction, Head, Link, columns, sequence};
use crate::engine::{Row, sql};
use crate::{Store, StoreError};

/// What came of verifying the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditVerdict {
    /// Every record of every chain is as it was written, up to these heads. Whether a tail was cut shows only against heads that
    /// were exported before.
    Intact(Vec<Head>),
    /// The first record that is not, or that is missing.
    Broken {
        /// Whose chain.
        writer: String,
        /// The record's place in it.
        sequence: u64,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The record is not there, and later ones are.
    Missing,
    /// The record, or one before it, is not what was written, or not in its place.
    Altered,
    /// The chain ends before the record that an exported head names.
    Cut,
}

/// How many records are read at once.
const PAGE: u32 = 1000;

impl Store {
    /// Recomputes every chain, and compares it with the heads that were exported before, if any are given.
    pub async fn verify_audit(&self, expected: &[Head]) -> Result<AuditVerdict, StoreError> {
        let mut heads: Vec<Head> = Vec::new();
        // Every home has a record of its making: without it a whole chain, or all of them, were removed.
        let mut begins = false;
        loop {
            let (writer, after) = heads.last().map_or(("", 0), |head| (head.writer.as_str(), head.sequence));
            let page = sql("audit", SELECT_PAGE).bind(writer).bind(after).bind(PAGE);
            let rows = self.engine().rows(page).await?;
            for row in &rows {
                begins = begins || (sequence(row)? == 1 && row.str("action")? == AuditAction::HomeCreated.as_str());
                if let Some(broken) = self.verify_record(&mut heads, row, expected)? {
                    return Ok(broken);
                }
            }
            if rows.len() < PAGE as usize {
                break;
            }
        }
        let cut = expected.iter().find(|head| {
            let found = heads.iter().find(|found| found.writer == head.writer);
            found.is_none_or(|found| found.sequence < head.sequence)
        });
        if !begins && cut.is_none() {
            let writer = self.process().host.to_string();
            return Ok(AuditVerdict::Broken { writer, sequence: 1, fault: Fault::Missing });
        }
        Ok(match cut {
            Some(head) => {
                AuditVerdict::Broken { writer: head.writer.clone(), sequence: head.sequence, fault: Fault::Cut }
            }
            None => AuditVerdict::Intact(heads),
        })
    }

    /// Moves the head of the record's chain on to it, or says what is wrong.
    fn verify_record(
        &self,
        heads: &mut Vec<Head>,
        row: &Row,
        expected: &[Head],
    ) -> Result<Option<AuditVerdict>, StoreError> {
        let writer = row.text("writer")?;
        if heads.last().is_none_or(|head| head.writer != writer) {
            heads.push(Head { writer: writer.clone(), sequence: 0, mac: Mac::BEGINNING });
        }
        let head = heads.last_mut().expect("one was pushed if there was none");
        let next = head.sequence.saturating_add(1);
        let broken = |fault| Ok(Some(AuditVerdict::Broken { writer: writer.clone(), sequence: next, fault }));
        if sequence(row)? != next {
            return broken(Fault::Missing);
        }
        let (action, actor, detail) = (row.text("action")?, row.text("actor")?, row.text("detail")?);
        let (id, name) = (row.optional_text("credential_id")?, row.optional_text("credential_name")?);
        let link = Link {
            writer: &writer,
            sequence: next,
            at: row.integer("at")?,
            action: &action,
            credential_id: id.as_deref(),
            credential_name: name.as_deref(),
            actor: &actor,
            detail: &detail,
        };
        let mac = self.inner.audit_key.chain(&head.mac, &link.encode());
        let same_head = |known: &Head| known.writer != writer || known.sequence != next || known.mac == mac;
        if Mac::from_bytes(&row.bytes("mac")?) != Some(mac) || !expected.iter().all(same_head) {
            return broken(Fault::Altered);
        }
        head.sequence = next;
        head.mac = mac;
        Ok(None)
    }
}

const SELECT_PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE writer > $1 OR (writer = $1 AND sequence > $2) ORDER BY writer, sequence LIMIT $3"
);
