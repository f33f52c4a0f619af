//! The broker's end.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use lanyard_broker::wire::{self, WireError};
use lanyard_broker::{Broker, Class, DispatchError, Error, Told, dispatch};
use lanyard_store::StoreIdentity;
use serde::Serialize;
use tokio::net::unix::UCred;
use zeroize::Zeroizing;

use super::{ERROR, Kind, OUR_VERSION, PROTOCOL, STORE, VERSION};

/// Answers one call on behalf of `actor`: does it to its end, whoever is still there to hear the reply. `store` is the broker's own.
///
/// `name` is what follows [`ROUTE`](super::ROUTE). The call runs as a task of its own on the runtime that this is polled on.
pub async fn answer(
    broker: &Broker,
    store: &StoreIdentity,
    actor: &str,
    headers: &HeaderMap,
    name: &str,
    body: Zeroizing<Vec<u8>>,
) -> Response<Bytes> {
    if let Some(refusal) = misdirected(headers, store) {
        return refusal;
    }
    let (broker, name) = (broker.acting_as(actor), name.to_owned());
    // The caller may go away after its request was sent to Webex.
    let task = tokio::spawn(async move { dispatch(&broker, &name, &body).await });
    let failed = match task.await {
        Ok(Ok(reply)) => return response(StatusCode::OK, reply),
        Ok(Err(error)) => error,
        Err(error) => {
            tracing::error!(%error, "a call was not answered");
            let told = Told::new(Class::Failed, "the broker could not answer", "see the broker's log".to_owned());
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, Kind::Internal, &told);
        }
    };
    match failed {
        DispatchError::Failed(error) => not_done(&error),
        DispatchError::Unknown(_) => {
            let told = Told::new(Class::Failed, failed.to_string(), None);
            refusal(StatusCode::NOT_FOUND, Kind::NoSuchCall, &told)
        }
        DispatchError::Wire(error) => {
            let told = Told::new(Class::Failed, error.to_string(), None);
            refusal(StatusCode::BAD_REQUEST, Kind::Unreadable, &told)
        }
    }
}

/// The peer on the owner's socket, as the audit names it: in the words that the command line uses of itself.
pub fn actor(peer: &UCred) -> String {
    match peer.pid() {
        Some(pid) => format!("uid {} (lanyard, pid {pid})", peer.uid()),
        None => format!("uid {} (lanyard)", peer.uid()),
    }
}

/// Whether a call is for this broker: in its protocol, and for its store.
pub(crate) fn is_for(headers: &HeaderMap, store: &StoreIdentity) -> bool {
    speaks_ours(headers) && means(headers, store)
}

/// The refusal of a call that is not for this broker.
pub(crate) fn misdirected(headers: &HeaderMap, store: &StoreIdentity) -> Option<Response<Bytes>> {
    if !speaks_ours(headers) {
        let said = format!("this broker speaks the protocol {} of Lanyard {OUR_VERSION}", wire::PROTOCOL);
        let told = Told::new(Class::Store, said, None);
        return Some(refusal(StatusCode::PRECONDITION_FAILED, Kind::OtherProtocol, &told));
    }
    if !means(headers, store) {
        let told = Told::new(Class::Usage, format!("this broker uses the store {}", store.shown()), None);
        let mut refusal = refusal(StatusCode::PRECONDITION_FAILED, Kind::OtherStore, &told);
        if let Ok(named) = HeaderValue::try_from(store.to_string()) {
            refusal.headers_mut().insert(STORE, named);
        }
        return Some(refusal);
    }
    None
}

/// Whether the caller means this store. One that names none does not.
fn means(headers: &HeaderMap, store: &StoreIdentity) -> bool {
    headers.get(STORE).and_then(|value| value.to_str().ok()).is_some_and(|named| store.is_written_in(named))
}

/// Whether the caller speaks this protocol.
fn speaks_ours(headers: &HeaderMap) -> bool {
    let number = headers.get(PROTOCOL).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u32>().ok());
    number == Some(wire::PROTOCOL)
}

/// A call's reply.
pub(crate) fn reply(reply: &impl Serialize) -> Response<Bytes> {
    match wire::encode(reply) {
        Ok(body) => response(StatusCode::OK, body),
        Err(error) => unwritable(error),
    }
}

/// The reply to a call that was not done.
pub(crate) fn not_done(error: &Error) -> Response<Bytes> {
    tracing::debug!(%error, "not done");
    match wire::encode_error(error) {
        Ok(body) => marked(response(StatusCode::UNPROCESSABLE_ENTITY, body), Kind::NotDone),
        Err(error) => unwritable(error),
    }
}

fn refusal(status: StatusCode, kind: Kind, told: &Told) -> Response<Bytes> {
    match wire::encode_error(&told.clone().into()) {
        Ok(body) => marked(response(status, body), kind),
        Err(error) => unwritable(error),
    }
}

/// A reply that cannot be written is one that never could be.
fn unwritable(error: WireError) -> Response<Bytes> {
    tracing::error!(%error, "a reply could not be written");
    marked(response(StatusCode::INTERNAL_SERVER_ERROR, Zeroizing::default()), Kind::Internal)
}

fn marked(mut response: Response<Bytes>, kind: Kind) -> Response<Bytes> {
    response.headers_mut().insert(ERROR, HeaderValue::from_static(kind.as_str()));
    response
}

fn response(status: StatusCode, body: Zeroizing<Vec<u8>>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_owner(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VERSION, HeaderValue::from_static(OUR_VERSION));
    headers.insert(PROTOCOL, HeaderValue::from(wire::PROTOCOL));
    response
}
