//! A broker that runs, and what it answers.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::{Ended, Home, Running};

/// `lanyard serve` in a home. Killed when dropped.
#[derive(Debug)]
pub struct Served {
    running: Option<Running>,
    ready: Value,
    log: Arc<Mutex<Vec<Value>>>,
    reader: Option<JoinHandle<()>>,
}

/// A reply over HTTP.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A header's value, the first of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The code of an error of Lanyard's own.
    pub fn problem(&self) -> Option<&str> {
        self.header("lanyard-error")
    }
}

impl Served {
    /// Starts it, and waits until it answers.
    #[track_caller]
    pub fn start<S: AsRef<OsStr>>(home: &Home, arguments: impl IntoIterator<Item = S>) -> Self {
        Self::start_by::<&str, S>(home, [], arguments)
    }

    /// Like [`start`](Self::start), started by another program.
    #[track_caller]
    pub fn start_by<B: AsRef<OsStr>, S: AsRef<OsStr>>(
        home: &Home,
        starter: impl IntoIterator<Item = B>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut words = vec!["serve".into(), "--log".into(), "json".into()];
        words.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        let mut command = home.command_by(starter, words);
        let mut running = Running::start(command.stdin(Stdio::null()));
        let mut lines = BufReader::new(running.take_stderr());
        let log: Arc<Mutex<Vec<Value>>> = Arc::default();
        let mut ready = None;
        let mut line = String::new();
        while ready.is_none() {
            line.clear();
            assert!(lines.read_line(&mut line).expect("the log can be read") > 0, "it ended: {log:?}");
            let fact: Value = serde_json::from_str(&line).unwrap_or_else(|_| Value::String(line.clone()));
            ready = (fact["message"] == "ready").then(|| fact.clone());
            keep(&log, fact);
        }
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                keep(&kept, serde_json::from_str(&line).unwrap_or(Value::String(line)));
            }
        });
        Self { running: Some(running), ready: ready.unwrap_or_default(), log, reader: Some(reader) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.running().id()
    }

    /// The owner's socket.
    #[track_caller]
    pub fn socket(&self) -> PathBuf {
        self.ready["socket"].as_str().expect("it names its socket").into()
    }

    /// The TCP address.
    #[track_caller]
    pub fn address(&self) -> String {
        self.ready["http"].as_str().expect("it listens on TCP").to_owned()
    }

    /// The entries logged so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has logged something with this text in it; gives that.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> Value {
        for _ in 0..1000 {
            if let Some(fact) = self.log().into_iter().find(|fact| fact.to_string().contains(text)) {
                return fact;
            }
            crate::wait(std::time::Duration::from_millis(20));
        }
        panic!("it does not say {text:?}: {:#?}", self.log());
    }

    /// Asks on the owner's socket.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str) -> Reply {
        self.ask_with(method, path, &[], "")
    }

    /// Sends a request with headers and a body on the owner's socket, and returns the reply.
    #[track_caller]
    pub fn ask_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let asked = UnixStream::connect(self.socket())
            .ok()
            .and_then(|stream| exchange(stream, &request("broker", method, path, headers, body)));
        asked.unwrap_or_else(|| {
            // The reason may be in what it logs last.
            crate::wait(std::time::Duration::from_millis(500));
            panic!("no answer to {method} {path}: {:#?}", self.log())
        })
    }

    /// Asks over TCP, with a client's key where there is one.
    #[track_caller]
    pub fn ask_remote(&self, key: Option<&str>, method: &str, path: &str) -> Reply {
        let authorization = key.map(|key| format!("Bearer {key}"));
        let headers: Vec<_> = authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        let stream = TcpStream::connect(self.address()).expect("it listens");
        exchange(stream, &request(&self.address(), method, path, &headers, "")).expect("an answer")
    }

    /// Sends these bytes over TCP, and reads what comes back; `None` where it closes without an answer.
    pub fn ask_raw(&self, bytes: &[u8]) -> Option<Reply> {
        let stream = TcpStream::connect(self.address()).expect("it listens");
        exchange(stream, bytes)
    }

    /// Like [`ask_raw`](Self::ask_raw), on the owner's socket.
    pub fn ask_owner_raw(&self, bytes: &[u8]) -> Option<Reply> {
        let stream = UnixStream::connect(self.socket()).expect("the owner is let in");
        exchange(stream, bytes)
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        self.running().signal(name);
    }

    /// Waits until it has stopped itself, at the step that `LANYARD_FAILPOINT` names; the signal `CONT` lets it go on.
    #[track_caller]
    pub fn wait_until_stopped(&self) {
        self.running().wait_until_stopped();
    }

    /// Asks it to stop, and waits until it has.
    #[track_caller]
    pub fn stop(mut self) -> Ended {
        self.signal("TERM");
        self.ended()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        !self.running.as_mut().expect("it runs").has_ended()
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn ended(&mut self) -> Ended {
        let ended = self.running.take().expect("it runs").end();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        ended
    }

    /// Kills it; whether it was still alive.
    pub fn kill(mut self) -> bool {
        self.running.take().expect("it runs").kill()
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }
}

fn keep(log: &Mutex<Vec<Value>>, fact: Value) {
    log.lock().unwrap_or_else(PoisonError::into_inner).push(fact);
}

/// Asks on any Unix socket, as the user that runs the test.
pub fn ask_on(socket: &Path, method: &str, path: &str, headers: &[(&str, &str)]) -> Option<Reply> {
    exchange(UnixStream::connect(socket).ok()?, &request("broker", method, path, headers, ""))
}

/// Sends these bytes to any Unix socket, as the user that runs the test, and reads what comes back.
pub fn send_on(socket: &Path, bytes: &[u8]) -> Option<Reply> {
    exchange(UnixStream::connect(socket).ok()?, bytes)
}

/// Like [`send_on`], over TCP. Also returns `None` if nothing listens at the address.
pub fn send_to(address: &str, bytes: &[u8]) -> Option<Reply> {
    exchange(TcpStream::connect(address).ok()?, bytes)
}

fn request(host: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for &(name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        text.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// Sends a request and reads to the end of the connection.
fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Option<Reply> {
    // It may answer, and close, before it has read everything.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunked(body) } else { body.to_owned() };
    Some(Reply { status, headers, body })
}

fn unchunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(..size).filter(|chunk| !chunk.is_empty()) else { break };
        body.push_str(chunk);
        text = rest[size..].trim_start_matches("\r\n");
    }
    body
}
