//! `/v1/guests`: people without an account, for whom a service app asks for tokens.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use lanyard_protocol::PersonType;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::extract::{Body, Caller};
use super::refusal::{Refusal, Reply};
use crate::issuer::{Rights, Terms};
use crate::webex::{State as Everything, Webex};
use crate::world::Account;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    subject: String,
    display_name: String,
}

/// Asking again gives another token and leaves the earlier ones alive; the same subject is the same guest.
pub(super) async fn token(webex: Webex, caller: Caller, order: Result<Body<Order>, Response>) -> Reply<Response> {
    service_app(&caller, &["guest-issuer:write"])?;
    let order = order.ok().map(|Body(order)| order);
    let order = order
        .filter(|order| !order.subject.is_empty() && !order.display_name.is_empty())
        .ok_or_else(|| Refusal::BadRequest("subject and displayName are required.".to_owned()))?;
    let now = webex.now();
    let mut state = webex.state();
    let Everything { directory, issuer, behaviour, .. } = &mut *state;
    let id = guest_id(&caller, &order.subject);
    let email = directory.guest_email(id, caller.account.organisation);
    directory.add(Account::guest(id, caller.account.organisation, &order.display_name, email.clone(), now));
    issuer.note_elsewhere([(id, caller.account.organisation)]);
    let terms = Terms { now, behaviour, entropy: &*webex.setting().entropy };
    let life = behaviour.guest_token_ttl;
    let token = issuer.issue_without_app(id, Rights::Guest, life, terms).map_err(|_| Refusal::Forbidden)?;
    let webex_id = directory.account(id).map(|guest| guest.webex_id());
    let body = json!({
        "id": webex_id,
        "subject": order.subject,
        "displayName": order.display_name,
        "email": email,
        "accessToken": token.expose_secret(),
        "expiresIn": life.as_secs(),
    });
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

pub(super) async fn count(webex: Webex, caller: Caller) -> Reply {
    service_app(&caller, &["guest-issuer:read", "guest-issuer:write"])?;
    let guests = webex.state().directory.guests_of(caller.account.organisation);
    Ok(Json(json!({ "guests": guests })))
}

/// Guests are a service app's alone.
fn service_app(caller: &Caller, scopes: &[&str]) -> Result<(), Refusal> {
    caller.needs_any(scopes)?;
    if caller.account.kind == PersonType::AppUser { Ok(()) } else { Err(Refusal::Forbidden) }
}

/// The id of a guest. It depends only on the issuer and the subject.
fn guest_id(caller: &Caller, subject: &str) -> Uuid {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(format!("{}/{subject}", caller.account.id).as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
