//! One connection: HTTP/1.1, within bounds.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_io_timeout::TimeoutStream;

use crate::answer::answer;
use crate::caller::Peer;
use crate::problem::Problem;
use crate::shared::Shared;

/// How long a client may take to send the head of a request, the wait for the next one on a kept connection included.
pub(crate) const HEAD: Duration = Duration::from_secs(30);
/// The longest head that is read, in bytes. A refresh of cookies or a long query fits ten times over.
const LONGEST_HEAD: usize = 32 * 1024;

/// How long a client may leave a part of a reply unread, or a body that it began unsent.
pub(crate) const STALL: Duration = Duration::from_secs(30);

/// How long accepting pauses after a failure: the system may have files to give then.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Like [`serve`], for untrusted peers: adds a write time-out.
pub(crate) async fn serve_stranger<S>(shared: Arc<Shared>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut patient = TimeoutStream::new(stream);
    patient.set_write_timeout(Some(STALL));
    serve(shared, Box::pin(patient), peer).await;
}

/// Answers whatever is asked first with a problem, and closes.
pub(crate) async fn turn_away<S>(stream: S, problem: &Problem)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|_| async { Ok::<_, Infallible>(crate::problem::response(problem)) });
    let mut http = http1::Builder::new();
    http.max_buf_size(LONGEST_HEAD).keep_alive(false);
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Serves a connection until its client, or the broker's end, closes it.
pub(crate) async fn serve<S>(shared: Arc<Shared>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut closing = shared.closing.subscribe();
    let mut http = http1::Builder::new();
    http.max_buf_size(LONGEST_HEAD);
    // The owner's own programs end when they are done, and no timer is set for each of their requests.
    if !matches!(peer, Peer::Owner { .. }) {
        http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    }
    let is_last = *shared.stopping.borrow();
    let service = service_fn(move |request| answer(&shared, &peer, request).map(Ok::<_, Infallible>));
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    if is_last {
        connection.as_mut().graceful_shutdown();
    }
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        // A kept connection's buffers hold what it sent last: they go when a token is to be forgotten.
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Where connections come in, as many at a time as there is room for, until the broker stops.
pub(crate) struct Entrance {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl Entrance {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let room = Arc::new(Semaphore::new(shared.options.connections));
        Self { shared: Arc::clone(shared), room, stopping: shared.stopping.subscribe() }
    }

    /// The next connection, with its place; `None` when the broker stops.
    pub(crate) async fn next<S, F>(&mut self, accept: impl Fn() -> F) -> Option<(S, OwnedSemaphorePermit)>
    where
        F: Future<Output = io::Result<S>>,
    {
        loop {
            // Looked at before each: whoever always finds a connection waiting is not told.
            if *self.stopping.borrow() {
                return None;
            }
            let (accepted, permit) = tokio::select! {
                biased;
                accepted = async {
                    let permit = Arc::clone(&self.room).acquire_owned().await;
                    (accept().await, permit)
                } => accepted,
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
            };
            match accepted {
                Ok(stream) => return permit.ok().map(|permit| (stream, permit)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    self.shared.sleep.sleep(PAUSE).await;
                }
            }
        }
    }
}
