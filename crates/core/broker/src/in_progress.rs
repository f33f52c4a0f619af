//! The requests for tokens that this process has begun: renewals, and sign-ins whose code is being exchanged.
//!
//! Each runs as a task of its own ([`detached`]), so that a caller that disappears, blocks or loses its patience does not cancel it.
//! Before it sends anything it [enters](crate::Broker::enter), and the process ends only after [`Renewals::drain`]: the tokens that Webex
//! issues are stored or given back by then. [`Broker::finish`](crate::Broker::finish) does both for whatever is not a renewal.

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use lanyard_credential::CredentialId;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The credentials that this process is renewing, and everything that it must finish.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    credentials: Mutex<HashSet<CredentialId>>,
    unfinished: watch::Sender<Unfinished>,
}

/// The requests whose outcome is not stored yet.
#[derive(Debug, Default)]
struct Unfinished {
    count: usize,
    /// The process is about to end.
    closed: bool,
}

impl Renewals {
    /// Reserves a credential: to the store all tasks of a process are the same owner. `None` while another task renews it.
    pub(crate) fn turn(&self, id: CredentialId) -> Option<Turn<'_>> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        // Made only where it is had: to drop one takes the credential out again, and locks.
        credentials.insert(id).then(|| Turn(self, id))
    }

    /// Whether a task of this process renews a credential.
    pub(crate) fn is_renewing(&self, id: CredentialId) -> bool {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Registers something that must be finished once it has begun. `None` after [`drain`](Self::drain) was called: then nothing may
    /// be sent any more.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<MustFinish> {
        let entered = self.unfinished.send_if_modified(|unfinished| {
            unfinished.count += usize::from(!unfinished.closed);
            !unfinished.closed
        });
        entered.then(|| MustFinish(Arc::clone(self)))
    }

    /// Whether something is unfinished.
    pub(crate) fn any(&self) -> bool {
        self.unfinished.borrow().count > 0
    }

    /// Completes when nothing is unfinished.
    pub(crate) async fn finished(&self) {
        // The sender lives as long as the broker.
        let _ = self.unfinished.subscribe().wait_for(|unfinished| unfinished.count == 0).await;
    }

    /// Lets nothing more begin, and completes when nothing is unfinished.
    pub(crate) async fn drain(&self) {
        self.unfinished.send_modify(|unfinished| unfinished.closed = true);
        self.finished().await;
    }
}

/// The only renewal of a credential in this process, until dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a Renewals, CredentialId);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.credentials.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// Something that the process must finish, until dropped.
#[derive(Debug)]
pub(crate) struct MustFinish(Arc<Renewals>);

impl Drop for MustFinish {
    fn drop(&mut self) {
        self.0.unfinished.send_modify(|unfinished| unfinished.count -= 1);
    }
}

/// Runs `work` as a task of its own and waits for it. It goes on if the returned future is dropped.
pub(crate) async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    joined(tokio::spawn(work)).await
}

/// Waits for a task, and passes its panic on.
pub(crate) async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use lanyard_time::SystemEntropy;

    use super::*;

    #[tokio::test]
    async fn nothing_begins_once_the_process_is_about_to_end() {
        let renewals = Arc::new(Renewals::default());
        let unfinished = renewals.enter().unwrap();
        let drained = renewals.drain();
        let mut drained = std::pin::pin!(drained);
        tokio::select! {
            biased;
            () = &mut drained => panic!("something is unfinished"),
            () = std::future::ready(()) => {}
        }
        assert!(renewals.enter().is_none() && renewals.any());
        drop(unfinished);
        drained.await;
        assert!(!renewals.any());
    }

    #[test]
    fn a_credential_is_renewed_once_at_a_time() {
        let renewals = Renewals::default();
        let id = CredentialId::random(&SystemEntropy);
        let turn = renewals.turn(id);
        assert!(turn.is_some() && renewals.turn(id).is_none());
        drop(turn);
        assert!(renewals.turn(id).is_some());
    }

    #[tokio::test]
    async fn detached_work_outlives_its_caller() {
        let (go, went) = tokio::sync::oneshot::channel::<()>();
        let (done, ended) = tokio::sync::oneshot::channel::<()>();
        let work = detached(async move {
            went.await.unwrap();
            done.send(()).unwrap();
        });
        let mut work = Box::pin(work);
        tokio::select! {
            biased;
            () = &mut work => panic!("it waits"),
            () = std::future::ready(()) => {}
        }
        drop(work);
        go.send(()).unwrap();
        ended.await.unwrap();
    }
}
