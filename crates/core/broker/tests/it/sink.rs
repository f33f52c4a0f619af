//! A receiver of events over HTTP, which a test tells how to answer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The answer of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Everything is accepted.
    Ok,
    /// With this status.
    Status(u16),
    /// Never.
    Hangs,
    /// With a redirect to a private address.
    Redirects,
    /// By closing the connection.
    Closes,
    /// Everything is accepted, once the answer is another one.
    Waits,
}

#[derive(Debug)]
pub(crate) struct Sink {
    port: u16,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    answers: watch::Sender<Answers>,
    /// The bodies that came, and whether each was accepted.
    bodies: Mutex<Vec<(Value, bool)>>,
}

impl Sink {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { answers: watch::Sender::new(Answers::Ok), bodies: Mutex::default() });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn answers(&self, answers: Answers) {
        self.state.answers.send_replace(answers);
    }

    /// The bodies that came, and whether each was accepted.
    pub(crate) fn bodies(&self) -> Vec<(Value, bool)> {
        self.state.bodies.lock().unwrap().clone()
    }

    /// The types of the events that were accepted. One that came again, because its first delivery took too long, counts once.
    pub(crate) fn types(&self) -> Vec<String> {
        let mut ids = HashSet::new();
        let accepted = self.bodies().into_iter().filter(|(_, accepted)| *accepted);
        let accepted = accepted.filter(|(body, _)| ids.insert(body["id"].clone()));
        accepted.map(|(body, _)| body["type"].as_str().unwrap_or_default().replace("lanyard.", "")).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers one request. The connection ends with it.
async fn answer(mut stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let body = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break body.to_owned();
        }
    };
    let answers = *state.answers.borrow();
    let body = serde_json::from_str(&body).unwrap_or(Value::Null);
    let is_accepted = matches!(answers, Answers::Ok | Answers::Waits);
    state.bodies.lock().unwrap().push((body, is_accepted));
    if answers == Answers::Waits {
        let _ = state.answers.subscribe().wait_for(|answers| *answers != Answers::Waits).await;
    }
    let (status, header) = match answers {
        Answers::Ok | Answers::Waits => (200, ""),
        Answers::Status(status) => (status, ""),
        Answers::Redirects => (302, "location: http://169.254.169.254/latest\r\n"),
        Answers::Closes => return Ok(()),
        Answers::Hangs => return std::future::pending().await,
    };
    let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n{header}content-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await
}
