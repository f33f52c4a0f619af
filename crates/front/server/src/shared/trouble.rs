//! The troubles that keep a broker from its work.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use lanyard_store::{Pause, StoreError};

use super::Shared;

/// The present troubles.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    reading: Option<Trouble>,
    writing: Option<Trouble>,
    /// The home is paused.
    paused: Option<Trouble>,
    /// A part of the broker that ended.
    ended: Option<&'static str>,
}

/// Something that keeps a broker from its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A sentence about it.
    pub(crate) what: String,
    /// The next step.
    pub(crate) hint: String,
}

impl Trouble {
    fn of(error: &StoreError) -> Self {
        Self { what: error.to_string(), hint: error.hint() }
    }

    fn during(&self, what: &str) -> Self {
        Self { what: format!("{what}: {}", self.what), hint: self.hint.clone() }
    }
}

impl Shared {
    /// The trouble that keeps the broker from its work.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = troubles.ended.map(|task| Trouble {
            what: format!("the broker's {task} ended, so the broker stops"),
            hint: "see the broker's log; start it again: lanyard serve".to_owned(),
        });
        let reading = troubles.reading.as_ref().map(|trouble| trouble.during("the store cannot be read"));
        let writing =
            troubles.writing.as_ref().map(|trouble| trouble.during("hand-outs cannot be written to the audit"));
        let unseen = self.hand_outs.unseen(&self.hand_outs.now());
        let silent = (unseen > SILENT).then(|| Trouble {
            what: format!("the store has not answered for {} s", unseen.as_secs()),
            hint: "check that the database server, or the disk that holds the database, responds".to_owned(),
        });
        let lost =
            self.hand_outs.lost_history().map(|lost| Trouble { what: lost.to_string(), hint: lost.hint().to_owned() });
        ended.or(reading).or(silent).or_else(|| troubles.paused.clone()).or(writing).or(lost)
    }

    /// The store is not the home's any more: the broker ends.
    pub(crate) fn lose(&self, error: &StoreError) {
        let StoreError::Replaced(path) = error else { return };
        self.lost.send_if_modified(|lost| {
            let is_first = lost.is_none();
            if is_first {
                tracing::error!(%error, hint = error.hint(), "nothing is renewed any more, and the broker stops");
                *lost = Some(path.clone());
            }
            is_first
        });
    }

    /// Completes when the store that was opened is not the home's any more.
    pub(crate) async fn replaced(&self) -> PathBuf {
        let mut lost = self.lost.subscribe();
        let found = lost.wait_for(Option::is_some).await.ok().and_then(|lost| lost.clone());
        match found {
            Some(path) => path,
            None => std::future::pending().await,
        }
    }

    /// Keeps whether the store can be read, and logs a change once.
    pub(crate) fn heard_reading(&self, error: Option<&StoreError>) {
        self.heard(|troubles| &mut troubles.reading, error, "read the store");
    }

    /// Keeps whether hand-outs can be written to the audit, and logs a change once.
    pub(crate) fn heard_writing(&self, error: Option<&StoreError>) {
        self.heard(|troubles| &mut troubles.writing, error, "write hand-outs to the audit");
    }

    /// Keeps whether the home is paused, and logs it once.
    pub(crate) fn heard_pause(&self, pause: Option<&Pause>) {
        let paused = pause.map(|pause| Trouble::of(&StoreError::Paused(pause.clone())));
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match (&troubles.paused, &paused) {
            (None, Some(Trouble { what, hint })) => tracing::warn!(hint, "nothing is handed out or renewed: {what}"),
            (Some(_), None) => tracing::info!("the home is active again"),
            _ => {}
        }
        troubles.paused = paused;
    }

    /// Keeps that a part of the broker ended, which makes the broker stop.
    pub(crate) fn part_ended(&self, task: &'static str) {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(task);
    }

    /// Keeps a trouble, or its end, and logs it once.
    fn heard(&self, which: impl FnOnce(&mut Troubles) -> &mut Option<Trouble>, error: Option<&StoreError>, what: &str) {
        if let Some(error @ StoreError::Replaced(_)) = error {
            return self.lose(error);
        }
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = which(&mut troubles);
        match (before.is_some(), error) {
            (false, Some(error)) => tracing::error!(%error, hint = error.hint(), "cannot {what}"),
            (true, None) => tracing::info!("can {what} again"),
            _ => {}
        }
        *before = error.map(Trouble::of);
    }
}

/// A store that has not answered for so long is reported, before the questions to it fail.
const SILENT: Duration = Duration::from_secs(10);
