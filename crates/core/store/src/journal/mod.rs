//! The journal: what happened, who did it, and what it changed, in one chain that shows whether somebody altered it.
//!
//! An entry is appended by the transaction that makes the change, so that there is never one without the other. Entries are numbered
//! without gaps, and numbers become visible in their order: a reader that has seen a number has seen all before it. An entry's mac covers
//! the entry and the mac before it, under a key derived from the home's own data key. A writer of the database can cut off the end of the
//! chain: that shows against a [`Head`] that was exported, and to a broker that remembers it.

mod changes;
mod cursors;
mod earlier;
mod head;
mod holders;
mod prune;
mod record;
mod retention;
mod told;
mod verify;

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_vault::Mac;
use serde::{Deserialize, Serialize};

pub use self::changes::Changes;
pub use self::cursors::JournalPage;
#[cfg(test)]
pub(crate) use self::earlier::chain as earlier_chain;
pub use self::head::{Head, HeadError};
pub use self::prune::Pruned;
pub use self::retention::{DEFAULT_RETENTION, Retention, SHORTEST_RETENTION};
pub use self::verify::{AuditVerdict, Fault, PrunedNote, Verified};
use crate::engine::{Reach, Row, sql};
use crate::event::{About, Event, EventKind, JournalRecord, credential_column};
use crate::write::Purpose;
use crate::{Store, StoreError};

/// A record in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its place, from 1 on.
    pub number: u64,
    /// The host of the process that wrote it.
    pub writer: String,
    /// The record.
    pub record: JournalRecord,
    /// Its mac, in hexadecimal digits: with the number it tells the entry from all others.
    pub mac: String,
}

/// A place in the journal. The mac tells it from the same number in another history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The number of the last entry that was read; 0 before the first.
    pub number: u64,
    /// That entry's mac.
    pub mac: Mac,
}

impl Position {
    /// Before the first entry.
    pub const BEGINNING: Self = Self { number: 0, mac: Mac::BEGINNING };
}

impl Default for Position {
    fn default() -> Self {
        Self::BEGINNING
    }
}

impl Store {
    /// Fails if the setting of how long entries are kept was altered, or if there are entries beyond the journal's end, in whose places no
    /// entry can be written. Whether the entries themselves are as they were written takes longer to [verify](Self::verify_audit).
    pub async fn check_journal(&self) -> Result<(), StoreError> {
        self.journal_counter().await?;
        self.journal_retention().await?;
        match self.engine().row(sql(TABLE, SELECT_BEYOND)).await? {
            Some(row) => Err(StoreError::Altered { table: TABLE, row: row.integer("number")?.to_string() }),
            None => Ok(()),
        }
    }

    /// Appends a record that belongs to no change of the store: a hand-out, a refusal.
    pub async fn append(&self, record: &JournalRecord) -> Result<(), StoreError> {
        self.append_all(std::slice::from_ref(record)).await
    }

    /// Appends several records in one transaction: all of them or none.
    pub async fn append_all(&self, records: &[JournalRecord]) -> Result<(), StoreError> {
        self.write_within(Reach::Journal, Purpose::Work, |mut tx| async move {
            for record in records {
                tx.append(record.clone());
            }
            tx.commit(()).await
        })
        .await
    }

    /// The last `limit` entries, newest first.
    pub async fn audit(&self, limit: u32) -> Result<Vec<JournalEntry>, StoreError> {
        self.audit_about(None, None, limit).await
    }

    /// The last `limit` entries about a credential, or all, since a moment, or ever; newest first.
    ///
    /// A name selects the entries under that name, whichever credential had it, and those of the credential that has it now.
    pub async fn audit_about(
        &self,
        name: Option<&CredentialName>,
        since: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<JournalEntry>, StoreError> {
        let latest = sql(TABLE, SELECT_LATEST).bind(limit).bind(since).bind(name.map(CredentialName::as_str));
        self.engine().rows(latest).await?.iter().map(read_entry).collect()
    }

    /// When something last happened to a credential.
    pub async fn last(&self, credential: CredentialId, kind: EventKind) -> Result<Option<Timestamp>, StoreError> {
        let found = sql(TABLE, SELECT_ONE).bind(credential_column(credential)).bind(kind.as_str());
        self.engine().row(found).await?.map(|row| row.timestamp("at")).transpose()
    }

    /// The entries since `since`, oldest first.
    pub async fn audit_since(&self, since: Timestamp) -> Result<Vec<JournalEntry>, StoreError> {
        let rows = self.engine().rows(sql(TABLE, SELECT_SINCE).bind(since)).await?;
        rows.iter().map(read_entry).collect()
    }

    /// The end of the journal.
    pub async fn journal_end(&self) -> Result<Position, StoreError> {
        Ok(self.journal_counter().await?.end())
    }
}

pub(crate) fn read_entry(row: &Row) -> Result<JournalEntry, StoreError> {
    Ok(JournalEntry {
        number: integer(row, "number")?,
        writer: row.text("writer")?,
        record: JournalRecord {
            at: row.timestamp("at")?,
            about: About::read(row)?,
            actor: row.text("actor")?,
            event: event_of(row)?,
        },
        mac: mac(row)?.to_string(),
    })
}

/// The event of an entry.
pub(crate) fn event_of(row: &Row) -> Result<Event, StoreError> {
    match earlier::sequence(row)? {
        Some(_) => earlier::event(row),
        None => read_event(row),
    }
}

/// The event of an entry of this version.
pub(crate) fn read_event(row: &Row) -> Result<Event, StoreError> {
    let kind = EventKind::of(row.str("kind")?).ok_or_else(|| row.impossible("kind"))?;
    let event = format!("{{\"kind\":\"{}\",\"payload\":{}}}", kind.as_str(), row.str("payload")?);
    serde_json::from_str(&event).map_err(|_| row.impossible("payload"))
}

fn integer(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.integer(column)?).map_err(|_| row.impossible(column))
}

