//! A home and a local Webex that share one clock, which tests move.

use std::sync::Arc;
use std::time::Duration;

use lanyard_broker::{Broker, HandOutOptions, HandOuts, Parts, Refresher, RefresherOptions};
use lanyard_client::Transport;
use lanyard_credential::rotation::Attempt;
use lanyard_credential::{AppId, Credential, Kind, Mint, Order, RefreshRight, Spend, Standing, Validity};
use lanyard_home::OpenHome;
use lanyard_operation::Operation;
use lanyard_protocol::{Environment, Method, OrgId, Request};
use lanyard_secret::{AccessToken, SafeUrl, SecretBytes};
use lanyard_simulator::{Options, Simulator};
use lanyard_store::{Begun, NewCredential, NewTokens, Store};
use lanyard_testkit::{credential, granted, service_app};
use lanyard_time::{BootId, BoxFuture, Clock as _, ManualClock, Sleep, SystemClock, SystemEntropy};
use lanyard_vault::HomeKey;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Runs an operation as the broker itself does, so that its own error is seen.
pub(crate) trait Call {
    async fn call<O: Operation<Context = Broker>>(&self, operation: O) -> Result<O::Reply, O::Error>;
}

impl Call for Broker {
    async fn call<O: Operation<Context = Broker>>(&self, operation: O) -> Result<O::Reply, O::Error> {
        operation.run(self).await
    }
}

pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) clock: ManualClock,
    hands: Arc<Hands>,
    simulator: Simulator,
    key: HomeKey,
    pub(crate) broker: Broker,
    app: AppId,
}

/// A refresher that runs.
pub(crate) struct Running {
    pub(crate) refresher: Refresher,
    stop: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<()>,
}

impl World {
    /// A Webex of these properties, an app of its, and an empty home.
    pub(crate) async fn new(options: Options) -> Self {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let hands = Arc::new(Hands { clock: clock.clone(), moved: watch::Sender::new(()) });
        let options = Options { sleep: Arc::clone(&hands) as Arc<dyn Sleep>, ..options };
        let simulator = Simulator::start(options, Arc::new(clock.clone()), Arc::new(SystemEntropy)).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let parts = lanyard_store::Parts::new(Arc::new(clock.clone()), Arc::new(SystemEntropy));
        let home = directory.path().join("home");
        let OpenHome { store, key, .. } =
            lanyard_home::open_or_create(&home, parts, lanyard_home::Options::default()).await.unwrap();
        let described = simulator.description();
        let environment = Environment::at(&described.base_url).unwrap();
        let app = service_app("fleet", &environment, &described.service_app);
        store.insert_app(&app).await.unwrap();
        let broker = broker(&store, &clock, &hands);
        Self { directory, clock, hands, simulator, key, broker, app: app.app.id }
    }

    /// Opens this home as a process of another host, which cannot tell whether the first process is alive.
    pub(crate) async fn elsewhere(&self) -> Broker {
        let store = self.seen_by(BootId::new("elsewhere")).await;
        broker(&store, &self.clock, &self.hands)
    }

    /// Somebody begins to renew a credential, sends its refresh token or is about to, and is gone.
    pub(crate) async fn abandon(&self, credential: &Credential) {
        let store = self.seen_by(self.clock.now().boot.boot).await;
        let first = Attempt { spend: Spend::Stored, number: 1, presumed: false, spare: false, repeats: false };
        let begun = store.begin_rotation(credential.id, |_| Some(first)).await.unwrap();
        assert!(matches!(begun, Begun::Declared(..)));
    }

    /// Where its Webex is.
    pub(crate) fn environment(&self) -> Environment {
        Environment::at(&self.simulator.description().base_url).unwrap()
    }

    /// An app of another Webex, under the name `foreign`.
    pub(crate) async fn app_of(&self, other: &Self) -> AppId {
        let new = service_app("foreign", &other.environment(), &other.simulator.description().service_app);
        self.broker.store().insert_app(&new).await.unwrap();
        new.app.id
    }

