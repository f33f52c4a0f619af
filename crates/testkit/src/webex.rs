//! A local Webex, driven from a test that knows no runtime.

use std::sync::Arc;
use std::time::Duration;

use lanyard_client::Transport;
use lanyard_protocol::{Environment, Method, Request};
use lanyard_secret::{AccessToken, SafeUrl, SecretBytes};
use lanyard_simulator::{Description, Next, Options, Person, Simulator};
use lanyard_time::{SystemClock, SystemEntropy};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

mod portal;

pub use lanyard_simulator::RefreshBehaviour;
pub use portal::{Bot, RegisteredApp};

/// A simulator that runs as long as this value lives.
#[derive(Debug)]
pub struct Webex {
    runtime: Runtime,
    simulator: Option<Simulator>,
    description: Description,
    transport: Transport,
}

/// How many grants one organisation gives: its account has 750 live access tokens at most, and each grant is renewed a few times.
const GRANTS_OF_ONE: usize = 200;

/// The longest answer that a test reads.
const LONGEST: usize = 64 * 1024 * 1024;

impl Webex {
    /// A Webex that treats refresh tokens so, and whose access tokens last so long.
    pub fn start(refresh: RefreshBehaviour, access_token_ttl: Duration) -> Self {
        Self::with(Options { refresh, access_token_ttl, ..Options::default() })
    }

