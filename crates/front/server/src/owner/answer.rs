//! The broker's end.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use lanyard_operation::{Code, Problem, encode};
use lanyard_store::StoreIdentity;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{ERROR, OUR_VERSION, STORE, VERSION};

/// The outcome of an operation as a reply.
pub(crate) fn answer(done: Result<Zeroizing<Vec<u8>>, Problem>) -> Response<Bytes> {
    match done {
        Ok(reply) => response(StatusCode::OK, reply),
        Err(problem) => refusal(&problem),
    }
}

/// The reply of an operation.
pub(crate) fn reply(reply: &impl Serialize) -> Response<Bytes> {
    answer(encode(reply).map_err(|error| Problem::of(Code::Internal, &error)))
}

/// Whether a request is for the broker of this store. A request without a store is not.
pub(crate) fn is_for(headers: &HeaderMap, store: &StoreIdentity) -> bool {
    headers.get(STORE).and_then(|value| value.to_str().ok()).is_some_and(|named| store.is_written_in(named))
}

/// The refusal of a request that is not for the broker of this store.
pub(crate) fn misdirected(headers: &HeaderMap, store: &StoreIdentity) -> Option<Response<Bytes>> {
    if is_for(headers, store) {
        return None;
    }
    let problem = Problem::new(Code::OtherStore, format!("this broker uses the store {}", store.shown()));
    let mut refusal = refusal(&problem);
    if let Ok(named) = HeaderValue::try_from(store.to_string()) {
        refusal.headers_mut().insert(STORE, named);
    }
    Some(refusal)
}

fn refusal(problem: &Problem) -> Response<Bytes> {
    let code = problem.code();
    tracing::debug!(error = %problem, code = code.as_str(), "not done");
    let body = encode(problem).unwrap_or_else(|error| {
        tracing::error!(%error, "a problem could not be written");
        Zeroizing::default()
    });
    let mut response = response(code.status(), body);
    response.headers_mut().insert(ERROR, HeaderValue::from_static(code.as_str()));
    response
}

fn response(status: StatusCode, body: Zeroizing<Vec<u8>>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_owner(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VERSION, HeaderValue::from_static(OUR_VERSION));
    response
}
