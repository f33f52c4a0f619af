//! One connection, driven by hyper.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{front, told_to_stop};
use crate::record::Sent;
use crate::webex::Webex;

/// A client that sends half a head may hold a connection this long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The most that a request's head, and each piece of a body, may take in memory.
const BUFFER: usize = 64 * 1024;

/// Serves one connection until either side ends it, or until the simulator stops and the reply under way is sent.
pub(super) async fn drive(stream: TcpStream, webex: Webex, router: Router, mut stop: watch::Receiver<bool>) {
    // Without it replies wait for acknowledgements; a refusal costs nothing but that.
    let _ = stream.set_nodelay(true);
    let outbox = Outbox::default();
    let io = TokioIo::new(Stream { inner: stream, outbox: outbox.clone() });
    let service = service_fn({
        let webex = webex.clone();
        move |request| front::answer(webex.clone(), router.clone(), request, outbox.clone())
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(BUFFER)
            .serve_connection(io, service)
    );
    let mut stopping = false;
    loop {
        let driven = poll_fn(|context| {
            let _driving = webex.driving();
            connection.as_mut().poll(context)
        });
        tokio::select! {
            // An error is a client that went away or a cut that was asked for: either way the connection is over.
            _ = driven => return,
            () = told_to_stop(&mut stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Replies that hyper has taken whole and not yet written whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox(Arc<Mutex<Vec<Sent>>>);

impl Outbox {
    /// The reply's last byte stands in hyper's buffer.
    pub(super) fn taken(&self, sent: Sent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
    }

    fn written(&self) {
        for sent in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            sent.mark();
        }
    }
}

/// A TCP stream that knows when replies are written. Hyper flushes a stream when nothing is left in its own buffer, and then only.
struct Stream {
    inner: TcpStream,
    outbox: Outbox,
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.outbox.written();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
