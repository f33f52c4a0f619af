//! Requests as bytes, and what comes back.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

/// A reply that has come to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The values of all header lines with this name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// Lanyard's own error, where it is one.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.headers("lanyard-error").first().copied()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that nothing more is sent on, and whose reply is being read.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Connection {
    /// Sends the bytes as they are.
    pub(crate) fn send(to: SocketAddr, bytes: impl AsRef<[u8]>) -> Self {
        let mut stream = TcpStream::connect(to).unwrap();
        stream.write_all(bytes.as_ref()).unwrap();
        Self { stream, seen: Vec::new() }
    }

    /// A connection that somebody else made.
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self { stream, seen: Vec::new() }
    }

    /// Sends more of them.
    pub(crate) fn more(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends no more.
    pub(crate) fn finish(&mut self) {
        // The other side may have closed it before.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Everything that still comes.
    pub(crate) fn rest(mut self) -> String {
        while self.read_some() > 0 {}
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads until `wanted` has come.
    pub(crate) fn wait_for(&mut self, wanted: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.seen).into_owned();
            if text.contains(wanted) {
                return text;
            }
            assert!(self.read_some() > 0, "{wanted:?} never came: {text}");
        }
    }

    /// Reads to the end of the reply, or of the connection where that is sooner; `None` where nothing came at all.
    pub(crate) fn end(mut self) -> Option<Reply> {
        while !self.is_whole() && self.read_some() > 0 {}
        let at = self.seen.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(self.seen[..at].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = self.seen[at + 4..].to_vec();
        let reply = Reply { status, head, body: Vec::new() };
        if reply.headers("transfer-encoding") == ["chunked"] {
            body = unchunked(&body);
        }
        Some(Reply { body, ..reply })
    }

    /// Whether a reply of known length has come.
    fn is_whole(&self) -> bool {
        let text = String::from_utf8_lossy(&self.seen);
        let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        length.is_some_and(|length: usize| self.seen.len() >= head.len() + 4 + length)
    }

    fn read_some(&mut self) -> usize {
        let mut chunk = [0; 4096];
        // A connection that is reset has ended too.
        let read = self.stream.read(&mut chunk).unwrap_or(0);
        self.seen.extend_from_slice(&chunk[..read]);
        read
    }
}

/// A whole exchange.
#[track_caller]
pub(crate) fn ask(to: SocketAddr, bytes: impl AsRef<[u8]>) -> Reply {
    Connection::send(to, bytes).end().expect("a reply")
}

/// The text of a request without a body.
pub(crate) fn get(target: &str) -> String {
    request("GET", target, &[], "")
}

/// The text of a request.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("{method} {target} HTTP/1.1\r\nhost: broker\r\nconnection: close\r\n{headers}{length}\r\n{body}")
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        let from = end + 2;
        let to = (from + length).min(bytes.len());
        whole.extend_from_slice(&bytes[from..to]);
        bytes = bytes.get(to + 2..).unwrap_or_default();
    }
    whole
}
