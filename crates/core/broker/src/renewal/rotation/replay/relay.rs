//! The relay between the workers and Webex: each request and each answer stays here until the trace says what becomes of it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

pub(super) const LIMITED: &str =
    "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
pub(super) const WRONG_CLIENT: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\
     connection: close\r\n\r\n{\"error\":\"invalid_client\"}";

pub(super) struct Relay {
    /// Where the workers find Webex.
    pub(super) base_url: String,
    webex: String,
    arrivals: UnboundedReceiver<Arrival>,
    requests: Vec<Request>,
    replies: Vec<(Waiting, String)>,
    /// The refresh tokens; the model knows each by its number.
    tokens: Vec<String>,
}

/// A request as it arrived, and the way back.
type Arrival = (String, oneshot::Sender<String>);

struct Request {
    text: String,
    /// The worker that waits for the answer; `None` once it has given up or ended.
    waiting: Option<Waiting>,
}

struct Waiting {
    worker: usize,
    back: oneshot::Sender<String>,
}

impl Relay {
    pub(super) async fn start(base_url: &str, token: &str) -> Self {
        let (_, rest) = base_url.split_once("://").unwrap();
        let (webex, path) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/{path}", listener.local_addr().unwrap());
        let (tell, arrivals) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(take(connection, tell.clone()));
            }
        });
        let (requests, replies) = (Vec::new(), Vec::new());
        Self { base_url, webex: webex.to_owned(), arrivals, requests, replies, tokens: vec![token.to_owned()] }
    }

    /// Takes the request that `worker` sends now: the number of its refresh token.
    pub(super) async fn arrival(&mut self, worker: usize) -> usize {
        let (text, back) = self.arrivals.recv().await.unwrap();
        let token = between(&text, "refresh_token=", &['&']).to_owned();
        self.requests.push(Request { text, waiting: Some(Waiting { worker, back }) });
        self.tokens.iter().position(|known| *known == token).expect("the token is one that Webex gave")
    }

    /// Webex carries out a request.
    pub(super) async fn carry_out(&mut self, index: usize) {
        let Request { text, waiting } = self.requests.remove(index);
        let mut webex = TcpStream::connect(&self.webex).await.unwrap();
        webex.write_all(self.addressed(&text).as_bytes()).await.unwrap();
        let mut answer = String::new();
        webex.read_to_string(&mut answer).await.unwrap();
        let token = between(&answer, "\"refresh_token\":\"", &['"']);
        if answer.starts_with("HTTP/1.1 200") && !self.tokens.iter().any(|known| known == token) {
            self.tokens.push(token.to_owned());
        }
        self.replies.extend(waiting.map(|waiting| (waiting, answer)));
    }

    /// Answers a request without Webex.
    pub(super) fn refuse(&mut self, index: usize, answer: &str) {
        let waiting = self.requests.remove(index).waiting;
        self.replies.extend(waiting.map(|waiting| (waiting, answer.to_owned())));
    }

    /// Loses a request before Webex sees it. Returns who waited.
    pub(super) fn cut_request(&mut self, index: usize) -> Option<usize> {
        self.requests.remove(index).waiting.map(|waiting| waiting.worker)
    }

    /// Makes the worker that waits for the answer give up. Returns which worker it was.
    pub(super) fn give_up(&mut self, index: usize) -> Option<usize> {
        self.requests[index].waiting.take().map(|waiting| waiting.worker)
    }

    pub(super) fn deliver(&mut self, index: usize) -> usize {
        let (Waiting { worker, back }, answer) = self.replies.remove(index);
        back.send(answer).unwrap();
        worker
    }

    pub(super) fn cut_reply(&mut self, index: usize) -> usize {
        self.replies.remove(index).0.worker
    }

    /// `worker` waits no more.
    pub(super) fn forget(&mut self, worker: usize) {
        self.replies.retain(|(waiting, _)| waiting.worker != worker);
        for request in &mut self.requests {
            request.waiting.take_if(|waiting| waiting.worker == worker);
        }
    }

    /// The request as Webex takes it.
    fn addressed(&self, text: &str) -> String {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let is_ours = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !["host", "connection", "accept-encoding"].contains(&&*name)
        };
        let lines: Vec<&str> = head.split("\r\n").filter(is_ours).collect();
        format!("{}\r\nhost: {}\r\nconnection: close\r\n\r\n{body}", lines.join("\r\n"), self.webex)
    }
}

/// Takes one request, and sends the answer back that comes for it; none if none comes.
async fn take(mut connection: TcpStream, tell: UnboundedSender<Arrival>) {
    let mut read = Vec::new();
    while !is_whole(&read) {
        if connection.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let (back, answer) = oneshot::channel();
    if tell.send((String::from_utf8(read).unwrap(), back)).is_ok()
        && let Ok(answer) = answer.await
    {
        let _ = connection.write_all(answer.as_bytes()).await;
        let _ = connection.shutdown().await;
    }
}

fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    body.len() >= between(head, "content-length: ", &['\r']).parse().unwrap_or(0)
}

/// The text after `start`, up to one of `ends`.
fn between<'a>(text: &'a str, start: &str, ends: &[char]) -> &'a str {
    let rest = text.split_once(start).map_or("", |(_, rest)| rest);
    rest.split(ends).next().unwrap_or_default()
}
