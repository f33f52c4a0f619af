//! The body of a reply, which tells when it has been taken.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use lanyard_time::{BoxFuture, Sleep};

use super::outbox::Outbox;
use crate::fault::Drip;
use crate::record::Sent;

/// A body in one piece, or in pieces with pauses between them. When hyper drops it with nothing left, its last byte stands in the
/// connection's buffer.
pub(super) struct Reply {
    rest: Bytes,
    notice: Option<(Outbox, Sent)>,
    pace: Option<Pace>,
}

/// How a body is held up.
struct Pace {
    drip: Drip,
    sleep: Arc<dyn Sleep>,
    /// The pause under way.
    pause: Option<BoxFuture<'static, ()>>,
}

impl Reply {
    pub(super) fn new(body: Bytes, notice: Option<(Outbox, Sent)>) -> Self {
        Self { rest: body, notice, pace: None }
    }

    /// Lets the body go out no faster than that.
    pub(super) fn paced(mut self, drip: Drip, sleep: Arc<dyn Sleep>) -> Self {
        self.pace = Some(Pace { drip, sleep, pause: None });
        self
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { rest, pace, .. } = &mut *self;
        if rest.is_empty() {
            return Poll::Ready(None);
        }
        let Some(pace) = pace else {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(rest)))));
        };
        let pause = pace.pause.get_or_insert_with(|| pace.sleep.sleep(pace.drip.every));
        ready!(pause.as_mut().poll(context));
        pace.pause = None;
        let piece = rest.split_to(pace.drip.bytes.min(rest.len()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if self.rest.is_empty()
            && let Some((outbox, sent)) = self.notice.take()
        {
            outbox.taken(sent);
        }
    }
}
