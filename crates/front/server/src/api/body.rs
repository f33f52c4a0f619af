//! Bodies of requests, read whole and within limits.

use std::time::Duration;

use futures_util::future::{Either, select};
use http_body_util::{BodyExt as _, Limited};
use lanyard_time::Sleep;
use zeroize::Zeroizing;

use crate::body::BoxError;
use crate::problem::{Code, Problem};

/// The longest body that the API accepts, in bytes.
const LONGEST: usize = 64 * 1024;

/// How long a body may take to arrive.
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// Reads a body, if it comes in time.
pub(super) async fn read<B>(body: B, sleep: &dyn Sleep) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    B: http_body::Body<Error: Into<BoxError>>,
{
    match select(Box::pin(whole(body)), sleep.sleep(COMES_WITHIN)).await {
        Either::Left((whole, _)) => whole,
        Either::Right(_) => Err(Problem::new(Code::SlowBody, "the request's body did not arrive in time")
            .hint(format!("send it within {} s", COMES_WITHIN.as_secs()))),
    }
}

async fn whole<B>(body: B) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    B: http_body::Body<Error: Into<BoxError>>,
{
    match Limited::new(body, LONGEST).collect().await {
        Ok(body) => Ok(Zeroizing::new(body.to_bytes().to_vec())),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::new(Code::TooLong, format!("the body is longer than {LONGEST} bytes")))
        }
        Err(_) => Err(Problem::new(Code::BadRequest, "the request's body ended early")),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use lanyard_time::{BoxFuture, ManualSleep};

    use super::*;

    /// The time limit never ends.
    #[derive(Debug)]
    struct Patient;

    impl Sleep for Patient {
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    /// A client that sends a little, and then nothing more or the rest.
    fn trickle(rest: Option<&'static str>) -> impl http_body::Body<Data = Bytes, Error = Infallible> {
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
        let problem = read(trickle(None), &passed).await.unwrap_err();
        assert_eq!(problem.code(), Code::SlowBody);
        assert_eq!(passed.asked(), [COMES_WITHIN]);
        let body = read(trickle(Some("1}")), &Patient).await.unwrap();
        assert_eq!(&body[..], b"{\"name\":1}");
    }
}
