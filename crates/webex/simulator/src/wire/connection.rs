//! One connection, driven by hyper.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::outbox::{Outbox, Stream};
use super::{front, told_to_stop};
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
    let io = TokioIo::new(Stream::new(stream, outbox.clone()));
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
