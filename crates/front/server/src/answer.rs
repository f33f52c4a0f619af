//! From a request to its reply.

use std::sync::Arc;

use futures_util::future::{BoxFuture, Either, Ready, ready};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::body::{self, Body};
use crate::caller::{Peer, authenticate};
use crate::problem::{self, Code, Problem};
use crate::proxy::Address;
use crate::shared::Shared;
use crate::{api, loading, proxying, record};

/// A reply that is there at once, or one that is waited for. What waits is on the heap: a connection has room for the first alone.
pub(crate) type Answer = Either<Ready<Response<Body>>, BoxFuture<'static, Response<Body>>>;

/// Answers a request. A token that is in memory is given at once; whatever may wait is done on the broker's own runtime.
pub(crate) fn answer(shared: &Arc<Shared>, peer: &Peer, request: Request<Incoming>) -> Answer {
    match at_once(shared, peer, request) {
        Ok(response) => Either::Left(ready(response)),
        Err(later) => Either::Right(later),
    }
}

fn at_once(
    shared: &Arc<Shared>,
    peer: &Peer,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxFuture<'static, Response<Body>>> {
    if let Err(problem) = is_plain(peer, &request) {
        return Ok(problem::response(&problem));
    }
    if shared.hand_outs.is_loaded() {
        return of_known(shared, peer, request);
    }
    // Nothing is read for a stranger.
    let caller = if loading::reads(request.uri().path()) {
        match authenticate(shared, peer, request.headers()) {
            Ok(caller) => Some(caller),
            Err(problem) => return Ok(record::unknown(shared, peer, &problem)),
        }
    } else {
        None
    };
    let (there, peer) = (Arc::clone(shared), peer.clone());
    Err(elsewhere(shared, async move {
        if let Some(caller) = caller
            && let Err(problem) = loading::prepare(&there, &caller, request.uri().path()).await
        {
            return problem::response(&problem);
        }
        match of_known(&there, &peer, request) {
            Ok(response) => response,
            Err(later) => later.await,
        }
    }))
}

/// Answers a request from memory, or returns the future of its answer.
fn of_known(
    shared: &Arc<Shared>,
    peer: &Peer,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxFuture<'static, Response<Body>>> {
    if request.method() == Method::GET
        && let Some(name) = api::token::asked(request.uri().path())
    {
        let caller = match authenticate(shared, peer, request.headers()) {
            Ok(caller) => caller,
            Err(problem) => return Ok(record::unknown(shared, peer, &problem)),
        };
        let (query, headers) = (request.uri().query(), request.headers());
        if let Ok(response) = api::token::answer(shared, &caller, name, query, headers) {
            return Ok(response);
        }
    }
    // Stream: the body of a request is sent to Webex as it arrives.
    if let Some(address) = Address::of(request.uri().path()) {
        let caller = match authenticate(shared, peer, request.headers()) {
            Ok(caller) => caller,
            Err(problem) => return Ok(record::unknown(shared, peer, &problem)),
        };
        let has_token = shared.hand_outs.has_valid(address.name);
        let call = proxying::answer(Arc::clone(shared), peer.clone(), caller, request);
        // With a token in memory, the call waits only for the network.
        return Err(if has_token { to_its_end(tokio::spawn(call)) } else { elsewhere(shared, call) });
    }
    let (shared, peer) = (Arc::clone(shared), peer.clone());
    if !api::is_asked(request.uri().path()) {
        return Err(elsewhere(&shared, routed(&shared, peer, request.map(axum::body::Body::new))));
    }
    Err(Box::pin(async move {
        match api::at_once(&shared, &peer, request).await {
            Ok(response) => response,
            Err(later) => elsewhere(&shared, routed(&shared, peer, later)).await,
        }
    }))
}

/// Whether a request is one of a program that asks this broker for something, in the one form that has one meaning.
fn is_plain(peer: &Peer, request: &Request<Incoming>) -> Result<(), Problem> {
    let refused = |why: &str| Err(Problem::new(Code::BadRequest, why));
    let (uri, headers) = (request.uri(), request.headers());
    if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
        return refused("the target is a path, not an address");
    }
    if headers.contains_key(UPGRADE) {
        return refused("a connection is not made another here");
    }
    // hyper refuses both where they contradict each other; what follows in the chain might read them otherwise.
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return refused("a body has one length");
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return refused("there is more than one Host");
    }
    if let Peer::Remote { hosts, .. } = peer {
        let named = host.and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
        if !named.is_some_and(|named| hosts.contains(&named)) {
            return Err(Problem::new(Code::WrongHost, "this broker does not go by the name in Host").hint(format!(
                "ask for {}, or start it with --http-name NAME",
                hosts.first().map_or("", String::as_str)
            )));
        }
    }
    Ok(())
}

/// Returns the router's answer to a request.
fn routed(
    shared: &Arc<Shared>,
    peer: Peer,
    mut request: Request<axum::body::Body>,
) -> impl Future<Output = Response<Body>> + use<> {
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(Arc::clone(shared));
    let answered = shared.router().oneshot(request);
    async move {
        match answered.await {
            Ok(response) => response.map(body::routed),
            Err(never) => match never {},
        }
    }
}

/// Answers a request on the broker's runtime, to completion even if the client disconnects.
fn elsewhere(
    shared: &Shared,
    answer: impl Future<Output = Response<Body>> + Send + 'static,
) -> BoxFuture<'static, Response<Body>> {
    to_its_end(shared.work.spawn(answer))
}

/// Answers a request to completion, even if the client disconnects.
fn to_its_end(answered: JoinHandle<Response<Body>>) -> BoxFuture<'static, Response<Body>> {
    Box::pin(async move {
        match answered.await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!(%error, "a request was not answered");
                let problem = Problem::new(Code::Internal, "the request was not answered");
                problem::response(&problem.hint("see the broker's log"))
            }
        }
    })
}
