//! A server that plays a script: one step for each request, a connection each.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use lanyard_protocol::Environment;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The server's step for one request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// It is answered so. `{base}` becomes the server's own address, `…/v1`.
    Answer(String),
    /// It is answered with these bytes.
    Bytes(Vec<u8>),
    /// It is read and the connection cut.
    Cut,
    /// The connection is cut in the middle of the answer's body.
    CutWithin,
}

/// An answer of a status such as `200 OK`, headers, and a body.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Step {
    let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let length = body.len();
    Step::Answer(format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"))
}

/// An answer whose body is not a text.
pub(crate) fn answer_bytes(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Step {
    let Step::Answer(text) = answer(status, headers, "") else { unreachable!("an answer is one") };
    let head = text.replace("content-length: 0", &format!("content-length: {}", body.len()));
    Step::Bytes([head.as_bytes(), body].concat())
}

/// The script's end: it is no part of any story, and says so to whoever comes.
const OVER: &str = "HTTP/1.1 500 The script is over\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn playing(script: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script: Vec<Step> = script.into_iter().collect();
        let task = tokio::spawn(play(listener, script, Arc::clone(&seen)));
        Self { address, seen, task }
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::at(&format!("http://{}/v1", self.address)).unwrap()
    }

    /// Every request so far: head and body as they came.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The first lines of all requests.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen()
            .iter()
            .map(|request| request.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned())
            .collect()
    }

    /// The values of a header in all requests, in order.
    pub(crate) fn header(&self, name: &str) -> Vec<Option<String>> {
        let of = |request: &String| {
            let head = request.split("\r\n\r\n").next().unwrap();
            let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
            fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        self.seen().iter().map(of).collect()
    }

    /// The bodies of all requests.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.seen().iter().map(|request| request.split_once("\r\n\r\n").unwrap().1.to_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(listener: TcpListener, script: Vec<Step>, seen: Arc<Mutex<Vec<String>>>) {
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let mut script = script.into_iter();
    while let Ok((mut stream, _)) = listener.accept().await {
        let request = read(&mut stream).await;
        if request.is_empty() {
            continue;
        }
        seen.lock().unwrap().push(request);
        let text = match script.next() {
            Some(Step::Answer(text)) => text.replace("{base}", &base).into_bytes(),
            Some(Step::Bytes(bytes)) => bytes,
            Some(Step::Cut) => continue,
            Some(Step::CutWithin) => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"items\":".to_vec(),
            None => OVER.into(),
        };
        let _ = stream.write_all(&text).await;
        let _ = stream.shutdown().await;
    }
}

/// One request, to the end of its body.
pub(crate) async fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return text,
            Ok(length) => bytes.extend_from_slice(&chunk[..length]),
        }
    }
}
