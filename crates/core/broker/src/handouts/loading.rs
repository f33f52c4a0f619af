//! Reads all credentials when a broker starts, while it already answers.
//!
//! Until all credentials are in memory, a requested one is read alone. A change during the long read is newer than the read's copy,
//! so the read leaves out the credentials that changed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use lanyard_credential::CredentialId;
use lanyard_store::{HeldToken, Shared, StoreError};
use tokio::sync::watch;

use super::HandOuts;

/// The progress of the read.
#[derive(Debug)]
pub(super) struct Loading {
    /// The credentials that changed since the broker opened the store; `None` once everything is in memory.
    touched: Mutex<Option<HashSet<CredentialId>>>,
    /// Whether all credentials are in memory, which each request checks.
    is_done: AtomicBool,
    done: watch::Sender<bool>,
    /// How many credentials there were when the store was opened.
    expected: usize,
}

impl Loading {
    pub(super) fn of(expected: usize) -> Self {
        Self {
            touched: Mutex::new(Some(HashSet::new())),
            is_done: AtomicBool::new(false),
            done: watch::Sender::new(false),
            expected,
        }
    }

    /// Notes that a credential has changed, so that the long read leaves it out.
    pub(super) fn touch(&self, id: CredentialId) {
        if let Some(touched) = self.touched.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            touched.insert(id);
        }
    }

    fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }

    /// Ends the read: after `fill`, all credentials are in memory. `fill` gets the credentials that changed, or `None` if all were
    /// in memory before.
    pub(super) fn finish(&self, fill: impl FnOnce(Option<&HashSet<CredentialId>>)) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        fill(touched.take().as_ref());
        self.is_done.store(true, Ordering::Release);
        self.done.send_replace(true);
    }
}

/// All credentials, as they were when they were read.
#[derive(Debug)]
pub struct ReadTokens {
    all: Vec<HeldToken>,
    shared: Shared,
}

impl HandOuts {
    /// Whether all credentials are in memory.
    pub fn is_loaded(&self) -> bool {
        self.0.loading.is_done()
    }

    /// Completes when all credentials are in memory.
    pub async fn loaded(&self) {
        // The sender lives as long as this does.
        let _ = self.0.loading.done.subscribe().wait_for(|done| *done).await;
    }

    /// How many credentials there are.
    pub fn len(&self) -> usize {
        let known = self.0.by_name.len();
        if self.is_loaded() { known } else { known.max(self.0.loading.expected) }
    }

    /// Reads all credentials into memory.
    pub async fn load(&self) -> Result<(), StoreError> {
        let read = self.read().await?;
        self.add(read).await;
        Ok(())
    }

    /// Reads all credentials as they are now, for [`add`](Self::add).
    pub async fn read(&self) -> Result<ReadTokens, StoreError> {
        // Does not use the keeper, which must not be locked for so long.
        let (mut shared, mut all) = (Shared::default(), Vec::with_capacity(self.0.loading.expected));
        let keep = |token: HeldToken| {
            all.push(token);
            self.heard_store();
        };
        self.0.store.held_tokens_of_all(&mut shared, keep).await?;
        Ok(ReadTokens { all, shared })
    }

    /// Adds the credentials that were read, except those that have changed since. After this, all are in memory.
    pub async fn add(&self, read: ReadTokens) {
        let ReadTokens { all, shared } = read;
        self.0.loading.finish(|touched| {
            if let Some(touched) = touched {
                self.0.by_name.add(all, touched);
            }
        });
        self.0.keeper.lock().await.shared = shared;
    }

    /// Ensures that a credential is in memory if it exists, for a caller that may know the ids that `may_know` accepts; until all are, it is
    /// read alone. For any other credential, the same is done as for a name that does not exist, so that the time says nothing.
    pub async fn know(&self, name: &str, may_know: impl Fn(CredentialId) -> bool) -> Result<(), StoreError> {
        if self.is_loaded() || self.find(name).is_some_and(|held| may_know(held.id)) {
            return Ok(());
        }
        // The lock prevents overwriting a change that arrives during the read.
        let mut keeper = self.0.keeper.lock().await;
        if !self.0.store.credential_id(name).await?.is_some_and(may_know) {
            return Ok(());
        }
        match self.0.store.held_token_named(name, &mut keeper.shared).await {
            Ok(Some(token)) => self.0.by_name.put(token),
            Ok(None) => {}
            Err(error) if error.is_of_one_row() => {
                tracing::warn!(credential = name, %error, hint = error.hint(), "a credential cannot be read and is left out");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
