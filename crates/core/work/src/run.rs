//! Runs: operations that take long.

use std::fmt::Debug;
use std::future::Future;

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_operation::{
    About, Caller, Code, Context, Declaration, Door, End, Entry, Operation, Problem, Starter, authorise,
};
use lanyard_store::StoreError;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claim::{Claim, Halt};
use crate::queue::Queue;
use crate::unit::{State, Unit, UnitId};
use crate::worker::{Handlers, Next};

/// An operation that takes long. [`Start`] answers with the run at once; a worker does it, and whoever may see the run can follow it.
///
/// It can be interrupted at any point and done again from the [progress](Claim::earlier) that it reported last.
pub trait Run: Serialize + DeserializeOwned + Debug + Send + Sized + 'static {
    /// Its fixed facts. The same as for an operation that is done at once.
    const DECLARED: Declaration;

    /// The context on which it runs.
    type Context: HasQueue;
    /// Its result.
    type Outcome: Serialize + Send;
    /// Its error.
    type Error: Into<Problem> + Send;

    /// The credentials that it is about.
    fn about(&self) -> About<'_> {
        About::All
    }

    /// Does the work. The caller is authorised each time that this begins or continues.
    fn run(
        self,
        on: &Self::Context,
        claim: &Claim,
    ) -> impl Future<Output = Result<Result<Self::Outcome, Self::Error>, Halt>> + Send;
}

/// A context with a queue, so that runs can be started on it.
pub trait HasQueue: Context {
    /// The queue.
    fn queue(&self) -> &Queue;
    /// The caller whose operation runs.
    fn caller(&self) -> &Caller;
}

/// Starts a run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Start<R>(pub R);

impl<R: Run> Operation for Start<R> {
    const DECLARED: Declaration = R::DECLARED;

    type Context = R::Context;
    type Reply = RunView;
    type Error = Problem;

    fn about(&self) -> About<'_> {
        self.0.about()
    }

    async fn run(self, on: &R::Context) -> Result<RunView, Problem> {
        let request = serde_json::to_value(&self.0).map_err(|error| Problem::of(Code::Internal, &error))?;
        let started = on.queue().start(R::DECLARED.name, &request, &on.caller().starter()).await;
        let started = started.map_err(|error| stored(&error))?.ok_or_else(|| {
            let what = format!("{} runs are under way already, which is the most for one caller", Queue::MOST_OPEN);
            Problem::new(Code::TooManyRuns, what).hint("wait until one has ended, or cancel one: lanyard runs list")
        })?;
        Ok(RunView::of(&started))
    }
}

/// Adds a run to what a process can do.
pub fn add_run<R: Run, D: Door>(handlers: &mut Handlers, door: &D, on: &R::Context) {
    let (door, on) = (door.clone(), on.clone());
    handlers.add(R::DECLARED.name, move |claim| {
        let (door, on) = (door.clone(), on.clone());
        async move { resume::<R, D>(&door, &on, &claim).await }
    });
}

/// Begins or continues a run, for the caller that started it.
async fn resume<R: Run, D: Door>(door: &D, on: &R::Context, claim: &Claim) -> Result<Next, Halt> {
    let document = claim.document();
    let Some(starter) = &document.starter else {
        return Ok(Next::Failed(Problem::new(Code::Internal, "the run has no starter")));
    };
    let unreadable =
        |_| Problem::new(Code::UnreadableOperation, format!("the request for {} cannot be read", document.kind));
    let prepared = serde_json::from_value::<R>(document.request.clone())
        .map_err(unreadable)
        .and_then(|run| Ok((door.again(starter)?, run)))
        .and_then(|(caller, run)| {
            let (about, authorized) = authorise(door, &caller, &R::DECLARED, &run.about());
            match authorized {
                Ok(authorized) => Ok((on.acting_for(&caller, &authorized), run)),
                Err(problem) => {
                    let end = End::Failed(&problem);
                    door.record(Entry { operation: R::DECLARED.name, about, actor: caller.actor(), end });
                    Err(problem)
                }
            }
        });
    let (on, run) = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => return Ok(Next::Failed(problem)),
    };
    Ok(match run.run(&on, claim).await? {
        Ok(outcome) => match serde_json::to_value(&outcome) {
            Ok(value) => Next::Done(value),
            Err(error) => Next::Failed(Problem::of(Code::Internal, &error)),
        },
        Err(error) => Next::Failed(error.into()),
    })
}

/// A run, as callers see it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// Its id: 32 hexadecimal digits.
    pub id: String,
    /// The operation.
    pub operation: String,
    /// The caller that started it.
    pub started_by: String,
    /// When it was started.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// Its state.
    #[schemars(with = "String", extend("enum" = State::ALL.map(State::as_str)))]
    pub state: State,
    /// When its state or its progress changed last.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub changed_at: Timestamp,
    /// How far it has come; its form depends on the operation. `null` before the first step.
    pub progress: Value,
    /// Its result, once it is done; its form depends on the operation.
    pub result: Option<Value>,
    /// The reason, if it failed.
    pub error: Option<RunError>,
}

