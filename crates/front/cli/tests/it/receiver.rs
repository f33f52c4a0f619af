//! A receiver of events over HTTP that keeps what it is sent, on threads that end with the test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_testkit::wait;
use serde_json::Value;

#[derive(Clone)]
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// How long the next request takes.
    pace: Box<dyn Fn() -> Duration + Send + Sync>,
    answer: Mutex<String>,
    arrived: Mutex<Vec<Arrived>>,
    open: AtomicUsize,
    /// Whether answers wait.
    is_held: AtomicBool,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Arrived {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

const ACCEPTED: &str = "HTTP/1.1 204 x\r\nconnection: close\r\n\r\n";

impl Receiver {
    /// Starts one that accepts everything at once.
    pub(crate) fn start() -> Self {
        Self::with_pace(|| Duration::ZERO)
    }

    /// Starts one that accepts everything, each request after a time of its own.
    pub(crate) fn with_pace(pace: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, arrived) = (Mutex::new(ACCEPTED.to_owned()), Mutex::default());
        let state = Arc::new(State {
            pace: Box::new(pace),
            answer,
            arrived,
            open: AtomicUsize::new(0),
            is_held: AtomicBool::new(false),
        });
        let receiver = Self { address, state };
        let shared = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = shared.clone();
                std::thread::spawn(move || shared.accept(stream.unwrap()));
            }
        });
        receiver
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers with this text from the next request on; with `None`, accepts everything again.
    pub(crate) fn answer(&self, answer: Option<&str>) {
        answer.unwrap_or(ACCEPTED).clone_into(&mut self.state.answer.lock().unwrap());
    }

    /// The requests so far.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap().clone()
    }

    /// The bodies of the requests so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.arrived().iter().map(Arrived::json).collect()
    }

    /// Holds answers back, or no longer.
    pub(crate) fn hold(&self, is_held: bool) {
        self.state.is_held.store(is_held, Ordering::SeqCst);
    }

    /// Waits until a request is here that is not answered yet; `false` if none comes.
    #[must_use]
    pub(crate) fn wait_for_a_request(&self) -> bool {
        (0..20_000).any(|_| {
            let is_here = self.state.open.load(Ordering::SeqCst) > 0;
            if !is_here {
                wait(Duration::from_millis(1));
            }
            is_here
        })
    }

    fn accept(&self, mut stream: TcpStream) {
        let Some(arrived) = read(&mut stream) else { return };
        self.state.open.fetch_add(1, Ordering::SeqCst);
        self.state.arrived.lock().unwrap().push(arrived);
        wait((self.state.pace)());
        while self.state.is_held.load(Ordering::SeqCst) {
            wait(Duration::from_millis(1));
        }
        let answer = self.state.answer.lock().unwrap().clone();
        let _ = stream.write_all(answer.as_bytes());
        self.state.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A whole request; `None` if its sender died before it was sent.
fn read(stream: &mut TcpStream) -> Option<Arrived> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(Arrived { head: head.to_owned(), body: body.to_owned() });
        }
    }
}
