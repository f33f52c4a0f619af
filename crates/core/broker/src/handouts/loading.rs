//! The reading of all credentials when a broker starts, while it answers already.
//!
//! Until everything is in memory, a credential that is asked for is read alone. A change that is learned meanwhile is newer than what
//! the long read brings, so the credentials that changed are left out of that.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use lanyard_credential::CredentialId;
use lanyard_store::{HeldToken, Shared, StoreError};
use tokio::sync::watch;

use super::HandOuts;

/// How far the reading has come.
#[derive(Debug)]
pub(super) struct Loading {
    /// The credentials that changed since the broker opened the store; `None` once everything is in memory.
    touched: Mutex<Option<HashSet<CredentialId>>>,
    /// Read by each request.
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

    /// A credential has changed: what the long read brings of it is not wanted.
    pub(super) fn touch(&self, id: CredentialId) {
        if let Some(touched) = self.touched.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            touched.insert(id);
        }
    }

    fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Acquire)
    }

    /// Everything is in memory once `fill` has returned. It is given the credentials that changed; `None` if everything was in memory
    /// before.
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
        // Nothing of the keeper's, which is not to be held for so long.
        let (mut shared, mut all) = (Shared::default(), Vec::with_capacity(self.0.loading.expected));
        let keep = |token: HeldToken| {
            all.push(token);
            self.heard_store();
        };
        self.0.store.held_tokens_of_all(&mut shared, keep).await?;
        Ok(ReadTokens { all, shared })
    }

    /// Adds what was read, except for the credentials that have changed since. Everything is in memory then.
    pub async fn add(&self, read: ReadTokens) {
        let ReadTokens { all, shared } = read;
        self.0.loading.finish(|touched| {
            if let Some(touched) = touched {
                self.0.by_name.add(all, touched);
            }
        });
        self.0.keeper.lock().await.shared = shared;
    }

    /// Sees to it that a credential is in memory if it exists: until everything is, it is read alone.
    pub async fn know(&self, name: &str) -> Result<(), StoreError> {
        if self.is_loaded() || self.find(name).is_some() {
            return Ok(());
        }
        // Held so that a change which is learned meanwhile is not overwritten.
        let mut keeper = self.0.keeper.lock().await;
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