/// Why a run failed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunError {
    /// The kind of the problem, as in a problem document.
    pub code: String,
    /// A sentence.
    pub detail: String,
    /// The next step.
    pub hint: Option<String>,
}

impl RunView {
    /// The view of a unit that is a run.
    pub fn of(unit: &Unit) -> Self {
        let document = &unit.document;
        let error = document.problem.as_ref().map(|problem| RunError {
            code: problem.code().as_str().to_owned(),
            detail: problem.to_string(),
            hint: problem.next_step().map(str::to_owned),
        });
        Self {
            id: unit.id.to_string(),
            operation: document.kind.clone(),
            started_by: document.starter.as_ref().map(|starter| starter.actor.clone()).unwrap_or_default(),
            started_at: document.created,
            state: document.state,
            changed_at: document.changed,
            progress: document.progress.clone(),
            result: document.result.clone(),
            error,
        }
    }
}

/// The context of the operations on runs.
#[derive(Clone, Debug)]
pub struct Runs {
    queue: Queue,
    caller: Caller,
}

impl Runs {
    /// The runs in a queue.
    pub fn new(queue: &Queue) -> Self {
        Self { queue: queue.clone(), caller: Caller::owner("") }
    }

    /// The run, if the caller may see it: a client sees its own.
    async fn find(&self, id: &UnitId) -> Result<Unit, Problem> {
        let found = self.queue.unit(id).await.map_err(|error| stored(&error))?;
        found.filter(|unit| self.may_see(unit)).ok_or_else(|| {
            Problem::new(Code::NoSuchName, format!("there is no run {id}")).hint("list the runs: lanyard runs list")
        })
    }

    fn may_see(&self, unit: &Unit) -> bool {
        let Some(Starter { client, .. }) = &unit.document.starter else { return false };
        match &self.caller {
            Caller::Owner { .. } => true,
            Caller::Client { client: caller, .. } => *client == Some(caller.id),
        }
    }
}

impl Context for Runs {
    fn acting_for(&self, caller: &Caller, _: &[(CredentialName, CredentialId)]) -> Self {
        let store = self.queue.store.acting_as(caller.actor().to_string());
        Self { queue: self.queue.within(&store), caller: caller.clone() }
    }
}

/// Lists the runs that the caller may see, the latest first.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRuns {
    /// How many at most: 50 if it is omitted, 1000 at most.
    pub limit: Option<u32>,
}

impl ListRuns {
    /// How many are listed if the caller does not say.
    pub const LIMIT: u32 = 50;
    /// How many at most.
    pub const MOST: u32 = 1000;
}

impl Operation for ListRuns {
    const DECLARED: Declaration = Declaration::read("run.list").for_anyone();
    const ABOUT: About<'static> = About::Any;

    type Context = Runs;
    type Reply = Vec<RunView>;
    type Error = Problem;

    async fn run(self, runs: &Runs) -> Result<Vec<RunView>, Problem> {
        let all = runs.queue.runs().await.map_err(|error| stored(&error))?;
        let limit = usize::try_from(self.limit.unwrap_or(Self::LIMIT).min(Self::MOST)).unwrap_or(usize::MAX);
        Ok(all.iter().filter(|unit| runs.may_see(unit)).take(limit).map(RunView::of).collect())
    }
}

/// Shows one run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowRun {
    /// The run.
    pub id: UnitId,
}

impl Operation for ShowRun {
    const DECLARED: Declaration = Declaration::read("run.show").for_anyone();
    const ABOUT: About<'static> = About::Any;

    type Context = Runs;
    type Reply = RunView;
    type Error = Problem;

    async fn run(self, runs: &Runs) -> Result<RunView, Problem> {
        Ok(RunView::of(&runs.find(&self.id).await?))
    }
}

/// Cancels a run. The reply shows it as it is then: `cancelling` while a process still works on it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelRun {
    /// The run.
    pub id: UnitId,
}

impl Operation for CancelRun {
    const DECLARED: Declaration = Declaration::change("run.cancel").for_anyone();
    const ABOUT: About<'static> = About::Any;

    type Context = Runs;
    type Reply = RunView;
    type Error = Problem;

    async fn run(self, runs: &Runs) -> Result<RunView, Problem> {
        let found = runs.find(&self.id).await?;
        if found.document.state.is_end() {
            let what = format!("the run {} has already ended: {}", self.id, found.document.state);
            return Err(Problem::new(Code::Failed, what));
        }
        let cancelled = runs.queue.cancel(&self.id).await.map_err(|error| stored(&error))?;
        Ok(RunView::of(&cancelled.unwrap_or(found)))
    }
}

fn stored(error: &StoreError) -> Problem {
    Problem::of(Code::Store, error).hint(error.hint())
}

impl Unit {
    /// Whether it waits or is being worked on.
    pub fn is_open(&self) -> bool {
        !matches!(self.document.state, State::Done | State::Failed | State::Cancelled)
    }
}
