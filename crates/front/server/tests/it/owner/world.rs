//! A home with a broker on its socket, and brokers that are none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lanyard_broker::{Broker, Parts};
use lanyard_home::Options;
use lanyard_server::owner::{self, ConnectError, Meant, Owner};
use lanyard_store::DatabasePlace;
use lanyard_time::{SystemClock, SystemEntropy, SystemSleep};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// A home with its broker; both end with it.
pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) broker: Broker,
    listening: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        let store_parts = lanyard_store::Parts::new(clock.clone(), entropy.clone());
        let home = directory.path().join("home");
        let store = lanyard_home::open_or_create(&home, store_parts, Options::default()).await.unwrap().store;
        let broker = Broker::new(&store, Parts { clock, entropy, sleep: Arc::new(SystemSleep) }, "the broker");
        let listener = UnixListener::bind(home.join("lanyard.sock")).unwrap();
        let listening = tokio::spawn(listen(listener, broker.clone()));
        Self { directory, broker, listening }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("home/lanyard.sock")
    }

    pub(crate) async fn owner(&self) -> Owner {
        connect(&self.socket()).await.unwrap().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Connects to a broker for the store in the directory of its socket.
pub(crate) async fn connect(socket: &Path) -> Result<Option<Owner>, ConnectError> {
    let store = DatabasePlace::File(socket.with_file_name("lanyard.db")).identity();
    Owner::connect(socket, Meant { store, why: "the test", hint: "none" }).await
}

async fn listen(listener: UnixListener, broker: Broker) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(serve(stream, broker.clone()));
    }
}

async fn serve(stream: UnixStream, broker: Broker) {
    let actor = owner::actor(&stream.peer_cred().unwrap());
    let service = service_fn(|request: Request<Incoming>| answer(&broker, &actor, request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    broker: &Broker,
    actor: &str,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, owner::BodyError> {
    let (head, body) = request.into_parts();
    let name = head.uri.path().strip_prefix(owner::ROUTE).unwrap();
    let body = owner::whole(body).await?;
    Ok(owner::answer(broker, &broker.store().identity(), actor, &head.headers, name, body).await.map(Full::new))
}

/// Something that listens in a directory of its own and plays a script: one connection for each step.
pub(crate) struct Impostor {
    directory: tempfile::TempDir,
    task: JoinHandle<usize>,
}

/// A step of the script: how the impostor treats one connection.
pub(crate) enum Step {
    /// It is closed before anything is read.
    Hang,
    /// A request is read, and the connection closed.
    Read,
    /// A request is read, and answered so; the connection is closed.
    Answer(String),
}

impl Impostor {
    pub(crate) fn playing(script: impl IntoIterator<Item = Step>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("lanyard.sock")).unwrap();
        let script: Vec<Step> = script.into_iter().collect();
        Self { directory, task: tokio::spawn(play(listener, script)) }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket_in(self.directory.path())
    }

    /// How many requests came, once the script is over.
    pub(crate) async fn requests(self) -> usize {
        self.task.await.unwrap()
    }
}

pub(crate) fn socket_in(directory: &Path) -> PathBuf {
    directory.join("lanyard.sock")
}

async fn play(listener: UnixListener, script: Vec<Step>) -> usize {
    let mut requests = 0;
    for step in script {
        let (mut stream, _) = listener.accept().await.unwrap();
        if let Step::Hang = step {
            continue;
        }
        read_request(&mut stream).await;
        requests += 1;
        if let Step::Answer(answer) = step {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    }
    requests
}

/// Reads a request with a body of a stated length.
pub(crate) async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await.unwrap();
        assert!(count > 0, "a request comes whole");
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
        });
        if body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}
