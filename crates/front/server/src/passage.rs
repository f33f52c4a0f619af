//! A proxy for one program: on a loopback port of its own, under a key that lasts as long as it does.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lanyard_broker::{Actor, Asked, Broker, HandOutOptions, Show, Spool};
use lanyard_credential::CredentialName;
use lanyard_secret::ClientSecret;
use lanyard_store::StoreError;
use lanyard_time::{Entropy, Sleep as _, SystemSleep};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::api::token::MEANS;
use crate::body::{self, Body};
use crate::loopback::{Guest, serve_loopback};
use crate::owner;
use crate::problem::{Code, Problem};
use crate::proxy::{Forward, Proxy};
use crate::proxying::BASE;

/// Who makes the calls.
#[derive(Debug)]
pub enum Way {
    /// This process.
    Here(Box<Broker>),
    /// The broker that listens on this socket of its owner's.
    Broker(PathBuf),
}

/// A proxy for one program. Its `Debug` shows no key.
#[derive(Debug)]
pub struct Passage {
    listener: TcpListener,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    key: ClientSecret,
    name: CredentialName,
    means: String,
    way: Through,
}

#[derive(Debug)]
enum Through {
    Here(Box<Here>),
    Broker(PathBuf),
}

/// What a broker does for its clients, in this process.
#[derive(Debug)]
struct Here {
    broker: Broker,
    proxy: Proxy,
    spool: Spool,
}

impl Passage {
    /// Opens it for calls as the credential `name`; `means` is what the audit says of them: `exec NAME`.
    pub async fn open(way: Way, name: CredentialName, means: String, entropy: &dyn Entropy) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let way = match way {
            Way::Here(broker) => Through::Here(Box::new(Here {
                proxy: Proxy::new((*broker).clone()),
                spool: Spool::new(HandOutOptions::default().spool),
                broker: *broker,
            })),
            Way::Broker(socket) => Through::Broker(socket),
        };
        Ok(Self { listener, inner: Arc::new(Inner { address, key: random_key(entropy), name, means, way }) })
    }

    /// The address of the API, as a program takes it in place of `https://webexapis.com/v1`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.inner.base())
    }

    /// The key, which the program sends where it would send a token.
    pub fn key(&self) -> &ClientSecret {
        &self.inner.key
    }

    /// Serves for as long as it is polled, and writes down what was called for.
    pub async fn serve(&self) {
        match &self.inner.way {
            Through::Broker(_) => self.accept().await,
            Through::Here(_) => {
                let writing = write_down(Arc::clone(&self.inner));
                let accepting = self.accept();
                futures_util::future::join(writing, accepting).await;
            }
        }
    }

    /// Writes down what is not yet: the last calls, when the program has ended.
    pub async fn finish(&self) -> Result<(), StoreError> {
        self.inner.flush().await
    }

    async fn accept(&self) {
        let inner = Arc::clone(&self.inner);
        let service = move |request, guest| Arc::clone(&inner).answer(request, guest);
        serve_loopback(&self.listener, &SystemSleep, service).await;
    }
}

/// 256 random bits in hexadecimal digits.
fn random_key(entropy: &dyn Entropy) -> ClientSecret {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(&mut *bytes);
    let mut text = Zeroizing::new(String::with_capacity(70));
    text.push_str("lyx_");
    for byte in bytes.iter() {
        let _ = write!(text, "{byte:02x}");
    }
    ClientSecret::new(text.as_str())
}

impl Inner {
    fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, guest: Guest) -> Response<Body> {
        let Err(problem) = self.admit(request.headers()) else {
            guest.vouch();
            return match &self.way {
                Through::Here(here) => here.answer(&self, request).await,
                Through::Broker(socket) => self.by_broker(socket, request).await,
            }
            .unwrap_or_else(|problem| problem.response());
        };
        problem.response()
    }

    async fn flush(&self) -> Result<(), StoreError> {
        match &self.way {
            Through::Here(here) => here.spool.flush(here.broker.store()).await.map(drop),
            Through::Broker(_) => Ok(()),
        }
    }

    /// Lets in whoever has the key, and knows where they are: a page whose name was made to lead here does not.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if host != self.address.to_string() && host != format!("localhost:{}", self.address.port()) {
            return Err(Problem::new(Code::WrongHost, "this proxy does not go by the name in Host"));
        }
        let key = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|text| {
            let (scheme, key) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| ClientSecret::new(key.trim()))
        });
        if key.is_some_and(|key| key.matches(&self.key)) {
            return Ok(());
        }
        Err(Problem::new(Code::Unauthorized, "the key is not the one that the program was given")
            .hint("send what WEBEX_ACCESS_TOKEN holds as bearer token"))
    }

    /// Passes it on to the broker, which adds the token.
    async fn by_broker(&self, socket: &Path, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        let gone = || {
            Problem::new(Code::Busy, "the broker that this program's calls go through does not answer any more")
                .hint("start it again: lanyard serve; the program can go on then")
        };
        // What is no path would be understood otherwise once something stands before it.
        if request.uri().scheme().is_some() || !request.uri().path().starts_with('/') {
            return Err(Problem::new(Code::BadRequest, "the target is a path, not an address"));
        }
        let (mut head, body) = request.into_parts();
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let target = format!("/webex/{}{target}", self.name);
        head.uri = Uri::try_from(target).map_err(|_| Problem::new(Code::BadPath, "the path is not taken"))?;
        head.headers.remove(AUTHORIZATION);
        let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("exec"));
        head.headers.insert(BASE, text(&self.base()));
        head.headers.insert(MEANS, text(&self.means));
        let stream = match owner::open(socket).await {
            Ok(stream) => stream.ok_or_else(gone)?,
            Err(error) => {
                return Err(Problem::new(Code::Busy, format!("the broker is not asked: {error}")).hint(error.hint()));
            }
        };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| gone())?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the broker ended");
            }
        });
        let response = sender.send_request(Request::from_parts(head, body)).await.map_err(|_| gone())?;
        Ok(response.map(|body| body::streamed(body.map_err(Into::into).boxed_unsync())))
    }
}

impl Here {
    async fn answer(&self, inner: &Inner, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let credential = self.broker.call(Show { name: inner.name.clone() }).await?;
        let call = Forward::read(request, inner.name.clone(), &path, inner.base());
        let (segment, end) = match &call {
            Ok(call) => {
                (call.path().segments().first().map(|segment| (*segment).to_owned()), Ok(credential.generation))
            }
            Err(problem) => (None, Err(problem.in_audit())),
        };
        let means = format!("{}, proxy {method} {}", inner.means, segment.unwrap_or_default());
        let asked = Asked {
            credential: Some((credential.id, credential.name)),
            actor: Actor::Named(self.broker.actor().into()),
            means: means.trim_end().into(),
            end,
        };
        let noted = self.spool.note(asked, self.broker.parts().clock.now().wall);
        noted.map_err(|full| Problem::new(Code::Store, full.to_string()))?;
        Ok(self.proxy.forward(call?).await)
    }
}

async fn write_down(inner: Arc<Inner>) {
    loop {
        SystemSleep.sleep(HandOutOptions::default().flush).await;
        let inner = Arc::clone(&inner);
        // A task of its own: it ends even if this is polled no longer, and so never keeps the last flush waiting.
        let written = tokio::spawn(async move { inner.flush().await });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "writing hand-outs down");
        }
    }
}
