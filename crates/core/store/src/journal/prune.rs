//! Pruning: the oldest entries go, and an entry at the end of the journal says which and who had them removed.
//!
//! That entry is the anchor: the journal is verified from the first entry that is kept, over the mac that the anchor has of the last one
//! that is not. Without an anchor an entry that is missing at the beginning is a fault.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_vault::Mac;

use super::changes::SELECT_MAC;
use super::record::Counter;
use super::verify::{SELECT_PAGE, Walk};
use super::{Position, TABLE, columns, integer, read_event};
use crate::engine::{Reach, Row, sql};
use crate::event::{About, ChainEnd, Event};
use crate::write::Purpose;
use crate::{Store, StoreError};

/// Entries that were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// The number of the last of them.
    pub up_to: u64,
    /// How many.
    pub entries: u64,
    /// Whether there are more to remove.
    pub more: bool,
}

/// So many entries are removed in one transaction at most.
const BATCH: u32 = 5000;

/// The oldest entry is that much older than it must be before anything is removed: one anchor a day is enough.
const SLACK: Duration = Duration::from_hours(24);

/// A silence longer than this, up to the day before, tells of a wall clock that was set forward, or of a home that was long out of use.
/// Pruning then waits for entries that are a day old, so that an owner sees that the time is wrong before anything is gone.
const SILENCE: Duration = Duration::from_hours(90 * 24);

/// Where the verification of the journal begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    /// The last entry that was pruned, with the mac that the next one is chained to.
    pub(super) at: Position,
    /// The chains of an earlier version, as far as they were pruned.
    pub(super) chains: BTreeMap<String, (u64, Mac)>,
    /// The anchor.
    pub(super) anchor: Option<Anchor>,
}

/// The entry that says how far the journal was pruned.
#[derive(Clone, Debug)]
pub(super) struct Anchor {
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) actor: String,
    pub(super) mac: Mac,
}

impl Start {
    /// Reads the anchor that the row `journal_head` names. `None` if that entry is not one.
    pub(super) fn read(anchor: Option<&Row>) -> Result<Option<Self>, StoreError> {
        let Some(row) = anchor else { return Ok(None) };
        let Ok(Event::JournalPruned { up_to, mac, chains, .. }) = read_event(row) else { return Ok(None) };
        let Ok(mac) = mac.parse() else { return Ok(None) };
        let chain = |end: ChainEnd| Some((end.writer, (end.sequence, end.mac.parse().ok()?)));
        let anchor = Anchor {
            number: integer(row, "number")?,
            at: row.timestamp("at")?,
            actor: row.text("actor")?,
            mac: super::mac(row)?,
        };
        let Some(chains) = chains.into_iter().map(chain).collect() else { return Ok(None) };
        Ok(Some(Self { at: Position { number: up_to, mac }, chains, anchor: Some(anchor) }))
    }

    /// Like [`read`](Self::read), if Lanyard wrote the anchor. `before` is the entry before it, which is gone if everything before the
    /// anchor was pruned; the anchor is then chained to the mac that it holds itself.
    pub(super) fn verified(store: &Store, anchor: &Row, before: Option<&Row>) -> Result<Option<Self>, StoreError> {
        let Some(start) = Self::read(Some(anchor))? else { return Ok(None) };
        let number = integer(anchor, "number")?;
        let previous = if start.at.number.saturating_add(1) == number {
            start.at.mac
        } else {
            let Some(before) = before else { return Ok(None) };
            super::mac(before)?
        };
        let written = store.mac_after(&previous, anchor)?;
        Ok(Some(start)
            .filter(|start| start.at.number < number && super::mac(anchor).is_ok_and(|found| found == written)))
    }
}

impl Store {
    /// Where the verification begins by the entry with that number. `None` if Lanyard did not write it as an anchor.
    pub(super) async fn anchored(&self, number: u64) -> Result<Option<Start>, StoreError> {
        let anchor = self.engine().row(sql(TABLE, SELECT_ENTRY).bind(number)).await?;
        let before = self.engine().row(sql(TABLE, SELECT_MAC).bind(number.saturating_sub(1))).await?;
        anchor.map_or(Ok(None), |anchor| Start::verified(self, &anchor, before.as_ref()))
    }

