//! A home with a broker on its socket, and impostors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lanyard_broker::{Broker, Parts};
use lanyard_server::owner::{ConnectError, Meant, Owner};
use lanyard_server::{Options, Order, Told, serve};
use lanyard_store::DatabasePlace;
use lanyard_time::{SystemClock, SystemEntropy, SystemSleep};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A home with its broker; both end with it.
pub(crate) struct World {
    directory: tempfile::TempDir,
    /// The same store, used by this process without the broker that serves.
    pub(crate) broker: Broker,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let serving = serve_until(stopped, ready, home.clone());
        let serving = std::thread::spawn(move || Runtime::new().unwrap().block_on(serving()));
        is_ready.await.unwrap();
        let broker = broker(&home).await;
        Self { directory, broker, stop: Some(stop), serving: Some(serving) }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("home/lanyard.sock")
    }

    pub(crate) async fn owner(&self) -> Owner {
        connect(&self.socket()).await.unwrap().unwrap()
    }

    /// Sends a request as it is, and gives the reply as text.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply.to_ascii_lowercase()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.serving.take().map(std::thread::JoinHandle::join);
    }
}

async fn broker(home: &Path) -> Broker {
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    let parts = lanyard_store::Parts::new(clock.clone(), entropy.clone());
    let opened = lanyard_home::open_or_create(home, parts, lanyard_home::Options::default()).await;
    Broker::new(&opened.unwrap().store, Parts { clock, entropy, sleep: Arc::new(SystemSleep) }, "the test")
}

fn serve_until(stopped: oneshot::Receiver<()>, ready: oneshot::Sender<()>, home: PathBuf) -> impl AsyncFnOnce() + Send {
    async move || {
        let (mut stopped, mut ready) = (Some(stopped), Some(ready));
        let orders = async || match stopped.take() {
            Some(stopped) => {
                let _ = stopped.await;
                Order::Stop
            }
            None => std::future::pending().await,
        };
        let told = |told| {
            if let (Told::Ready(_), Some(ready)) = (told, ready.take()) {
                let _ = ready.send(());
            }
        };
        serve(broker(&home).await, Options { sockets: home, ..Options::default() }, orders, told).await.unwrap();
    }
}

/// Connects to a broker for the store in the directory of its socket.
pub(crate) async fn connect(socket: &Path) -> Result<Option<Owner>, ConnectError> {
    let store = DatabasePlace::File(socket.with_file_name("lanyard.db")).identity();
    Owner::connect(socket, Meant { store, why: "the test", hint: "none" }).await
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
