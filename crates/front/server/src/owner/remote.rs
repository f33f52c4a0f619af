//! The command line's end.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use lanyard_operation::{Code, Operation, Problem, decode, encode};
use lanyard_store::StoreIdentity;

use super::body::whole;
use super::connect::{ConnectError, open};
use super::error::Trouble;
use super::{ERROR, OUR_VERSION, ROUTE, STORE, VERSION};

/// The broker that runs in a home, as its owner speaks to it.
#[derive(Debug)]
pub struct Owner {
    socket: PathBuf,
    meant: Meant,
    /// Connections on which nothing is under way.
    idle: Mutex<Vec<Link>>,
    /// The broker's version, as it reported it.
    version: OnceLock<String>,
}

/// The store that a command means. A broker that uses another one does nothing for it.
#[derive(Clone, Debug)]
pub struct Meant {
    /// The store.
    pub store: StoreIdentity,
    /// What names it, as in "`store` in `lanyard.toml`".
    pub why: &'static str,
    /// The next step if the broker uses another store.
    pub hint: &'static str,
}

type Link = SendRequest<Full<Bytes>>;

impl Owner {
    /// The broker that listens on `socket`, for calls to the store that is meant; `None` where none does.
    pub async fn connect(socket: &Path, meant: Meant) -> Result<Option<Self>, ConnectError> {
        let owner = Self { socket: socket.to_owned(), meant, idle: Mutex::default(), version: OnceLock::new() };
        let link = owner.link().await?;
        Ok(link.map(|link| {
            owner.keep(link);
            owner
        }))
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Has the broker perform an operation. One that may have reached the broker is never sent again.
    pub async fn perform<O: Operation>(&self, operation: O) -> Result<O::Reply, Problem> {
        tracing::debug!(?operation, "operation for the broker");
        let body = Bytes::from_owner(encode(&operation).map_err(Trouble::from)?);
        let answered = self.send(request(O::DECLARED.name, &self.meant.store, body)?).await?;
        let (head, body) = answered.into_parts();
        if let Some(version) = text(&head.headers, &VERSION) {
            self.version.get_or_init(|| version.to_owned());
        }
        let body = whole(body).await.map_err(Trouble::Cut)?;
        let is_broker = head.headers.contains_key(&VERSION);
        if is_broker && head.status == StatusCode::OK {
            return Ok(decode(&body).map_err(Trouble::from)?);
        }
        // A process that does not name its version, or whose problem cannot be read, is an earlier Lanyard, or not a broker at all.
        let problem = decode::<Problem>(&body).ok().filter(|_| is_broker);
        Err(match (problem, text(&head.headers, &ERROR).and_then(Code::of)) {
            (Some(_), Some(Code::OtherStore)) => self.other_store(&head.headers).into(),
            (Some(problem), Some(Code::NoSuchOperation | Code::UnreadableOperation)) => {
                tracing::debug!(%problem, "refused by another version");
                self.other_version_problem()
            }
            (Some(problem), _) => problem,
            // An earlier Lanyard has nothing at this path.
            (None, Some(Code::NoSuchPath) | None) => self.other_version_problem(),
            (None, Some(_)) => Trouble::Internal.into(),
        })
    }

    fn other_version_problem(&self) -> Problem {
        let theirs = self.version.get().cloned().unwrap_or_else(|| "of another version".to_owned());
        Trouble::OtherVersion { theirs }.into()
    }

    fn other_store(&self, headers: &HeaderMap) -> Trouble {
        let theirs = text(headers, &STORE).and_then(|text| text.parse::<StoreIdentity>().ok());
        Trouble::OtherStore {
            theirs: theirs.map_or_else(|| "of another home".to_owned(), |theirs| theirs.shown().to_owned()),
            ours: self.meant.store.shown().to_owned(),
            why: self.meant.why,
            hint: self.meant.hint,
        }
    }

    /// The broker's own report, the document of `/readyz`; `None` if it cannot be read.
    pub async fn readiness(&self) -> Option<serde_json::Value> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = http::Uri::from_static("/readyz");
        request.headers_mut().insert(HOST, HeaderValue::from_static("lanyard"));
        let answered = self.send(request).await.ok()?;
        serde_json::from_slice(&whole(answered.into_body()).await.ok()?).ok()
    }

    /// The broker's version where that is another than ours; known once it has answered.
    pub fn other_version(&self) -> Option<&str> {
        self.version.get().map(String::as_str).filter(|version| *version != OUR_VERSION)
    }

    /// Sends a request on a connection that stands, or on a new one where the broker has closed that meanwhile.
    async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Trouble> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let (mut link, is_new) = match idle {
                Some(link) => (link, false),
                None => (self.link().await?.ok_or(Trouble::Gone)?, true),
            };
            // An error here comes before anything was sent, and shows again on the attempt to send.
            let _ = link.ready().await;
            match link.try_send_request(request).await {
                Ok(response) => {
                    self.keep(link);
                    return Ok(response);
                }
                Err(mut error) => match error.take_message() {
                    // Nothing of it went out.
                    Some(unsent) if !is_new => request = unsent,
                    Some(_) => return Err(Trouble::Gone),
                    None => return Err(Trouble::Ended(error.into_error())),
                },
            }
        }
    }

    fn keep(&self, link: Link) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
    }

    async fn link(&self) -> Result<Option<Link>, ConnectError> {
        let Some(stream) = open(&self.socket).await? else { return Ok(None) };
        let failed = |error| ConnectError::Io(self.socket.clone(), std::io::Error::other(error));
        let (link, connection) = handshake(TokioIo::new(stream)).await.map_err(failed)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the broker ended");
            }
        });
        Ok(Some(link))
    }
}

fn request(name: &str, store: &StoreIdentity, body: Bytes) -> Result<Request<Full<Bytes>>, Trouble> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = format!("{ROUTE}{name}").parse().map_err(|_| Trouble::Internal)?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("lanyard"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(VERSION, HeaderValue::from_static(OUR_VERSION));
    headers.insert(STORE, HeaderValue::try_from(store.to_string()).map_err(|_| Trouble::Internal)?);
    Ok(request)
}

fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
