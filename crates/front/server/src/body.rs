//! Bodies of replies.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;

/// The failure of a body, as its reader gets it: the connection is cut.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a reply.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    /// In one piece, and with no allocation of its own: each token that is handed out is one.
    Whole(Full<Bytes>),
    Streamed(UnsyncBoxBody<Bytes, BoxError>),
    Routed(axum::body::Body),
}

/// A body in one piece.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Body(Kind::Whole(Full::new(bytes.into())))
}

/// A body in one piece that its owner wipes once it was sent.
pub(crate) fn secret(bytes: impl AsRef<[u8]> + Send + 'static) -> Body {
    whole(Bytes::from_owner(bytes))
}

/// A body that comes piece by piece.
pub(crate) fn streamed(body: UnsyncBoxBody<Bytes, BoxError>) -> Body {
    Body(Kind::Streamed(body))
}

/// Converts a body of the router.
pub(crate) fn routed(body: axum::body::Body) -> Body {
    Body(Kind::Routed(body))
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Kind::Streamed(body) => Pin::new(body).poll_frame(cx),
            Kind::Routed(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(body) => body.is_end_stream(),
            Kind::Streamed(body) => body.is_end_stream(),
            Kind::Routed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(body) => body.size_hint(),
            Kind::Streamed(body) => body.size_hint(),
            Kind::Routed(body) => body.size_hint(),
        }
    }
}
