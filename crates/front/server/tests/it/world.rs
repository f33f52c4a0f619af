//! A bare listener around the proxy, over a store of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lanyard_broker::{AddApp, AddServiceApp, AddToken, Broker, Parts, ServiceAppSource};
use lanyard_credential::{AppKind, CredentialId, CredentialName, Kind, RefreshRight, Validity};
use lanyard_home::Options;
use lanyard_protocol::{AppClientId, Environment, OrgId, ScopeSet};
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken};
use lanyard_server::Body;
use lanyard_server::proxy::{Address, Forward, Proxy};
use lanyard_store::{NewCredential, NewTokens};
use lanyard_testkit::{Webex, credential};
use lanyard_time::{Sleep, SystemClock, SystemEntropy, SystemSleep};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::raw::{Reply, ask, get};

/// A request with this header was judged for another credential than the one that has its name now.
pub(crate) const BOUND_TO_ANOTHER: &str = "test-bound-to-another";

/// A broker with the administrator's personal token as `me` and a service app, which can be renewed, as `acme`.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
    _home: TempDir,
}

impl World {
    pub(crate) fn new(webex: &Webex) -> Self {
        Self::of(webex, None, Arc::new(SystemSleep))
    }

    /// Whose clients are held to one organisation.
    pub(crate) fn held_to(webex: &Webex, org: &str) -> Self {
        Self::of(webex, Some(OrgId::new(org)), Arc::new(SystemSleep))
    }

    /// Over a Webex that the test plays itself on this socket; the token of `me` is [`TOKEN`].
    pub(crate) fn at(webex: &std::net::TcpListener) -> Self {
        Self::playing(webex, Arc::new(SystemSleep))
    }

    /// Like [`at`](Self::at), with another way to sleep.
    pub(crate) fn playing(webex: &std::net::TcpListener, sleep: Arc<dyn Sleep>) -> Self {
        let environment = Environment::at(&format!("http://{}/v1", webex.local_addr().unwrap())).unwrap();
        Self::over(None, sleep, async move |broker| insert(broker, environment).await)
    }

    fn of(webex: &Webex, org: Option<OrgId>, sleep: Arc<dyn Sleep>) -> Self {
        Self::over(org, sleep, async |broker| fill(broker, webex).await)
    }

    fn over(org: Option<OrgId>, sleep: Arc<dyn Sleep>, fill: impl AsyncFnOnce(&Broker)) -> Self {
        let home = tempfile::Builder::new().prefix("lanyard-proxy-").tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let parts = Parts { clock: Arc::new(SystemClock::new()), entropy: Arc::new(SystemEntropy), sleep };
        let address = runtime.block_on(async {
            let store_parts = lanyard_store::Parts::new(Arc::clone(&parts.clock), Arc::clone(&parts.entropy));
            let directory = home.path().join("home");
            let store = lanyard_home::open_or_create(&directory, store_parts, Options::default()).await.unwrap().store;
            let broker = Broker::new(&store, parts, "test");
            fill(&broker).await;
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(listen(listener, Arc::new(Proxy::new(broker)), org));
            address
        });
        Self { address, _runtime: runtime, _home: home }
    }

    /// A GET through the proxy.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Reply {
        ask(self.address, get(target))
    }

    #[track_caller]
    pub(crate) fn ask(&self, bytes: impl AsRef<[u8]>) -> Reply {
        ask(self.address, bytes)
    }

    /// The address of a credential at the proxy.
    pub(crate) fn base(&self, name: &str) -> String {
        format!("http://{}/webex/{name}", self.address)
    }
}

/// The token of a Webex that the test plays.
pub(crate) const TOKEN: &str = "canary-token";

async fn insert(broker: &Broker, environment: Environment) {
    let parts = broker.parts();
    let validity = Validity { obtained: parts.clock.now(), access: None, refresh: RefreshRight::None };
    let credential = credential("me", Kind::Personal, &environment);
    let tokens = NewTokens { access: Some(AccessToken::new(TOKEN)), refresh: None, validity, scopes: None };
    broker.store().insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await.unwrap();
}

async fn fill(broker: &Broker, webex: &Webex) {
    let description = webex.description();
    let environment = Environment::at(&description.base_url).unwrap();
    let token = AccessToken::new(description.personal.access_token.as_str());
    let personal = AddToken {
        name: "me".parse().unwrap(),
        kind: Kind::Personal,
        environment: environment.clone(),
        token,
        replace: false,
    };
    broker.perform(personal).await.unwrap();
    let app = &description.service_app;
    let registration = AddApp {
        name: "calling".parse().unwrap(),
        kind: AppKind::ServiceApp,
        environment,
        client_id: AppClientId::new(app.client_id.as_str()),
        client_secret: ClientSecret::new(app.client_secret.as_str()),
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        application_id: Some(app.application_id.clone()),
    };
    broker.perform(registration).await.unwrap();
    let service_app = AddServiceApp {
        name: "acme".parse().unwrap(),
        app: "calling".parse().unwrap(),
        source: ServiceAppSource::RefreshToken(RefreshToken::new(app.refresh_token.as_str())),
        replace: false,
        expected: None,
    };
    broker.perform(service_app).await.unwrap();
}

async fn listen(listener: TcpListener, proxy: Arc<Proxy>, org: Option<OrgId>) {
    let address = listener.local_addr().unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (proxy, org) = (Arc::clone(&proxy), org.clone());
        let service = service_fn(move |request| {
            let (proxy, org) = (Arc::clone(&proxy), org.clone());
            async move { Ok::<_, Infallible>(answer(request, &proxy, org, address).await) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>, proxy: &Proxy, org: Option<OrgId>, at: SocketAddr) -> Response<Body> {
    let path = request.uri().path().to_owned();
    // A target that is no path at all has no name in it: then any does.
    let Address { name, below } = Address::of(&path).unwrap_or(Address { name: "me", below: "" });
    let name: CredentialName = name.parse().unwrap_or_else(|_| "me".parse().unwrap());
    let base = format!("http://{at}/webex/{name}");
    let other = request.headers().contains_key(BOUND_TO_ANOTHER).then(|| CredentialId::random(&SystemEntropy));
    match Forward::read(request, name, below, base) {
        Ok(call) => proxy.forward(call.held_to(org).bound_to(other)).await,
        Err(problem) => lanyard_server::problem_response(&problem),
    }
}
