//! Registering integrations.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use lanyard_protocol::{AppClientId, Scope};
use lanyard_secret::ClientSecret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::endpoint::{Body, Created};
use super::{Mistake, scopes};
use crate::deeds::{AppError, NewIntegration};
use crate::webex::Webex;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewClient", example = json!({
    "redirect_uris": ["http://127.0.0.1:7418/callback"], "scopes": ["spark:people_read"],
}))]
pub(super) struct Registration {
    /// Random if it is omitted.
    #[schemars(with = "Option<String>")]
    client_id: Option<AppClientId>,
    /// Random if it is omitted.
    #[schemars(with = "Option<String>")]
    client_secret: Option<ClientSecret>,
    name: Option<String>,
    redirect_uris: Vec<String>,
    scopes: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct RegisteredClient {
    #[schemars(with = "String")]
    client_id: AppClientId,
    client_secret: String,
    redirect_uris: Vec<String>,
    scopes: Vec<String>,
}

/// Registers an integration; an id and a secret that are left out are made up.
pub(super) async fn register(
    webex: Webex,
    Body(registration): Body<Registration>,
) -> Result<Created<RegisteredClient>, Mistake> {
    let scopes = scopes(&registration.scopes)?;
    let new = NewIntegration {
        name: registration.name.unwrap_or_else(|| "Integration".into()),
        client: registration.client_id,
        secret: registration.client_secret,
        redirect_uris: registration.redirect_uris.clone(),
        scopes: scopes.clone(),
    };
    let (client_id, secret) = webex.register_integration(None, new).map_err(|error| match error {
        AppError::Taken => Mistake(StatusCode::CONFLICT, error.to_string()),
        AppError::Redirect(_) => Mistake::bad(&error),
    })?;
    Ok(Created(RegisteredClient {
        client_id,
        client_secret: secret.expose_secret().to_owned(),
        redirect_uris: registration.redirect_uris,
        scopes: scopes.iter().map(Scope::to_string).collect(),
    }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewSecret", example = json!({}))]
pub(super) struct Replacement {
    /// Random if it is omitted.
    #[schemars(with = "Option<String>")]
    client_secret: Option<ClientSecret>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ClientSecret")]
pub(super) struct Replaced {
    #[schemars(with = "String")]
    client_id: AppClientId,
    client_secret: String,
}

/// Replaces a client secret; the old one is wrong at once.
pub(super) async fn replace_secret(
    webex: Webex,
    Path(client_id): Path<AppClientId>,
    Body(replacement): Body<Replacement>,
) -> Result<Json<Replaced>, Mistake> {
    let secret = webex.replace_secret(&client_id, replacement.client_secret);
    let secret = secret.ok_or_else(|| Mistake(StatusCode::NOT_FOUND, format!("there is no client {client_id}")))?;
    Ok(Json(Replaced { client_id, client_secret: secret.expose_secret().to_owned() }))
}
