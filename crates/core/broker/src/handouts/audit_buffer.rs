//! Hand-outs on their way into the journal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName, Generation};
use lanyard_operation::{Actor, detached};
use lanyard_store::{About, Event, JournalRecord, Store, StoreError};
use thiserror::Error;

use super::counts::{CountedHandOuts, HandOutCounts, Outcome, Purpose};

/// A request for a token or a call, granted or not.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The credential; `None` where there is none of that name.
    pub credential: Option<(CredentialId, CredentialName)>,
    /// The caller.
    pub actor: Actor,
    /// The purpose: `token`, `exec NAME`, `proxy`.
    pub means: Arc<str>,
    /// The generation that was handed out, or the reason for refusing.
    pub end: Result<Generation, Arc<str>>,
}

/// Too much waits to be written down: the store could not be written for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many hand-outs wait to be written down in the audit")]
pub struct AuditBufferFull;

/// Key under which repeated records are coalesced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Same {
    credential: Option<CredentialId>,
    actor: Actor,
    means: Arc<str>,
    end: End,
}

/// The end of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum End {
    HandedOut(Generation),
    Refused(Arc<str>),
    Answered,
}

#[derive(Debug)]
struct Counted {
    name: Option<CredentialName>,
    last: Timestamp,
    times: u32,
}

/// Hand-outs that wait. Held for the time of a look into a map, never while something is written.
///
/// A clone is the same one.
#[derive(Clone, Debug)]
pub struct AuditBuffer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Mutex<HashMap<Same, Counted>>,
    most: usize,
    counts: HandOutCounts,
    /// One writes at a time.
    writing: tokio::sync::Mutex<()>,
}

impl AuditBuffer {
    /// One in which so many different hand-outs may wait.
    pub fn new(most: usize) -> Self {
        let counts = HandOutCounts::default();
        Self(Arc::new(Inner { waiting: Mutex::default(), most, counts, writing: tokio::sync::Mutex::default() }))
    }

    pub(super) fn len(&self) -> usize {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn counted(&self) -> Vec<CountedHandOuts> {
        self.0.counts.counted()
    }

    /// Whether one more hand-out finds room, whatever it is.
    pub fn has_room(&self) -> bool {
        self.len() < self.0.most
    }

    /// Notes a request.
    pub fn note(&self, asked: Asked, at: Timestamp) -> Result<(), AuditBufferFull> {
        self.note_times(asked, 1, at)
    }

    /// Notes `times` equal requests, the last of them at `at`.
    pub fn note_times(&self, asked: Asked, times: u32, at: Timestamp) -> Result<(), AuditBufferFull> {
        let (end, outcome) = match asked.end {
            Ok(generation) => (End::HandedOut(generation), Outcome::HandedOut),
            Err(why) => (End::Refused(why), Outcome::Refused),
        };
        let purpose = Purpose::of(&asked.means);
        let noted = self.count(asked.credential, asked.actor, asked.means, end, times, at);
        let is_lost = noted.is_err() && outcome == Outcome::HandedOut;
        self.0.counts.add(purpose, if is_lost { Outcome::Unrecorded } else { outcome }, times);
        noted
    }

    /// Notes that a request that changes nothing was answered.
    pub fn note_answered(
        &self,
        credential: Option<(CredentialId, CredentialName)>,
        actor: Actor,
        means: Arc<str>,
        at: Timestamp,
    ) -> Result<(), AuditBufferFull> {
        self.count(credential, actor, means, End::Answered, 1, at)
    }

    fn count(
        &self,
        credential: Option<(CredentialId, CredentialName)>,
        actor: Actor,
        means: Arc<str>,
        end: End,
        times: u32,
        at: Timestamp,
    ) -> Result<(), AuditBufferFull> {
        let (credential, name) = credential.unzip();
        let same = Same { credential, actor, means, end };
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = waiting.get_mut(&same) {
            counted.times = counted.times.saturating_add(times);
            counted.last = at;
            return Ok(());
        }
        if waiting.len() >= self.0.most {
            return Err(AuditBufferFull);
        }
        waiting.insert(same, Counted { name, last: at, times });
        Ok(())
    }

    /// Writes down what waits; how many records that were. Where it fails they go on waiting.
    ///
    /// It runs to its end even if the returned future is dropped: if it were interrupted, nobody could say whether the records are written.
    pub async fn flush(&self, store: &Store) -> Result<usize, StoreError> {
        let (inner, store) = (Arc::clone(&self.0), store.clone());
        detached(async move { inner.flush(&store).await }).await
    }
}

impl Inner {
    async fn flush(&self, store: &Store) -> Result<usize, StoreError> {
        let _alone = self.writing.lock().await;
        let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if taken.is_empty() {
            return Ok(0);
        }
        let mut records: Vec<_> = taken.iter().map(|(same, counted)| record(same, counted)).collect();
        records.sort_by_key(|record| record.at);
        match store.append_all(&records).await {
            Ok(()) => Ok(records.len()),
            Err(error) => {
                self.put_back(taken);
                Err(error)
            }
        }
    }

    fn put_back(&self, taken: HashMap<Same, Counted>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (same, earlier) in taken {
            waiting
                .entry(same)
                .and_modify(|later| later.times = later.times.saturating_add(earlier.times))
                .or_insert(earlier);
        }
    }
}

fn record(same: &Same, counted: &Counted) -> JournalRecord {
    let (means, times) = (same.means.to_string(), counted.times);
    let event = match &same.end {
        End::HandedOut(generation) => Event::HandedOut { means, generation: *generation, times },
        End::Refused(why) => Event::Refused { means, why: why.to_string(), times },
        End::Answered => Event::Answered { means, times },
    };
    let about = match (same.credential, &counted.name) {
        (Some(id), Some(name)) => About::credential(&id, name),
        _ => About::Home,
    };
    JournalRecord { at: counted.last, about, actor: same.actor.to_string(), event }
}
