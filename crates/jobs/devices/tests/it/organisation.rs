//! An organisation at a local Webex of its own, on a clock that the test moves, with a bot that all its rooms are granted to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_client::{IssuedToken, SubjectKey, Transport};
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_devices::{Listing, StoredWatch, WatchedKinds};
use lanyard_operation::{Caller, Problem};
use lanyard_protocol::{Device, Environment, Method, Request};
use lanyard_secret::{AccessToken, SafeUrl, SecretBytes};
use lanyard_simulator::{Options, Simulator};
use lanyard_store::Store;
use lanyard_time::{BoxFuture, Clock as _, ManualClock, Sleep, SystemEntropy};
use lanyard_work::{JobContext, Memory, Queue, Tokens};
use serde_json::{Value, json};

use crate::world::at;

/// The longest answer of the control plane.
const LONGEST: usize = 16 * 1024 * 1024;

/// A bot's organisation.
pub(crate) struct Organisation {
    simulator: Simulator,
    clock: ManualClock,
    transport: Arc<Transport>,
    token: Arc<Bot>,
}

impl Organisation {
    /// Its clock shows the moment before the first reading.
    pub(crate) async fn new(devices: usize) -> Self {
        let clock = ManualClock::at(at(0) - Duration::from_mins(3));
        let sleep = Arc::new(Hurry(clock.clone()));
        Self::with(devices, clock, sleep).await
    }

    /// Like [`new`](Self::new), but an answer that is delayed never comes.
    pub(crate) async fn hanging(devices: usize) -> Self {
        Self::with(devices, ManualClock::at(at(0) - Duration::from_mins(3)), Arc::new(Never)).await
    }

    async fn with(devices: usize, clock: ManualClock, sleep: Arc<dyn Sleep>) -> Self {
        // Personal devices are not for a bot.
        let options = Options { devices, people: 1, sleep: Arc::clone(&sleep), ..Options::default() };
        let simulator = Simulator::start(options, Arc::new(clock.clone()), Arc::new(SystemEntropy)).await.unwrap();
        let transport = Transport::new(Arc::new(clock.clone()), Arc::new(SystemEntropy)).with_sleep(sleep);
        let environment = Arc::new(Environment::at(&simulator.description().base_url).unwrap());
        let token = AccessToken::new(simulator.description().bot.access_token.as_str());
        let token = Arc::new(Bot { environment, token: Mutex::new(token) });
        let new = Self { simulator, clock, transport: Arc::new(transport), token };
        new.control(Method::POST, "/devices/script", Some(json!({ "steps": [{ "do": "recover" }] }))).await;
        let workspaces = new.control(Method::GET, "/workspaces", None).await;
        for workspace in workspaces.as_array().unwrap() {
            new.grant(workspace["id"].as_str().unwrap(), Some("read")).await;
        }
        new
    }

    pub(crate) fn environment(&self) -> Environment {
        (*self.token.environment).clone()
    }

