//! A server of HTTP that plays a script: one step for each request, a connection each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The server's step for one request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// These bytes, and the end of the connection.
    Answer(String),
    /// These bytes, and nothing more; the connection stays open.
    Stall(String),
    /// A success with a body that does not end.
    Flood,
}

/// An answer of a status such as `200 OK`, with headers and without a body.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)]) -> Step {
    let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    Step::Answer(format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: 0\r\n\r\n"))
}

#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
    flooded: Arc<AtomicUsize>,
    /// One permit for each request that was read, and one for each flood that ended.
    asked: Arc<Semaphore>,
    ended: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn playing(script: impl IntoIterator<Item = Step>) -> Self {
        Self::start(script.into_iter().collect(), None).await
    }

    pub(crate) async fn over_tls(script: impl IntoIterator<Item = Step>, tls: TlsAcceptor) -> Self {
        Self::start(script.into_iter().collect(), Some(tls)).await
    }

    async fn start(script: Vec<Step>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, flooded) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (asked, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let mut script = script.into_iter();
        let shared = (Arc::clone(&connections), Arc::clone(&seen), Arc::clone(&flooded), Arc::clone(&asked));
        let over = Arc::clone(&ended);
        let task = tokio::spawn(async move {
            let (connections, seen, flooded, asked) = shared;
            let mut kept = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let mut stream: Box<dyn Stream> = match &tls {
                    None => Box::new(stream),
                    // A client that does not trust the certificate ends it here.
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                let request = read(&mut *stream).await;
                if request.is_empty() {
                    continue;
                }
                seen.lock().unwrap().push(request);
                asked.add_permits(1);
                match script.next().unwrap_or_else(|| answer("500 The script is over", &[])) {
                    Step::Answer(text) => {
                        let _ = stream.write_all(text.as_bytes()).await;
                        let _ = stream.shutdown().await;
                    }
                    Step::Stall(text) => {
                        let _ = stream.write_all(text.as_bytes()).await;
                        let _ = stream.flush().await;
                        kept.push(stream);
                    }
                    Step::Flood => {
                        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
                        let _ = stream.write_all(head.as_bytes()).await;
                        // Until the client has closed the connection.
                        while stream.write_all(&[b'x'; 4096]).await.is_ok() {
                            flooded.fetch_add(4096, Ordering::SeqCst);
                        }
                        over.add_permits(1);
                    }
                }
            }
        });
        Self { address, connections, seen, flooded, asked, ended, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until another request was read.
    pub(crate) async fn asked(&self) {
        self.asked.acquire().await.unwrap().forget();
    }

    /// Waits until a flood has ended, and returns how many bytes were sent.
    pub(crate) async fn flooded(&self) -> usize {
        self.ended.acquire().await.unwrap().forget();
        self.flooded.load(Ordering::SeqCst)
    }

    /// Every request so far: head and body as they came.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().map(|text| Seen(text.clone())).collect()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Seen {
        let [seen] = <[Seen; 1]>::try_from(self.seen()).unwrap();
        seen
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen(String);

impl Seen {
    pub(crate) fn line(&self) -> &str {
        self.0.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\r\n\r\n").next().unwrap();
        let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").unwrap().1
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One request, to the end of its body.
async fn read(stream: &mut dyn Stream) -> String {
    let mut bytes = Vec::new();
    loop {
        // A client that wants TLS here would wait for an answer.
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            return String::new();
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            if body.len() >= length.map_or(0, |(_, value)| value.parse().unwrap()) {
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

/// The type of a record with a handshake.
const TLS_HANDSHAKE: u8 = 22;
