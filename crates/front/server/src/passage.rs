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
use lanyard_broker::{Asked, AuditBuffer, AuditBufferFull, Broker, HandOutOptions, Show};
use lanyard_credential::CredentialName;
use lanyard_operation::Actor;
use lanyard_protocol::ProxyPath;
use lanyard_secret::ClientSecret;
use lanyard_store::StoreError;
use lanyard_time::{Entropy, SystemSleep};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::body::{self, Body};
use crate::caller::{MEANS, bearer};
use crate::loopback::{Guest, serve_loopback};
use crate::owner;
use crate::problem::{Code, Problem};
use crate::proxy::{Address, Forward, Means, Proxy};
use crate::proxying::BASE;

/// The process that makes the calls.
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

/// The proxy and its records, in this process.
#[derive(Debug)]
struct Here {
    broker: Broker,
    proxy: Proxy,
    audit_buffer: AuditBuffer,
}

impl Passage {
    /// Opens it for calls as the credential `name`; `means` is what the audit says of them: `exec NAME`.
    pub async fn open(way: Way, name: CredentialName, means: String, entropy: &dyn Entropy) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let way = match way {
            Way::Here(broker) => Through::Here(Box::new(Here {
                proxy: Proxy::new((*broker).clone()),
                audit_buffer: AuditBuffer::new(HandOutOptions::default().audit_buffer),
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
        if let Through::Here(_) = self.inner.way {
            // In a task of its own: whoever stops polling this must not stop it while it has taken records and not stored them.
            let inner = Arc::clone(&self.inner);
            tokio::spawn(async move {
                if let Through::Here(here) = &inner.way {
                    here.write_down().await;
                }
            });
        }
        self.accept().await;
    }

    /// Writes down what is not yet: the last calls, when the program has ended.
    pub async fn finish(&self) -> Result<(), StoreError> {
        match &self.inner.way {
            Through::Here(here) => here.audit_buffer.flush(here.broker.store()).await.map(drop),
            Through::Broker(_) => Ok(()),
        }
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
            .unwrap_or_else(|problem| crate::problem::response(&problem));
        };
        crate::problem::response(&problem)
    }

    /// Admits a request with the key and with the right `Host`, which a web page whose name was made to lead here does not have.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if host != self.address.to_string() && host != format!("localhost:{}", self.address.port()) {
            return Err(Problem::new(Code::WrongHost, "this proxy does not go by the name in Host"));
        }
        if bearer(headers)?.is_some_and(|key| ClientSecret::new(key).matches(&self.key)) {
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
        // A target that is not a path would be understood otherwise with something before it.
        if request.uri().scheme().is_some() || !request.uri().path().starts_with('/') {
            return Err(Problem::new(Code::BadRequest, "the target is a path, not an address"));
        }
        let (mut head, body) = request.into_parts();
        let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let target = Address::written(&self.name, target);
        head.uri = Uri::try_from(target).map_err(|_| Problem::new(Code::BadPath, "the path is not accepted"))?;
        head.headers.remove(AUTHORIZATION);
        let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("exec"));
        head.headers.insert(BASE, text(&self.base()));
        head.headers.insert(MEANS, text(&self.means));
        let stream = match owner::open(socket).await {
            Ok(stream) => stream.ok_or_else(gone)?,
            Err(error) => {
                return Err(Problem::new(Code::Busy, format!("the broker was not asked: {error}")).hint(error.hint()));
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
        let path = request.uri().path().to_owned();
        let means = Means::of(request.method(), ProxyPath::parse(&path).ok().as_ref());
        let credential = self.broker.perform(Show { name: inner.name.clone() }).await?.credential;
        let mut noted = Noted { here: self, asked: None };
        let called = |further: &str, end| Asked {
            credential: Some((credential.id, credential.name.clone())),
            actor: Actor::Named(self.broker.actor().into()),
            means: format!("{}, {}{further}", inner.means, means.call).into(),
            end,
        };
        let refused = |why| called(&means.further, Err(why));
        // Nothing is called that is not written down.
        if !self.audit_buffer.has_room() {
            return Err(Problem::new(Code::Store, AuditBufferFull.to_string()));
        }
        let call = match Forward::read(request, inner.name.clone(), &path, inner.base()) {
            Ok(call) => call,
            Err(problem) => {
                noted.asked = Some(refused(problem.in_audit()));
                return Err(problem);
            }
        };
        // Also where the program goes away before it is answered.
        noted.asked = Some(called("", Ok(credential.generation)));
        let response = self.proxy.forward(call).await;
        if let Some(code) = crate::problem::code_of(&response) {
            noted.asked = Some(refused(code.in_audit()));
        }
        Ok(response)
    }

    async fn write_down(&self) {
        let mut reported = Reported::default();
        loop {
            self.broker.parts().sleep.sleep(HandOutOptions::default().flush).await;
            let written = self.audit_buffer.flush(self.broker.store()).await;
            match (reported.changes(written.is_err()), written) {
                (true, Err(error)) => tracing::warn!(%error, "cannot write hand-outs to the audit"),
                (true, Ok(_)) => tracing::info!("can write hand-outs to the audit again"),
                (false, _) => {}
            }
        }
    }
}

/// Whether the audit cannot be written, as it was last reported: the program's error output is not filled with repetitions.
#[derive(Debug, Default)]
struct Reported {
    fails: bool,
}

impl Reported {
    /// Whether an outcome differs from the one before, and is to be reported.
    fn changes(&mut self, fails: bool) -> bool {
        std::mem::replace(&mut self.fails, fails) != fails
    }
}

/// The record of a call, written when its outcome is known or the call is dropped.
struct Noted<'a> {
    here: &'a Here,
    asked: Option<Asked>,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        if let Err(full) = self.here.audit_buffer.note(asked, self.here.broker.parts().clock.now().wall) {
            tracing::error!(error = %full, "a call is missing from the audit");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audit_that_cannot_be_written_is_reported_once_until_it_works_again() {
        let mut reported = Reported::default();
        let outcomes = [false, true, true, true, false, false, true];
        assert_eq!(outcomes.map(|fails| reported.changes(fails)), [false, true, false, false, true, false, true]);
    }
}
