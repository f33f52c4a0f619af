//! HTTP on a loopback port, which every user of the machine reaches.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lanyard_time::Sleep;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_io_timeout::TimeoutStream;

use crate::body::BoxError;
use crate::connection::{HEAD, PAUSE, STALL};

/// The most connections at a time.
const PLACES: usize = 256;

/// The peer at the other end of a connection.
#[derive(Clone, Debug, Default)]
pub struct Guest(Arc<AtomicBool>);

impl Guest {
    /// Marks the connection as that of a legitimate peer. It is not ended to make room for others.
    pub fn vouch(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_vouched_for(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Place {
    guest: Guest,
    connection: AbortHandle,
}

/// Serves a loopback port for as long as it is polled, whatever its peers do. Connections are bounded in number, in the time for a
/// head and in the time without progress. Once all places are taken, the oldest connection that nothing vouches for makes room, so that silent
/// peers keep nobody out. A failed accept, which is how a lack of open files shows, is followed by a pause.
pub async fn serve_loopback<S, F, B>(listener: &TcpListener, sleep: &dyn Sleep, service: S)
where
    S: Fn(Request<Incoming>, Guest) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut places: Vec<Place> = Vec::new();
    loop {
        let accepted = listener.accept().await;
        places.retain(|place| !place.connection.is_finished());
        let is_full = places.len() >= bound();
        if (is_full || accepted.is_err())
            && let Some(oldest) = places.iter().position(|place| !place.guest.is_vouched_for())
        {
            places.remove(oldest).connection.abort();
        }
        match accepted {
            // The legitimate peer has all places itself.
            Ok(_) if places.len() >= bound() => tracing::debug!("a connection was refused: all places are taken"),
            Ok((stream, _)) => {
                let guest = Guest::default();
                let connection = tokio::spawn(converse(stream, guest.clone(), service.clone())).abort_handle();
                places.push(Place { guest, connection });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep.sleep(PAUSE).await;
            }
        }
    }
}

async fn converse<S, F, B>(stream: TcpStream, guest: Guest, service: S)
where
    S: Fn(Request<Incoming>, Guest) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let mut patient = TimeoutStream::new(stream);
    patient.set_write_timeout(Some(STALL));
    let service = service_fn(move |request| {
        let answer = service(request, guest.clone());
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut http = http1::Builder::new();
    http.max_headers(64).timer(TokioTimer::new()).header_read_timeout(HEAD);
    if let Err(error) = http.serve_connection(TokioIo::new(Box::pin(patient)), service).await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// A quarter of the files that this process may have open: the rest is for calls to Webex, the store and the program.
fn bound() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    (files / 4).clamp(4, PLACES)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpStream as StdStream};

    use http_body_util::Full;
    use lanyard_time::SystemSleep;

    use super::*;

    async fn serving() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let service = |request: Request<Incoming>, guest: Guest| async move {
                if request.headers().contains_key("key") {
                    guest.vouch();
                }
                Response::new(Full::new(Bytes::from_static(b"here")))
            };
            serve_loopback(&listener, &SystemSleep, service).await;
        });
        address
    }

    fn ask(stream: &mut StdStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nkey: x\r\n\r\n").unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"here") {
            let mut piece = [0; 512];
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "it was closed: {}", String::from_utf8_lossy(&reply));
            reply.extend_from_slice(&piece[..count]);
        }
        String::from_utf8(reply).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn silent_peers_keep_nobody_out_and_a_known_one_stays() {
        let address = serving().await;
        tokio::task::spawn_blocking(move || {
            let mut known = StdStream::connect(address).unwrap();
            assert!(ask(&mut known).starts_with("HTTP/1.1 200"));
            let silent: Vec<_> = (0..2 * bound()).map(|_| StdStream::connect(address).unwrap()).collect();
            assert!(ask(&mut StdStream::connect(address).unwrap()).starts_with("HTTP/1.1 200"), "there is room");
            assert!(ask(&mut known).starts_with("HTTP/1.1 200"), "it was not ended for others");
            // Those that came first made room.
            let mut first = &silent[0];
            assert_eq!(first.read(&mut [0; 16]).unwrap_or(0), 0);
        })
        .await
        .unwrap();
    }
}
