//! Clients that ask for the same thing again and again.
//!
//! They speak HTTP/1.1 by hand: a client that does as little as can be is not what is measured.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::LocalSet;

use crate::machine::processor_time;

/// A load: the request, the number of clients, and the duration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) socket: &'a Path,
    pub(crate) path: &'a str,
    /// So many at a time.
    pub(crate) clients: usize,
    /// Whether each client keeps its connection.
    pub(crate) kept: bool,
    pub(crate) time: Duration,
    /// The process that answers.
    pub(crate) server: u32,
}

/// The measurements of one load.
#[derive(Debug)]
pub(crate) struct Seen {
    /// From before the connection, or before the request where that is kept, to the whole answer; the shortest first.
    times: Vec<Duration>,
    took: Duration,
    /// Processor time of the server, and of the clients.
    server: Option<Duration>,
    clients: Option<Duration>,
}

impl Seen {
    pub(crate) fn p50(&self) -> f64 {
        seconds(&self.times, 50)
    }

    pub(crate) fn p99(&self) -> f64 {
        seconds(&self.times, 99)
    }

    pub(crate) fn per_second(&self) -> f64 {
        count(self.times.len()) / self.took.as_secs_f64()
    }

    /// Processor time of the server for one request, in microseconds.
    pub(crate) fn cost(&self) -> f64 {
        self.server.map_or(f64::NAN, |used| used.as_secs_f64() * 1e6 / count(self.times.len()))
    }

    /// How much of a core the server used, and how much the clients.
    pub(crate) fn busy(&self) -> (f64, f64) {
        let of = |used: Option<Duration>| used.map_or(f64::NAN, |used| used.as_secs_f64() / self.took.as_secs_f64());
        (of(self.server), of(self.clients))
    }
}

/// The duration within which that many of a hundred are.
pub(crate) fn seconds(sorted: &[Duration], hundredth: usize) -> f64 {
    let place = (sorted.len().saturating_sub(1) * hundredth).div_ceil(100);
    sorted.get(place).map_or(f64::NAN, Duration::as_secs_f64)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// The present, for what is measured here.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine's own time, and as little beside as can be"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Load<'_> {
    /// Puts the load on, and waits for its end.
    pub(crate) fn run(&self) -> Seen {
        let own = std::process::id();
        let used = || (processor_time(self.server), processor_time(own));
        let request: Rc<[u8]> = request(self.path).into_bytes().into();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
        let before = used();
        let begun = now();
        let until = begun + self.time;
        let mut times = LocalSet::new().block_on(&runtime, async {
            let mut clients = Vec::new();
            for _ in 0..self.clients {
                let (socket, request, kept) = (self.socket.to_owned(), Rc::clone(&request), self.kept);
                clients.push(tokio::task::spawn_local(async move { client(&socket, &request, kept, until).await }));
            }
            let mut times = Vec::new();
            for client in clients {
                times.extend(client.await.expect("a client does not panic").expect("it is answered"));
            }
            times
        });
        let took = begun.elapsed();
        let after = used();
        times.sort_unstable();
        let difference = |after: Option<Duration>, before| Some(after?.saturating_sub(before?));
        Seen { times, took, server: difference(after.0, before.0), clients: difference(after.1, before.1) }
    }
}

async fn client(socket: &Path, request: &[u8], kept: bool, until: Instant) -> io::Result<Vec<Duration>> {
    let mut times = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    let mut connection = None;
    loop {
        let begun = now();
        if begun >= until {
            return Ok(times);
        }
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => connect(socket)?,
        };
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer).await?;
        if kept {
            connection = Some(stream);
        }
        times.push(begun.elapsed());
    }
}

/// A Unix socket connects at once, or not at all: nothing is to be waited for.
fn connect(socket: &Path) -> io::Result<UnixStream> {
    let stream = StdStream::connect(socket)?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Reads one answer; its length.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if let Some(head) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n")
            && filled >= head + 4 + body_length(&buffer[..head])?
        {
            return Ok(filled);
        }
    }
}

/// The length that the head of a good answer names.
fn body_length(head: &[u8]) -> io::Result<usize> {
    let text = str::from_utf8(head).map_err(io::Error::other)?;
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        if name.eq_ignore_ascii_case("content-length") { value.parse().ok() } else { None }
    });
    match length {
        Some(length) if text.starts_with("HTTP/1.1 200 ") => Ok(length),
        _ => Err(io::Error::other(text.to_owned())),
    }
}

/// A request as most clients send it.
pub(crate) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: lanyard\r\naccept: */*\r\nuser-agent: bench\r\n\r\n")
}
