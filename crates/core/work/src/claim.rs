//! A unit in the hands of the process that works on it.

use std::sync::Arc;

use lanyard_store::{About, Event, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use crate::queue::Queue;
use crate::unit::{Document, State, Unit};

/// The claim of a process on a unit. The work reports its progress through it, and learns when it has to stop.
#[derive(Clone, Debug)]
pub struct Claim {
    pub(crate) queue: Queue,
    pub(crate) unit: Arc<Mutex<Unit>>,
    /// The contents when the claim was made.
    begun: Arc<Document>,
    pub(crate) halt: Arc<watch::Sender<Option<Stop>>>,
}

/// The reason why work has to stop, without the errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Cancelled,
    Lost,
    Stopping,
}

/// The reason why work stops before its end.
#[derive(Debug, Error)]
pub enum Halt {
    /// A caller cancelled it.
    #[error("it was cancelled")]
    Cancelled,
    /// Another process has taken it over, or it was removed.
    #[error("another process has taken it over")]
    Lost,
    /// Its settings changed. It begins again at once, from the progress that it reported last.
    #[error("its settings changed")]
    Restart,
    /// This process is about to end. The work continues later, elsewhere or here.
    #[error("the broker is stopping")]
    Stopping,
    /// The store failed. The work continues later.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::Cancelled,
            Stop::Lost => Self::Lost,
            Stop::Stopping => Self::Stopping,
        }
    }
}

impl Claim {
    pub(crate) fn new(queue: &Queue, unit: Unit) -> Self {
        let begun = Arc::new(unit.document.clone());
        Self { queue: queue.clone(), unit: Arc::new(Mutex::new(unit)), begun, halt: Arc::new(watch::Sender::new(None)) }
    }

    /// The contents of the unit when the claim was made.
    pub fn document(&self) -> &Document {
        &self.begun
    }

    /// The progress that an earlier process reported, to continue from; `None` at the beginning.
    pub fn earlier<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(self.begun.progress.clone()).ok()
    }

    /// Makes the progress durable, and visible to those who follow. Work that changes something at Webex reports each step. Fails if the
    /// work has to stop.
    pub async fn progress(&self, progress: &impl Serialize) -> Result<(), Halt> {
        self.progress_with(progress, None).await
    }

    /// Like [`progress`](Self::progress), and records what happened in the same transaction: it is recorded once, whenever a process ends.
    pub async fn progress_with(&self, progress: &impl Serialize, event: Option<&Event>) -> Result<(), Halt> {
        self.progress_about(progress, event.map(|event| (&About::Home, event))).await
    }

    /// Like [`progress_with`](Self::progress_with), for an event about something else than the home.
    pub async fn progress_about(&self, progress: &impl Serialize, event: Option<(&About, &Event)>) -> Result<(), Halt> {
        let progress = serde_json::to_value(progress).unwrap_or(Value::Null);
        let mut unit = self.unit.lock().await;
        let stop = *self.halt.borrow();
        if stop == Some(Stop::Lost) {
            return Err(Halt::Lost);
        }
        loop {
            let (now, _) = self.queue.due_after(std::time::Duration::ZERO).await?;
            // Work that only repeats what an earlier process reported has made no progress.
            let losses = if progress == self.begun.progress { unit.document.losses } else { 0 };
            let document = Document { progress: progress.clone(), losses, ..unit.document.clone() };
            let mut next = Unit { document, ..unit.clone() };
            next.deadline = Some(crate::queue::after(now, crate::queue::CLAIM));
            if self.queue.put_with(&mut next, unit.seen(), now, event).await? {
                *unit = next;
                return match *self.halt.borrow() {
                    Some(stop) => Err(stop.into()),
                    None => Ok(()),
                };
            }
            self.look_again(&mut unit).await?;
        }
    }

    /// Removes the unit, unless another process has put another one in its place.
    pub async fn remove(&self) -> Result<(), StoreError> {
        let unit = self.unit.lock().await;
        self.queue.remove_seen(&unit).await
    }

    /// Reads the unit after another process wrote it: the work goes on if that only asked to cancel it.
    pub(crate) async fn look_again(&self, unit: &mut Unit) -> Result<(), Halt> {
        match self.queue.unit(&unit.id).await? {
            Some(now)
                if now.document.state == State::Cancelling && now.holder == unit.holder && now.fence != unit.fence =>
            {
                *unit = now;
                self.halt.send_replace(Some(Stop::Cancelled));
                Ok(())
            }
            _ => {
                self.halt.send_replace(Some(Stop::Lost));
                Err(Halt::Lost)
            }
        }
    }

    /// Fails if the work has to stop. Asks no store.
    pub fn check(&self) -> Result<(), Halt> {
        self.halt.borrow().map_or(Ok(()), |stop| Err(stop.into()))
    }

    /// Completes when the work has to stop.
    pub async fn halted(&self) -> Halt {
        let mut halt = self.halt.subscribe();
        let stop = halt.wait_for(Option::is_some).await.ok().and_then(|stop| *stop);
        stop.unwrap_or(Stop::Lost).into()
    }
}
