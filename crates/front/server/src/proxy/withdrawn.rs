//! Calls that end because their credential was cleared or disabled.

use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, FusedFuture, FutureExt as _, select};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use lanyard_broker::HandOuts;
use lanyard_credential::CredentialId;

use crate::body::BoxError;
use crate::problem::{Code, Problem};

/// Completes when a credential is cleared or disabled. A call that went on would keep its token in memory for as long as its client
/// likes.
pub(super) struct Withdrawn(futures_util::future::Fuse<BoxFuture<'static, ()>>);

impl fmt::Debug for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Withdrawn")
    }
}

impl Withdrawn {
    /// Without a memory of tokens nothing is known of changes, and it never completes.
    pub(super) fn of(memory: Option<&HandOuts>, id: CredentialId) -> Self {
        let future: BoxFuture<'static, ()> = match memory {
            Some(memory) => Box::pin(memory.clone().withdrawn(id)),
            None => Box::pin(std::future::pending()),
        };
        Self(future.fuse())
    }

    /// Waits for what `work` brings, or drops it when the credential is withdrawn.
    pub(super) async fn unless<T>(&mut self, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        match select(&mut self.0, pin!(work)).await {
            Either::Left(((), _)) => Err(Problem::new(Code::NoToken, SAID).hint("lanyard show NAME shows its state")),
            Either::Right((done, _)) => done,
        }
    }

    /// A body that breaks off when the credential is withdrawn.
    pub(super) fn guard(self, body: UnsyncBoxBody<Bytes, BoxError>) -> UnsyncBoxBody<Bytes, BoxError> {
        UnsyncBoxBody::new(Guarded { body, withdrawn: self })
    }
}

const SAID: &str = "the credential was cleared or disabled during the call";

struct Guarded {
    body: UnsyncBoxBody<Bytes, BoxError>,
    withdrawn: Withdrawn,
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.withdrawn.0.is_terminated() || this.withdrawn.0.poll_unpin(context).is_ready() {
            return Poll::Ready(Some(Err(SAID.into())));
        }
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
