use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use lanyard_time::{BoxFuture, ManualSleep};

use super::*;

/// The patience never ends.
#[derive(Debug)]
struct Patient;

impl Sleep for Patient {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// A client that sends a little, and then nothing more or the rest.
fn trickle(rest: Option<&'static str>) -> impl hyper::body::Body<Data = Bytes, Error = Infallible> {
    let piece = |text: &'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
    let begun = stream::iter([piece("{\"name\":")]);
    match rest {
        Some(rest) => StreamBody::new(begun.chain(stream::iter([piece(rest)])).boxed()),
        None => StreamBody::new(begun.chain(stream::pending()).boxed()),
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_when_its_time_is_over() {
    let passed = ManualSleep::default();
    let problem = in_time(trickle(None), &passed).await.unwrap_err();
    assert_eq!(problem.response().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(passed.asked(), [COMES_WITHIN]);
    let body = in_time(trickle(Some("1}")), &Patient).await.unwrap();
    assert_eq!(&body[..], b"{\"name\":1}");
}
