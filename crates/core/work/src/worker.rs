//! The worker of a process: claims what is due, and does it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
use lanyard_operation::Problem;
use lanyard_store::StoreError;
use lanyard_time::Sleep;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::claim::{Claim, Halt, Stop};
use crate::queue::Queue;
use crate::unit::{State, Unit, UnitId};

/// How a piece of work ended.
#[derive(Debug)]
pub enum Next {
    /// It is due again after this time.
    Again(Duration),
    /// The run is done.
    Done(Value),
    /// The run failed.
    Failed(Problem),
}

type Handler = Arc<dyn Fn(Claim) -> BoxFuture<'static, Result<Next, Halt>> + Send + Sync>;

/// The work that a process can do, by kind.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<&'static str, Handler>);

impl Handlers {
    /// Adds a kind of work.
    ///
    /// # Panics
    ///
    /// If the kind is taken: two crates declare the same one.
    pub fn add<F>(&mut self, kind: &'static str, work: impl Fn(Claim) -> F + Send + Sync + 'static) -> &mut Self
    where
        F: Future<Output = Result<Next, Halt>> + Send + 'static,
    {
        let earlier = self.0.insert(kind, Arc::new(move |claim| Box::pin(work(claim))));
        assert!(earlier.is_none(), "two kinds of work are called {kind}");
        self
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Claims the units that are due and does them, many at a time.
#[derive(Debug)]
pub struct Worker {
    queue: Queue,
    handlers: Handlers,
    sleep: Arc<dyn Sleep>,
}

/// How many runs one process works on at a time. Recurring units are not limited: most of them wait.
const AT_ONCE: usize = 16;
/// How often a process looks for units that became due elsewhere.
const LOOK: Duration = Duration::from_secs(1);
/// How often a claim is renewed.
const RENEW: Duration = Duration::from_secs(20);
/// How often old runs are removed, in looks.
const PRUNE: u32 = 3600;
/// A recurring unit is tried again so long after it failed.
const AGAIN: Duration = Duration::from_secs(30);
/// How long work may take to stop once the process is to end.
const STOPPING: Duration = Duration::from_secs(10);

impl Worker {
    /// A worker over a queue.
    pub fn new(queue: &Queue, handlers: Handlers, sleep: Arc<dyn Sleep>) -> Self {
        Self { queue: queue.clone(), handlers, sleep }
    }

    /// Works until `stop` completes, and until what was begun has stopped.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let mut stop = pin!(stop);
        let mut begun = JoinSet::new();
        let mut claims = BTreeMap::<UnitId, Claim>::new();
        let (mut was_refused, mut looks) = (false, 0_u32);
        loop {
            let mut has_failed = false;
            loop {
                match self.claim(&claims).await {
                    Ok(Some(claim)) => {
                        let id = claim.unit.lock().await.id.clone();
                        claims.insert(id.clone(), claim.clone());
                        begun.spawn(work(claim, self.handlers.clone(), Arc::clone(&self.sleep), id));
                    }
                    Ok(None) => {
                        was_refused = false;
                        break;
                    }
                    Err(error) => {
                        has_failed = true;
                        if !std::mem::replace(&mut was_refused, true) && !matches!(error, StoreError::Paused(_)) {
                            tracing::warn!(%error, hint = error.hint(), "cannot look for work; trying again");
                        }
                        break;
                    }
                }
            }
            if !has_failed {
                self.queue.looked.beat(self.queue.store.now().wall);
            }
            looks += 1;
            if looks % PRUNE == 1
                && let Err(error) = self.queue.prune().await
            {
                tracing::debug!(%error, "cannot remove old runs");
            }
            tokio::select! {
                biased;
                () = &mut stop => break,
                ended = begun.join_next(), if !begun.is_empty() => {
                    if let Some(Ok(id)) = ended {
                        claims.remove(&id);
                    }
                }
                () = self.queue.woken.notified() => {}
                () = self.sleep.sleep(LOOK) => {}
            }
        }
        for claim in claims.values() {
            claim.halt.send_if_modified(|halt| halt.replace(Stop::Stopping).is_none());
        }
        let ended = async { while begun.join_next().await.is_some() {} };
        if let Either::Right(_) = select(pin!(ended), self.sleep.sleep(STOPPING)).await {
            tracing::warn!("some work did not stop in time; it is continued after the next start");
        }
        Ok(())
    }

    async fn claim(&self, ours: &BTreeMap<UnitId, Claim>) -> Result<Option<Claim>, StoreError> {
        let kinds: Vec<&str> = self.handlers.0.keys().copied().collect();
        let runs = ours.values().filter(|claim| claim.document().starter.is_some()).count();
        let is_ours = |id: &str| id.parse().is_ok_and(|id: UnitId| ours.contains_key(&id));
        Ok(self.queue.claim(&kinds, None, is_ours, runs < AT_ONCE).await?.map(|unit| Claim::new(&self.queue, unit)))
    }
}

/// Does a unit that was claimed, and writes how it ended.
async fn work(claim: Claim, handlers: Handlers, sleep: Arc<dyn Sleep>, id: UnitId) -> UnitId {
    let Some(handler) = handlers.0.get(claim.document().kind.as_str()) else { return id };
    // A task of its own, so that a panic ends this unit alone.
    let mut task = JoinSet::new();
    task.spawn(handler(claim.clone()));
    let ended = loop {
        tokio::select! {
            biased;
            ended = task.join_next() => break ended,
            () = sleep.sleep(RENEW) => {
                if !renewed(&claim).await {
                    break None;
                }
            }
        }
    };
    let Some(ended) = ended else { return id };
    let next = match ended {
        Ok(next) => next,
        Err(panic) => {
            tracing::error!(unit = %id, kind = claim.document().kind, "work panicked: {panic}");
            Ok(if claim.document().starter.is_some() {
                Next::Failed(Problem::new(
                    lanyard_operation::Code::Internal,
                    "the work failed because of a fault in Lanyard",
                ))
            } else {
                Next::Again(AGAIN)
            })
        }
    };
    if let Err(error) = end(&claim, next).await {
        tracing::warn!(unit = %id, %error, "the end of a unit of work was not written; it is repeated");
    }
    id
}

/// Renews the claim; `false` if it is lost. A store that does not answer loses no claim: the deadline does.
async fn renewed(claim: &Claim) -> bool {
    // Work that reports its progress at this moment renews the claim too.
    let Ok(mut unit) = claim.unit.try_lock() else { return true };
    match claim.queue.renew(&unit).await {
        Ok(true) => true,
        Ok(false) => claim.look_again(&mut unit).await.is_ok(),
        Err(error) => {
            tracing::warn!(%error, hint = error.hint(), "cannot renew the claim on a unit of work");
            true
        }
    }
}

async fn end(claim: &Claim, next: Result<Next, Halt>) -> Result<(), StoreError> {
    let mut unit = claim.unit.lock().await;
    loop {
        let (wait, ended) = match &next {
            Ok(Next::Again(wait)) => (*wait, None),
            Ok(Next::Done(value)) => (Duration::ZERO, Some((State::Done, Some(value.clone()), None))),
            Ok(Next::Failed(problem)) => (Duration::ZERO, Some((State::Failed, None, Some(problem.clone())))),
            Err(Halt::Cancelled) => (Duration::ZERO, Some((State::Cancelled, None, None))),
            Err(Halt::Lost) => return Ok(()),
            Err(Halt::Stopping | Halt::Restart) => (Duration::ZERO, None),
            Err(Halt::Store(error)) => {
                tracing::warn!(unit = %unit.id, %error, "the store failed; the work continues later");
                (AGAIN, None)
            }
        };
        let (now, due) = claim.queue.due_after(wait).await?;
        let mut next = Unit { due: Some(due), holder: None, deadline: None, ..unit.clone() };
        match ended {
            Some((state, result, problem)) => {
                (next.document.state, next.document.result, next.document.problem) = (state, result, problem);
            }
            None if unit.document.state == State::Cancelling => next.document.state = State::Cancelled,
            None => next.document.state = State::Waiting,
        }
        if claim.queue.put(&mut next, unit.seen(), now).await? || claim.look_again(&mut unit).await.is_err() {
            return Ok(());
        }
    }
}
