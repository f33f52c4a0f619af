//! Runs as operations: started, followed and cancelled by callers, and authorised again when they continue.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_credential::{Capability, CapabilitySet, Client, ClientId, CredentialId, CredentialName, Granted};
use lanyard_operation::{Actor, Caller, Code, Context, Declaration, Door, Entry, Problem, Starter, detached, perform};
use lanyard_time::{Clock, ManualClock, Moment, SystemEntropy};
use lanyard_work::{
    CancelRun, Claim, Halt, Handlers, HasQueue, ListRuns, Queue, Run, Runs, ShowRun, Start, State, UnitId, add_run,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::world::{World, on_both_engines};

on_both_engines!(
    a_caller_has_a_limited_number_of_runs_under_way_and_a_list_is_limited,
    a_caller_starts_follows_and_sees_its_own_runs,
    a_run_is_authorised_again_when_it_begins,
);

/// The parts of a job.
#[derive(Clone)]
struct Rooms {
    queue: Queue,
    caller: Caller,
}

impl Context for Rooms {
    fn acting_for(&self, caller: &Caller, _: &[(CredentialName, CredentialId)]) -> Self {
        Self { queue: self.queue.clone(), caller: caller.clone() }
    }
}

impl HasQueue for Rooms {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// Counts to a number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountTo {
    number: u32,
}

impl Run for CountTo {
    const DECLARED: Declaration = Declaration::change("rooms.count").needs(Capability::Refresh);

    type Context = Rooms;
    type Outcome = String;
    type Error = Problem;

    async fn run(self, on: &Rooms, claim: &Claim) -> Result<Result<String, Problem>, Halt> {
        let counted: u32 = claim.earlier().unwrap_or(0);
        for number in counted..self.number {
            if number == 3 {
                return Ok(Err(Problem::new(Code::Failed, "three is too many")));
            }
            claim.progress(&(number + 1)).await?;
        }
        Ok(Ok(format!("counted for {}", on.caller.actor())))
    }
}

/// A broker with clients.
#[derive(Clone)]
struct Broker {
    clock: ManualClock,
    clients: Arc<Mutex<Vec<Arc<Client>>>>,
    recorded: Arc<Mutex<Vec<String>>>,
}

impl Broker {
    fn new(world: &World) -> Self {
        Self { clock: world.clock.clone(), clients: Arc::default(), recorded: Arc::default() }
    }

    fn client(&self, name: &str, capability: Capability) -> Caller {
        let client = Arc::new(Client {
            id: ClientId::random(&SystemEntropy),
            name: name.parse().unwrap(),
            capabilities: CapabilitySet::from_iter([capability]),
            credentials: Granted::All,
            methods: None,
            paths: None,
            org: None,
            expires_at: None,
            created_at: self.clock.now().wall,
            uid: None,
        });
        self.clients.lock().unwrap().push(Arc::clone(&client));
        Caller::Client { actor: Actor::Named(format!("client {name}").into()), client }
    }
}

impl Door for Broker {
    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn find(&self, _: &CredentialName) -> Option<CredentialId> {
        None
    }

    fn again(&self, starter: &Starter) -> Result<Caller, Problem> {
        let Some(id) = starter.client else { return Ok(Caller::owner(starter.actor.as_str())) };
        let found = self.clients.lock().unwrap().iter().find(|client| client.id == id).cloned();
        let client = found.ok_or_else(|| Problem::new(Code::Refused, "the client was removed"))?;
        Ok(Caller::Client { client, actor: Actor::Named(starter.actor.as_str().into()) })
    }

    fn record(&self, Entry { operation, actor, .. }: Entry<'_>) {
        self.recorded.lock().unwrap().push(format!("{actor}: {operation}"));
    }

    async fn run<T: Send + 'static>(
        &self,
        _: &'static Declaration,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        detached(work).await
    }
}

fn parts(world: &World) -> (Broker, Rooms, Runs, Handlers) {
    let broker = Broker::new(world);
    let rooms = Rooms { queue: world.queue.clone(), caller: Caller::owner("uid 1000") };
    let mut handlers = Handlers::default();
    add_run::<CountTo, _>(&mut handlers, &broker, &rooms);
    (broker, rooms, Runs::new(&world.queue), handlers)
}

