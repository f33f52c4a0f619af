//! Bodies on their way up and down.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use lanyard_secret::SecretBytes;
use lanyard_time::{BoxFuture, Sleep};

use super::DownloadError;

/// Any error of a body that is passed through.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request.
pub enum Upload {
    /// None.
    Empty,
    /// All of it: it can be sent again. Made by [`whole`](Self::whole).
    Whole(Bytes),
    /// A stream, of which nothing is kept.
    Stream(BoxBody<Bytes, BoxError>),
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Whole(_) => "Whole",
            Self::Stream(_) => "Stream",
        })
    }
}

impl Upload {
    /// A body that is held in memory, which is wiped when the last copy is dropped. Copies share it.
    pub fn whole(bytes: SecretBytes) -> Self {
        if bytes.expose_secret().is_empty() { Self::Empty } else { Self::Whole(Bytes::from_owner(Owned(bytes))) }
    }

    /// A copy that can be sent later; `None` for a stream, of which nothing is kept.
    pub(crate) fn kept(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Stream(_) => None,
        }
    }

    /// Returns the body of a request, each consumed piece of which counts as progress; `None` if there is no body.
    pub(super) fn counted(self, progress: &Progress) -> Option<reqwest::Body> {
        match self {
            Self::Empty => None,
            Self::Whole(bytes) => Some(bytes.into()),
            Self::Stream(body) => Some(reqwest::Body::wrap(Counted { body, progress: progress.clone() })),
        }
    }
}

struct Owned(SecretBytes);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

/// How many pieces of a request's body were taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A body that tells of its progress.
struct Counted {
    body: BoxBody<Bytes, BoxError>,
    progress: Progress,
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.progress.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response. Only while somebody waits for its next piece does time pass for it.
pub struct Download {
    body: reqwest::Body,
    sleep: Arc<dyn Sleep>,
    idle: Duration,
    waiting: Option<BoxFuture<'static, ()>>,
}

impl Download {
    pub(super) fn new(body: reqwest::Body, sleep: Arc<dyn Sleep>, idle: Duration) -> Self {
        Self { body, sleep, idle, waiting: None }
    }

    /// Boxes it.
    pub fn boxed(self) -> http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError> {
        self.map_err(Into::into).boxed_unsync()
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Download")
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = DownloadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, DownloadError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| DownloadError::Broken(error.without_url()))));
        }
        let waiting = this.waiting.get_or_insert_with(|| this.sleep.sleep(this.idle));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Some(Err(DownloadError::Idle(this.idle))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