    /// Removes entries that are older than the retention that is in force, a part of them at a time. `None` if there is nothing to do.
    pub async fn prune_journal(&self) -> Result<Option<Pruned>, StoreError> {
        let retention = self.journal_retention().await?;
        let now = self.now().wall;
        let Some(keep) = retention.in_force(now) else { return Ok(None) };
        let Ok(cutoff) = now.checked_sub(keep) else { return Ok(None) };
        let oldest = self.engine().row(sql(TABLE, SELECT_OLDEST)).await?;
        let Some(oldest) = oldest.map(|row| row.timestamp("at")).transpose()? else { return Ok(None) };
        if oldest.checked_add(SLACK).is_ok_and(|due| due > cutoff) || !self.time_is_plausible(now).await? {
            return Ok(None);
        }
        self.write_within(Reach::Journal, Purpose::Work, |mut tx| async move {
            let counter = Counter::read(tx.lock_counter().await?)?;
            let start = match counter.anchor {
                None => Start::default(),
                Some(number) => {
                    let row = tx.row(sql(TABLE, SELECT_ENTRY).bind(number)).await?.ok_or_else(|| altered(number))?;
                    let before = tx.row(sql(TABLE, SELECT_MAC).bind(number.saturating_sub(1))).await?;
                    Start::verified(self, &row, before.as_ref())?.ok_or_else(|| altered(number))?
                }
            };
            let previous = start.anchor.as_ref().map(|anchor| anchor.mac.to_string());
            let mut walk = Walk::new(self, &[], counter.end(), start);
            let mut entries: BTreeMap<String, u64> = BTreeMap::new();
            let (mut first, mut last) = (None, None);
            let rows = tx.rows(sql(TABLE, SELECT_PAGE).bind(walk.after()).bind(BATCH)).await?;
            for row in &rows {
                let at = row.timestamp("at")?;
                if at >= cutoff {
                    break;
                }
                // Whatever was tampered with stays where it can be seen.
                if walk.step(row)?.is_some() {
                    return Err(altered(walk.at.number.saturating_add(1)));
                }
                *entries.entry(row.text("kind")?).or_default() += 1;
                first = Some(first.map_or(at, |first: Timestamp| first.min(at)));
                last = Some(last.map_or(at, |last: Timestamp| last.max(at)));
            }
            let (Some(first), Some(last)) = (first, last) else { return tx.abandon(None).await };
            let count = entries.values().sum();
            let Position { number: up_to, mac } = walk.at;
            tx.run(sql(TABLE, DELETE).bind(up_to)).await?;
            let chain =
                |(writer, (sequence, mac)): (String, (u64, Mac))| ChainEnd { writer, sequence, mac: mac.to_string() };
            let event = Event::JournalPruned {
                up_to,
                mac: mac.to_string(),
                entries,
                first,
                last,
                previous,
                keep_seconds: keep.as_secs(),
                chains: if walk.current { Vec::new() } else { walk.chains.into_iter().map(chain).collect() },
            };
            tx.record(About::Home, event);
            tx.commit(Some(Pruned { up_to, entries: count, more: count == u64::from(BATCH) })).await
        })
        .await
    }
}

impl Store {
    /// Whether the journal goes on until the day before `now`, without a long silence.
    async fn time_is_plausible(&self, now: Timestamp) -> Result<bool, StoreError> {
        let Ok(to) = now.checked_sub(SLACK) else { return Ok(false) };
        let Ok(from) = to.checked_sub(SILENCE) else { return Ok(false) };
        let recent = self.engine().row(sql(TABLE, SELECT_BETWEEN).bind(from).bind(to)).await?;
        if recent.is_none() {
            tracing::warn!(
                "the audit has no entry of the {} days before yesterday: is the time of this machine right? Old entries are removed from \
                 tomorrow on",
                SILENCE.as_secs() / (24 * 60 * 60)
            );
        }
        Ok(recent.is_some())
    }
}

fn altered(number: u64) -> StoreError {
    StoreError::Altered { table: TABLE, row: number.to_string() }
}

pub(crate) const SELECT_OLDEST: &str = "SELECT number, at FROM journal WHERE number > 0 ORDER BY number LIMIT 1";
pub(crate) const SELECT_BETWEEN: &str =
    "SELECT number, at FROM journal WHERE at >= $1 AND at <= $2 ORDER BY at LIMIT 1";
pub(crate) const SELECT_ENTRY: &str = concat!("SELECT ", columns!(), " FROM journal WHERE number = $1");
pub(crate) const DELETE: &str = "DELETE FROM journal WHERE number <= $1";