    /// The time of a reading, as it is stored: in whole milliseconds.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now().wall.as_millisecond()).unwrap()
    }

    /// Moves the clock forward.
    pub(crate) fn wait_until(&self, moment: Timestamp) {
        self.clock.advance(moment.duration_since(self.now()).try_into().expect("a reading takes no three minutes"));
    }

    /// Lists the devices of a watch, as a broker does.
    pub(crate) async fn list(&self, store: &Store, watch: &StoredWatch) -> Listing {
        lanyard_devices::listing(&self.job(store), watch).await.unwrap()
    }

    /// What the job has from a broker that calls this Webex.
    pub(crate) fn job(&self, store: &Store) -> JobContext {
        JobContext {
            store: store.clone(),
            queue: Queue::new(store),
            transport: Arc::clone(&self.transport),
            tokens: Arc::clone(&self.token) as Arc<dyn Tokens>,
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SystemEntropy),
            sleep: Arc::new(Hurry(self.clock.clone())),
            memory: Memory::default(),
            caller: Caller::owner("test"),
        }
    }

    /// The replies to the calls of this path since this was asked last: their statuses.
    pub(crate) async fn replied(&self, path: &str) -> Vec<u64> {
        let calls = self.control(Method::GET, "/record", None).await;
        self.control(Method::DELETE, "/record", None).await;
        let calls = calls.as_array().unwrap().iter().filter(|call| call["path"] == path);
        calls.map(|call| call["status"].as_u64().unwrap_or_default()).collect()
    }

    /// Changes the behaviour of this Webex where that of the real one is not known.
    pub(crate) async fn behave(&self, change: Value) {
        self.control(Method::POST, "/behaviour", Some(change)).await;
    }

    /// The ids of the devices that a watch covers, those of a room beside each other, and the room of each.
    pub(crate) async fn devices(&self) -> Vec<(String, String)> {
        let path = format!("{}/devices?max=1000", self.simulator.description().base_url);
        let token = self.token.token.lock().unwrap().clone();
        let answer = self.send(Request::new(Method::GET, path.parse::<SafeUrl>().unwrap()).bearer(&token)).await;
        let listed: Vec<Device> = serde_json::from_value(answer["items"].clone()).unwrap();
        let covered = listed.into_iter().filter(|device| WatchedKinds::default().covers(device));
        let mut devices: Vec<_> = covered
            .map(|device| (device.workspace_id.unwrap().as_str().to_owned(), device.id.unwrap().as_str().to_owned()))
            .collect();
        devices.sort();
        devices.into_iter().map(|(workspace, device)| (device, workspace)).collect()
    }

    /// Scripts what happens to a device: it does so after some seconds from now, for some more.
    pub(crate) async fn script(&self, device: &str, steps: &[(&str, u64, u64)]) {
        let step = |(what, after, lasts): &(&str, u64, u64)| json!({ "do": what, "after_ms": after * 1000, "for_ms": lasts * 1000 });
        let steps: Vec<_> = steps.iter().map(step).collect();
        let script = json!({ "devices": { "ids": [device] }, "steps": steps });
        self.control(Method::POST, "/devices/script", Some(script)).await;
    }

    /// Sets the bot's access to a room.
    pub(crate) async fn grant(&self, workspace: &str, access: Option<&str>) {
        let body = json!({ "email": self.simulator.description().bot.email, "access": access });
        self.control(Method::POST, &format!("/workspaces/{workspace}/grants"), Some(body)).await;
    }

    /// Every list of devices meets this, so many times or without end.
    pub(crate) async fn fault(&self, count: Option<u64>, action: Value) {
        self.fault_of("/v1/devices", count, action).await;
    }

    /// Every call of this path meets this, so many times or without end.
    pub(crate) async fn fault_of(&self, path: &str, count: Option<u64>, action: Value) {
        let fault = json!({ "path": path, "count": count, "action": action });
        self.control(Method::POST, "/faults", Some(fault)).await;
    }

    /// Nothing goes wrong any more.
    pub(crate) async fn heal(&self) {
        self.control(Method::DELETE, "/faults", None).await;
    }

    /// Gives the bot a new token, which the watch does not have until it is [used](Self::adopt).
    pub(crate) async fn regenerate(&self) -> AccessToken {
        let path = format!("/bots/{}/regenerate", self.simulator.description().bot.email);
        let reply = self.control(Method::POST, &path, None).await;
        AccessToken::new(reply["access_token"].as_str().unwrap())
    }

    /// A person gives the watch's credential the new token.
    pub(crate) fn adopt(&self, token: AccessToken) {
        *self.token.token.lock().unwrap() = token;
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let description = self.simulator.description();
        let url: SafeUrl = format!("{}{path}", description.control_url).parse().unwrap();
        let mut request = Request::new(method, url).bearer(&AccessToken::new(description.control_key.as_str()));
        if let Some(body) = body {
            request = request.body("application/json", SecretBytes::new(body.to_string().into_bytes()));
        }
        self.send(request).await
    }

    pub(crate) async fn send(&self, request: Request) -> Value {
        let what = format!("{request:?}");
        let response = self.transport.send(&self.token.environment, request, LONGEST).await.unwrap().response;
        assert!(response.status.is_success(), "{what}: {response:?}");
        serde_json::from_slice(response.body.expose_secret()).unwrap_or(Value::Null)
    }
}

/// The token of the bot.
#[derive(Debug)]
struct Bot {
    environment: Arc<Environment>,
    token: Mutex<AccessToken>,
}

impl Tokens for Bot {
    fn issue<'a>(&'a self, _: &'a CredentialName, id: CredentialId) -> BoxFuture<'a, Result<IssuedToken, Problem>> {
        let (token, environment) = (self.token.lock().unwrap().clone(), Arc::clone(&self.environment));
        let subject = SubjectKey::new(id.to_string());
        Box::pin(async move { Ok(IssuedToken { token, generation: 1, environment, subject }) })
    }

    fn replace<'a>(
        &'a self,
        _: &'a CredentialName,
        _: CredentialId,
        _: &'a IssuedToken,
    ) -> BoxFuture<'a, Result<Option<IssuedToken>, Problem>> {
        Box::pin(async { Ok(None) })
    }

    fn renew<'a>(&'a self, _: &'a CredentialName, _: CredentialId) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async { Ok(()) })
    }
}

/// Moves the clock instead of waiting.
#[derive(Debug)]
struct Hurry(ManualClock);

impl Sleep for Hurry {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.0.clone();
        Box::pin(async move { clock.advance(duration) })
    }
}

/// A wait that does not end.
#[derive(Debug)]
struct Never;

impl Sleep for Never {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}
