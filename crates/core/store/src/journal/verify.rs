//! Whether the journal is whole.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_vault::Mac;
use serde::{Deserialize, Serialize};

use super::prune::{Anchor, Start};
use super::record::Counter;
use super::{Head, Position, TABLE, columns, earlier, read_event};
use crate::engine::{Row, SELECT_HEAD, sql};
use crate::event::{Event, EventKind};
use crate::{Store, StoreError};

/// The result of verifying the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditVerdict {
    /// Every entry is as it was written. Whether the end was cut off shows only against heads that were exported before.
    Intact(Verified),
    /// The first entry that is not, or that is missing.
    Broken {
        /// Whose chain, for an exported head of an earlier version.
        writer: Option<String>,
        /// The entry's number.
        number: u64,
        /// The fault of that entry.
        fault: Fault,
    },
}

/// The part of the journal that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// The number and time of the first entry; `None` in an empty journal.
    pub first: Option<(u64, Timestamp)>,
    /// The number and time of the last entry.
    pub last: Option<(u64, Timestamp)>,
    /// The entry that says how far the journal was pruned.
    pub pruned: Option<PrunedNote>,
    /// How many of the exported heads are older than the entries that are kept, so that they were not compared.
    pub older_heads: usize,
    /// The ends: of the journal, or of each writer's chain as long as it has entries of an earlier version alone.
    pub heads: Vec<Head>,
}

/// A summary of the latest pruning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedNote {
    /// The number of the last entry that was removed.
    pub up_to: u64,
    /// The number of the entry that says so.
    pub entry: u64,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
}

/// A fault of a journal entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// It is missing, and later ones are there.
    Missing,
    /// It, or one before it, is not what was written, or not in its place.
    Altered,
    /// The journal ends before it, and an exported head names it.
    Cut,
}

/// How many entries are read at once.
const PAGE: u32 = 1000;

impl Store {
    /// Recomputes the whole chain, and compares it with the heads that were exported before, if there are any.
    pub async fn verify_audit(&self, expected: &[Head]) -> Result<AuditVerdict, StoreError> {
        loop {
            let counter = self.journal_counter().await?;
            let verdict = self.verify_from(counter, expected).await?;
            // Another process may have pruned the entries that were about to be read.
            let again = matches!(verdict, AuditVerdict::Broken { .. });
            if !again || self.journal_counter().await?.anchor == counter.anchor {
                return Ok(verdict);
            }
        }
    }

    pub(super) async fn journal_counter(&self) -> Result<Counter, StoreError> {
        Counter::read(self.engine().row(sql("journal_head", SELECT_HEAD)).await?)
    }

    async fn verify_from(&self, counter: Counter, expected: &[Head]) -> Result<AuditVerdict, StoreError> {
        let start = match counter.anchor {
            None => Start::default(),
            Some(number) => match self.anchored(number).await? {
                Some(start) => start,
                None => return Ok(AuditVerdict::Broken { writer: None, number, fault: Fault::Altered }),
            },
        };
        let mut walk = Walk::new(self, expected, counter.end(), start);
        loop {
            let page = sql(TABLE, SELECT_PAGE).bind(walk.after()).bind(PAGE);
            let rows = self.engine().rows(page).await?;
            for row in &rows {
                if let Some(fault) = walk.step(row)? {
                    return Ok(AuditVerdict::Broken { writer: None, number: walk.at.number.saturating_add(1), fault });
                }
            }
            if rows.len() < PAGE as usize {
                break;
            }
        }
        // Read again: others have appended in the meantime.
        let end = self.journal_end().await?;
        Ok(walk.verdict(end))
    }
}

