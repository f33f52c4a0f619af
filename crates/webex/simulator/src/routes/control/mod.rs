//! The control plane, `/_sim`.

mod accounts;
mod clients;
mod devices;
mod document;
mod endpoint;
mod grants;
mod integrations;
mod service_apps;
mod workspaces;

use std::fmt::Display;

use axum::extract::Request;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use endpoint::{Body, Created, Done, Plane};
use http::StatusCode;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use lanyard_protocol::{Scope, ScopeSet};
use lanyard_secret::SecretText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::behaviour::{Behaviour, Change};
use crate::fault::{FaultView, Script};
use crate::record::Entry;
use crate::webex::Webex;

/// Everything under `/_sim`; without the control key there is nothing to see.
pub(super) fn router(webex: Webex) -> Router<Webex> {
    Plane::default()
        .get("/faults", "The faults that have not happened yet, in the order in which they are tried", faults)
        .post("/faults", "Script a fault", add_fault)
        .delete("/faults", "Remove all faults", clear_faults)
        .get("/clock", "The simulator's time", clock)
        .post("/clock", "Move the time forward, stop it, or set how fast it runs", set_clock)
        .get("/record", "The calls received and the replies sent, in the order of arrival; the latest 100,000", record)
        .delete("/record", "Clear the record", clear_record)
        .get("/behaviour", "How the simulator behaves if it is not certain how Webex does", behaviour)
        .post("/behaviour", "Change the behaviour", change_behaviour)
        .get("/grants", "The live grants, the oldest first", grants::list)
        .post("/grants/revoke", "End grants with their access tokens", grants::revoke)
        .post("/access_tokens/age", "Make an app's access tokens older; their expiry stays", grants::age_access_tokens)
        .post("/access_tokens/revoke", "Revoke access tokens and keep their grants", grants::revoke_access_tokens)
        .get("/organisations", "The organisations and their administrators", service_apps::organisations)
        .get("/service-apps", "The service apps", service_apps::list)
        .post("/service-apps", "Register a service app, which is not authorised yet", service_apps::register)
        .post(
            "/service-apps/{application_id}/authorise",
            "Authorise a service app, as an administrator does in Control Hub",
            service_apps::authorise,
        )
        .post(
            "/service-apps/{application_id}/withdraw",
            "Withdraw the authorisation of a service app and end its grants",
            service_apps::withdraw,
        )
        .get("/workspace-integrations", "The workspace integrations", integrations::list)
        .post(
            "/workspace-integrations",
            "Upload the manifest of a workspace integration and activate it, as an administrator does in Control Hub",
            integrations::register,
        )
        .post(
            "/workspace-integrations/{integration_id}/activate",
            "Activate a workspace integration again; its earlier grants end",
            integrations::activate,
        )
        .post(
            "/workspace-integrations/{integration_id}/messages",
            "Put a message into the queue: a health check, an approved update or the removal, which also ends the grants",
            integrations::tell,
        )
        .get("/devices", "The condition of each device, and what its script still holds", devices::list)
        .post("/devices/script", "Give devices a script, which replaces the previous one", devices::script)
        .delete("/devices/script", "Remove all scripts: devices return to their first condition", devices::forget)
        .post("/devices/activate", "Enter an activation code at a new device", devices::activate)
        .get("/workspaces", "The workspaces", workspaces::list)
        .post(
            "/workspaces/{workspace_id}/grants",
            "Give a bot access to a workspace's devices, as Control Hub does",
            workspaces::grant,
        )
        .post("/bots", "Create a bot", accounts::create_bot)
        .post("/bots/{email}/regenerate", "Replace a bot's token", accounts::regenerate)
        .post("/personal", "Issue a personal token, as the developer portal does", accounts::personal)
        .post(
            "/people/{email}/change-password",
            "Change a person's password, which ends what the person consented to and the personal tokens",
            accounts::change_password,
        )
        .post("/clients", "Register an integration", clients::register)
        .post("/clients/{client_id}/secret", "Replace a client secret", clients::replace_secret)
        .describing_itself_at("/openapi.json")
        .layer(from_fn_with_state(webex, require_key))
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
        (self.0, Json(Error { error: self.1 })).into_response()
    }
}

#[derive(Serialize, JsonSchema)]
struct Error {
    /// What failed, and why.
    error: String,
}

/// Reads the scopes that an app is registered with.
fn scopes(names: &[String]) -> Result<ScopeSet, Mistake> {
    let parsed = names.iter().map(|name| name.parse::<Scope>()).collect::<Result<_, _>>();
    parsed.map_err(|error| Mistake::bad(&error))
}

async fn faults(webex: Webex) -> Json<Vec<FaultView>> {
    Json(webex.state().faults.views())
}

#[derive(Serialize, JsonSchema)]
struct NewFault {
    /// The fault's number.
    id: u64,
}

async fn add_fault(webex: Webex, Body(script): Body<Script>) -> Result<Created<NewFault>, Mistake> {
    let id = webex.state().faults.add(script).map_err(|error| Mistake::bad(&error))?;
    Ok(Created(NewFault { id }))
}

async fn clear_faults(webex: Webex) -> Done {
    webex.state().faults.clear();
    Done
}

#[derive(Serialize, JsonSchema)]
struct Clock {
    #[schemars(with = "String", extend("format" = "date-time"))]
    now: Timestamp,
    /// How many of its seconds pass in one second; 0 if it stands.
    rate: f64,
}

async fn clock(webex: Webex) -> Json<Clock> {
    let (now, rate) = webex.time();
    Json(Clock { now, rate })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClockChange", example = json!({ "advance_ms": 60_000, "rate": 1.0 }))]
struct Turn {
    /// How far to move it forward.
    #[serde(default)]
    advance_ms: u64,
    /// How many of its seconds pass in one second; at 0 it stands.
    #[schemars(range(min = 0.0, max = FASTEST))]
    rate: Option<f64>,
}

/// The fastest clock: a day in a second.
const FASTEST: f64 = 86_400.0;

async fn set_clock(webex: Webex, Body(turn): Body<Turn>) -> Result<Json<Clock>, Mistake> {
    if let Some(rate) = turn.rate {
        if !(0.0..=FASTEST).contains(&rate) {
            return Err(Mistake(StatusCode::BAD_REQUEST, format!("rate is a number from 0 to {FASTEST}")));
        }
        webex.run_at(rate);
    }
    webex.advance(turn.advance_ms);
    Ok(clock(webex).await)
}

async fn record(webex: Webex) -> Json<Vec<Entry>> {
    webex.settled().await;
    Json(webex.state().record.entries())
}

async fn clear_record(webex: Webex) -> Done {
    webex.state().record.clear();
    Done
}

async fn behaviour(webex: Webex) -> Json<Behaviour> {
    Json(webex.state().behaviour)
}

async fn change_behaviour(webex: Webex, Body(change): Body<Change>) -> Result<Json<Behaviour>, Mistake> {
    let mut state = webex.state();
    state.behaviour = state.behaviour.changed(&change).map_err(|error| Mistake::bad(&error))?;
    Ok(Json(state.behaviour))
}

/// Lets a request pass that has the key, compared in constant time.
async fn require_key(webex: Webex, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(SecretText::new);
    if given.is_some_and(|given| given.matches(&webex.setting().control_key)) {
        next.run(request).await
    } else {
        let error = json!({"error": "the control plane needs Authorization: Bearer and the control key"});
        (StatusCode::UNAUTHORIZED, Json(error)).into_response()
    }
}
