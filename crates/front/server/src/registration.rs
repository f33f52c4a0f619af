//! Reports the broker to the homes that share its store, and fetches the next home key when it is offered.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lanyard_store::{BrokerId, HomeKeys, NextKey, Store, StoreError};
use lanyard_time::{Heartbeat, Sleep};

/// A broker that reports itself.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    store: Store,
    sleep: Arc<dyn Sleep>,
    id: BrokerId,
    reported: Arc<Heartbeat>,
}

/// Between two reports.
const REPORT: Duration = Duration::from_secs(3);
/// How long a look for an offered key may keep the next report waiting.
const LOOK: Duration = Duration::from_secs(10);

impl Registration {
    /// `reported` notes the reports that succeed.
    pub(crate) fn new(store: &Store, sleep: Arc<dyn Sleep>, reported: Arc<Heartbeat>) -> Self {
        Self { id: store.new_broker(), store: store.clone(), sleep, reported }
    }

    /// Reports the broker once. Refused without a key that rows may be wrapped under already.
    pub(crate) async fn report(&self) -> Result<(), StoreError> {
        let Some(keys) = self.store.report_broker(&self.id).await? else { return Ok(()) };
        if keys.next.is_some() {
            self.store.fetch_next_key(&keys).await.map_err(|error| StoreError::Key(Box::new(error)))?;
            self.store.report_broker(&self.id).await?;
        }
        Ok(())
    }

    /// Reports the broker for as long as it runs.
    pub(crate) async fn keep(self) -> io::Result<()> {
        if !self.store.is_shared() {
            return std::future::pending().await;
        }
        let (mut was_refused, mut said, mut rest) = (false, None, Duration::ZERO);
        loop {
            match self.store.report_broker(&self.id).await {
                Ok(lacks) => {
                    was_refused = false;
                    self.reported.beat(self.store.now().wall);
                    if let Some(keys) = lacks.filter(|_| rest.is_zero()) {
                        if self.fetch(&keys, &mut said).await {
                            continue;
                        }
                        rest = keys.offered.map_or(REPORT, |offered| offered.rest_between_looks());
                    }
                }
                // Once, however long it lasts.
                Err(error) if !was_refused => {
                    was_refused = true;
                    tracing::warn!(%error, hint = error.hint(), "cannot report this broker to the other homes");
                }
                Err(_) => {}
            }
            self.sleep.sleep(REPORT).await;
            rest = rest.saturating_sub(REPORT);
        }
    }

    /// Reports that the broker ends.
    pub(crate) async fn remove(&self) {
        if let Err(error) = self.store.remove_broker(&self.id).await {
            tracing::debug!(%error, "cannot remove this broker's report; it counts as running for another minute");
        }
    }

    /// Whether the offered key was fetched. Logs once for each key that it was not.
    async fn fetch(&self, keys: &HomeKeys, said: &mut Option<NextKey>) -> bool {
        let Some(offered) = keys.next.as_ref().or(keys.offered.as_ref()) else { return false };
        let fetched = tokio::select! {
            fetched = self.store.fetch_next_key(keys) => fetched.map_err(|error| {
                let hint = error.hint().to_owned();
                (error.to_string(), hint)
            }),
            () = self.sleep.sleep(LOOK) => Err(("no answer".to_owned(), "see whether a person must confirm it".to_owned())),
        };
        match fetched {
            Ok(()) => {
                tracing::info!(key = %offered.id, "fetched the home's next key");
                true
            }
            Err((error, hint)) => {
                if said.replace(offered.clone()).as_ref() != Some(offered) {
                    tracing::warn!(key = %offered.id, error, hint, "the home's next key was offered, and cannot be fetched yet");
                }
                false
            }
        }
    }
}
