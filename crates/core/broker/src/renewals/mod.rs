//! The renewals of this process: those under way and the callers that share them, how many may begin, and the thread that runs
//! them.
//!
//! A renewal runs on a [`thread`] of its own, so that a caller that disappears, blocks or returns does not cancel it. Before it
//! sends anything it [enters](crate::Broker::enter), and the process ends only after [`Renewals::drain`]: by then, the tokens that
//! Webex issued are stored or revoked. [`Broker::finish`](crate::Broker::finish) does the same for sign-ins, whose code is being
//! exchanged.

mod admitted;
mod breaker;
mod bucket;
mod counts;
mod end;
mod gate;
mod options;
mod refusals;
mod thread;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanyard_credential::{Credential, CredentialId, Generation};
use lanyard_store::StoreError;
use lanyard_time::Moment;
use tokio::sync::watch;

pub(crate) use self::admitted::Admitted;
pub(crate) use self::breaker::{Health, State as Breaker};
pub use self::counts::CountedRenewals;
use self::counts::RenewalCounts;
pub(crate) use self::end::{Means, RenewalEnd};
pub(crate) use self::gate::{Closed, Entry, Gate, LaneId, Leave, Wanted};
pub use self::options::RefresherOptions;
pub(crate) use self::refusals::Refusal;
use self::refusals::Refusals;
use self::thread::Thread;
use crate::Error;

/// The renewals of this process.
pub(crate) struct Renewals {
    under_way: Mutex<HashMap<CredentialId, UnderWay>>,
    unfinished: watch::Sender<Unfinished>,
    gate: Mutex<Gate>,
    refusals: Mutex<Refusals>,
    counts: RenewalCounts,
    thread: Thread,
    /// Whether this process is a broker, which logs the end of each renewal. A command reports its own failures.
    stays: AtomicBool,
}

impl fmt::Debug for Renewals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewals")
    }
}

/// The requests whose outcome is not stored yet.
#[derive(Debug, Default)]
struct Unfinished {
    count: usize,
    /// The process is about to end.
    closed: bool,
}

/// The outcome of a renewal, for the callers that share it.
type Outcome = Result<RenewalEnd, Arc<Error>>;

/// A renewal that others may share.
#[derive(Clone, Debug)]
struct UnderWay {
    target: Generation,
    wanted: Wanted,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// The role of a caller that wants a credential renewed.
pub(crate) enum Turn {
    /// The caller renews the credential.
    Mine(Reserved),
    /// Another caller of this process renews it.
    Shared(Shared),
}

impl Renewals {
    /// Creates renewals of which none is under way; the gate counts from `now`.
    pub(crate) fn new(now: Moment) -> Self {
        Self {
            under_way: Mutex::default(),
            unfinished: watch::Sender::default(),
            gate: Mutex::new(Gate::new(RefresherOptions::default(), now)),
            refusals: Mutex::default(),
            counts: RenewalCounts::default(),
            thread: Thread::default(),
            stays: AtomicBool::new(false),
        }
    }

    /// Makes them the renewals of a broker, whose refresher works within `options`.
    pub(crate) fn stay(&self, options: RefresherOptions) {
        self.gate().work_as(options);
        self.stays.store(true, Ordering::Relaxed);
    }

    /// Reserves a credential whose generation `target` is to be replaced, or shares the renewal that is under way. It is needed
    /// because the store sees all tasks of a process as one writer.
    pub(crate) fn turn(self: &Arc<Self>, id: CredentialId, target: Generation, wanted: Wanted) -> Turn {
        let mut under_way = self.under_way();
        if let Some(found) = under_way.get(&id) {
            return Turn::Shared(Shared { found: found.clone(), seen: target, wanted });
        }
        let outcome = watch::Sender::new(None);
        under_way.insert(id, UnderWay { target, wanted, outcome: outcome.subscribe() });
        Turn::Mine(Reserved { renewals: Arc::clone(self), id, outcome })
    }

    /// Reserves a credential for work that must not run during a renewal. Returns `None` while one is under way.
    pub(crate) fn reserve(self: &Arc<Self>, id: CredentialId) -> Option<Reserved> {
        match self.turn(id, Generation::default(), Wanted::Due) {
            Turn::Mine(reserved) => Some(reserved),
            Turn::Shared(_) => None,
        }
    }

