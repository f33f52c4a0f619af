//! The control plane, `/_sim`.

mod accounts;
mod clients;
mod devices;
mod grants;
mod key;
mod service_apps;
mod workspaces;

use std::fmt::Display;

use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use lanyard_protocol::{Scope, ScopeSet};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Change};
use crate::fault::{FaultView, Script};
use crate::record::Entry;
use crate::webex::Webex;

/// Everything under `/_sim`; without the control key there is nothing to see.
pub(super) fn router(webex: Webex) -> Router<Webex> {
    Router::new()
        .route("/openapi.json", get(document))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/clock", get(clock).post(set_clock))
        .route("/record", get(record).delete(clear_record))
        .route("/behaviour", get(behaviour).post(change_behaviour))
        .route("/grants", get(grants::list))
        .route("/grants/revoke", post(grants::revoke))
        .route("/access_tokens/age", post(grants::age_access_tokens))
        .route("/access_tokens/revoke", post(grants::revoke_access_tokens))
        .route("/organisations", get(service_apps::organisations))
        .route("/service-apps", get(service_apps::list).post(service_apps::register))
        .route("/service-apps/{id}/authorise", post(service_apps::authorise))
        .route("/service-apps/{id}/withdraw", post(service_apps::withdraw))
        .route("/devices", get(devices::list))
        .route("/devices/script", post(devices::script).delete(devices::forget))
        .route("/devices/activate", post(devices::activate))
        .route("/workspaces", get(workspaces::list))
        .route("/workspaces/{id}/grants", post(workspaces::grant))
        .route("/bots", post(accounts::create_bot))
        .route("/bots/{email}/regenerate", post(accounts::regenerate))
        .route("/personal", post(accounts::personal))
        .route("/people/{email}/change-password", post(accounts::change_password))
        .route("/clients", post(clients::register))
        .route("/clients/{id}/secret", post(clients::replace_secret))
        .layer(from_fn_with_state(webex, key::require))
}

/// A request of the control plane that cannot be done, with the reason.
pub(super) struct Mistake(StatusCode, String);

impl Mistake {
    fn bad(reason: &dyn Display) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.to_string())
    }
}

impl IntoResponse for Mistake {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

/// Reads a JSON body whatever its content type says; nothing at all counts as `{}`.
fn body<T: DeserializeOwned>(body: &Bytes) -> Result<T, Mistake> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text).map_err(|error| Mistake::bad(&error))
}

/// Reads the scopes that an app is registered with.
fn scopes(names: &[String]) -> Result<ScopeSet, Mistake> {
    let parsed = names.iter().map(|name| name.parse::<Scope>()).collect::<Result<_, _>>();
    parsed.map_err(|error| Mistake::bad(&error))
}

/// The description of the control plane, for programs.
async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], include_str!("openapi.json")).into_response()
}

async fn faults(State(webex): State<Webex>) -> Json<Vec<FaultView>> {
    Json(webex.state().faults.views())
}

async fn add_fault(State(webex): State<Webex>, text: Bytes) -> Result<(StatusCode, Json<Value>), Mistake> {
    let script: Script = body(&text)?;
    let id = webex.state().faults.add(script).map_err(|error| Mistake::bad(&error))?;
    Ok((StatusCode::CREATED, Json(json!({"id": id}))))
}

async fn clear_faults(State(webex): State<Webex>) -> StatusCode {
    webex.state().faults.clear();
    StatusCode::NO_CONTENT
}

async fn clock(State(webex): State<Webex>) -> Json<Value> {
    let (now, rate) = webex.time();
    Json(json!({ "now": now, "rate": rate }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    #[serde(default)]
    advance_ms: u64,
    /// How many of its seconds pass in one; none: it stands.
    rate: Option<f64>,
}

/// The fastest clock: a day in a second.
const FASTEST: f64 = 86_400.0;

async fn set_clock(State(webex): State<Webex>, text: Bytes) -> Result<Json<Value>, Mistake> {
    let turn: Turn = body(&text)?;
    if let Some(rate) = turn.rate {
        if !(0.0..=FASTEST).contains(&rate) {
            return Err(Mistake(StatusCode::BAD_REQUEST, format!("rate is a number from 0 to {FASTEST}")));
        }
        webex.run_at(rate);
    }
    webex.advance(turn.advance_ms);
    Ok(clock(State(webex)).await)
}

async fn record(State(webex): State<Webex>) -> Json<Vec<Entry>> {
    webex.settled().await;
    Json(webex.state().record.entries())
}

async fn clear_record(State(webex): State<Webex>) -> StatusCode {
    webex.state().record.clear();
    StatusCode::NO_CONTENT
}

async fn behaviour(State(webex): State<Webex>) -> Json<Behaviour> {
    Json(webex.state().behaviour)
}

async fn change_behaviour(State(webex): State<Webex>, text: Bytes) -> Result<Json<Behaviour>, Mistake> {
    let change: Change = body(&text)?;
    let mut state = webex.state();
    state.behaviour = state.behaviour.changed(&change).map_err(|error| Mistake::bad(&error))?;
    Ok(Json(state.behaviour))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_document_knows_every_route_and_no_other() {
        let document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let source = include_str!("mod.rs").split("#[cfg(test)]").next().unwrap();
        let routes = source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
        assert_eq!(described, routes.collect());
    }
}
