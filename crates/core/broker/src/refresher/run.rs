//! The refresher's task.

use std::future::{Future, pending};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanyard_credential::{Credential, CredentialId};
use lanyard_store::{StoreError, fail_point};
use lanyard_time::{Heartbeat, Moment};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::plan::{End, Plan, Start};
use super::report::{Counts, RefresherReport};
use super::schedule::Task;
use super::work::What;
use crate::broker::Broker;
use crate::renewals::{Gate, Health, RefresherOptions, Refusal};
use crate::revocation::{RetryRevocations, RevocationOutcome};

/// Renews the credentials of a store ahead of their end, and checks those that cannot be renewed. A clone is the same refresher.
///
/// The follower of the store's changes reports them ([`see`](Self::see), or [`changed`](Self::changed) if it has not read the
/// credential); the refresher finds all others by reading the store again now and then. Before it acts it reads the credential, and it
/// follows the same protocol as any other process: a second refresher on one store is superfluous, but harmless.
#[derive(Clone, Debug)]
pub struct Refresher {
    broker: Broker,
    options: RefresherOptions,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Something has changed.
    wake: Notify,
    succeeded: Heartbeat,
}

#[derive(Debug)]
struct State {
    plan: Plan,
    counts: Counts,
    /// Those that are to be read again.
    unread: Vec<CredentialId>,
    looked: Option<Moment>,
    /// When the whole store was read.
    read: Option<Moment>,
    /// When what could not be revoked was tried again.
    revoked: Option<Moment>,
    /// When interrupted renewals were last looked for.
    sought: Option<Moment>,
    /// The store could not be read when that was last tried.
    unreadable: bool,
}

/// The plan is looked at as often: a machine that slept, or whose wall clock was set, is noticed so soon.
const LOOK: Duration = Duration::from_secs(1);

/// A wall clock that moves so far against the boot-time clock was set: what was planned by an earlier boot's times is planned again.
const JUMP: Duration = Duration::from_mins(1);

/// Rotations whose process is gone are looked for as often: a server that repeats its answer does so for a minute, say.
const SEEK: Duration = Duration::from_secs(10);

impl Refresher {
    /// A refresher that knows nothing yet and does nothing before it [runs](Self::run).
    pub fn new(broker: &Broker, options: RefresherOptions) -> Self {
        let state = State {
            plan: Plan::new(options.clone(), broker.clock.now()),
            counts: Counts::default(),
            unread: Vec::new(),
            looked: None,
            read: None,
            revoked: None,
            sought: None,
            unreadable: false,
        };
        broker.renewals.stay(options.clone());
        let shared =
            Arc::new(Shared { state: Mutex::new(state), wake: Notify::new(), succeeded: Heartbeat::default() });
        // Its renewals have passed the gate in the plan.
        Self { broker: broker.admitted(), options, shared }
    }

    /// Takes in all credentials of the store, as just read; saves reading them once more.
    pub fn load(&self, credentials: &[Credential]) {
        let now = self.broker.clock.now();
        let mut state = self.state();
        // Those that are missing may have come since.
        let missing = state.plan.load(credentials, &mut self.gate(), &now);
        state.unread.extend(missing);
        state.read = Some(now);
        drop(state);
        self.shared.wake.notify_one();
    }

    /// Takes in how a credential stands; `None` where it is gone.
    pub fn see(&self, id: CredentialId, credential: Option<&Credential>) {
        let now = self.broker.clock.now();
        let mut state = self.state();
        match credential {
            Some(credential) => state.plan.see(credential, &mut self.gate(), &now),
            None => state.plan.forget(id),
        }
        drop(state);
        self.shared.wake.notify_one();
    }

    /// These have changed in the store: they are read again.
    pub fn changed(&self, ids: impl IntoIterator<Item = CredentialId>) {
        self.state().unread.extend(ids);
        self.shared.wake.notify_one();
    }

    /// A report of its work, done and outstanding.
    pub fn report(&self) -> RefresherReport {
        let now = self.broker.clock.now();
        let mut state = self.state();
        RefresherReport {
            environments: state.plan.environments(&self.gate(), &now),
            looked: state.looked.clone(),
            last_success: self.shared.succeeded.last(),
            ready: state.read.is_some(),
            credentials: state.plan.len(),
            counts: state.counts.clone(),
        }
    }

