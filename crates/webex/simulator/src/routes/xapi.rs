//! `/v1/xapi`: the status that a device reports, and commands to it.

use axum::Json;
use axum::extract::Path;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::devices::Sight;
use super::extract::{Body, Caller, Permitted, scopes};
use super::refusal::{Refusal, Reply};
use crate::form::Form;
use crate::random;
use crate::webex::{State as Everything, Webex};
use crate::world::{Access, CommandError, Surroundings, device_of, merge, select};

scopes! {
    Statuses = "spark:xapi_statuses";
    Commands = "spark:xapi_commands";
}

/// The most expressions of one query.
const MOST_NAMES: usize = 10;

/// `GET /xapi/status`.
pub(super) async fn status(webex: Webex, caller: Permitted<Statuses>, query: Form) -> Reply {
    let asked = query.get("deviceId").ok_or_else(|| Refusal::BadRequest("deviceId is required.".to_owned()))?;
    let names: Vec<&str> = query.every("name").flat_map(|names| names.split(',')).collect();
    if names.is_empty() || names.len() > MOST_NAMES {
        return Err(Refusal::BadRequest(format!("From 1 to {MOST_NAMES} names are required.")));
    }
    let now = webex.now();
    let state = webex.state();
    let (id, _) = reached(&state, &caller, asked, now)?;
    let device = state.rooms.device(id).ok_or(Refusal::NotFound)?;
    let workspace = device.workspace.and_then(|id| state.rooms.workspace(id));
    let tree = device.status(&Surroundings::of(workspace, now), now);
    let mut result = json!({});
    for name in names {
        match select(&tree, name.trim()) {
            Some(part) => merge(&mut result, part),
            None if state.behaviour.refuses_unsupported_statuses => {
                return Err(Refusal::BadRequest(format!("The device has no status {}.", name.trim())));
            }
            None => {}
        }
    }
    Ok(Json(json!({ "deviceId": asked, "result": result })))
}

/// A command's addressee and what it is told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    device_id: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// `POST /xapi/command/{name}`.
pub(super) async fn command(
    webex: Webex,
    caller: Permitted<Commands>,
    Path(name): Path<String>,
    Body(order): Body<Order>,
) -> Reply {
    let now = webex.now();
    let random = random::uuid(&*webex.setting().entropy);
    let mut state = webex.state();
    let (id, access) = reached(&state, &caller, &order.device_id, now)?;
    if access != Access::Full {
        return Err(Refusal::Forbidden);
    }
    let device = state.rooms.device_mut(id).ok_or(Refusal::NotFound)?;
    let result = device.command(&name, &order.arguments, now, random).map_err(|error| match error {
        CommandError::Unknown => Refusal::BadRequest(format!("The device knows no command {name}.")),
        CommandError::Argument(argument) => {
            Refusal::BadRequest(format!("The argument {argument} is missing or invalid."))
        }
        CommandError::NoCall => Refusal::BadRequest("The device is not in a call.".to_owned()),
    })?;
    Ok(Json(json!({ "deviceId": order.device_id, "arguments": order.arguments, "result": result })))
}

/// A device that the caller sees, that has the xAPI and is there. What Webex says of one that is not there is not known; the
/// simulator says 400 with a sentence.
fn reached(state: &Everything, caller: &Caller, id: &str, now: Timestamp) -> Result<(Uuid, Access), Refusal> {
    let device = device_of(id).and_then(|id| state.rooms.device(id)).ok_or(Refusal::NotFound)?;
    let organisation = caller.reach_of(state, device.organisation)?;
    let sight = Sight::of(caller, organisation)?;
    let access = sight.permission(state, device).ok_or(Refusal::NotFound)?;
    if !device.has_xapi() {
        return Err(Refusal::BadRequest("The device has no xAPI.".to_owned()));
    }
    if !state.rooms.condition(device, now).0.status.is_online() {
        return Err(Refusal::BadRequest("The device is not connected.".to_owned()));
    }
    Ok((device.id, access))
}
