//! From a request to its reply.

use std::sync::Arc;

use http::{Method, Request, Response};
use hyper::body::Incoming;

use crate::api;
use crate::body::Body;
use crate::caller::{Caller, Peer};
use crate::problem::{Code, Problem};
use crate::serve::Shared;

/// Answers a request. A token that is in memory is given at once; whatever may wait is done on the broker's own runtime.
pub(crate) async fn answer(shared: &Arc<Shared>, peer: &Arc<Peer>, request: Request<Incoming>) -> Response<Body> {
    let caller = match shared.authenticate(peer, request.headers()) {
        Ok(caller) => caller,
        Err(problem) => return problem.response(),
    };
    if let Some(name) = api::token::asked(request.uri().path()) {
        if request.method() != Method::GET {
            return Problem::new(Code::Method, "a token is asked for with GET").response();
        }
        return match api::token::answer(shared, &caller, name, request.uri().query(), request.headers()) {
            Ok(response) => response,
            Err(later) => elsewhere(shared, later.answer(Arc::clone(shared), caller)).await,
        };
    }
    let shared_there = Arc::clone(shared);
    elsewhere(shared, async move { api::answer(&shared_there, &caller, request).await }).await
}

/// Has it done on the broker's runtime, to its end, whoever is still there to hear the answer.
async fn elsewhere(shared: &Shared, work: impl Future<Output = Response<Body>> + Send + 'static) -> Response<Body> {
    match shared.work.spawn(work).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request was not answered");
            Problem::new(Code::Internal, "the request was not answered").hint("see the broker's log").response()
        }
    }
}

impl Shared {
    /// Who a request comes from.
    fn authenticate(&self, peer: &Peer, _headers: &http::HeaderMap) -> Result<Caller, Problem> {
        match peer {
            Peer::Owner { actor } => Ok(Caller::Owner { actor: Arc::clone(actor) }),
            Peer::Local { .. } | Peer::Remote => Err(Problem::new(Code::Unauthorized, "there is no key")),
        }
    }
}
