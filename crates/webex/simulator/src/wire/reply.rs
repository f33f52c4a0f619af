//! The body of a reply, which tells when it has been taken.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::connection::Outbox;
use crate::record::Sent;

/// A body in one piece. When hyper drops it with nothing left, its last byte stands in the connection's buffer.
#[derive(Debug)]
pub(super) struct Reply {
    rest: Bytes,
    notice: Option<(Outbox, Sent)>,
}

impl Reply {
    pub(super) fn new(body: Bytes, notice: Option<(Outbox, Sent)>) -> Self {
        Self { rest: body, notice }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let rest = std::mem::take(&mut self.rest);
        Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))))
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
