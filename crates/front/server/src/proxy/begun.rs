//! Webex's answer, on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::response::Parts;
use http::{Method, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use lanyard_client::{Answered, Download, DownloadError, IssuedToken, Streamed};
use lanyard_secret::SafeUrl;
use tokio::task::yield_now;

use super::withdrawn::Withdrawn;
use super::{headers, link, trouble};
use crate::body::{self, Body};
use crate::problem::{Code, Problem};

/// An answer that has begun.
pub(super) struct Begun {
    head: Parts,
    body: Content,
    token: IssuedToken,
}

/// Its body.
enum Content {
    /// A short body that has arrived completely.
    Whole(Bytes),
    /// The part that has arrived, and the rest when it arrives.
    Coming(Bytes, Download),
}

/// A body up to this length is sent together with the headers if it has arrived, so that the client wakes once.
const SHORT: u64 = 64 * 1024;

/// Takes the part of a short body that has arrived, without waiting for the rest.
pub(super) async fn begun(answered: Answered<Streamed>, url: &SafeUrl) -> Result<Begun, Problem> {
    let Answered { answer, token } = answered;
    let (head, mut body) = answer.response.into_parts();
    // No other protocol was requested.
    if head.status.is_informational() {
        return Err(Problem::new(Code::UpstreamGarbled, format!("{url} answered with another protocol")));
    }
    let length = body.size_hint().exact().filter(|length| *length <= SHORT);
    let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
        return Ok(Begun { head, body: Content::Coming(Bytes::new(), body), token });
    };
    let (mut there, mut has_yielded) = (Bytes::new(), false);
    while there.len() < length {
        match body.frame().now_or_never() {
            Some(Some(Ok(frame))) => match frame.into_data() {
                // It almost always arrives in one piece.
                Ok(piece) if there.is_empty() => there = piece,
                Ok(piece) => there = [there, piece].concat().into(),
                Err(_) => {}
            },
            Some(Some(Err(error))) if there.is_empty() => return Err(trouble::broken_off(url, &error)),
            // The connection hands it over when it is polled.
            None if !has_yielded => {
                has_yielded = true;
                yield_now().await;
            }
            _ => return Ok(Begun { head, body: Content::Coming(there, body), token }),
        }
    }
    Ok(Begun { head, body: Content::Whole(there), token })
}

/// A body whose beginning has arrived.
struct After {
    first: Bytes,
    rest: Download,
}

impl HttpBody for After {
    type Data = Bytes;
    type Error = DownloadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DownloadError>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        Pin::new(&mut self.rest).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (first, mut hint) = (u64::try_from(self.first.len()).unwrap_or_default(), self.rest.size_hint());
        if let Some(rest) = hint.exact() {
            hint.set_exact(first + rest);
        } else {
            hint = SizeHint::default();
        }
        hint
    }
}

impl Begun {
    /// The response for the client of the proxy, whose address for the credential is `base`.
    pub(super) fn passed_on(
        self,
        method: &Method,
        url: &SafeUrl,
        base: &str,
        withdrawn: Withdrawn,
    ) -> Result<Response<Body>, Problem> {
        let Self { head, body, token } = self;
        let mut response = Response::new(match body {
            Content::Whole(bytes) => body::whole(bytes),
            Content::Coming(first, rest) => {
                let coming = After { first, rest }.map_err(Into::into).boxed_unsync();
                body::streamed(withdrawn.guard(coming))
            }
        });
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        headers::down(response.headers_mut(), &token.token);
        let rewritten = link::rewrite(response.headers_mut(), &token.environment, url, base);
        // A change is done, whatever its answer; a read can be repeated.
        if rewritten.is_err() && response.status().is_success() && matches!(*method, Method::GET | Method::HEAD) {
            return Err(list_cut_off(url));
        }
        Ok(response)
    }
}

fn list_cut_off(url: &SafeUrl) -> Problem {
    Problem::new(Code::UpstreamGarbled, format!("the list at {url} continues at an address outside its Webex"))
        .hint("see the broker's log; a smaller or larger `max` may avoid the next page")
}
