//! The floor: a bare server that answers everything with the same bytes.

use std::convert::Infallible;
use std::os::unix::net::UnixListener as StdListener;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixListener;

/// The word that starts this part: `floor SOCKET LENGTH`.
pub(crate) const PART: &str = "floor";

/// Serves on a socket until it is killed, on a thread with a runtime like that of the broker's hand-outs.
pub(crate) fn run(mut words: impl Iterator<Item = String>) -> ExitCode {
    let (Some(socket), Some(length)) = (words.next(), words.next().and_then(|length| length.parse().ok())) else {
        return ExitCode::FAILURE;
    };
    let listener = StdListener::bind(socket).expect("the socket is free");
    listener.set_nonblocking(true).expect("a socket does not have to block");
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
        runtime.block_on(serve(listener, Bytes::from("x".repeat(length))));
    });
    let _ = thread.join();
    ExitCode::SUCCESS
}

async fn serve(listener: StdListener, body: Bytes) {
    let listener = UnixListener::from_std(listener).expect("it is a socket");
    loop {
        let (stream, _) = listener.accept().await.expect("a connection comes");
        let body = body.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let body = body.clone();
                async move { Ok::<_, Infallible>(answer(&request, body)) }
            });
            // A client that goes away is none of its concern.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn answer(_: &Request<hyper::body::Incoming>, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
