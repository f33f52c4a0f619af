//! The bodies of calls.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::form::Form;
use crate::routes::refusal::Refusal;
use crate::webex::Webex;

/// A JSON body, whatever its content type says.
pub(in crate::routes) struct Body<T>(pub(in crate::routes) T);

impl<T: DeserializeOwned> FromRequest<Webex> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, webex: &Webex) -> Result<Self, Response> {
        let body = Bytes::from_request(request, webex).await.map_err(IntoResponse::into_response)?;
        json(&body).map(Self).map_err(IntoResponse::into_response)
    }
}

/// Reads JSON; the caller is at fault if it is invalid.
pub(in crate::routes) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::BadRequest(format!("The request body is not valid: {error}.")))
}

/// The fields of a form.
pub(in crate::routes) struct Fields(pub(in crate::routes) Form);

impl FromRequest<Webex> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, webex: &Webex) -> Result<Self, Response> {
        let body = Bytes::from_request(request, webex).await.map_err(IntoResponse::into_response)?;
        Ok(Self(Form::parse(&body)))
    }
}