    /// The home's database.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.directory.path().join("home/lanyard.db")
    }

    async fn seen_by(&self, kernel: BootId) -> Store {
        let parts = lanyard_store::Parts::new(Arc::new(self.clock.clone()), Arc::new(SystemEntropy));
        let host = format!("{} under {kernel:?}", parts.host).into();
        let parts = lanyard_store::Parts { kernel, host, ..parts };
        let home = self.directory.path().join("home");
        lanyard_home::open_with_key(&home, &self.key, parts, lanyard_home::Options::default()).await.unwrap()
    }

    /// A service app's grant that was obtained just now; each has its own. There is an access token, which nobody knows.
    pub(crate) async fn grant(&self, name: &str, access: Duration) -> Credential {
        self.grant_through(name, self.app, access).await
    }

    /// Like [`grant`](Self::grant), for another app.
    pub(crate) async fn grant_through(&self, name: &str, app: AppId, access: Duration) -> Credential {
        let path = format!("/service-apps/{}/authorise", self.simulator.description().service_app.application_id);
        let authorised = self.control(Method::POST, &path, Some(json!({}))).await;
        let refresh = authorised["refresh_token"].as_str().unwrap();
        let validity = Validity {
            obtained: self.clock.now(),
            access: Some(access),
            refresh: RefreshRight::Lasting(Some(Duration::from_secs(7_775_999))),
        };
        let tokens = granted(&format!("first-of-{name}"), refresh, &validity);
        self.insert(name, Kind::ServiceApp, Some(app), tokens).await
    }

    /// So many of them.
    pub(crate) async fn grants(&self, count: usize, access: Duration) -> Vec<Credential> {
        let mut all = Vec::new();
        for number in 0..count {
            all.push(self.grant(&format!("grant-{number}"), access).await);
        }
        all
    }

    /// The bot that this Webex was made with.
    pub(crate) async fn bot(&self) -> Credential {
        let token = AccessToken::new(self.simulator.description().bot.access_token.as_str());
        self.plain("bot", Kind::Bot, token, None).await
    }

    /// A token that cannot be renewed.
    pub(crate) async fn plain(&self, name: &str, kind: Kind, token: AccessToken, life: Option<Duration>) -> Credential {
        let validity = Validity { obtained: self.clock.now(), access: life, refresh: RefreshRight::None };
        self.insert(name, kind, None, NewTokens { access: Some(token), refresh: None, validity, scopes: None }).await
    }

    /// The administrator copies another token from the portal.
    pub(crate) async fn plain_again(&self, credential: &Credential) {
        let whose = json!({ "subject": self.simulator.description().admin.email });
        let copied = self.control(Method::POST, "/personal", Some(whose)).await;
        let access = Some(AccessToken::new(copied["access_token"].as_str().unwrap()));
        let validity = Validity { obtained: self.clock.now(), access: None, refresh: RefreshRight::None };
        let tokens = NewTokens { access, refresh: None, validity, scopes: None };
        let replaced = self.broker.store().replace_grant(credential.id, &tokens, &credential.subject, None).await;
        assert!(replaced.unwrap().is_some());
    }

    /// Gives the bot another token; the old one is dead.
    pub(crate) async fn regenerate_bot(&self) {
        let email = self.simulator.description().bot.email.clone();
        self.control(Method::POST, &format!("/bots/{email}/regenerate"), Some(json!({}))).await;
    }

    /// The app's id at Webex.
    pub(crate) fn client_id(&self) -> &str {
        &self.simulator.description().service_app.client_id
    }

    /// The administrator's own token.
    pub(crate) fn personal(&self) -> AccessToken {
        AccessToken::new(self.simulator.description().personal.access_token.as_str())
    }

    async fn insert(&self, name: &str, kind: Kind, app: Option<AppId>, tokens: NewTokens) -> Credential {
        let credential = self.credential(name, kind, app);
        self.broker.store().insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await.unwrap()
    }

    fn credential(&self, name: &str, kind: Kind, app: Option<AppId>) -> Credential {
        Credential { app, ..credential(name, kind, &self.environment()) }
    }

    /// A service app's credential without any token, which is had through another.
    pub(crate) async fn minted_through(&self, name: &str, via: &Credential, environment: &Environment) -> Credential {
        let organisation = OrgId::new(self.simulator.description().organisation.id.as_str());
        let mint = Some(Mint { via: via.id, order: Order::ServiceApp { organisation } });
        let credential = Credential {
            mint,
            standing: Standing::Pending,
            environment: environment.clone(),
            ..self.credential(name, Kind::ServiceApp, Some(self.app))
        };
        self.broker.store().insert_credential(&NewCredential { credential, tokens: None }).await.unwrap()
    }

    /// How a credential stands now.
    pub(crate) async fn now(&self, credential: &Credential) -> Credential {
        self.broker.store().credential_by_id(credential.id).await.unwrap().unwrap()
    }

    /// The tokens of this home, all of them in memory.
    pub(crate) async fn hand_outs(&self) -> HandOuts {
        let hand_outs = self.opened().await;
        hand_outs.load().await.unwrap();
        hand_outs
    }

    /// The tokens of this home, none of them in memory yet.
    pub(crate) async fn opened(&self) -> HandOuts {
        let (store, parts) = (self.broker.store(), self.broker.parts());
        HandOuts::open(store, parts, HandOutOptions::default(), |_| {}).await.unwrap()
    }

    /// The administrator's address.
    pub(crate) fn admin(&self) -> &str {
        &self.simulator.description().admin.email
    }

    /// A space of the administrator's with the bot in it.
    pub(crate) async fn room_with_bot(&self) -> String {
        let made = self.call_as_admin(Method::POST, "/rooms", Some(json!({ "title": "rota" }))).await;
        let room = made["id"].as_str().unwrap().to_owned();
        let member = json!({ "roomId": room, "personEmail": self.simulator.description().bot.email });
        self.call_as_admin(Method::POST, "/memberships", Some(member)).await;
        room
    }

    /// The texts of the messages in a space.
    pub(crate) async fn messages(&self, room: &str) -> Vec<String> {
        let listed = self.call_as_admin(Method::GET, &format!("/messages?roomId={room}"), None).await;
        let texts = listed["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned());
        texts.collect()
    }

    /// A call of the administrator's, with a token of its own.
    async fn call_as_admin(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let token = self.control(Method::POST, "/personal", Some(json!({ "subject": self.admin() }))).await;
        let url: SafeUrl = format!("{}{path}", self.simulator.description().base_url).parse().unwrap();
        let token = AccessToken::new(token["access_token"].as_str().unwrap());
        let mut request = Request::new(method, url).bearer(&token);
        if let Some(body) = body {
            request = request.body("application/json", SecretBytes::new(body.to_string().into_bytes()));
        }
        let transport = Transport::new(Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        let response = transport.send(&self.environment(), request, LONGEST).await.unwrap().response;
        assert!(response.status.is_success(), "{path}: {response:?}");
        serde_json::from_slice(response.body.expose_secret()).unwrap()
    }

    /// Begins to renew.
    pub(crate) fn renew(&self, options: RefresherOptions) -> Running {
        Running::start(&self.broker, options)
    }

    /// Lets time pass in steps, everything that is due in between done.
    pub(crate) async fn pass(&self, total: Duration, step: Duration, running: &[&Running]) {
        let mut passed = Duration::ZERO;
        while passed < total {
            self.advance(step);
            passed += step;
            for running in running {
                running.quiet(&self.clock).await;
            }
        }
    }

    /// Lets time pass at once.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.hands.moved.send_replace(());
    }

    /// The machine is paused from outside: its boot clock stands still, while its wall clock, set on its return, and Webex go on.
    pub(crate) async fn stand_still(&self, by: Duration) {
        self.control(Method::POST, "/clock", Some(json!({ "advance_ms": by.as_secs() * 1000 }))).await;
        self.clock.jump_wall(jiff::SignedDuration::try_from(by).unwrap());
        self.hands.moved.send_replace(());
    }

    /// A call of the control plane.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let description = self.simulator.description();
        let url: SafeUrl = format!("{}{path}", description.control_url).parse().unwrap();
        let mut request = Request::new(method, url).bearer(&AccessToken::new(description.control_key.as_str()));
        if let Some(body) = body {
            request = request.body("application/json", SecretBytes::new(body.to_string().into_bytes()));
        }
        let transport = Transport::new(Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        let environment = Environment::at(&description.base_url).unwrap();
        let response = transport.send(&environment, request, LONGEST).await.unwrap().response;
        assert!(response.status.is_success(), "{path}: {response:?}");
        serde_json::from_slice(response.body.expose_secret()).unwrap_or(Value::Null)
    }

    /// Scripts misbehaviour of the token endpoint.
    pub(crate) async fn fault(&self, count: Option<u64>, action: Value) {
        let fault = json!({ "path": "/v1/access_token", "count": count, "action": action });
        self.control(Method::POST, "/faults", Some(fault)).await;
    }

    /// Ends all misbehaviour.
    pub(crate) async fn repair(&self) {
        self.control(Method::DELETE, "/faults", None).await;
    }

    /// The moments of the refreshes that arrived, oldest first.
    pub(crate) async fn refreshes(&self) -> Vec<jiff::Timestamp> {
        let record = self.control(Method::GET, "/record", None).await;
        let all = record.as_array().unwrap().iter().filter(|entry| entry["grant_type"] == "refresh_token");
        all.map(|entry| entry["at"].as_str().unwrap().parse().unwrap()).collect()
    }
}

