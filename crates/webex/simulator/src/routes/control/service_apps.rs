//! Service apps, and the administrators who authorise and withdraw them.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use lanyard_protocol::Scope;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Mistake, body, scopes};
use crate::deeds::Authorised;
use crate::webex::Webex;
use crate::world::{organisation_id, organisation_of};

/// All organisations, the first one first.
pub(super) async fn organisations(State(webex): State<Webex>) -> Json<Value> {
    let state = webex.state();
    let all = state.directory.all().map(|(id, name, administrator)| {
        json!({ "id": organisation_id(id), "name": name, "admin": { "email": administrator.email } })
    });
    Json(all.collect())
}

pub(super) async fn list(State(webex): State<Webex>) -> Json<Value> {
    let state = webex.state();
    let all = state.issuer.applications().iter().map(|(id, application)| {
        let authorised: Vec<_> = application.authorised.iter().map(|id| organisation_id(*id)).collect();
        json!({ "application_id": id, "client_id": application.client, "authorised_in": authorised })
    });
    Json(all.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    name: Option<String>,
    scopes: Vec<String>,
}

/// Registers a service app that nobody has authorised yet.
pub(super) async fn register(State(webex): State<Webex>, text: Bytes) -> Result<(StatusCode, Json<Value>), Mistake> {
    let registration: Registration = body(&text)?;
    let scopes = scopes(&registration.scopes)?;
    let name = registration.name.unwrap_or_else(|| "Service App".to_owned());
    let (id, client, secret) = webex.register_service_app(None, name, scopes.clone());
    let shown = json!({
        "application_id": id,
        "client_id": client,
        "client_secret": secret.expose_secret(),
        "scopes": scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
    });
    Ok((StatusCode::CREATED, Json(shown)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Where {
    /// The first one where it is left out.
    organisation_id: Option<String>,
}

/// Authorises a service app, as an administrator does in Control Hub. Returns a refresh token, which the developer portal shows
/// afterwards.
pub(super) async fn authorise(
    State(webex): State<Webex>,
    Path(id): Path<String>,
    text: Bytes,
) -> Result<Json<Value>, Mistake> {
    let asked: Where = body(&text)?;
    let target = target(&webex.state().directory, &asked)?;
    let Authorised { client, machine, scopes } =
        webex.authorise_service_app(&id, target).ok_or_else(|| unknown(&id))?;
    let refresh = webex.decide(|issuer, _, terms| issuer.authorise_service_app(client, machine, scopes, terms));
    Ok(Json(json!({ "refresh_token": refresh.expose_secret(), "organisation_id": organisation_id(target) })))
}

/// Ends all tokens of the app in that organisation.
pub(super) async fn withdraw(
    State(webex): State<Webex>,
    Path(id): Path<String>,
    text: Bytes,
) -> Result<Json<Value>, Mistake> {
    let asked: Where = body(&text)?;
    let target = target(&webex.state().directory, &asked)?;
    let ended = webex.withdraw_service_app(&id, target).ok_or_else(|| unknown(&id))?;
    Ok(Json(json!({ "ended": ended })))
}

fn target(directory: &crate::world::Directory, asked: &Where) -> Result<Uuid, Mistake> {
    let Some(id) = &asked.organisation_id else { return Ok(directory.id) };
    let found = organisation_of(id).filter(|wanted| directory.all().any(|(id, ..)| id == *wanted));
    found.ok_or_else(|| Mistake(StatusCode::NOT_FOUND, format!("there is no organisation {id}")))
}

fn unknown(id: &str) -> Mistake {
    Mistake(StatusCode::NOT_FOUND, format!("there is no service app {id} that is authorised there"))
}
