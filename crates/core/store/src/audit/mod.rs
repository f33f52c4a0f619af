//! The audit: who did what, in chains that show whether somebody altered them.
//!
//! Each writer (on SQLite: each host) has a chain of its own. A record's mac covers the record and the mac before it, under a key
//! derived from the home's own data key. Whoever can write the database can cut off a chain's tail and nobody sees it, unless a
//! [`Head`] was exported before and is compared.

mod head;
mod verify;

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_vault::Mac;
use serde::{Deserialize, Serialize};

pub use self::head::HeadError;
pub use self::verify::{AuditVerdict, Fault};
use crate::engine::{Reach, Row, sql};
use crate::write::{Purpose, Tx};
use crate::{Store, StoreError};

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// The time, in milliseconds.
    pub at: Timestamp,
    /// The event.
    pub action: AuditAction,
    /// With which credential: its id, and what it was called then.
    pub credential: Option<(CredentialId, CredentialName)>,
    /// The actor.
    pub actor: String,
    /// The rest, for a person. Holds no secret.
    pub detail: String,
}

/// A record in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Whose chain it is in.
    pub writer: String,
    /// Its place in the chain, from 1 on.
    pub sequence: u64,
    /// The record.
    pub record: AuditRecord,
}

/// The end of a chain. Exported and kept elsewhere, it shows later whether the chain was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose chain.
    pub writer: String,
    /// Its last record's place.
    pub sequence: u64,
    /// That record's mac.
    pub mac: Mac,
}