const LONGEST: usize = 64 * 1024 * 1024;

fn broker(store: &Store, clock: &ManualClock, hands: &Arc<Hands>) -> Broker {
    let parts = Parts {
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SystemEntropy),
        sleep: Arc::clone(hands) as Arc<dyn Sleep>,
    };
    Broker::new(store, parts, "refresher")
}

impl Running {
    pub(crate) fn start(broker: &Broker, options: RefresherOptions) -> Self {
        let refresher = Refresher::new(broker, options);
        let (stop, stopped) = oneshot::channel::<()>();
        let runs = refresher.clone();
        let task = tokio::spawn(async move {
            runs.run(async { drop(stopped.await) }).await;
        });
        Self { refresher, stop, task }
    }

    /// Waits until it has looked at the present and done all that may be done in it.
    pub(crate) async fn quiet(&self, clock: &ManualClock) {
        self.until(|report| {
            let idle = |environment: &lanyard_broker::EnvironmentReport| {
                environment.under_way == 0 && environment.next != Some(Duration::ZERO)
            };
            report.ready && report.looked == Some(clock.now()) && report.environments.iter().all(idle)
        })
        .await;
    }

    pub(crate) async fn until(&self, reached: impl Fn(&lanyard_broker::RefresherReport) -> bool) {
        while !reached(&self.refresher.report()) {
            assert!(!self.task.is_finished());
            tokio::task::yield_now().await;
        }
    }

    /// Asks it to end.
    pub(crate) fn ask_to_stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.task
    }

    pub(crate) async fn stop(self) {
        self.ask_to_stop().await.unwrap();
    }
}

/// Waits that end when the test has moved the clock so far.
#[derive(Debug)]
struct Hands {
    clock: ManualClock,
    moved: watch::Sender<()>,
}

impl Sleep for Hands {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (clock, mut moved) = (self.clock.clone(), self.moved.subscribe());
        let begun = clock.now();
        Box::pin(async move { while clock.now().since(&begun) < duration && moved.changed().await.is_ok() {} })
    }
}
