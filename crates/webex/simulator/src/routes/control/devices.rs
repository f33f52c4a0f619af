//! Devices in the control plane: their scripts, and the arrival of new ones.

use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Mistake;
use super::document::Document;
use super::endpoint::{Body, Created, Described, Done};
use crate::form::Form;
use crate::webex::{State as Everything, Webex};
use crate::world::{Device, Status, Step, device_id, device_of, webex_id, workspace_of};

/// A script may have so many lines, and change so many devices so often.
const MOST_STEPS: usize = 100;
const MOST_TURNS: usize = 500_000;

/// The part of the list that the query asks for.
#[derive(JsonSchema)]
pub(super) struct Page {
    /// How many devices to skip.
    #[schemars(with = "Option<usize>")]
    start: usize,
    /// How many devices to show; 1000 if it is omitted.
    #[schemars(with = "Option<usize>")]
    max: usize,
}

impl FromRequestParts<Webex> for Page {
    type Rejection = Mistake;

    async fn from_request_parts(parts: &mut Parts, _: &Webex) -> Result<Self, Mistake> {
        let query = Form::of_query(parts);
        let number = |name: &str, usual: usize| match query.get(name) {
            None => Ok(usual),
            Some(text) => text.parse().map_err(|_| Mistake(StatusCode::BAD_REQUEST, format!("{name} is a number"))),
        };
        Ok(Self { start: number("start", 0)?, max: number("max", 1000)? })
    }
}

impl Described for Page {
    fn describe(document: &mut Document, operation: &mut Value) {
        operation["parameters"] = document.parameters::<Self>().into();
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Device")]
pub(super) struct Shown {
    id: String,
    name: String,
    workspace_id: Option<String>,
    #[schemars(extend("enum" = Status::ALL.map(Status::as_str)))]
    connection_status: &'static str,
    error_codes: Vec<String>,
    /// When its condition began; without a value if it has been so from the start.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    since: Option<Timestamp>,
    /// How many changes of its condition its script still holds.
    turns_to_come: usize,
    next: Option<Next>,
}

/// The next change of a device's condition.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NextTurn")]
struct Next {
    #[schemars(with = "String", extend("format" = "date-time"))]
    at: Timestamp,
    #[schemars(extend("enum" = Status::ALL.map(Status::as_str)))]
    connection_status: &'static str,
}

/// How every device is, and how many turns its script still has.
pub(super) async fn list(webex: Webex, page: Page) -> Result<Json<Vec<Shown>>, Mistake> {
    let now = webex.now();
    let state = webex.state();
    let shown = state.rooms.devices().skip(page.start).take(page.max).map(|device| {
        let (condition, since) = state.rooms.condition(device, now);
        let coming = device.life.coming(now);
        let next = coming.first().map(|turn| Next { at: turn.at, connection_status: turn.condition.status.as_str() });
        Shown {
            id: device_id(device.id),
            name: device.name.clone(),
            workspace_id: device.workspace.map(|id| webex_id("PLACES", id)),
            connection_status: condition.status.as_str(),
            error_codes: condition.errors,
            since,
            turns_to_come: coming.len(),
            next,
        }
    });
    Ok(Json(shown.collect()))
}

/// Selects the devices of a script: all of them unless a field says otherwise.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "DeviceSelection")]
struct Which {
    /// The Webex ids of the devices.
    ids: Option<Vec<String>>,
    /// Only the devices of this workspace.
    workspace_id: Option<String>,
    /// At most this many, in the order of the list.
    first: Option<usize>,
    /// How many to skip, in the order of the list.
    skip: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeviceScript", example = json!({
    "devices": { "first": 1 }, "steps": [{ "after_ms": 60_000, "do": "fail", "for_ms": 300_000 }],
}))]
pub(super) struct Script {
    #[serde(default)]
    devices: Which,
    steps: Vec<Step>,
    /// How much later it begins for each further device.
    #[serde(default)]
    stagger_ms: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Scripted {
    /// How many devices have the script.
    devices: usize,
    /// How many changes of condition it makes.
    turns: usize,
}

/// Gives devices a script in place of what was to happen to them.
pub(super) async fn script(webex: Webex, Body(script): Body<Script>) -> Result<Json<Scripted>, Mistake> {
    if script.steps.is_empty() || script.steps.len() > MOST_STEPS {
        return Err(Mistake(StatusCode::BAD_REQUEST, format!("a script has from 1 to {MOST_STEPS} steps")));
    }
    let now = webex.now();
    let mut state = webex.state();
    let chosen = script.devices.choose(&state)?;
    if chosen.len() * script.steps.len() > MOST_TURNS {
        return Err(Mistake(StatusCode::BAD_REQUEST, format!("a script makes at most {MOST_TURNS} turns")));
    }
    let mut turns = 0;
    for (number, id) in chosen.iter().enumerate() {
        let later = Duration::from_millis(script.stagger_ms.saturating_mul(number as u64));
        let begins = now.checked_add(later).unwrap_or(Timestamp::MAX);
        turns += state.rooms.device_mut(*id).map_or(0, |device| device.life.follow(&script.steps, begins));
    }
    Ok(Json(Scripted { devices: chosen.len(), turns }))
}

impl Which {
    fn choose(&self, state: &Everything) -> Result<Vec<Uuid>, Mistake> {
        let missing = |what: &str, id: &str| Mistake(StatusCode::NOT_FOUND, format!("there is no {what} {id}"));
        let all: Vec<Uuid> = if let Some(ids) = &self.ids {
            let known = |id: &String| {
                let found = device_of(id).filter(|id| state.rooms.device(*id).is_some());
                found.ok_or_else(|| missing("device", id))
            };
            ids.iter().map(known).collect::<Result<_, _>>()?
        } else if let Some(id) = &self.workspace_id {
            let found = workspace_of(id).filter(|id| state.rooms.workspace(*id).is_some());
            let workspace = found.ok_or_else(|| missing("workspace", id))?;
            state.rooms.devices_in(workspace).map(|device| device.id).collect()
        } else {
            state.rooms.devices().map(|device| device.id).collect()
        };
        Ok(all.into_iter().skip(self.skip).take(self.first.unwrap_or(usize::MAX)).collect())
    }
}

/// Forgets every script.
pub(super) async fn forget(webex: Webex) -> Done {
    for device in webex.state().rooms.devices_mut() {
        device.life.forget();
    }
    Done
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Activation", example = json!({ "code": "0000000000000000" }))]
pub(super) struct Told {
    /// The activation code; everything but its digits is ignored.
    code: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ActivatedDevice")]
pub(super) struct Activated {
    id: String,
}

/// A new device that is told an activation code comes to life.
pub(super) async fn activate(webex: Webex, Body(told): Body<Told>) -> Result<Created<Activated>, Mistake> {
    let now = webex.now();
    let mut state = webex.state();
    let digits: String = told.code.chars().filter(char::is_ascii_digit).collect();
    let activation = state.rooms.activate(&digits, now);
    let activation =
        activation.ok_or_else(|| Mistake(StatusCode::NOT_FOUND, "the code is unknown or has expired".to_owned()))?;
    let entropy = &*webex.setting().entropy;
    let name = activation.product.clone();
    let device = Device::new(entropy, activation.organisation, activation.home, name, &activation.product);
    let id = device.id;
    state.rooms.add_device(device);
    Ok(Created(Activated { id: device_id(id) }))
}
