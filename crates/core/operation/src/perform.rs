//! The one way to carry out an operation.

use std::future::pending;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures_util::FutureExt as _;
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_time::{Clock, Moment};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::caller::{Actor, Caller, Starter};
use crate::declaration::{About, Declaration, Needs, Recorded};
use crate::operation::{Context, Operation};
use crate::problem::{Code, Problem};

/// The process that performs operations: looks up names, records calls, and runs work.
pub trait Door: Clone + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Moment;

    /// Ensures that the credentials of these names are found, if they exist and the caller may know them.
    fn look_up(&self, _caller: &Caller, _names: &[CredentialName]) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The credential of that name.
    fn find(&self, name: &CredentialName) -> Option<CredentialId>;

    /// The caller that started work, as it is now. Fails if the caller no longer exists.
    fn again(&self, starter: &Starter) -> Result<Caller, Problem>;

    /// Records a call under its caller's own name.
    fn record(&self, entry: Entry<'_>);

    /// Runs an authorised operation as a separate task, which continues if the returned future is dropped.
    fn run<T: Send + 'static>(
        &self,
        declared: &'static Declaration,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Problem>> + Send;
}

/// A call, for the audit.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The operation's name.
    pub operation: &'static str,
    /// The credential that it is about, if it exists.
    pub about: Option<(CredentialId, CredentialName)>,
    /// The caller.
    pub actor: &'a Actor,
    /// How the call ended.
    pub end: End<'a>,
}

/// How a call ended.
#[derive(Debug)]
pub enum End<'a> {
    /// It was answered, and changed nothing.
    Answered,
    /// It was refused, or failed.
    Failed(&'a Problem),
}

/// Performs an operation for a caller: authorises it, runs it to completion even if the caller disappears, and records reads,
/// refusals and failures under the caller's own name. A change is recorded by the transaction that makes it.
pub async fn perform<O: Operation>(
    door: &impl Door,
    on: &O::Context,
    caller: &Caller,
    operation: O,
) -> Result<O::Reply, Problem> {
    tracing::debug!(name = O::DECLARED.name, ?operation, actor = %caller.actor(), "operation");
    let names = match operation.about() {
        About::Named(names) => names.into_iter().cloned().collect(),
        About::All | About::Any => Vec::new(),
    };
    door.look_up(caller, &names).await;
    let (about, permitted) = authorise(door, caller, &O::DECLARED, &operation.about());
    let done = match permitted {
        Err(problem) => Err(problem),
        Ok(authorized) => {
            let on = on.acting_for(caller, &authorized);
            let work = async move { operation.run(&on).await.map_err(Into::into) };
            // Large operations are compiled once, and not into everything that performs them.
            let ran = Box::pin(door.run(&O::DECLARED, work));
            match AssertUnwindSafe(ran).catch_unwind().await {
                Ok(done) => done,
                Err(panic) => {
                    let problem = Problem::new(Code::Internal, "the operation panicked").why("it panicked");
                    let (operation, end) = (O::DECLARED.name, End::Failed(&problem));
                    door.record(Entry { operation, about, actor: caller.actor(), end });
                    resume_unwind(panic)
                }
            }
        }
    };
    let done = done.map_err(|problem| caller.without_names(&problem).unwrap_or(problem));
    let end = match &done {
        Ok(reply) if O::recorded(reply) == Recorded::ByPerform => Some(End::Answered),
        Ok(_) => None,
        Err(problem) => Some(End::Failed(problem)),
    };
    if let Some(end) = end {
        door.record(Entry { operation: O::DECLARED.name, about, actor: caller.actor(), end });
    }
    done
}

/// Refuses a call before its request is read, and records that, as [`perform`] would. `named` is the credential that the call is about, if
/// that is known already.
pub fn admit<O: Operation>(door: &impl Door, caller: &Caller, named: Option<&CredentialName>) -> Result<(), Problem> {
    let asked_about = named.map_or(O::ABOUT, |name| About::Named(vec![name]));
    let (about, permitted) = authorise(door, caller, &O::DECLARED, &asked_about);
    permitted.map(drop).inspect_err(|problem| {
        door.record(Entry { operation: O::DECLARED.name, about, actor: caller.actor(), end: End::Failed(problem) });
    })
}

