//! What the handlers of the router take and return.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::body::Body;
use crate::caller::{self, Caller, Peer};
use crate::problem::{self, Code, Problem};
use crate::record;
use crate::shared::Shared;

/// A problem as a handler returns it.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        passed_on(problem::response(&self.0))
    }
}

/// Converts a reply of this crate to one of axum.
pub(crate) fn passed_on(response: http::Response<Body>) -> Response {
    response.map(axum::body::Body::new)
}

/// An extractor: the broker that answers.
pub(crate) struct Serving(pub(crate) Arc<Shared>);

impl<S: Send + Sync> FromRequestParts<S> for Serving {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let here = parts.extensions.get::<Arc<Shared>>().cloned();
        here.map(Self).ok_or_else(|| Problem::new(Code::Internal, "the request came to no broker").into())
    }
}

/// An extractor: the caller of a request, who must be the owner or a client.
pub(crate) struct Authenticated(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Serving(shared) = Serving::from_request_parts(parts, state).await.map_err(Refusal::into_response)?;
        let Anyone(peer) = Anyone::from_request_parts(parts, state).await.map_err(Refusal::into_response)?;
        match caller::authenticate(&shared, &peer, &parts.headers) {
            Ok(caller) => Ok(Self(caller)),
            Err(problem) => Err(passed_on(record::unknown(&shared, &peer, &problem))),
        }
    }
}

/// An extractor: the origin of a request, from any sender.
pub(crate) struct Anyone(pub(crate) Peer);

impl<S: Send + Sync> FromRequestParts<S> for Anyone {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let peer = parts.extensions.get::<Peer>().cloned();
        peer.map(Self).ok_or_else(|| Problem::new(Code::Internal, "the connection's peer is unknown").into())
    }
}

/// A reply in JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let text = match serde_json::to_vec(value) {
        Ok(text) => text,
        Err(error) => return Refusal(Problem::new(Code::Internal, error.to_string())).into_response(),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}