fn mac(row: &Row) -> Result<Mac, StoreError> {
    Mac::from_bytes(&row.bytes("mac")?).ok_or_else(|| row.impossible("mac"))
}

/// Each text is preceded by its length, and a missing one is a length that no text has.
fn encode_texts(out: &mut Vec<u8>, texts: &[Option<&str>]) {
    for text in texts {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(text.unwrap_or_default().as_bytes());
    }
}

pub(crate) const TABLE: &str = "journal";

macro_rules! columns {
    () => {
        "number, at, kind, about, name, actor, writer, sequence, payload, mac"
    };
}
pub(crate) use columns;

const SELECT_LATEST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM journal WHERE ($2 IS NULL OR at >= $2) AND ($3 IS NULL OR name = $3 \
        OR about = (SELECT 'credential/' || id FROM credentials WHERE name = $3)) ORDER BY at DESC, number DESC LIMIT $1"
);
const SELECT_SINCE: &str = concat!("SELECT ", columns!(), " FROM journal WHERE at >= $1 ORDER BY at, number");
const SELECT_BEYOND: &str = "SELECT number FROM journal WHERE number > (SELECT number FROM journal_head WHERE id = 1) \
     ORDER BY number LIMIT 1";
const SELECT_ONE: &str = "SELECT at FROM journal WHERE about = $1 AND kind = $2 ORDER BY at DESC LIMIT 1";

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

    use super::*;
    use crate::engine::SELECT_HEAD;
    use crate::{clients, migration};

    /// The journal has millions of entries, and these are asked with every refused token, renewal or look at a client.
    #[tokio::test]
    async fn the_frequent_questions_never_scan_the_journal() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for script in migration::scripts() {
            sqlx::raw_sql(script).execute(&mut connection).await.unwrap();
        }
        let questions = [
            (SELECT_ONE, "journal_by_about"),
            (SELECT_SINCE, "journal_by_time"),
            (holders::SELECT_HAND_OUTS, "journal_by_about"),
            (clients::SELECT_HANDED, "journal_by_actor"),
            (clients::SELECT_LAST_HANDED, "journal_by_actor"),
            (changes::SELECT_NEW, "sqlite_autoindex_journal_1"),
            (changes::SELECT_MAC, "sqlite_autoindex_journal_1"),
            (verify::SELECT_PAGE, "sqlite_autoindex_journal_1"),
            (cursors::SELECT_AFTER, "sqlite_autoindex_journal_1"),
            (cursors::SELECT_CURSOR, "sqlite_autoindex_cursors_1"),
            (prune::SELECT_OLDEST, "sqlite_autoindex_journal_1"),
            (prune::SELECT_BETWEEN, "journal_by_time"),
            (prune::SELECT_ENTRY, "sqlite_autoindex_journal_1"),
            (prune::DELETE, "sqlite_autoindex_journal_1"),
            (told::SELECT_TOLD, "journal_by_kind"),
            (told::SELECT_LAST, "journal_by_kind"),
            (told::SELECT_LAST_OF, "journal_by_kind"),
            (told::SELECT_DELETION, "journal_by_about"),
            (SELECT_HEAD, "sqlite_autoindex_journal_head_1"),
        ];
        for (question, index) in questions {
            let plan = format!("EXPLAIN QUERY PLAN {question}");
            let rows = sqlx::raw_sql(AssertSqlSafe(plan)).fetch_all(&mut connection).await.unwrap();
            let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
            assert!(steps.iter().all(|step| !step.starts_with("SCAN")), "{question}: {steps:?}");
            assert!(steps.iter().any(|step| step.contains(index)), "{question}: {steps:?}");
        }
    }

    #[test]
    fn every_kind_has_a_word_of_its_own_that_reads_back() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::of(kind.as_str()), Some(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.as_str()));
            assert!(kind.as_str().bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()));
        }
    }
}
