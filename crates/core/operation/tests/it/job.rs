//! Operations of a job that knows no broker, performed at two entry points.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use lanyard_credential::{Capability, CapabilitySet, Client, ClientId, CredentialId, CredentialName, Granted};
use lanyard_operation::{
    About, Actor, Caller, Class, Code, Context, Declaration, Door, End, Entry, Operation, OwnerDoor, Problem, Registry,
    Running, Starter, admit, decode, detached, encode, perform,
};
use lanyard_time::{Clock, ManualClock, Moment, SystemEntropy};
use serde::{Deserialize, Serialize};

/// A job's own parts.
#[derive(Clone, Default)]
struct Rooms {
    names: Arc<Mutex<Vec<String>>>,
    acting: Option<String>,
    authorized: Vec<CredentialId>,
}

impl Context for Rooms {
    fn acting_for(&self, caller: &Caller, authorized: &[(CredentialName, CredentialId)]) -> Self {
        let authorized = authorized.iter().map(|(_, id)| *id).collect();
        Self { acting: Some(caller.actor().to_string()), authorized, ..self.clone() }
    }
}

/// Lists rooms as a credential.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListRooms {
    name: CredentialName,
}

impl Operation for ListRooms {
    const DECLARED: Declaration = Declaration::read("rooms.list").needs(Capability::Read);
    const ABOUT: About<'static> = About::Any;

    type Context = Rooms;
    type Reply = (Vec<String>, Option<String>, usize);
    type Error = Problem;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, rooms: &Rooms) -> Result<Self::Reply, Problem> {
        let names = rooms.names.lock().unwrap().clone();
        Ok((names, rooms.acting.clone(), rooms.authorized.len()))
    }
}

/// Adds a room, for the owner alone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddRoom {
    room: String,
}

impl Operation for AddRoom {
    const DECLARED: Declaration = Declaration::change("rooms.add");

    type Context = Rooms;
    type Reply = ();
    type Error = Problem;

    async fn run(self, rooms: &Rooms) -> Result<(), Problem> {
        if self.room.is_empty() {
            return Err(Problem::new(Code::Failed, "the room has no name"));
        }
        rooms.names.lock().unwrap().push(self.room);
        Ok(())
    }
}

/// A broker with one credential, that keeps what it records.
#[derive(Clone)]
struct Broker {
    clock: ManualClock,
    id: CredentialId,
    recorded: Arc<Mutex<Vec<String>>>,
    /// The names that were looked up; the others are not in memory yet.
    looked_up: Arc<Mutex<Vec<CredentialName>>>,
}

impl Broker {
    fn new() -> Self {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        Self { clock, id: CredentialId::random(&SystemEntropy), recorded: Arc::default(), looked_up: Arc::default() }
    }

    fn recorded(&self) -> Vec<String> {
        std::mem::take(&mut *self.recorded.lock().unwrap())
    }

    fn client(granted: Granted) -> Caller {
        let client = Client {
            id: ClientId::random(&SystemEntropy),
            name: "panel".parse().unwrap(),
            capabilities: CapabilitySet::from_iter([Capability::Read]),
            credentials: granted,
            methods: None,
            paths: None,
            org: None,
            expires_at: None,
            created_at: Timestamp::UNIX_EPOCH,
            uid: None,
        };
        Caller::Client { client: Arc::new(client), actor: Actor::Named("client panel".into()) }
    }
}

impl Door for Broker {
    fn now(&self) -> Moment {
        self.clock.now()
    }

    async fn look_up(&self, _: &Caller, names: &[CredentialName]) {
        self.looked_up.lock().unwrap().extend_from_slice(names);
    }

    fn find(&self, name: &CredentialName) -> Option<CredentialId> {
        (name.as_str() == "acme" && self.looked_up.lock().unwrap().contains(name)).then_some(self.id)
    }

    fn again(&self, starter: &Starter) -> Result<Caller, Problem> {
        Ok(Caller::owner(starter.actor.as_str()))
    }

    fn record(&self, Entry { operation, about, actor, end }: Entry<'_>) {
        let about = about.map(|(_, name)| format!(" {name}")).unwrap_or_default();
        let end = match end {
            End::Answered => "answered".to_owned(),
            End::Failed(problem) => problem.code().as_str().to_owned(),
        };
        self.recorded.lock().unwrap().push(format!("{actor}: {operation}{about}: {end}"));
    }

    async fn run<T: Send + 'static>(
        &self,
        _: &'static Declaration,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        detached(work).await
    }
}

fn list(name: &str) -> ListRooms {
    ListRooms { name: name.parse().unwrap() }
}

#[tokio::test]
async fn a_call_is_authorised_once_and_recorded_under_its_callers_name() {
    let (broker, rooms) = (Broker::new(), Rooms::default());
    let all = Broker::client(Granted::All);
    let reply = perform(&broker, &rooms, &all, list("acme")).await.unwrap();
    assert_eq!(reply, (Vec::new(), Some("client panel".to_owned()), 1));
    assert_eq!(broker.recorded(), ["client panel: rooms.list acme: answered"]);

    let problem = perform(&broker, &rooms, &all, AddRoom { room: "atlas".to_owned() }).await.unwrap_err();
    assert_eq!((problem.code(), problem.class()), (Code::Refused, Class::PersonMustAct));
    assert_eq!(broker.recorded(), ["client panel: rooms.add: refused"]);

    // A client of certain credentials gets the same refusal for one that is not granted and one that does not exist.
    let other = Broker::client(Granted::Only([CredentialId::random(&SystemEntropy)].into()));
    let problems = [
        perform(&broker, &rooms, &other, list("acme")).await.unwrap_err(),
        perform(&broker, &rooms, &other, list("nothing")).await.unwrap_err(),
    ];
    assert_eq!(problems[0], problems[1]);
    assert_eq!(broker.recorded(), ["client panel: rooms.list acme: refused", "client panel: rooms.list: refused"]);
}

