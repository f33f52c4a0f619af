//! `POST /v1/applications/{applicationId}/token`: a service app's tokens in one organisation.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use lanyard_protocol::AppClientId;
use lanyard_secret::ClientSecret;
use serde::Deserialize;

use super::access_token::Tokens;
use super::extract::{Body, Permitted, scopes};
use super::refusal::{Refusal, Reply};
use crate::issuer::MintRefusal;
use crate::webex::Webex;
use crate::world::organisation_of;

scopes! {
    Mint = "spark:applications_token";
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    client_id: AppClientId,
    client_secret: ClientSecret,
    target_org_id: String,
}

pub(super) async fn token(
    webex: Webex,
    _: Permitted<Mint>,
    Path(id): Path<String>,
    order: Result<Body<Order>, Response>,
) -> Reply<Response> {
    let Body(order) =
        order.map_err(|_| Refusal::BadRequest("clientId, clientSecret and targetOrgId are required.".to_owned()))?;
    let organisation = organisation_of(&order.target_org_id);
    let id = id.trim_end_matches('=');
    webex.decide(|issuer, _, terms| {
        let minted = issuer.mint_application(id, &order.client_id, &order.client_secret, organisation, terms);
        let reply = minted.map_err(|refusal| match refusal {
            MintRefusal::Unknown => Refusal::NotFound,
            MintRefusal::WrongClient => Refusal::BadRequest("Invalid client credentials.".to_owned()),
            MintRefusal::NotAuthorised => Refusal::ForbiddenBecause(
                "The service app is not authorized by a full administrator of the target organization in Control Hub.",
            ),
            MintRefusal::TooManyTokens => Refusal::Forbidden,
        })?;
        // This reply names no scopes.
        let body = Json(Tokens::of(&reply, terms.now, false));
        Ok(([(CACHE_CONTROL, "no-store")], body).into_response())
    })
}