    /// Works until `stop` completes; then begins nothing more and completes when no renewal is under way. Dropping this future stops it
    /// as well, and leaves renewals that are under way to themselves: end the process only after [`Broker::finished`].
    ///
    /// # Panics
    ///
    /// If a task that it started panics, with the panic of that task.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut tasks = JoinSet::new();
        loop {
            let wait = tokio::select! {
                biased;
                () = &mut stop => break,
                wait = self.look(&mut tasks) => wait,
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = panicked(&mut tasks) => {}
                () = self.shared.wake.notified() => {}
                () = self.broker.sleep.sleep(wait) => {}
            }
        }
        // Renewals continue without the tasks that began them.
        drop(tasks);
        tracing::info!("no new renewals are begun");
        self.broker.finished().await;
    }

    /// Begins what is due; returns how long there is nothing more to do.
    async fn look(&self, tasks: &mut JoinSet<()>) -> Duration {
        fail_point("refresher.look");
        let mut wait = LOOK;
        let read = self.read().await;
        let has_read = read.is_ok();
        let failed_before = std::mem::replace(&mut self.state().unreadable, read.is_err());
        match read {
            // Once, however long it lasts.
            Err(error) if !failed_before => {
                tracing::warn!(%error, "the store cannot be read, so changes are not picked up");
            }
            Ok(()) if failed_before => tracing::info!("the store can be read again"),
            Ok(()) | Err(_) => {}
        }
        let now = self.broker.clock.now();
        if let Some((count, Refusal { error, hint })) = self.broker.renewals.refusals_to_report(&now) {
            tracing::warn!(count, error, hint, "the store does not take what is to be renewed");
        }
        let (starts, revokes) = {
            let mut state = self.state();
            let starts = state.plan.starts(&mut self.gate(), &now);
            let revokes = state.revoked.as_ref().is_none_or(|at| now.since(at) >= self.options.revocations);
            if revokes {
                state.revoked = Some(now.clone());
            }
            state.looked = Some(now.clone());
            if let Some(idle) = state.plan.idle_for(&self.gate(), &now) {
                wait = wait.min(idle);
            }
            (starts, revokes)
        };
        if has_read {
            self.shared.succeeded.beat(now.wall);
        }
        for start in starts {
            let turn = Turn { refresher: self.clone(), start: Some(start) };
            tasks.spawn(turn.run());
        }
        if revokes {
            let refresher = self.clone();
            tasks.spawn(async move { refresher.revoke().await });
        }
        wait
    }

    /// Reads what has to be read: everything at first, now and then, and when the wall clock was set; else what has changed.
    async fn read(&self) -> Result<(), StoreError> {
        let now = self.broker.clock.now();
        let (all, unread) = {
            let mut state = self.state();
            let all = state.read.as_ref().is_none_or(|at| {
                let jump = now.wall_jump_since(at).unwrap_or_default().unsigned_abs();
                now.since(at) >= self.options.reread || jump >= JUMP
            });
            (all, std::mem::take(&mut state.unread))
        };
        if all {
            // A part at a time: all of them at once would be many times what is kept of them.
            let mut missing = self.state().plan.known();
            let read = self.broker.store.credentials_in_parts(|credential| {
                missing.remove(&credential.id);
                self.state().plan.see(&credential, &mut self.gate(), &now);
            });
            if let Err(error) = read.await {
                self.state().unread.extend(unread);
                return Err(error);
            }
            self.broker.store.tidy_presence().await;
            let mut state = self.state();
            // Those that are missing may have come since.
            state.unread.extend(missing);
            state.read = Some(now.clone());
        }
        let mut unread = unread.into_iter();
        while let Some(id) = unread.next() {
            match self.broker.store.credential_by_id(id).await {
                Ok(credential) => self.see(id, credential.as_ref()),
                Err(error) if error.is_of_one_row() => {
                    tracing::warn!(credential = %id, %error, hint = error.hint(), "a credential cannot be read and is not renewed");
                    self.see(id, None);
                }
                Err(error) => {
                    self.state().unread.extend(std::iter::once(id).chain(unread));
                    return Err(error);
                }
            }
        }
        let seeks = self.state().sought.as_ref().is_none_or(|at| now.since(at) >= SEEK);
        if seeks {
            let abandoned = self.broker.store.abandoned_rotations(|id| self.broker.renewals.is_renewing(id)).await?;
            let brokers = self.broker.store.running_brokers().await?.len();
            self.gate().share_among(u32::try_from(brokers).unwrap_or(u32::MAX), &now);
            let mut state = self.state();
            for id in abandoned {
                state.plan.recover(id);
            }
            state.sought = Some(now);
        }
        Ok(())
    }

    /// Tries again what earlier clears could not revoke.
    async fn revoke(&self) {
        match self.broker.run(RetryRevocations).await {
            Ok(revocations) => {
                for revocation in revocations {
                    let (name, token) = (&revocation.credential, revocation.token);
                    match revocation.outcome {
                        RevocationOutcome::Queued { reason } => {
                            tracing::debug!(credential = %name, ?token, reason, "not revoked yet");
                        }
                        RevocationOutcome::NotRevoked { reason } => {
                            tracing::warn!(credential = %name, ?token, reason, "not revoked");
                        }
                        RevocationOutcome::Revoked | RevocationOutcome::RevokedByListing { .. } => {
                            tracing::info!(credential = %name, ?token, "revoked");
                        }
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "pending revocations could not be retried"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the gate; the state must be locked already.
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.broker.renewals.gate()
    }
}

/// Passes on the panic of a task, so that a broker does not run on without a part of its work. Never completes.
async fn panicked(tasks: &mut JoinSet<()>) {
    loop {
        match tasks.join_next().await {
            Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
            Some(_) => {}
            None => return pending().await,
        }
    }
}

/// One thing that is under way. It gives its place back however it ends.
struct Turn {
    refresher: Refresher,
    start: Option<Start>,
}

impl Turn {
    async fn run(mut self) {
        fail_point("refresher.turn");
        let Some(start) = self.start else { return };
        let refresher = self.refresher.clone();
        let broker = &refresher.broker;
        let done = broker.do_due(&start, refresher.options.cycle).await;
        refresher.count(&done.what, start.task);
        loop {
            let read = broker.store.credential_by_id(start.id).await;
            let now = broker.clock.now();
            let mut state = refresher.state();
            match read {
                Ok(credential) => {
                    let end = End { health: done.health, credential: credential.as_ref(), rest: done.rest };
                    if !state.plan.settle(&start, &end, &mut refresher.gate(), &now) {
                        continue;
                    }
                }
                Err(error) if error.is_of_one_row() => {
                    let end = End { health: done.health, credential: None, rest: done.rest };
                    if !state.plan.settle(&start, &end, &mut refresher.gate(), &now) {
                        continue;
                    }
                }
                Err(_) => state.plan.abandon(&start, done.health, UNREAD, &mut refresher.gate(), &now),
            }
            // Only the end of the task is left for the drop.
            drop(state);
            self.start = None;
            return;
        }
    }
}

/// The pause before another look at a credential that could not be read when its renewal ended.
const UNREAD: Duration = Duration::from_secs(30);

impl Drop for Turn {
    fn drop(&mut self) {
        let now = self.refresher.broker.clock.now();
        if let Some(start) = self.start.take() {
            let mut state = self.refresher.state();
            state.plan.abandon(&start, Health::Unknown, UNREAD, &mut self.refresher.gate(), &now);
        }
        self.refresher.shared.wake.notify_one();
    }
}

impl Refresher {
    fn count(&self, what: &What, task: Task) {
        // The reason why a check failed is not recorded.
        if matches!(what, What::Rotated | What::Minted) || (matches!(what, What::Failed(_)) && task != Task::Check) {
            self.broker.renewals.store_took_it();
        }
        let counts = &mut self.state().counts;
        match what {
            What::Rotated => counts.rotations += 1,
            What::Elsewhere => counts.elsewhere += 1,
            What::Minted => counts.mints += 1,
            What::Accepted => counts.checks += 1,
            What::Failed(kind) => counts.count_failure(*kind),
            What::StoreFailed => counts.store_failures += 1,
            What::Nothing => {}
        }
    }
}
