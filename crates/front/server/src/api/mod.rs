//! The HTTP API: `/api/v1`, health, and what is nowhere.

mod credentials;
mod health;
mod operation;
pub(crate) mod private;
mod reply;
pub(crate) mod token;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use lanyard_time::Sleep;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::body::{self, Body, BoxError};
use crate::caller::{Caller, Peer};
use crate::problem::{Code, Problem};
use crate::record;
use crate::serve::Shared;

use self::credentials::Done;
pub(crate) use self::credentials::Forced;
use self::operation::Operation;

/// The longest body that the API itself takes, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// Answers everything but a token that is in memory. Every refusal and failure is recorded here, under the caller's own name; a
/// change is recorded by the transaction that made it.
pub(crate) async fn answer(shared: &Arc<Shared>, caller: &Caller, request: Request<Incoming>) -> Response<Body> {
    let uri = request.uri();
    let operation = match Operation::read(request.method(), uri.path(), uri.query()) {
        Ok(operation) => operation,
        Err(problem) => return record::refused(shared, caller, None, Arc::clone(&shared.words.request), &problem),
    };
    let (word, name) = (operation.word(), operation.name().cloned());
    // Before it is done: a credential that was cleared is not there afterwards.
    let about = name.as_ref().and_then(|name| record::about(shared, name.as_str()));
    match credentials::perform(shared, caller, operation, request).await {
        Ok(Done::Changed(response)) => response,
        Ok(Done::Unchanged(response)) => {
            record::answered(shared, caller, about, word);
            response
        }
        Err(problem) => record::refused(shared, caller, about, word.into(), &problem),
    }
}

/// The answers for every caller: whether the broker lives, and how it is asked.
pub(crate) fn open_to_all(shared: &Shared, peer: &Peer, request: &Request<Incoming>) -> Option<Response<Body>> {
    let path = request.uri().path();
    let answer: &dyn Fn() -> Response<Body> = match path {
        "/healthz" => &health::alive,
        "/readyz" => &|| health::ready(shared, peer),
        "/api/v1/openapi.json" => &document,
        _ => return None,
    };
    Some(match *request.method() {
        Method::GET | Method::HEAD => answer(),
        _ => Problem::method(path, "GET, HEAD").response(),
    })
}

/// The API's description of itself.
fn document() -> Response<Body> {
    let mut response = Response::new(body::whole(include_str!("openapi.json")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn nothing_there(path: &str) -> Problem {
    Problem::new(Code::NoSuchPath, format!("there is nothing at {path}"))
        .hint("what there is: GET /api/v1/openapi.json")
}

/// A reply in JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let text = match serde_json::to_vec(value) {
        Ok(text) => text,
        Err(error) => return Problem::new(Code::Internal, error.to_string()).response(),
    };
    let mut response = Response::new(body::whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How long a body of the API's may take to come.
const COMES_WITHIN: Duration = Duration::from_secs(30);

/// A body, read whole, if it comes in time. That of the owner's own programs is waited for.
pub(crate) async fn read<B>(body: B, caller: &Caller, sleep: &dyn Sleep) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    B: hyper::body::Body<Error: Into<BoxError>>,
{
    match caller {
        Caller::Owner { .. } => whole(body).await,
        Caller::Client { .. } => in_time(body, sleep).await,
    }
}

async fn in_time<B>(body: B, sleep: &dyn Sleep) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    B: hyper::body::Body<Error: Into<BoxError>>,
{
    match select(Box::pin(whole(body)), sleep.sleep(COMES_WITHIN)).await {
        Either::Left((whole, _)) => whole,
        Either::Right(_) => Err(Problem::new(Code::SlowBody, "the request's body did not come in time")
            .hint(format!("send it within {} s", COMES_WITHIN.as_secs()))),
    }
}

async fn whole<B>(body: B) -> Result<Zeroizing<Vec<u8>>, Problem>
where
    B: hyper::body::Body<Error: Into<BoxError>>,
{
    let body = Limited::new(body, LONGEST_BODY).collect().await;
    match body {
        Ok(body) => Ok(Zeroizing::new(body.to_bytes().to_vec())),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::new(Code::TooLong, format!("a body has {LONGEST_BODY} bytes at most")))
        }
        Err(_) => Err(Problem::new(Code::BadRequest, "the body broke off")),
    }
}

#[cfg(test)]
mod tests;
