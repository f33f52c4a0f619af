//! `/private/call/…`: what the command line asks for on the owner's socket.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use lanyard_broker::{
    Asked, AwaitDevice, CallApi, CheckCalls, Clear, FindWebex, IssueToken, ListNames, TakeToken, Taken, TakenToken,
    Travels as _, wire,
};
use zeroize::Zeroizing;

use super::nothing_there;
use crate::body::{self, Body};
use crate::caller::{Caller, Peer};
use crate::owner;
use crate::problem::{Code, Problem};
use crate::record;
use crate::serve::Shared;

/// A call, as it came.
pub(crate) struct Private {
    head: Parts,
    body: Arrival,
}

/// A long one is read where one may wait.
enum Arrival {
    Coming(Incoming),
    Whole(Zeroizing<Vec<u8>>),
}

/// Whether a path asks for a call.
pub(crate) fn is_asked(path: &str) -> bool {
    path.starts_with(owner::ROUTE)
}

/// The token that is in memory, where it is that which is asked for; any other call comes back, to be done where one may wait.
pub(crate) async fn at_once(
    shared: &Shared,
    peer: &Peer,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>, Private> {
    let (head, body) = request.into_parts();
    let is_token = head.uri.path().strip_prefix(owner::ROUTE) == Some(TakeToken::NAME);
    let is_owner = matches!(caller, Caller::Owner { .. });
    if !is_token || !is_owner || !matches!(peer, Peer::Owner { .. }) || head.method != Method::POST {
        return Err(Private { head, body: Arrival::Coming(body) });
    }
    let body = match owner::whole(body).await {
        Ok(body) => body,
        Err(error) => return Ok(unread(&error)),
    };
    match from_memory(shared, caller, &head.headers, &body) {
        Some(response) => Ok(response),
        None => Err(Private { head, body: Arrival::Whole(body) }),
    }
}

fn from_memory(shared: &Shared, caller: &Caller, headers: &HeaderMap, body: &[u8]) -> Option<Response<Body>> {
    if !owner::is_for(headers, &shared.store) {
        return None;
    }
    let call: TakeToken = wire::decode(body).ok()?;
    let now = shared.hand_outs.now();
    let taken = shared.hand_outs.take(call.name.as_str(), call.min_validity, &now);
    let Ok(Taken::Good(ready)) = taken else { return None };
    let held = &ready.held;
    // A caller that gets the last token, or means another Webex, is told so in words that only the store has.
    if held.is_last || call.expected.is_some_and(|expected| expected != *held.environment) {
        return None;
    }
    let asked = Asked {
        credential: Some((held.id, held.name.clone())),
        actor: caller.actor().clone(),
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
    Some(owner::reply(&reply).map(body::whole))
}

impl Private {
    /// Does a call. For a caller that is not the owner there is nothing at that path.
    pub(crate) async fn answer(self, shared: Arc<Shared>, peer: Peer, caller: Caller) -> Response<Body> {
        let Self { head, body } = self;
        let path = head.uri.path();
        let refused =
            |problem: Problem| record::refused(&shared, &caller, None, Arc::clone(&shared.words.request), &problem);
        let (Some(name), Peer::Owner { .. }, Some(broker)) =
            (path.strip_prefix(owner::ROUTE), peer, shared.broker_for_owner(&caller))
        else {
            return refused(nothing_there(path));
        };
        if head.method != Method::POST {
            return refused(Problem::method(path, "POST"));
        }
        let call = match body {
            Arrival::Whole(body) => body,
            Arrival::Coming(body) => match owner::whole(body).await {
                Ok(body) => body,
                Err(error) => return unread(&error),
            },
        };
        // Before anything else: a broker of another store waits for nothing, and forgets nothing either.
        if let Some(refusal) = owner::misdirected(&head.headers, &shared.store) {
            return refusal.map(body::whole);
        }
        let actor = caller.actor().to_string();
        let answer = owner::answer(broker, &shared.store, &actor, &head.headers, name, call);
        let response = if FROM_MEMORY.contains(&name) {
            let response = answer.await;
            shared.hand_outs.catch_up_soon().await;
            response
        } else if let Err(error) = broker.await_store().await {
            owner::not_done(&error)
        } else {
            // The call goes on to its end even if its caller hears of a silent store. A person who signs in takes longer.
            let response = match name {
                AwaitDevice::NAME => answer.await,
                _ => broker.unless_silent(answer).await.unwrap_or_else(|error| owner::not_done(&error)),
            };
            // The change is in memory before a caller hears of it.
            broker.catch_up_unless_silent().await;
            response
        };
        if name == Clear::NAME {
            shared.forget();
        }
        response.map(body::whole)
    }
}

/// The calls that are answered from memory while the store fails, and do not wait for it afterwards either.
const FROM_MEMORY: [&str; 6] =
    [CallApi::NAME, CheckCalls::NAME, FindWebex::NAME, IssueToken::NAME, ListNames::NAME, TakeToken::NAME];

fn unread(error: &owner::BodyError) -> Response<Body> {
    Problem::new(Code::BadRequest, error.to_string()).response()
}