/// Declares the actions with their words.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum AuditAction {
            $($(#[$doc])* $name,)+
        }

        impl AuditAction {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

actions! {
    /// The home was made.
    HomeCreated = "home-created",
    /// The home's key began to be replaced by another.
    KeyRotationBegun = "key-rotation-begun",
    /// The home's key was replaced: nothing stands under the old one any more.
    KeyRotated = "key-rotated",
    /// Every row that holds secrets got a new data key.
    DataKeysRenewed = "data-keys-renewed",
    /// A copy of the store was made.
    BackedUp = "backed-up",
    /// The home was made from such a copy, and keeps still.
    Restored = "restored",
    /// The home goes on.
    Resumed = "resumed",
    /// An app was added.
    AppAdded = "app-added",
    /// An app's scopes, redirect URIs or application id were changed.
    AppChanged = "app-changed",
    /// An app was removed.
    AppRemoved = "app-removed",
    /// An app's client secret was replaced.
    AppSecretReplaced = "app-secret-replaced",
    /// A client was added.
    ClientAdded = "client-added",
    /// The policy of a client was changed.
    ClientChanged = "client-changed",
    /// A client was removed.
    ClientRemoved = "client-removed",
    /// Clients of a version that kept no list of them were taken into the list.
    ClientsAdopted = "clients-adopted",
    /// The apps and credentials of a version that did not seal its rows were sealed.
    RowsSealed = "rows-sealed",
    /// A credential was added.
    Added = "added",
    /// A credential was signed in anew.
    SignedIn = "signed-in",
    /// A refresh token was pasted; whether Webex accepts it shows when it is spent next.
    RefreshTokenStored = "refresh-token-stored",
    /// The tokens from before a pasted refresh token were put back: that was not accepted.
    TokensPutBack = "tokens-put-back",
    /// A grant was minted through another credential.
    Minted = "minted",
    /// A credential got another name.
    Renamed = "renamed",
    /// A credential's labels were changed.
    Labelled = "labelled",
    /// A credential was switched off.
    Disabled = "disabled",
    /// A credential was switched on.
    Enabled = "enabled",
    /// How a credential stands was changed otherwise.
    StandingChanged = "standing-changed",
    /// A token was looked at, and something about it was new.
    Checked = "checked",
    /// Webex did not accept a token that should have been valid.
    TokenRefused = "token-refused",
    /// A token was handed out.
    HandedOut = "handed-out",
    /// A hand-out, or another request, was refused.
    Refused = "refused",
    /// A request that changes nothing was answered.
    Answered = "answered",
    /// An exchange was begun.
    Intent = "intent",
    /// An exchange was begun in place of one whose writer is gone.
    Recovered = "recovered",
    /// A token set was replaced by the next.
    Rotated = "rotated",
    /// An answer came when another had been faster.
    Overtaken = "overtaken",
    /// The refresh token of such an answer was kept.
    SpareKept = "spare-kept",
    /// A rotation failed.
    Failed = "failed",
    /// Clearing was begun.
    Clearing = "clearing",
    /// A credential was cleared: erased with its data key.
    Cleared = "cleared",
    /// A credential was erased without revoking anything.
    Removed = "removed",
    /// A token was revoked.
    Revoked = "revoked",
    /// A token was not revoked, and is waited for no longer.
    NotRevoked = "not-revoked",
}

impl AuditAction {
    /// Whether the credential is another afterwards, as whoever hands it out or renews it sees it.
    pub(crate) fn changes_credential(self) -> bool {
        match self {
            Self::Added
            | Self::SignedIn
            | Self::RefreshTokenStored
            | Self::TokensPutBack
            | Self::Minted
            | Self::Renamed
            | Self::Labelled
            | Self::Disabled
            | Self::Enabled
            | Self::StandingChanged
            | Self::Checked
            | Self::Rotated
            | Self::Failed
            | Self::Clearing
            | Self::Cleared
            | Self::Removed => true,
            Self::HomeCreated
            | Self::KeyRotationBegun
            | Self::KeyRotated
            | Self::DataKeysRenewed
            | Self::BackedUp
            | Self::Restored
            | Self::Resumed
            | Self::AppAdded
            | Self::AppChanged
            | Self::AppRemoved
            | Self::AppSecretReplaced
            | Self::ClientAdded
            | Self::ClientChanged
            | Self::ClientRemoved
            | Self::ClientsAdopted
            | Self::RowsSealed
            | Self::TokenRefused
            | Self::HandedOut
            | Self::Refused
            | Self::Answered
            | Self::Intent
            | Self::Recovered
            | Self::Overtaken
            | Self::SpareKept
            | Self::Revoked
            | Self::NotRevoked => false,
        }
    }
}

impl Store {
    /// Appends a record that belongs to no change of the store: a hand-out, a refusal.
    pub async fn append_audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.append_audits(std::slice::from_ref(record)).await
    }

    /// The same for several, in one transaction: all of them or none.
    pub async fn append_audits(&self, records: &[AuditRecord]) -> Result<(), StoreError> {
        self.write_within(Reach::Audit, Purpose::Work, |mut tx| async move {
            for record in records {
                tx.append(record.clone());
            }
            tx.commit(()).await
        })
        .await
    }

    /// The last `limit` records of all chains, newest first.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        self.audit_about(None, None, limit).await
    }

    /// The last `limit` records of a credential, or of all, since a moment, or ever; newest first.
    ///
    /// A name selects the records under that name, whichever credential had it, and those of the credential that has it now.
    pub async fn audit_about(
        &self,
        name: Option<&CredentialName>,
        since: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let latest = sql("audit", SELECT_LATEST).bind(limit).bind(since).bind(name.map(CredentialName::as_str));
        self.engine().rows(latest).await?.iter().map(read_entry).collect()
    }

    /// When something was last done with a credential.
    pub async fn last(&self, credential: CredentialId, action: AuditAction) -> Result<Option<Timestamp>, StoreError> {
        let found = sql("audit", SELECT_ONE).bind(credential.to_string()).bind(action.as_str());
        self.engine().row(found).await?.map(|row| row.timestamp("at")).transpose()
    }

    /// The records since `since`, oldest first.
    pub async fn audit_since(&self, since: Timestamp) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = self.engine().rows(sql("audit", SELECT_SINCE).bind(since)).await?;
        rows.iter().map(read_entry).collect()
    }

    /// The ends of all chains, to be kept elsewhere.
    pub async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let rows = self.engine().rows(sql("audit", SELECT_HEADS)).await?;
        rows.iter()
            .map(|row| Ok(Head { writer: row.text("writer")?, sequence: sequence(row)?, mac: mac(row)? }))
            .collect()
    }

    /// Appends what a transaction recorded to this writer's chain, within the transaction.
    pub(crate) async fn write_records(&self, tx: &mut Tx, records: &[AuditRecord]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let writer = &*self.process().host;
        let last = tx.row(sql("audit", SELECT_LAST).bind(writer)).await?;
        let (mut last, mut previous) = match &last {
            Some(last) => (sequence(last)?, mac(last)?),
            None => (0, Mac::BEGINNING),
        };
        for record in records {
            last = last.saturating_add(1);
            let (id, name) = match &record.credential {
                Some((id, name)) => (Some(id.to_string()), Some(name.as_str())),
                None => (None, None),
            };
            let link = Link {
                writer,
                sequence: last,
                at: record.at.as_millisecond(),
                action: record.action.as_str(),
                credential_id: id.as_deref(),
                credential_name: name,
                actor: &record.actor,
                detail: &record.detail,
            };
            previous = self.inner.audit_key.chain(&previous, &link.encode());
            let insert = sql("audit", INSERT)
                .bind(writer)
                .bind(last)
                .bind(record.at)
                .bind(link.action)
                .bind(link.credential_id)
                .bind(link.credential_name)
                .bind(link.actor)
                .bind(link.detail)
                .bind(previous.as_bytes());
            tx.run(insert).await?;
        }
        Ok(())
    }
}

