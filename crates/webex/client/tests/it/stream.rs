//! Requests and responses that are not held whole.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use lanyard_client::{Outgoing, StreamError, SubjectKey, Transport, Upload};
use lanyard_protocol::Environment;
use lanyard_secret::SecretBytes;
use lanyard_time::{BoxFuture, SeededEntropy, Sleep, SystemClock};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::server::{Server, Step, answer, read};

/// Waits forever, or not at all.
#[derive(Debug)]
enum Patience {
    Endless,
    None,
}

impl Sleep for Patience {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        match self {
            Self::Endless => Box::pin(std::future::pending()),
            Self::None => Box::pin(std::future::ready(())),
        }
    }
}

fn transport(patience: Patience) -> Transport {
    let clock = Arc::new(SystemClock::new());
    Transport::new(clock, Arc::new(SeededEntropy::new(7))).with_sleep(Arc::new(patience))
}

fn to(environment: &Environment, method: Method, body: Upload) -> Outgoing {
    Outgoing { method, url: environment.resource(&["rooms"]), headers: HeaderMap::new(), body }
}

#[tokio::test]
async fn a_body_goes_up_whole_or_as_a_stream_with_its_length_where_that_is_known() {
    let ok = answer("200 OK", &[], "{}");
    let webex = Server::playing([ok.clone(), ok]).await;
    let (transport, environment) = (transport(Patience::Endless), webex.environment());
    let whole = Upload::whole(SecretBytes::new(b"whole".to_vec()));
    let stream = Upload::Stream(Full::from("stream").map_err(|never| match never {}).boxed());
    for body in [whole, stream] {
        let streamed = transport.stream(&environment, to(&environment, Method::POST, body), None).await.unwrap();
        assert_eq!(streamed.response.status(), StatusCode::OK);
        assert_eq!(streamed.response.into_body().collect().await.unwrap().to_bytes(), "{}");
    }
    assert_eq!(webex.bodies(), ["whole", "stream"]);
    assert_eq!(webex.header("content-length"), [Some("5".to_owned()), Some("6".to_owned())]);
}

#[tokio::test]
async fn the_callers_own_tracking_id_is_kept_and_a_missing_one_is_made() {
    let ok = answer("200 OK", &[], "{}");
    let webex = Server::playing([ok.clone(), ok]).await;
    let (transport, environment) = (transport(Patience::Endless), webex.environment());
    let mut own = to(&environment, Method::GET, Upload::Empty);
    own.headers.insert("trackingid", HeaderValue::from_static("MINE_1"));
    let kept = transport.stream(&environment, own, None).await.unwrap().tracking_id;
    let made = transport.stream(&environment, to(&environment, Method::GET, Upload::Empty), None).await.unwrap();
    assert_eq!(&*kept, "MINE_1");
    assert!(made.tracking_id.starts_with("LANYARD_"), "{}", made.tracking_id);
    assert_eq!(webex.header("trackingid"), [Some("MINE_1".to_owned()), Some(made.tracking_id.to_string())]);
}

#[tokio::test]
async fn a_429_is_passed_on_and_holds_back_the_next_call_of_its_subject_and_api_alone() {
    let limited = answer("429 Too Many Requests", &[("retry-after", "100")], "<html>");
    let webex = Server::playing([limited, answer("200 OK", &[], "{}")]).await;
    let (transport, environment) = (transport(Patience::Endless), webex.environment());
    let (anna, bert) = (SubjectKey::new("anna"), SubjectKey::new("bert"));
    let call = async |subject| {
        transport.stream(&environment, to(&environment, Method::GET, Upload::Empty), Some(subject)).await
    };
    let first = call(&anna).await.unwrap().response;
    assert_eq!(
        (first.status(), &first.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"100".parse().unwrap())
    );
    assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "<html>");
    let error = call(&anna).await.unwrap_err();
    assert!(matches!(error, StreamError::Limited(left) if left > Duration::from_secs(50)), "{error}");
    assert_eq!(call(&bert).await.unwrap().response.status(), StatusCode::OK);
    assert_eq!(webex.seen().len(), 2);
}

#[tokio::test]
async fn a_request_that_leads_elsewhere_is_not_sent_and_a_redirect_is_an_answer() {
    let elsewhere = Server::playing([answer("200 OK", &[], "{}")]).await;
    let target = elsewhere.environment().resource(&["rooms"]).expose().to_string();
    let webex = Server::playing([answer("302 Found", &[("location", &target)], "")]).await;
    let (transport, environment) = (transport(Patience::Endless), webex.environment());
    let astray = to(&elsewhere.environment(), Method::GET, Upload::Empty);
    let error = transport.stream(&environment, astray, None).await.unwrap_err();
    assert!(matches!(error, StreamError::ForeignOrigin(_)), "{error}");
    let streamed = transport.stream(&environment, to(&environment, Method::GET, Upload::Empty), None).await.unwrap();
    assert_eq!(streamed.response.status(), StatusCode::FOUND);
    assert_eq!((elsewhere.seen().len(), webex.seen().len()), (0, 1));
}

#[tokio::test]
async fn silence_a_cut_garbage_and_nobody_there_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = Environment::at(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    let get = |environment: &Environment| to(environment, Method::GET, Upload::Empty);
    // The system takes the connection, and nobody answers.
    let error = transport(Patience::None).stream(&environment, get(&environment), None).await.unwrap_err();
    assert!(matches!(error, StreamError::Silent(..)) && error.is_timeout(), "{error}");
    drop(listener);
    let error = transport(Patience::Endless).stream(&environment, get(&environment), None).await.unwrap_err();
    assert!(matches!(error, StreamError::NotSent(..)) && !error.is_timeout(), "{error}");

    let webex =
        Server::playing([Step::Cut, Step::Answer("220 mail.example ESMTP\r\n".to_owned()), Step::CutWithin]).await;
    let (transport, environment) = (transport(Patience::Endless), webex.environment());
    for _ in 0..2 {
        let error = transport.stream(&environment, get(&environment), None).await.unwrap_err();
        assert!(matches!(error, StreamError::Unanswered(..)) && error.tracking_id().is_some(), "{error}");
    }
    let within = transport.stream(&environment, get(&environment), None).await.unwrap().response;
    assert_eq!(within.into_body().collect().await.unwrap_err().to_string(), "the answer broke off");
}

#[tokio::test]
async fn an_answer_that_pauses_too_long_ends_in_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = Environment::at(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nfirst").await.unwrap();
        std::future::pending::<()>().await;
    });
    // Patient with the head, and then not at all.
    let sleep = Arc::new(OnceEndless::default());
    let transport = Transport::new(Arc::new(SystemClock::new()), Arc::new(SeededEntropy::new(7))).with_sleep(sleep);
    let streamed = transport.stream(&environment, to(&environment, Method::GET, Upload::Empty), None).await.unwrap();
    let mut body = streamed.response.into_body();
    let mut seen = Vec::new();
    let error = loop {
        match body.frame().await.unwrap() {
            Ok(frame) => seen.extend_from_slice(&frame.into_data().unwrap()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "the answer paused for more than 60 s");
    assert!(b"first".starts_with(&seen), "{seen:?}");
    server.abort();
}

#[derive(Debug, Default)]
struct OnceEndless(std::sync::atomic::AtomicBool);

impl Sleep for OnceEndless {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let first = !self.0.swap(true, std::sync::atomic::Ordering::Relaxed);
        if first { Patience::Endless.sleep(duration) } else { Patience::None.sleep(duration) }
    }
}