    /// Whether this process is renewing a credential.
    pub(crate) fn is_renewing(&self, id: CredentialId) -> bool {
        self.under_way().contains_key(&id)
    }

    /// Starts `work` on the renewal thread; the returned future waits for it. The work continues if the future is dropped.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        self.thread.run(work)
    }

    /// Locks the gate. It is locked for a decision, never while waiting.
    pub(crate) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers work that must be finished once it has begun. Returns `None` after [`drain`](Self::drain) was called: then nothing
    /// may be sent any more.
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

    /// Completes when nothing may begin any more.
    pub(crate) async fn closed(&self) {
        let _ = self.unfinished.subscribe().wait_for(|unfinished| unfinished.closed).await;
    }

    /// Lets nothing more begin, and completes when all work is finished.
    pub(crate) async fn drain(&self) {
        self.unfinished.send_modify(|unfinished| unfinished.closed = true);
        self.finished().await;
    }

    /// Counts a renewal.
    pub(crate) fn count(&self, end: &Result<RenewalEnd, Error>, took: Duration) {
        self.counts.add(end, took);
    }

    /// The renewals so far.
    pub(crate) fn counted(&self) -> CountedRenewals {
        self.counts.counted()
    }

    /// Logs the end of a renewal.
    pub(crate) fn log(&self, seen: &Credential, wanted: Wanted, end: &Result<RenewalEnd, Error>) {
        if !self.stays.load(Ordering::Relaxed) {
            return;
        }
        let (credential, generation) = (&seen.name, seen.generation.number());
        let on_demand = wanted != Wanted::Due;
        match end {
            Ok(RenewalEnd::Renewed(means)) => {
                let why = match seen.standing.trouble() {
                    _ if on_demand => "requested",
                    Some(_) => "it had failed before",
                    None => "it was due",
                };
                tracing::info!(%credential, generation, ?means, why, "renewed");
            }
            Ok(RenewalEnd::Failed { trouble, .. }) => {
                let (why, pause) = (trouble.message.as_str(), trouble.pause.as_secs());
                tracing::warn!(%credential, generation, kind = %trouble.kind, why, pause_s = pause, on_demand, "not renewed");
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Counts a renewal that the store did not accept.
    pub(crate) fn count_refusal(&self, error: &StoreError) {
        // The reader of the store's changes reports these itself.
        if !matches!(error, StoreError::Paused(_) | StoreError::Replaced(_)) {
            self.refusals().count(Refusal { error: error.to_string(), hint: error.hint() });
        }
    }

    /// Ends the count, because the store accepted a renewal or its failure.
    pub(crate) fn store_took_it(&self) {
        if let Some(count) = self.refusals().end() {
            tracing::info!(count, "the store accepts renewals again");
        }
    }

    /// Returns the store's refusals to report now: their number, and the latest.
    pub(crate) fn refusals_to_report(&self, now: &Moment) -> Option<(u64, Refusal)> {
        self.refusals().tell(now)
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<CredentialId, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The only renewal of a credential in this process, until dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    renewals: Arc<Renewals>,
    id: CredentialId,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Reserved {
    /// Ends the renewal, and gives its outcome to all callers that share it. Returns it for the caller whose renewal it is.
    pub(crate) fn end(self, end: Result<RenewalEnd, Error>) -> Result<RenewalEnd, Error> {
        self.renewals.under_way().remove(&self.id);
        if self.outcome.receiver_count() == 0 {
            return end;
        }
        let end = end.map_err(Arc::new);
        self.outcome.send_replace(Some(end.clone().map(RenewalEnd::for_another)));
        end.map_err(Error::Shared)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut under_way = self.renewals.under_way();
        // Another renewal may have replaced it.
        if under_way.get(&self.id).is_some_and(|found| found.outcome.same_channel(&self.outcome.subscribe())) {
            under_way.remove(&self.id);
        }
    }
}

/// A renewal that another caller began.
pub(crate) struct Shared {
    found: UnderWay,
    seen: Generation,
    wanted: Wanted,
}

impl Shared {
    /// Waits for the outcome, for a caller that wants the generation replaced that it has seen. Returns `None` if the renewal
    /// replaced an earlier generation, ended without an outcome, or gave up where this caller may go on.
    pub(crate) async fn ended(mut self) -> Option<Result<RenewalEnd, Error>> {
        if self.found.target > self.seen {
            return Some(Ok(RenewalEnd::Elsewhere));
        }
        let outcome = self.found.outcome.wait_for(Option::is_some).await.ok()?.clone()?;
        let is_done = matches!(outcome, Ok(RenewalEnd::Renewed(_) | RenewalEnd::Elsewhere | RenewalEnd::Erased));
        let is_mine = is_done || !self.wanted.goes_further_than(self.found.wanted);
        (self.found.target == self.seen && is_mine).then(|| outcome.map_err(Error::Shared))
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

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, SystemClock, SystemEntropy};

    use super::*;

    fn renewals() -> Arc<Renewals> {
        Arc::new(Renewals::new(SystemClock::new().now()))
    }

    #[tokio::test]
    async fn nothing_begins_once_the_process_is_about_to_end() {
        let renewals = renewals();
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

    #[tokio::test]
    async fn callers_share_the_renewal_of_the_generation_that_they_have_seen() {
        let renewals = renewals();
        let id = CredentialId::random(&SystemEntropy);
        let turn = |seen| renewals.turn(id, Generation::new(seen), Wanted::OnDemand);
        let Turn::Mine(reserved) = turn(2) else { panic!("nothing is under way") };
        let shared = [1, 2, 3].map(|seen| match turn(seen) {
            Turn::Shared(shared) => shared,
            Turn::Mine(_) => panic!("one at a time"),
        });
        assert!(renewals.is_renewing(id) && renewals.reserve(id).is_none());
        reserved.end(Ok(RenewalEnd::Renewed(Means::Rotation))).unwrap();
        let [earlier, same, later] = shared;
        assert!(matches!(earlier.ended().await, Some(Ok(RenewalEnd::Elsewhere))));
        assert!(matches!(same.ended().await, Some(Ok(RenewalEnd::Elsewhere))));
        assert!(later.ended().await.is_none(), "its generation was not replaced");
        let Turn::Mine(reserved) = turn(3) else { panic!("the earlier one has ended") };
        let Turn::Shared(shared) = turn(3) else { panic!("one at a time") };
        drop(reserved);
        assert!(shared.ended().await.is_none(), "it ended without an outcome");
        assert!(!renewals.is_renewing(id));
    }

    #[tokio::test]
    async fn all_that_share_a_renewal_have_its_typed_failure() {
        let renewals = renewals();
        let id = CredentialId::random(&SystemEntropy);
        let turn = || renewals.turn(id, Generation::new(1), Wanted::OnDemand);
        let Turn::Mine(reserved) = turn() else { panic!("nothing is under way") };
        let Turn::Shared(shared) = turn() else { panic!("one at a time") };
        let own = reserved.end(Err(StoreError::Busy.into())).unwrap_err();
        let other = shared.ended().await.unwrap().unwrap_err();
        for error in [own, other] {
            assert!(matches!(error.cause(), Error::Store(StoreError::Busy)), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_caller_that_goes_further_shares_only_success() {
        let renewals = renewals();
        let id = CredentialId::random(&SystemEntropy);
        let all = [Wanted::Due, Wanted::OnDemand, Wanted::ByHand, Wanted::TakingOver];
        for (rank, under_way) in [0, 0, 1, 2].into_iter().zip(all) {
            for (end, is_success) in [(RenewalEnd::Busy, false), (RenewalEnd::Renewed(Means::Rotation), true)] {
                let turn = |wanted| renewals.turn(id, Generation::new(1), wanted);
                let Turn::Mine(reserved) = turn(under_way) else { panic!("nothing is under way") };
                let shared = all.map(|wanted| match turn(wanted) {
                    Turn::Shared(shared) => shared,
                    Turn::Mine(_) => panic!("one at a time"),
                });
                reserved.end(Ok(end)).unwrap();
                for ((own, wanted), shared) in [0, 0, 1, 2].into_iter().zip(all).zip(shared) {
                    let expected = is_success || own <= rank;
                    assert_eq!(shared.ended().await.is_some(), expected, "{wanted:?} shares with {under_way:?}");
                }
            }
        }
    }
}