async fn a_caller_has_a_limited_number_of_runs_under_way_and_a_list_is_limited(world: World) {
    let (broker, rooms, runs, _) = parts(&world);
    let (panel, other) = (broker.client("panel", Capability::Refresh), broker.client("other", Capability::Refresh));
    let owner = Caller::owner("uid 1000");
    let start = async |caller| perform(&broker, &rooms, caller, Start(CountTo { number: 1 })).await;
    let first = start(&panel).await.unwrap();
    for _ in 1..Queue::MOST_OPEN {
        start(&panel).await.unwrap();
        world.clock.advance(Duration::from_millis(5));
    }
    let refused = start(&panel).await.unwrap_err();
    assert_eq!(refused.code(), Code::TooManyRuns, "{refused}");
    // Each caller has its own limit.
    start(&other).await.unwrap();
    start(&owner).await.unwrap();
    let cancelled = CancelRun { id: first.id.parse().unwrap() };
    perform(&broker, &runs, &panel, cancelled).await.unwrap();
    start(&panel).await.unwrap();

    let list = async |caller, limit| perform(&broker, &runs, caller, ListRuns { limit }).await.unwrap();
    assert_eq!(list(&owner, None).await.len(), Queue::MOST_OPEN + 3);
    let latest: Vec<_> = list(&panel, Some(3)).await.into_iter().map(|run| run.started_at).collect();
    let mut all: Vec<_> = list(&panel, None).await.into_iter().map(|run| run.started_at).collect();
    all.sort();
    assert_eq!(latest, all.into_iter().rev().take(3).collect::<Vec<_>>(), "the latest first");
}

async fn a_caller_starts_follows_and_sees_its_own_runs(world: World) {
    let (broker, rooms, runs, handlers) = parts(&world);
    let worker = world.worker_with(handlers);
    let (panel, other) = (broker.client("panel", Capability::Refresh), broker.client("other", Capability::Refresh));
    let owner = Caller::owner("uid 1000");
    let started = perform(&broker, &rooms, &panel, Start(CountTo { number: 2 })).await.unwrap();
    assert_eq!((started.operation.as_str(), started.started_by.as_str()), ("rooms.count", "client panel"));
    let id: UnitId = started.id.parse().unwrap();
    let done = loop {
        let run = perform(&broker, &runs, &panel, ShowRun { id: id.clone() }).await.unwrap();
        if run.state.is_end() {
            break run;
        }
    };
    assert_eq!((done.state, &done.progress), (State::Done, &json!(2)));
    assert_eq!(done.result, Some(json!("counted for client panel")));
    // Another client has no such run, and the owner has all.
    let hidden = perform(&broker, &runs, &other, ShowRun { id: id.clone() }).await.unwrap_err();
    assert_eq!((hidden.code(), hidden.to_string()), (Code::NoSuchName, format!("there is no run {id}")));
    assert_eq!(
        perform(&broker, &runs, &other, CancelRun { id: id.clone() }).await.unwrap_err().code(),
        Code::NoSuchName
    );
    for (caller, count) in [(&panel, 1), (&other, 0), (&owner, 1)] {
        assert_eq!(perform(&broker, &runs, caller, ListRuns::default()).await.unwrap().len(), count, "{caller:?}");
    }
    let ended = perform(&broker, &runs, &owner, CancelRun { id }).await.unwrap_err();
    assert_eq!(ended.code(), Code::Failed);

    let failed = perform(&broker, &rooms, &owner, Start(CountTo { number: 9 })).await.unwrap();
    let id: UnitId = failed.id.parse().unwrap();
    let failed = loop {
        let run = perform(&broker, &runs, &owner, ShowRun { id: id.clone() }).await.unwrap();
        if run.state.is_end() {
            break run;
        }
    };
    let error = failed.error.unwrap();
    assert_eq!(
        (failed.state, error.code.as_str(), error.detail.as_str()),
        (State::Failed, "failed", "three is too many")
    );
    let told: Vec<_> = world.store.audit(9).await.unwrap().iter().map(|entry| entry.record.event.to_string()).collect();
    assert_eq!(told[0], format!("rooms.count, run {id}: failed: three is too many"));
    worker.abort();
}

async fn a_run_is_authorised_again_when_it_begins(world: World) {
    let (broker, rooms, runs, handlers) = parts(&world);
    let reader = broker.client("reader", Capability::Read);
    let refused = perform(&broker, &rooms, &reader, Start(CountTo { number: 2 })).await.unwrap_err();
    assert_eq!(refused.code(), Code::Refused);
    assert!(world.queue.runs().await.unwrap().is_empty());

    // Started by a client that is removed, or loses the capability, before a worker begins.
    let gone = broker.client("gone", Capability::Refresh);
    let started = perform(&broker, &rooms, &gone, Start(CountTo { number: 2 })).await.unwrap();
    broker.clients.lock().unwrap().clear();
    broker.recorded.lock().unwrap().clear();
    let worker = world.worker_with(handlers);
    let owner = Caller::owner("uid 1000");
    let id: UnitId = started.id.parse().unwrap();
    let failed = loop {
        let run = perform(&broker, &runs, &owner, ShowRun { id: id.clone() }).await.unwrap();
        if run.state.is_end() {
            break run;
        }
    };
    assert_eq!((failed.state, failed.error.unwrap().detail), (State::Failed, "the client was removed".to_owned()));
    worker.abort();
}