/// The credentials that a call was authorised for, by the names that it used.
pub type Authorized = Vec<(CredentialName, CredentialId)>;

/// Decides whether a caller may do what is declared, and returns the credential that the audit names. Looks each name up once; the caller's
/// work acts on the ids that were found.
pub fn authorise(
    door: &impl Door,
    caller: &Caller,
    declared: &Declaration,
    asked_about: &About<'_>,
) -> (Option<(CredentialId, CredentialName)>, Result<Authorized, Problem>) {
    let mut found = Vec::new();
    if let About::Named(names) = asked_about {
        found.extend(names.iter().map(|&name| (name.clone(), door.find(name))));
    }
    let about = found.first().and_then(|(name, id)| Some(((*id)?, name.clone())));
    let permitted = match (declared.needs, asked_about) {
        (Needs::Anyone, _) => Ok(()),
        (Needs::Owner, _) if caller.is_owner() => Ok(()),
        (Needs::Owner, _) => Err(Problem::new(Code::Refused, "only the owner of the home may do this")
            .why("only the owner may do this")
            .hint("on the broker's machine: lanyard --help")),
        (Needs::Capability(what), About::Any) => caller.may_at_all(what, &door.now()),
        (Needs::Capability(what), About::All) => caller.may(what, None, &door.now()),
        (Needs::Capability(what), About::Named(_)) => {
            let now = door.now();
            found.iter().try_for_each(|(_, id)| caller.may(what, *id, &now))
        }
    };
    let known = found.into_iter().filter_map(|(name, id)| Some((name, id?)));
    (about, permitted.map(|()| known.collect()))
}

/// The door of a command that performs operations in its own process: its user owns the home, and could read the store without it.
/// So it refuses nothing, and does not record reads.
#[derive(Clone, Debug)]
pub struct OwnerDoor {
    clock: Arc<dyn Clock>,
    running: Running,
}

impl OwnerDoor {
    /// A door of a process whose operations are counted in `running`.
    pub fn new(clock: Arc<dyn Clock>, running: Running) -> Self {
        Self { clock, running }
    }
}

impl Door for OwnerDoor {
    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn find(&self, _: &CredentialName) -> Option<CredentialId> {
        None
    }

    fn again(&self, starter: &Starter) -> Result<Caller, Problem> {
        match starter.client {
            None => Ok(Caller::owner(starter.actor.as_str())),
            Some(_) => {
                Err(Problem::new(Code::Refused, format!("only a broker continues the work of {}", starter.actor))
                    .hint("lanyard serve"))
            }
        }
    }

    fn record(&self, _: Entry<'_>) {}

    async fn run<T: Send + 'static>(
        &self,
        declared: &'static Declaration,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        self.running.detached(declared, work).await
    }
}

/// The operations that run in a process. They go on if their callers disappear, so the process awaits them before it ends.
#[derive(Clone, Debug, Default)]
pub struct Running(Arc<watch::Sender<usize>>);

impl Running {
    /// Runs an operation as a separate task, and waits for it. The task continues if the returned future is dropped.
    pub async fn detached<T: Send + 'static>(
        &self,
        declared: &'static Declaration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        // An operation that waits for a person does not keep the process from ending.
        let counted = (!declared.is_slow).then(|| Counted::new(self));
        detached(async move {
            let _counted = counted;
            work.await
        })
        .await
    }

    /// Completes when no operation runs, except those that wait for a person.
    pub async fn ended(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// An operation that runs, until dropped.
struct Counted(Running);

impl Counted {
    fn new(running: &Running) -> Self {
        running.0.send_modify(|count| *count += 1);
        Self(running.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// Runs `work` as a separate task and waits for it. The task continues if the returned future is dropped.
pub async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    joined(tokio::spawn(work)).await
}

/// Waits for a task, and passes its panic on.
pub async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
