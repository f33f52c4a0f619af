//! Devices in the control plane: their scripts, and the arrival of new ones.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Mistake, body};
use crate::form::Form;
use crate::webex::{State as Everything, Webex};
use crate::world::{Device, Step, device_id, device_of, webex_id, workspace_of};

/// A script may have so many lines, and change so many devices so often.
const MOST_STEPS: usize = 100;
const MOST_TURNS: usize = 500_000;

/// How every device is, and how many turns its script still has.
pub(super) async fn list(State(webex): State<Webex>, query: Form) -> Result<Json<Value>, Mistake> {
    let number = |name: &str, usual: usize| match query.get(name) {
        None => Ok(usual),
        Some(text) => text.parse().map_err(|_| Mistake(StatusCode::BAD_REQUEST, format!("{name} is a number"))),
    };
    let (start, most) = (number("start", 0)?, number("max", 1000)?);
    let now = webex.now();
    let state = webex.state();
    let shown = state.rooms.devices().skip(start).take(most).map(|device| {
        let (condition, since) = state.rooms.condition(device, now);
        let coming = device.life.coming(now);
        json!({
            "id": device_id(device.id),
            "name": device.name,
            "workspace_id": device.workspace.map(|id| webex_id("PLACES", id)),
            "connection_status": condition.status.as_str(),
            "error_codes": condition.errors,
            "since": since,
            "turns_to_come": coming.len(),
            "next": coming.first().map(|turn| json!({ "at": turn.at, "connection_status": turn.condition.status.as_str() })),
        })
    });
    Ok(Json(shown.collect()))
}

/// Which devices a script is for; all of them where nothing is said.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Which {
    /// Webex ids.
    ids: Option<Vec<String>>,
    /// Those of one workspace.
    workspace_id: Option<String>,
    /// So many, in the order of the list.
    first: Option<usize>,
    /// After so many.
    skip: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    devices: Which,
    steps: Vec<Step>,
    /// How much later it begins for each further device.
    #[serde(default)]
    stagger_ms: u64,
}

/// Gives devices a script in place of what was to happen to them.
pub(super) async fn script(State(webex): State<Webex>, text: Bytes) -> Result<Json<Value>, Mistake> {
    let script: Script = body(&text)?;
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
    Ok(Json(json!({ "devices": chosen.len(), "turns": turns })))
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
pub(super) async fn forget(State(webex): State<Webex>) -> StatusCode {
    for device in webex.state().rooms.devices_mut() {
        device.life.forget();
    }
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    code: String,
}

/// A new device that is told an activation code comes to life.
pub(super) async fn activate(State(webex): State<Webex>, text: Bytes) -> Result<(StatusCode, Json<Value>), Mistake> {
    let told: Told = body(&text)?;
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
    Ok((StatusCode::CREATED, Json(json!({ "id": device_id(id) }))))
}
