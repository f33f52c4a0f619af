//! `/private/operations/{name}`: the operations that the command line performs over the owner's socket.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Request as Sent;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use lanyard_broker::{Asked, TakeToken, Taken, TakenToken};
use lanyard_operation::{Operation as _, decode};
use zeroize::Zeroizing;

use super::endpoint::nothing_there;
use crate::body::{self, Body};
use crate::caller::{Peer, authenticate};
use crate::extract::{Anyone, Refusal, Serving, passed_on};
use crate::owner;
use crate::problem::{Code, Problem};
use crate::record;
use crate::shared::BrokerDoor;
use crate::shared::Shared;

/// Whether a path is that of an owner's operation.
pub(crate) fn is_asked(path: &str) -> bool {
    path.starts_with(owner::ROUTE)
}

/// The body of an operation that was read before the request came to the router, which takes it.
#[derive(Clone)]
struct AlreadyRead(Arc<Mutex<Option<Zeroizing<Vec<u8>>>>>);

impl AlreadyRead {
    fn new(body: Zeroizing<Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    fn take(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Answers with the token in memory, if the owner asks for it; returns any other request, for the router.
pub(crate) async fn at_once(
    shared: &Shared,
    peer: &Peer,
    request: Request<Incoming>,
) -> Result<Response<Body>, Request<axum::body::Body>> {
    let is_token = request.uri().path().strip_prefix(owner::ROUTE) == Some(TakeToken::DECLARED.name);
    let is_plain = request.method() == Method::POST && !request.headers().contains_key(http::header::AUTHORIZATION);
    if !is_token || !is_plain || !matches!(peer, Peer::Owner { .. }) {
        return Err(request.map(axum::body::Body::new));
    }
    let (mut head, sent) = request.into_parts();
    let body = match owner::whole(sent).await {
        Ok(body) => body,
        Err(error) => return Ok(crate::problem::response(&unread(&error))),
    };
    if let Some(response) = from_memory(shared, peer, &head.headers, &body) {
        return Ok(response);
    }
    head.extensions.insert(AlreadyRead::new(body));
    Err(Request::from_parts(head, axum::body::Body::empty()))
}

fn from_memory(shared: &Shared, peer: &Peer, headers: &HeaderMap, body: &[u8]) -> Option<Response<Body>> {
    if !owner::is_for(headers, &shared.store) {
        return None;
    }
    let Peer::Owner { uid, pid } = *peer else { return None };
    let call: TakeToken = decode(body).ok()?;
    let now = shared.hand_outs.now();
    let taken = shared.hand_outs.take(call.name.as_str(), call.min_validity, &now);
    let Ok(Taken::Good(ready)) = taken else { return None };
    let held = &ready.held;
    // Only the store has the texts for a caller that gets the last token, or expects another Webex.
    if held.is_last || call.expected.is_some_and(|expected| expected != *held.environment) {
        return None;
    }
    let asked = Asked {
        credential: Some((held.id, held.name.clone())),
        actor: lanyard_operation::Actor::User { uid, pid },
        means: call.means.into(),
        end: Ok(held.generation),
    };
    shared.hand_outs.note(asked, now.wall).ok()?;
    let reply = TakenToken {
        id: held.id,
        name: held.name.clone(),
        generation: held.generation,
        token: ready.token,
        left: ready.left,
        shortfall: None,
        last: None,
        unrecorded: None,
    };
    let response = owner::reply(&reply).map(body::whole);
    shared.requests.end_token(now.boot.elapsed);
    Some(response)
}

/// Performs an operation for the owner. For any other caller the path does not exist.
pub(super) async fn answer(Serving(shared): Serving, Anyone(peer): Anyone, sent: Sent) -> axum::response::Response {
    let (head, body) = sent.into_parts();
    passed_on(match answered(&shared, &peer, &head, body).await {
        Ok(response) => response,
        Err(Refusal(problem)) => crate::problem::response(&problem),
    })
}

async fn answered(
    shared: &Arc<Shared>,
    peer: &Peer,
    head: &Parts,
    body: axum::body::Body,
) -> Result<Response<Body>, Refusal> {
    let name = head.uri.path().strip_prefix(owner::ROUTE).unwrap_or_default();
    let nothing = nothing_there(head.uri.path());
    if !matches!(peer, Peer::Owner { .. }) {
        return Err(nothing.into());
    }
    let caller = match authenticate(shared, peer, &head.headers) {
        Ok(caller) => caller,
        Err(problem) => return Ok(record::unknown(shared, peer, &problem)),
    };
    if !caller.is_owner() {
        return Ok(record::refused(shared, &caller, None, Arc::clone(&shared.words.request), &nothing));
    }
    if head.method != Method::POST {
        return Err(crate::problem::method(head.uri.path(), "POST").into());
    }
    let body = match head.extensions.get::<AlreadyRead>().and_then(AlreadyRead::take) {
        Some(body) => body,
        None => owner::whole(body).await.map_err(|error| unread(&error))?,
    };
    // Checked first, so that a broker of another store neither waits nor erases anything.
    if let Some(refusal) = owner::misdirected(&head.headers, &shared.store) {
        return Ok(refusal.map(body::whole));
    }
    let door = BrokerDoor(Arc::clone(shared));
    let done = shared.operations.perform(door, caller, name, body).await;
    Ok(owner::answer(done).map(body::whole))
}

fn unread(error: &owner::BodyError) -> Problem {
    Problem::new(Code::BadRequest, error.to_string())
}