/// The way through the journal.
pub(super) struct Walk<'a> {
    store: &'a Store,
    expected: &'a [Head],
    /// The end that the journal had when the walk began.
    end: Position,
    pub(super) at: Position,
    /// Each writer's chain in the entries of an earlier version.
    pub(super) chains: BTreeMap<String, (u64, Mac)>,
    /// The entry of the pruning that removed what came before.
    pruned: Option<PrunedNote>,
    /// Whether the entry of the home's creation was there: without it the beginning was removed.
    begins: bool,
    /// Whether an entry of this version was there.
    pub(super) current: bool,
    first: Option<(u64, Timestamp)>,
    last: Option<(u64, Timestamp)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a Store, expected: &'a [Head], end: Position, start: Start) -> Self {
        let Start { at, chains, anchor } = start;
        let note =
            |anchor: Anchor| PrunedNote { up_to: at.number, entry: anchor.number, at: anchor.at, actor: anchor.actor };
        let pruned = anchor.map(note);
        Self {
            store,
            expected,
            end,
            at,
            chains,
            begins: pruned.is_some(),
            // An entry of an earlier version leaves nothing that the next one is chained to.
            current: pruned.is_some() && at.mac != Mac::BEGINNING,
            pruned,
            first: None,
            last: None,
        }
    }

    /// The number after which entries are read. An entry before the first that is kept was put there without Lanyard.
    pub(super) fn after(&self) -> i64 {
        if self.first.is_none() { i64::MIN } else { i64::try_from(self.at.number).unwrap_or(i64::MAX) }
    }

    /// Goes on to the next entry, or says what is wrong with it.
    pub(super) fn step(&mut self, row: &Row) -> Result<Option<Fault>, StoreError> {
        let number = self.at.number.saturating_add(1);
        match row.integer("number")?.cmp(&i64::try_from(number).unwrap_or(i64::MAX)) {
            Ordering::Less => return Ok(Some(Fault::Altered)),
            Ordering::Greater => return Ok(Some(Fault::Missing)),
            Ordering::Equal => {}
        }
        let found = if let Some(sequence) = earlier::sequence(row)? {
            self.earlier(row, sequence)?
        } else {
            self.current(row, number)?
        };
        let (mac, next) = match found {
            Ok(found) => found,
            Err(fault) => return Ok(Some(fault)),
        };
        if Mac::from_bytes(&row.bytes("mac")?) != Some(mac) {
            return Ok(Some(Fault::Altered));
        }
        self.at = Position { number, mac: next };
        self.last = Some((number, row.timestamp("at")?));
        self.first = self.first.or(self.last);
        Ok(None)
    }

    /// The mac that an entry of an earlier version should have, and what the next entry of this version is chained to.
    fn earlier(&mut self, row: &Row, sequence: u64) -> Result<Result<(Mac, Mac), Fault>, StoreError> {
        let writer = row.text("writer")?;
        let (last, previous) = self.chains.get(&writer).copied().unwrap_or((0, Mac::BEGINNING));
        if self.current {
            return Ok(Err(Fault::Altered));
        }
        if sequence != last.saturating_add(1) {
            return Ok(Err(Fault::Missing));
        }
        let mac = earlier::mac(&self.store.inner.audit_key, &previous, row)?;
        let differs = |head: &Head| head.writer.as_ref() == Some(&writer) && head.number == sequence && head.mac != mac;
        if self.expected.iter().any(differs) {
            return Ok(Err(Fault::Altered));
        }
        self.begins |= sequence == 1 && is_creation(row)?;
        self.chains.insert(writer, (sequence, mac));
        Ok(Ok((mac, Mac::BEGINNING)))
    }

    /// The mac that an entry of this version should have, which is what the next one is chained to.
    fn current(&mut self, row: &Row, number: u64) -> Result<Result<(Mac, Mac), Fault>, StoreError> {
        let mac = self.store.mac_after(&self.at.mac, row)?;
        let differs = |head: &Head| head.writer.is_none() && head.number == number && head.mac != mac;
        let begins_otherwise = !self.current && !self.chains.is_empty() && !self.continues_chains(row);
        if begins_otherwise || self.expected.iter().any(differs) || differs(&self.end.into()) {
            return Ok(Err(Fault::Altered));
        }
        self.begins |= number == 1 && is_creation(row)?;
        self.current = true;
        Ok(Ok((mac, mac)))
    }

    /// Whether the first entry of this version names the chains that came before it.
    fn continues_chains(&self, row: &Row) -> bool {
        let Ok(Event::JournalBegun { chains }) = read_event(row) else { return false };
        let found = self.chains.iter().map(|(writer, (sequence, mac))| (writer.clone(), *sequence, mac.to_string()));
        found.eq(chains.into_iter().map(|end| (end.writer, end.sequence, end.mac)))
    }

    fn verdict(self, end: Position) -> AuditVerdict {
        let kept_from = self.first.map_or(self.at.number.saturating_add(1), |(number, _)| number);
        let mut older_heads = 0;
        for head in self.expected {
            let (older, cut) = match &head.writer {
                None => (head.number < kept_from, head.number > self.at.number),
                // The chains of an earlier version are known as long as the entry is kept that follows them.
                Some(_) if self.chains.is_empty() && self.pruned.is_some() => (true, false),
                Some(writer) => (false, self.chains.get(writer).is_none_or(|(sequence, _)| *sequence < head.number)),
            };
            if cut {
                return AuditVerdict::Broken { writer: head.writer.clone(), number: head.number, fault: Fault::Cut };
            }
            older_heads += usize::from(older);
        }
        if self.end.number > self.at.number {
            return AuditVerdict::Broken { writer: None, number: self.end.number, fault: Fault::Cut };
        }
        if self.current && end.number < self.at.number {
            return AuditVerdict::Broken { writer: None, number: self.at.number, fault: Fault::Altered };
        }
        if !self.begins {
            return AuditVerdict::Broken { writer: None, number: 1, fault: Fault::Missing };
        }
        let Self { at, chains, current, first, last, pruned, .. } = self;
        let heads = if current {
            vec![at.into()]
        } else {
            let head = |(writer, (number, mac))| Head { writer: Some(writer), number, mac };
            chains.into_iter().map(head).collect()
        };
        AuditVerdict::Intact(Verified { first, last, pruned, older_heads, heads })
    }
}

fn is_creation(row: &Row) -> Result<bool, StoreError> {
    Ok(row.str("kind")? == EventKind::HomeCreated.as_str())
}

pub(crate) const SELECT_PAGE: &str =
    concat!("SELECT ", columns!(), " FROM journal WHERE number > $1 ORDER BY number LIMIT $2");
