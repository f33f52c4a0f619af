//! The `DevTools` protocol over two pipes: JSON, each message ended by a NUL.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// How long the browser may be silent while something of it is awaited.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser at the other end.
#[derive(Debug)]
pub(super) struct Link {
    to: ChildStdin,
    from: Receiver<Value>,
    calls: u64,
    /// The events that arrived before the reply to a call.
    events: VecDeque<Value>,
}

impl Link {
    /// Takes the two ends.
    pub(super) fn over((to, from): (ChildStdin, ChildStdout)) -> Self {
        let (send, received) = channel();
        // The thread ends with the browser, or with the link.
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        Self { to, from: received, calls: 0, events: VecDeque::new() }
    }

    /// Calls a method, in a session where there is one, and gives its result, or what the browser says against it.
    pub(super) fn call(&mut self, session: Option<&str>, method: &str, params: &Value) -> Result<Value, String> {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        let written = self.to.write_all(format!("{call}\0").as_bytes()).and_then(|()| self.to.flush());
        written.map_err(|error| format!("{method}: {error}"))?;
        loop {
            let mut message = self.receive(method)?;
            if message["id"] == self.calls {
                return match message.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(message["result"].take()),
                };
            }
            self.events.push_back(message);
        }
    }

    /// Waits for the next event, in whatever session.
    pub(super) fn event(&mut self) -> Result<Value, String> {
        self.events.pop_front().map_or_else(|| self.receive("an event"), Ok)
    }

    fn receive(&self, awaited: &str) -> Result<Value, String> {
        self.from.recv_timeout(PATIENCE).map_err(|error| format!("{awaited}: {error}"))
    }
}
