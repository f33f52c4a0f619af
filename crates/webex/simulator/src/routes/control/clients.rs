//! Registering apps.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use lanyard_protocol::{AppClientId, Scope};
use lanyard_secret::ClientSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, body, scopes};
use crate::deeds::{AppError, NewIntegration};
use crate::webex::Webex;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registration {
    client_id: Option<AppClientId>,
    client_secret: Option<ClientSecret>,
    name: Option<String>,
    redirect_uris: Vec<String>,
    scopes: Vec<String>,
}

/// Registers an integration; an id and a secret that are left out are made up.
pub(super) async fn register(State(webex): State<Webex>, text: Bytes) -> Result<(StatusCode, Json<Value>), Mistake> {
    let registration: Registration = body(&text)?;
    let scopes = scopes(&registration.scopes)?;
    let new = NewIntegration {
        name: registration.name.unwrap_or_else(|| "Integration".into()),
        client: registration.client_id,
        secret: registration.client_secret,
        redirect_uris: registration.redirect_uris.clone(),
        scopes: scopes.clone(),
    };
    let (id, secret) = webex.register_integration(None, new).map_err(|error| match error {
        AppError::Taken => Mistake(StatusCode::CONFLICT, error.to_string()),
        AppError::Redirect(_) => Mistake::bad(&error),
    })?;
    let shown = json!({
        "client_id": id,
        "client_secret": secret.expose_secret(),
        "redirect_uris": registration.redirect_uris,
        "scopes": scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
    });
    Ok((StatusCode::CREATED, Json(shown)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    client_secret: Option<ClientSecret>,
}

/// Replaces a client secret; the old one is wrong at once.
pub(super) async fn replace_secret(
    State(webex): State<Webex>,
    Path(id): Path<AppClientId>,
    text: Bytes,
) -> Result<Json<Value>, Mistake> {
    let replacement: Replacement = body(&text)?;
    let secret = webex.replace_secret(&id, replacement.client_secret);
    let secret = secret.ok_or_else(|| Mistake(StatusCode::NOT_FOUND, format!("there is no client {id}")))?;
    Ok(Json(json!({"client_id": id, "client_secret": secret.expose_secret()})))
}
