//! Registering apps.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use lanyard_protocol::{AppClientId, Scope};
use lanyard_secret::ClientSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Mistake, body, scopes};
use crate::issuer::App;
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
    if let Some(wrong) = registration.redirect_uris.iter().find(|uri| Url::parse(uri).is_err()) {
        return Err(Mistake::bad(&format!("{wrong:?} is no URI")));
    }
    let scopes = scopes(&registration.scopes)?;
    webex.decide(|issuer, _, terms| {
        let id = registration.client_id.unwrap_or_else(|| App::new_client_id(terms.entropy));
        let app = App {
            name: registration.name.unwrap_or_else(|| "Integration".into()),
            secret: registration.client_secret.unwrap_or_else(|| App::new_secret(terms.entropy)),
            redirect_uris: registration.redirect_uris,
            scopes,
        };
        let shown = json!({
            "client_id": id,
            "client_secret": app.secret.expose_secret(),
            "redirect_uris": app.redirect_uris,
            "scopes": app.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        });
        if issuer.register(id, app) {
            Ok((StatusCode::CREATED, Json(shown)))
        } else {
            Err(Mistake(StatusCode::CONFLICT, "the client id is taken".into()))
        }
    })
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
    webex.decide(|issuer, _, terms| {
        let secret = replacement.client_secret.unwrap_or_else(|| App::new_secret(terms.entropy));
        let shown = json!({"client_id": id, "client_secret": secret.expose_secret()});
        if issuer.replace_secret(&id, secret) {
            Ok(Json(shown))
        } else {
            Err(Mistake(StatusCode::NOT_FOUND, format!("there is no client {id}")))
        }
    })
}