#[tokio::test]
async fn a_call_is_refused_before_its_request_is_read_as_it_would_be_after() {
    let (broker, rooms) = (Broker::new(), Rooms::default());
    let acme = list("acme").name;
    let [all, other] = [Granted::All, Granted::Only([CredentialId::random(&SystemEntropy)].into())].map(Broker::client);
    broker.look_up(&all, std::slice::from_ref(&acme)).await;
    admit::<ListRooms>(&broker, &all, Some(&acme)).unwrap();
    admit::<ListRooms>(&broker, &other, None).unwrap();
    assert!(broker.recorded().is_empty(), "what is permitted is recorded when it is done");
    let early = admit::<ListRooms>(&broker, &other, Some(&acme)).unwrap_err();
    let late = perform(&broker, &rooms, &other, list("acme")).await.unwrap_err();
    assert_eq!(early, late);
    assert_eq!(broker.recorded(), ["client panel: rooms.list acme: refused", "client panel: rooms.list acme: refused"]);
    let early = admit::<AddRoom>(&broker, &all, None).unwrap_err();
    assert_eq!((early.code(), broker.recorded().len()), (Code::Refused, 1));
}

/// Has a fault that ends in a panic.
#[derive(Debug, Serialize, Deserialize)]
struct Fail;

impl Operation for Fail {
    const DECLARED: Declaration = Declaration::change("rooms.fail");

    type Context = Rooms;
    type Reply = ();
    type Error = Problem;

    async fn run(self, _: &Rooms) -> Result<(), Problem> {
        panic!("a fault")
    }
}

#[tokio::test]
async fn a_panic_is_recorded_as_a_failure_and_passed_on() {
    let (broker, rooms) = (Broker::new(), Rooms::default());
    let task = {
        let (broker, rooms) = (broker.clone(), rooms.clone());
        tokio::spawn(async move { perform(&broker, &rooms, &Caller::owner("uid 1000"), Fail).await })
    };
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(broker.recorded(), ["uid 1000: rooms.fail: internal"]);
}

#[tokio::test]
async fn a_process_awaits_the_operations_whose_callers_are_gone() {
    let running = Running::default();
    running.ended().await;
    let (go, went) = tokio::sync::oneshot::channel::<()>();
    let mut work = Box::pin(running.detached(&AddRoom::DECLARED, async move { went.await.unwrap() }));
    assert!(futures_util::poll!(&mut work).is_pending());
    drop(work);
    let mut ended = Box::pin(running.ended());
    assert!(futures_util::poll!(&mut ended).is_pending());
    go.send(()).unwrap();
    ended.await;
}

#[tokio::test]
async fn the_owner_may_do_everything_and_changes_record_themselves() {
    let (broker, rooms) = (Broker::new(), Rooms::default());
    let owner = Caller::owner("uid 1000");
    perform(&broker, &rooms, &owner, AddRoom { room: "atlas".to_owned() }).await.unwrap();
    assert!(broker.recorded().is_empty());
    perform(&broker, &rooms, &owner, AddRoom { room: String::new() }).await.unwrap_err();
    assert_eq!(broker.recorded(), ["uid 1000: rooms.add: failed"]);

    // In a process of the owner's own.
    let door = OwnerDoor::new(Arc::new(broker.clock.clone()), Running::default());
    let (names, ..) = perform(&door, &rooms, &owner, list("nothing")).await.unwrap();
    assert_eq!(names, ["atlas"]);
}

#[tokio::test]
async fn operations_are_performed_by_name_and_what_is_not_understood_is_refused() {
    let (broker, rooms) = (Broker::new(), Rooms::default());
    let mut registry = Registry::default();
    registry.add::<ListRooms>(&rooms).add::<AddRoom>(&rooms);
    assert_eq!(registry.names().collect::<Vec<_>>(), ["rooms.add", "rooms.list"]);
    let owner = || Caller::owner("uid 1000");
    let add = encode(&AddRoom { room: "atlas".to_owned() }).unwrap();
    registry.perform(broker.clone(), owner(), "rooms.add", add).await.unwrap();
    let listed = registry.perform(broker.clone(), owner(), "rooms.list", encode(&list("acme")).unwrap()).await.unwrap();
    let (names, ..): <ListRooms as Operation>::Reply = decode(&listed).unwrap();
    assert_eq!(names, ["atlas"]);
    for (name, body, code) in [
        ("rooms.remove", "{}", Code::NoSuchOperation),
        ("rooms.add", r#"{"room":"b","dry_run":true}"#, Code::UnreadableOperation),
        ("rooms.add", "not JSON", Code::UnreadableOperation),
    ] {
        let body = zeroize::Zeroizing::new(body.as_bytes().to_vec());
        let problem = registry.perform(broker.clone(), owner(), name, body).await.unwrap_err();
        assert_eq!((problem.code(), problem.class()), (code, Class::Store), "{name}");
    }
    assert_eq!(rooms.names.lock().unwrap().len(), 1, "nothing was done");
}

#[test]
#[should_panic(expected = "two operations are called rooms.list")]
fn a_name_is_taken_once() {
    let mut registry = Registry::<Broker>::default();
    registry.add::<ListRooms>(&Rooms::default()).add::<ListRooms>(&Rooms::default());
}
