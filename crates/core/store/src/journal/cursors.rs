//! Named readers of the journal: each reads on from where it stopped, whichever process it runs in.

use super::{JournalEntry, Position, TABLE, columns, integer, mac, read_entry};
use crate::engine::{Reach, Row, sql};
use crate::write::Purpose;
use crate::{Store, StoreError};

/// Entries after a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPage {
    /// The entries, oldest first.
    pub entries: Vec<JournalEntry>,
    /// The position of the last of them, to read on from.
    pub position: Position,
    /// Whether the journal goes on from the position that was asked from. If not, entries were pruned before they were read, or the
    /// database is an earlier or another one; there are no entries here.
    pub follows: bool,
}

impl Store {
    /// The entries after a position, `limit` at most.
    pub async fn journal_after(&self, position: Position, limit: u32) -> Result<JournalPage, StoreError> {
        let mut page = JournalPage { entries: Vec::new(), position, follows: true };
        if !self.is_in_journal(position).await? {
            page.follows = false;
            return Ok(page);
        }
        for row in self.engine().rows(sql(TABLE, SELECT_AFTER).bind(position.number).bind(limit)).await? {
            let number = integer(&row, "number")?;
            // A writer of the database must not make an entry that people are told of.
            let is_next = number == page.position.number.saturating_add(1);
            if !is_next || mac(&row)? != self.mac_after(&page.position.mac, &row)? {
                page.follows = page.position != position;
                break;
            }
            page.position = Position { number, mac: mac(&row)? };
            page.entries.push(read_entry(&row)?);
        }
        Ok(page)
    }

    /// How far a reader has come; `None` before its first step.
    pub async fn cursor(&self, consumer: &str) -> Result<Option<Position>, StoreError> {
        let row = self.engine().row(sql(CURSORS, SELECT_CURSOR).bind(consumer)).await?;
        row.as_ref().map(read).transpose()
    }

    /// Moves a reader on, if it still is where it was read to be. `false` if another process has moved it in the meantime.
    pub async fn advance(&self, consumer: &str, from: Option<Position>, to: Position) -> Result<bool, StoreError> {
        self.write_within(Reach::Journal, Purpose::Work, |mut tx| async move {
            let mac = to.mac.as_bytes();
            let step = match from {
                None => sql(CURSORS, INSERT_CURSOR).bind(consumer).bind(to.number).bind(mac),
                Some(from) => sql(CURSORS, UPDATE_CURSOR)
                    .bind(consumer)
                    .bind(to.number)
                    .bind(mac)
                    .bind(from.number)
                    .bind(from.mac.as_bytes()),
            };
            if tx.run(step).await? == 0 {
                return tx.abandon(false).await;
            }
            tx.commit(true).await
        })
        .await
    }
}

fn read(row: &Row) -> Result<Position, StoreError> {
    Ok(Position { number: integer(row, "number")?, mac: mac(row)? })
}

const CURSORS: &str = "cursors";
pub(crate) const SELECT_AFTER: &str =
    concat!("SELECT ", columns!(), " FROM journal WHERE number > $1 ORDER BY number LIMIT $2");
pub(crate) const SELECT_CURSOR: &str = "SELECT consumer, number, mac FROM cursors WHERE consumer = $1";
const INSERT_CURSOR: &str =
    "INSERT INTO cursors (consumer, number, mac) VALUES ($1, $2, $3) ON CONFLICT (consumer) DO NOTHING";
const UPDATE_CURSOR: &str = "UPDATE cursors SET number = $2, mac = $3 WHERE consumer = $1 AND number = $4 AND mac = $5";
