//! Appending to the journal, as the last thing of a transaction.

use lanyard_credential::CredentialId;
use lanyard_vault::Mac;

use super::{Position, TABLE, columns, encode_texts, integer, mac};
use crate::engine::{Row, sql};
use crate::event::{About, ChainEnd, Event, EventKind, JournalRecord, credential_column};
use crate::write::Tx;
use crate::{Store, StoreError};

/// The row that says where the journal ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    pub(super) number: u64,
    /// `None` before the first entry of this version.
    pub(super) mac: Option<Mac>,
    /// The number of the latest anchor.
    pub(super) anchor: Option<u64>,
}

impl Counter {
    pub(super) fn read(row: Option<Row>) -> Result<Self, StoreError> {
        let row =
            row.ok_or_else(|| StoreError::Damaged("the row that says where the journal ends is missing".to_owned()))?;
        let mac = if row.holds("mac")? { Some(mac(&row)?) } else { None };
        let anchor = row.optional_integer("anchor")?;
        let anchor = anchor.map(|number| u64::try_from(number).map_err(|_| row.impossible("anchor"))).transpose()?;
        Ok(Self { number: integer(&row, "number")?, mac, anchor })
    }

    /// The position of the last entry. Entries of an earlier version alone are no position.
    pub(super) fn end(self) -> Position {
        self.mac.map_or(Position::BEGINNING, |mac| Position { number: self.number, mac })
    }
}

impl Store {
    /// Appends what a transaction recorded, within the transaction. Takes its last lock.
    pub(crate) async fn write_records(&self, tx: &mut Tx, records: &[JournalRecord]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let counter = Counter::read(tx.lock_counter().await?)?;
        let mut end = Position { number: counter.number, mac: counter.mac.unwrap_or(Mac::BEGINNING) };
        if counter.mac.is_none() {
            self.begin_retention(tx).await?;
            if counter.number > 0 {
                let begun = self.journal_begun(tx).await?;
                end = self.write_record(tx, end, &begun).await?;
            }
        }
        let mut anchor = counter.anchor;
        for record in records {
            end = self.write_record(tx, end, record).await?;
            if matches!(record.event, Event::JournalPruned { .. }) {
                anchor = Some(end.number);
            }
        }
        let head = sql("journal_head", UPDATE_HEAD).bind(end.number).bind(end.mac.as_bytes()).bind(anchor);
        tx.run(head).await?;
        Ok(())
    }

    async fn write_record(&self, tx: &mut Tx, after: Position, record: &JournalRecord) -> Result<Position, StoreError> {
        let number = after.number.saturating_add(1);
        let event = serde_json::to_value(&record.event).map_err(|error| unwritable(&error))?;
        let payload = event.get("payload").map(ToString::to_string).unwrap_or_default();
        let about = record.about.column();
        let actor = without_nul(&record.actor);
        let link = Link {
            number,
            at: record.at.as_millisecond(),
            kind: record.event.kind().as_str(),
            about: about.as_deref(),
            name: record.about.as_credential().map(|(_, name)| name.as_str()),
            actor: &actor,
            writer: &self.inner.parts.host,
            payload: &payload,
        };
        let mac = self.inner.audit_key.chain(&after.mac, &link.encode());
        let insert = sql(TABLE, INSERT)
            .bind(number)
            .bind(record.at)
            .bind(link.kind)
            .bind(link.about)
            .bind(link.name)
            .bind(link.actor)
            .bind(link.writer)
            .bind(None::<u32>)
            .bind(link.payload)
            .bind(mac.as_bytes());
        tx.run(insert).await.map_err(|error| taken(error, number))?;
        Ok(Position { number, mac })
    }

    /// The entry that follows those of an earlier version, and names the ends of their chains.
    async fn journal_begun(&self, tx: &mut Tx) -> Result<JournalRecord, StoreError> {
        let ends = tx.rows(sql(TABLE, SELECT_CHAIN_ENDS)).await?;
        let chains = ends.iter().map(|row| {
            let (writer, sequence) = (row.text("writer")?, integer(row, "sequence")?);
            Ok(ChainEnd { writer, sequence, mac: mac(row)?.to_string() })
        });
        let event = Event::JournalBegun { chains: chains.collect::<Result<_, StoreError>>()? };
        Ok(JournalRecord { at: tx.now().wall, about: About::Home, actor: self.actor.to_string(), event })
    }
}

impl Store {
    /// Whether Lanyard recorded that a credential was erased.
    pub(crate) async fn was_erased(&self, tx: &mut Tx, id: CredentialId) -> Result<bool, StoreError> {
        for kind in [EventKind::Cleared, EventKind::Removed] {
            let about = sql(TABLE, SELECT_ABOUT).bind(credential_column(id)).bind(kind.as_str());
            let Some(entry) = tx.row(about).await? else { continue };
            let before = integer(&entry, "number")?.saturating_sub(1);
            if let Some(before) = tx.row(sql(TABLE, SELECT_MAC).bind(before)).await?
                && mac(&entry)? == self.mac_after(&mac(&before)?, &entry)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The mac that an entry has if Lanyard wrote it after the one with the mac `previous`.
    pub(super) fn mac_after(&self, previous: &Mac, row: &Row) -> Result<Mac, StoreError> {
        Ok(self.inner.audit_key.chain(previous, &Link::read(row)?.encode()))
    }
}

/// An entry as its mac covers it.
pub(super) struct Link<'a> {
    pub(super) number: u64,
    pub(super) at: i64,
    pub(super) kind: &'a str,
    pub(super) about: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) actor: &'a str,
    pub(super) writer: &'a str,
    pub(super) payload: &'a str,
}

impl<'a> Link<'a> {
    pub(super) fn read(row: &'a Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: integer(row, "number")?,
            at: row.integer("at")?,
            kind: row.str("kind")?,
            about: row.optional_str("about")?,
            name: row.optional_str("name")?,
            actor: row.str("actor")?,
            writer: row.str("writer")?,
            payload: row.str("payload")?,
        })
    }

    /// An encoding that differs for any two entries, and from that of any entry of an earlier version, which begins with a small number.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(FORM);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.at.to_be_bytes());
        let texts = [Some(self.kind), self.about, self.name, Some(self.actor), Some(self.writer), Some(self.payload)];
        encode_texts(&mut out, &texts);
        out
    }
}

const FORM: &[u8; 8] = b"journal1";

/// `PostgreSQL` has no text with a NUL in it, and what is stored is what the mac covers.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// An entry is in the next one's place already: somebody else put it there.
fn taken(error: StoreError, number: u64) -> StoreError {
    match error {
        StoreError::Sqlx(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            StoreError::Altered { table: TABLE, row: number.to_string() }
        }
        error => error,
    }
}

fn unwritable(error: &serde_json::Error) -> StoreError {
    StoreError::Damaged(format!("an event has no form in JSON: {error}"))
}

const INSERT: &str = concat!("INSERT INTO journal (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
const SELECT_ABOUT: &str =
    concat!("SELECT ", columns!(), " FROM journal WHERE about = $1 AND kind = $2 ORDER BY at DESC LIMIT 1");
const SELECT_MAC: &str = "SELECT mac FROM journal WHERE number = $1";
const UPDATE_HEAD: &str = "UPDATE journal_head SET number = $1, mac = $2, anchor = $3 WHERE id = 1";
/// Entries of an earlier version are numbered by writer and place.
const SELECT_CHAIN_ENDS: &str = "SELECT writer, sequence, mac FROM journal WHERE number IN \
     (SELECT MAX(number) FROM journal WHERE sequence IS NOT NULL GROUP BY writer) ORDER BY writer";