    /// A Webex of other properties.
    pub fn with(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime is had");
        let simulator = runtime
            .block_on(Simulator::start(options, Arc::new(SystemClock::new()), Arc::new(SystemEntropy)))
            .expect("the simulator starts");
        let description = simulator.description().clone();
        let transport = Transport::new(Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        Self { runtime, simulator: Some(simulator), description, transport }
    }

    /// A Webex whose service app has so many grants, and the refresh token of each.
    pub fn with_grants(options: Options, count: usize) -> (Self, Vec<String>) {
        let organisations = count.div_ceil(GRANTS_OF_ONE);
        let webex = Self::with(Options { organisations, people: 3, devices: 0, ..options });
        let organisations = webex.organisations();
        let application = &webex.description.service_app.application_id;
        let authorise =
            |number: usize| webex.authorise(application, organisations[number / GRANTS_OF_ONE]["id"].as_str());
        let refresh_tokens = (0..count).map(authorise).collect();
        (webex, refresh_tokens)
    }

    /// Where it is and whom it knows.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its address, for `--webex-url`.
    pub fn url(&self) -> &str {
        &self.description.base_url
    }

    /// A call of the control plane; panics where it is refused.
    #[track_caller]
    pub fn control(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let url: SafeUrl = format!("{}{path}", self.description.control_url).parse().expect("a URL");
        let key = AccessToken::new(self.description.control_key.as_str());
        let mut request = Request::new(method, url).bearer(&key);
        if let Some(body) = body {
            request = request.body("application/json", SecretBytes::new(body.to_string().into_bytes()));
        }
        let response = self.send(request);
        assert!(response.status.is_success(), "{path}: {response:?}");
        serde_json::from_slice(response.body.expose_secret()).unwrap_or(Value::Null)
    }

    /// Scripts misbehaviour.
    #[track_caller]
    pub fn fault(&self, fault: &Value) {
        self.control(Method::POST, "/faults", Some(fault));
    }

    /// Lets time pass at Webex.
    #[track_caller]
    pub fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).expect("not for ever");
        self.control(Method::POST, "/clock", Some(&json!({ "advance_ms": millis })));
    }

    /// Sets how long new access tokens last.
    #[track_caller]
    pub fn live_longer(&self, life: Duration) {
        let millis = u64::try_from(life.as_millis()).expect("not for ever");
        self.control(Method::POST, "/behaviour", Some(&json!({ "access_token_ttl_ms": millis })));
    }

    /// The calls received and the replies sent, oldest first.
    #[track_caller]
    pub fn record(&self) -> Vec<Value> {
        let record = self.control(Method::GET, "/record", None);
        let entries = record.as_array().or_else(|| record.get("entries").and_then(Value::as_array));
        entries.expect("the record is a list").clone()
    }

    /// Forgets what was received and sent so far.
    #[track_caller]
    pub fn forget_record(&self) {
        self.control(Method::DELETE, "/record", None);
    }

    /// The refreshes among them.
    #[track_caller]
    pub fn refreshes(&self) -> Vec<Value> {
        self.record().into_iter().filter(|entry| entry["grant_type"] == "refresh_token").collect()
    }

    /// Plays the person at the browser: from the address of a sign-in to where the browser would go at the end.
    #[track_caller]
    pub fn person_signs_in(&self, url: &str, accepts: bool) -> Url {
        self.signs_in(&self.description.admin.email, url, accepts)
    }

    /// Like [`person_signs_in`](Self::person_signs_in), with the account of this email address.
    #[track_caller]
    pub fn signs_in(&self, email: &str, url: &str, accepts: bool) -> Url {
        let person = Person { email: email.to_owned(), password: self.description.admin.password.clone(), accepts };
        let mut request = person.open(url.parse().expect("a URL"));
        loop {
            let page = self.send(request);
            match person.follow(&self.environment(), &page).expect("the page is known") {
                Next::Send(next) => request = next,
                Next::Arrive(url) => return url,
            }
        }
    }

    /// Plays the administrator with another device: opens the page that holds the code, signs in, and decides.
    #[track_caller]
    pub fn approves_device(&self, verification_uri_complete: &str, accepts: bool) {
        let admin = self.description.admin.clone();
        let person = Person { email: admin.email, password: admin.password, accepts };
        let mut page = self.send(person.open(verification_uri_complete.parse().expect("a URL")));
        // The last page asks for nothing more.
        while let Ok(next) = person.follow(&self.environment(), &page) {
            let Next::Send(next) = next else { panic!("the page of a device leads to no app") };
            page = self.send(next);
        }
        let html = String::from_utf8_lossy(page.body.expose_secret()).into_owned();
        assert!(html.contains(if accepts { "Signed in" } else { "Denied" }), "{html}");
    }

    /// The workspaces: id, name, and how many devices stand in each.
    #[track_caller]
    pub fn workspaces(&self) -> Vec<Value> {
        self.control(Method::GET, "/workspaces", None).as_array().expect("a list").clone()
    }

    /// Sets a bot's access to a workspace, as *Edit API Access* in Control Hub does: `read`, `full`, or none.
    #[track_caller]
    pub fn grant(&self, workspace: &str, bot: &str, access: Option<&str>) {
        let body = json!({ "email": bot, "access": access });
        self.control(Method::POST, &format!("/workspaces/{workspace}/grants"), Some(&body));
    }

    /// The address of somebody who is not the administrator.
    #[track_caller]
    pub fn colleague(&self) -> String {
        let url: SafeUrl = format!("{}/people?max=2", self.url()).parse().expect("a URL");
        let token = AccessToken::new(self.description.personal.access_token.as_str());
        let response = self.send(Request::new(Method::GET, url).bearer(&token));
        let people: Value = serde_json::from_slice(response.body.expose_secret()).expect("a list of people");
        let emails = people["items"].as_array().into_iter().flatten().filter_map(|person| person["emails"][0].as_str());
        let other = emails.into_iter().find(|email| *email != self.description.admin.email);
        other.expect("the organisation has two people").to_owned()
    }

    /// Registers another integration, and gives its client id and its secret.
    #[track_caller]
    pub fn register(&self, redirect_uris: &[String], scopes: &[&str]) -> (String, String) {
        let app =
            self.control(Method::POST, "/clients", Some(&json!({ "redirect_uris": redirect_uris, "scopes": scopes })));
        let text = |field: &str| app[field].as_str().expect("a registration has it").to_owned();
        (text("client_id"), text("client_secret"))
    }

    /// Fetches any address of this machine, as a browser does.
    #[track_caller]
    pub fn browse(&self, url: &Url) -> (u16, String) {
        let mut base = url.clone();
        base.set_path("/v1");
        base.set_query(None);
        let environment = Environment::at(base.as_str()).expect("a loopback address");
        let request = Request::new(Method::GET, SafeUrl::new(url.clone()));
        let exchange = self.runtime.block_on(self.transport.send(&environment, request, LONGEST));
        let response = exchange.expect("an answer").response;
        (response.status.as_u16(), String::from_utf8_lossy(response.body.expose_secret()).into_owned())
    }

    /// Whether an access token is accepted.
    #[track_caller]
    pub fn accepts(&self, token: &str) -> bool {
        let (environment, token) = (self.environment(), AccessToken::new(token));
        match self.runtime.block_on(self.transport.me(&environment, &token)) {
            Ok(_) => true,
            Err(error) if error.is_unauthorized() => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn environment(&self) -> Environment {
        Environment::at(self.url()).expect("the simulator is an environment")
    }

    #[track_caller]
    fn send(&self, request: Request) -> lanyard_protocol::Response {
        let exchange = self.runtime.block_on(self.transport.send(&self.environment(), request, LONGEST));
        exchange.expect("the simulator answers").response
    }
}

impl Drop for Webex {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.stop());
        }
    }
}