/// A record as its mac covers it.
struct Link<'a> {
    writer: &'a str,
    sequence: u64,
    at: i64,
    action: &'a str,
    credential_id: Option<&'a str>,
    credential_name: Option<&'a str>,
    actor: &'a str,
    detail: &'a str,
}

impl Link<'_> {
    /// An encoding that differs for any two records: numbers are of fixed length, each text is preceded by its length, and a missing
    /// one by a length that no text has.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.at.to_be_bytes());
        let texts = [
            Some(self.writer),
            Some(self.action),
            self.credential_id,
            self.credential_name,
            Some(self.actor),
            Some(self.detail),
        ];
        for text in texts {
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        out
    }
}

pub(crate) fn read_entry(row: &Row) -> Result<AuditEntry, StoreError> {
    let word = row.text("action")?;
    let action = AuditAction::ALL.iter().copied().find(|action| action.as_str() == word);
    let id: Option<CredentialId> = row.optional_parsed("credential_id")?;
    let name: Option<CredentialName> = row.optional_parsed("credential_name")?;
    Ok(AuditEntry {
        writer: row.text("writer")?,
        sequence: sequence(row)?,
        record: AuditRecord {
            at: row.timestamp("at")?,
            action: action.ok_or_else(|| row.impossible("action"))?,
            credential: id.zip(name),
            actor: row.text("actor")?,
            detail: row.text("detail")?,
        },
    })
}

fn sequence(row: &Row) -> Result<u64, StoreError> {
    u64::try_from(row.integer("sequence")?).map_err(|_| row.impossible("sequence"))
}

fn mac(row: &Row) -> Result<Mac, StoreError> {
    Mac::from_bytes(&row.bytes("mac")?).ok_or_else(|| row.impossible("mac"))
}

macro_rules! columns {
    () => {
        "writer, sequence, at, action, credential_id, credential_name, actor, detail, mac"
    };
}
pub(crate) use columns;

const SELECT_LAST: &str = "SELECT writer, sequence, mac FROM audit WHERE writer = $1 ORDER BY sequence DESC LIMIT 1";
const SELECT_LATEST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM audit WHERE ($2 IS NULL OR at >= $2) AND ($3 IS NULL OR credential_name = $3 \
        OR credential_id = (SELECT id FROM credentials WHERE name = $3)) ORDER BY at DESC, writer, sequence DESC LIMIT $1"
);
const SELECT_SINCE: &str = concat!("SELECT ", columns!(), " FROM audit WHERE at >= $1 ORDER BY at, writer, sequence");
pub(crate) const SELECT_ONE: &str =
    "SELECT at FROM audit WHERE credential_id = $1 AND action = $2 ORDER BY at DESC LIMIT 1";
const SELECT_HEADS: &str = "SELECT writer, sequence, mac FROM audit AS a WHERE sequence = \
     (SELECT MAX(b.sequence) FROM audit AS b WHERE b.writer = a.writer) ORDER BY writer";
const INSERT: &str = concat!("INSERT INTO audit (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

    use super::*;
    use crate::{clients, holders, migration};

    /// The audit has millions of records, and these are asked with every refused token, renewal or look at a client.
    #[tokio::test]
    async fn the_frequent_questions_never_scan_the_audit() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for script in migration::scripts() {
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
        }
        let questions = [
            (SELECT_ONE, "audit_by_credential"),
            (holders::SELECT_HAND_OUTS, "audit_by_credential"),
            (clients::SELECT_HANDED, "audit_by_actor"),
            (clients::SELECT_LAST_HANDED, "audit_by_actor"),
            (SELECT_LAST, "sqlite_autoindex_audit_1"),
            (SELECT_SINCE, "audit_by_time"),
        ];
        for (question, index) in questions {
            let plan = format!("EXPLAIN QUERY PLAN {question}");
            let rows = sqlx::raw_sql(AssertSqlSafe(plan)).fetch_all(&mut connection).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{question}: {steps:?}");
            assert!(steps.iter().any(|step| step.contains(index)), "{question}: {steps:?}");
        }
    }
}
