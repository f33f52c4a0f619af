//! `/private/call/…`: what the command line asks for on the owner's socket.

use std::sync::Arc;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use lanyard_broker::{Clear, Travels as _};

use super::nothing_there;
use crate::body::{self, Body};
use crate::caller::{Caller, Peer};
use crate::owner;
use crate::problem::{Code, Problem};
use crate::serve::Shared;

/// The name of the call that a path asks for; `None` for any other path.
pub(crate) fn asked(path: &str) -> Option<&str> {
    path.strip_prefix(owner::ROUTE)
}

/// Does a call of the owner's. To anybody else there is nothing at that path.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    peer: &Peer,
    caller: &Caller,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let (path, Peer::Owner { .. }) = (head.uri.path(), peer) else {
        return nothing_there(head.uri.path()).response();
    };
    let Some(name) = asked(path) else { return nothing_there(path).response() };
    if head.method != Method::POST {
        return Problem::new(Code::Method, "a call is made with POST").response();
    }
    let call = match owner::whole(body).await {
        Ok(call) => call,
        Err(error) => return Problem::new(Code::BadRequest, error.to_string()).response(),
    };
    let response = owner::answer(&shared.broker, caller.actor(), &head.headers, name, call).await;
    // What was changed is in memory before anybody is told.
    let _ = shared.hand_outs.catch_up().await;
    if name == Clear::NAME {
        shared.forget();
    }
    response.map(body::whole)
}
