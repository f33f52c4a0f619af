//! Runs of the protocol's model, with the real store, driver and simulator.
//!
//! Each line of a trace says what happens and how the row is after it. The workers are brokers over one home: two of one kernel, and one
//! of another. Requests and answers go through a [`Relay`], which holds each until the trace says what becomes of it.

mod relay;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use lanyard_credential::{Credential, CredentialId, Kind, RefreshRight, Standing, Validity};
use lanyard_home::OpenHome;
use lanyard_protocol::Environment;
use lanyard_simulator::{Options, RefreshBehaviour, Simulator};
use lanyard_store::sql::sql;
use lanyard_store::{Begun, EXCHANGE, MARGIN, NewCredential, Store};
use lanyard_testkit::{credential, granted, service_app};
use lanyard_time::{BootId, ManualClock, SystemEntropy};
use lanyard_vault::HomeKey;

use self::relay::Relay;
use self::worker::{Order, Worker};

/// `LANYARD_TRACES=FILE` runs those of a file, which the test of the same name in `lanyard-credential` writes.
#[tokio::test]
async fn the_real_parts_do_what_the_model_does() {
    let text = match std::env::var_os("LANYARD_TRACES") {
        Some(file) => std::fs::read_to_string(file).unwrap(),
        None => include_str!("../../../../../credential/src/rotation/model/traces.txt").to_owned(),
    };
    let mut steps = 0;
    for (number, trace) in text.split("# ").skip(1).enumerate() {
        let mut lines = trace.lines();
        let mut world = World::new(lines.next().unwrap()).await;
        for line in lines {
            let (happening, expected) = line.split_once(": ").unwrap();
            let found = world.happen(happening).await;
            assert_eq!(found, expected, "trace {number}, {happening}, in:\n{trace}");
            steps += 1;
        }
    }
    println!("{steps} steps");
    assert!(steps > 500, "the traces are there");
}

struct World {
    directory: tempfile::TempDir,
    clock: ManualClock,
    key: HomeKey,
    /// How the row is read.
    observer: Store,
    id: CredentialId,
    relay: Relay,
    workers: Vec<Worker>,
    _simulator: Simulator,
}

impl World {
    async fn new(server: &str) -> Self {
        let refresh = match server {
            "Keeps" => RefreshBehaviour::Keep,
            "Repeats" => RefreshBehaviour::Rotate,
            "Strict" => RefreshBehaviour::RotateStrict,
            other => panic!("{other}"),
        };
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let options = Options { refresh, repeat_window: Duration::from_hours(24), ..Options::default() };
        let simulator = Simulator::start(options, Arc::new(clock.clone()), Arc::new(SystemEntropy)).await.unwrap();
        let described = &simulator.description().service_app;
        let relay = Relay::start(&simulator.description().base_url, &described.refresh_token).await;
        let environment = Environment::at(&relay.base_url).unwrap();

        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        let parts = lanyard_store::Parts::new(Arc::new(clock.clone()), Arc::new(SystemEntropy));
        let OpenHome { store: observer, key, .. } =
            lanyard_home::open_or_create(&home, parts, lanyard_home::Options::default()).await.unwrap();
        let new = service_app("fleet", &environment, described);
        let app = new.app.id;
        observer.insert_app(&new).await.unwrap();
        let validity = Validity {
            obtained: lanyard_time::Clock::now(&clock),
            access: Some(Duration::from_hours(24)),
            refresh: RefreshRight::Lasting(Some(Duration::from_hours(90 * 24))),
        };
        let tokens = granted("first", &described.refresh_token, &validity);
        let credential = Credential { app: Some(app), ..credential("fleet", Kind::ServiceApp, &environment) };
        let id = observer.insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await.unwrap().id;
        let mut world = Self { directory, clock, key, observer, id, relay, workers: Vec::new(), _simulator: simulator };
        for index in 0..3 {
            let worker = world.worker(index).await;
            world.workers.push(worker);
        }
        world
    }

    /// A process of its own over the home.
    async fn worker(&self, index: usize) -> Worker {
        let parts = lanyard_store::Parts::new(Arc::new(self.clock.clone()), Arc::new(SystemEntropy));
        let kernel = if index < 2 { parts.kernel.clone() } else { BootId::new("elsewhere") };
        let parts = lanyard_store::Parts { kernel, ..parts };
        let home = self.directory.path().join("home");
        let store = lanyard_home::open_with_key(&home, &self.key, parts, lanyard_home::Options::default()).await;
        Worker::start(&store.unwrap(), &self.clock, self.id)
    }

    /// Lets it happen, and says how the row is then and which token was sent.
    async fn happen(&mut self, happening: &str) -> String {
        let (name, index) = happening.split_once('(').unwrap_or((happening, "0)"));
        let index: usize = index.trim_end_matches(')').parse().unwrap();
        let mut sent = String::new();
        match name {
            "Begin" | "TakeOver" => {
                let target = self.observer.credential_by_id(self.id).await.unwrap().unwrap().generation;
                self.workers[index].tell(Order::Begin { target, takes_over: name == "TakeOver" }).await;
            }
            "Fail" => self.workers[index].tell(Order::Fail).await,
            "Drop" => {
                self.relay.forget(index);
                self.workers[index].tell(Order::Drop).await;
            }
            "Crash" => {
                self.relay.forget(index);
                self.workers[index].crash().await;
                self.workers[index] = self.worker(index).await;
            }
            "Perform" if self.workers[index].sends_next() => {
                self.workers[index].order(Order::Perform);
                sent = format!(" sends {}", self.relay.arrival(index).await);
            }
            "Perform" => self.workers[index].tell(Order::Perform).await,
            "DeadlinePasses" => self.clock.advance(EXCHANGE + Duration::from_secs(1)),
            "MarginPasses" => self.clock.advance(MARGIN),
            "CarryOut" => self.relay.carry_out(index).await,
            "Decline" => self.relay.refuse(index, relay::LIMITED),
            "Reject" => self.relay.refuse(index, relay::WRONG_CLIENT),
            "Deliver" | "CutReply" | "CutRequest" | "GiveUp" => {
                let heard = match name {
                    "Deliver" => Some(self.relay.deliver(index)),
                    "CutReply" => Some(self.relay.cut_reply(index)),
                    "CutRequest" => self.relay.cut_request(index),
                    _ => self.relay.give_up(index),
                };
                if let Some(worker) = heard {
                    self.workers[worker].done().await;
                }
            }
            other => panic!("{other}"),
        }
        if self.workers.iter().any(Worker::is_lost) {
            return "a worker is at another step".to_owned();
        }
        self.row().await + &sent
    }

    async fn row(&self) -> String {
        let Begun::Seen(view) = self.observer.begin_rotation(self.id, |_| None).await.unwrap() else {
            panic!("nothing was to be begun")
        };
        // As the row says it: a look at it adds what is known of the writer.
        let select = sql("intents", "SELECT phase, spend, attempt, presumed FROM intents WHERE credential = $1");
        let rows = self.observer.read(select.bind(self.id.to_string())).await.unwrap();
        let intent = rows.first().map_or("-".to_owned(), |row| {
            let presumed = if row.flag("presumed").unwrap() { " presumed" } else { "" };
            let (phase, spend) = (row.text("phase").unwrap(), row.text("spend").unwrap());
            format!("{phase} {spend} {}{presumed}", row.integer("attempt").unwrap())
        });
        let spare = if view.has_spare { " spare" } else { "" };
        let dead = if matches!(view.credential.standing, Standing::NeedsLogin(_)) { " dead" } else { "" };
        format!("{} ({intent}){spare}{dead}", view.credential.generation.number())
    }
}
