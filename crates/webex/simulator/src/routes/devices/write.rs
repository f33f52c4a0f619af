//! Calls that change devices: tags, new devices, activation codes, and removal.

use std::time::Duration;

use axum::Json;
use axum::extract::Path;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::Sight;
use super::view::Shown;
use crate::random;
use crate::routes::extract::{Body, Caller, Permitted, json, scopes};
use crate::routes::people::person_id;
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Access, Activation, Condition, Device, Home, Kind, Life, Status, date, device_of, workspace_of};

scopes! {
    Write = "spark-admin:devices_write";
}

/// One operation of a JSON Patch (RFC 6902), as far as tags need it.
#[derive(Deserialize)]
struct Operation {
    op: Op,
    path: String,
    #[serde(default)]
    value: Vec<String>,
}

/// Cisco's document describes one operation and shows a list of them; `wxc-sdk` sends the one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Patch {
    One(Operation),
    List(Vec<Operation>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Add,
    Remove,
    Replace,
}

/// `PATCH /devices/{id}`: nothing but tags can be changed.
pub(in crate::routes) async fn tags(
    webex: Webex,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|kind| kind.starts_with("application/json-patch+json")) {
        let message = "The request must be of the type application/json-patch+json.";
        return Err(Refusal::Gateway(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let operations = match json(&body)? {
        Patch::One(operation) => vec![operation],
        Patch::List(operations) => operations,
    };
    if operations.iter().any(|operation| operation.path.trim_start_matches('/') != "tags") {
        return Err(Refusal::BadRequest("Only the tags of a device can be changed.".to_owned()));
    }
    let now = webex.now();
    let mut state = webex.state();
    let id = permitted(&state, &caller, &id)?;
    let device = state.rooms.device_mut(id).ok_or(Refusal::NotFound)?;
    for operation in operations {
        match operation.op {
            Op::Replace => device.tags = operation.value,
            Op::Add => {
                device.tags.extend(operation.value);
            }
            // JSON Patch takes away what stands at a path, whatever value comes along.
            Op::Remove => device.tags.clear(),
        }
        let mut seen = std::collections::HashSet::new();
        device.tags.retain(|tag| seen.insert(tag.clone()));
    }
    shown(&state, id, now)
}

/// `DELETE /devices/{id}`.
pub(in crate::routes) async fn delete(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let id = permitted(&state, &caller, &id)?;
    state.rooms.remove_device(id);
    Ok(StatusCode::NO_CONTENT)
}

/// A new device's place.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Place {
    workspace_id: Option<String>,
    person_id: Option<String>,
    model: Option<String>,
    mac: Option<String>,
}

impl Place {
    /// Exactly one of workspace and person, of that organisation.
    fn home(&self, state: &Everything, organisation: Uuid) -> Result<(Home, String), Refusal> {
        match (&self.workspace_id, &self.person_id) {
            (Some(id), None) => {
                let workspace = workspace_of(id).and_then(|id| state.rooms.workspace(id));
                let workspace = workspace.filter(|workspace| workspace.organisation == organisation);
                workspace.map(|found| (Home::Workspace(found.id), found.name.clone())).ok_or(Refusal::NotFound)
            }
            (None, Some(id)) => {
                let person = person_id(id).and_then(|id| state.directory.account(id));
                let person = person.filter(|person| person.organisation == organisation);
                person.map(|found| (Home::Person(found.id), found.display_name.clone())).ok_or(Refusal::NotFound)
            }
            _ => Err(Refusal::BadRequest("Either workspaceId or personId is required, and not both.".to_owned())),
        }
    }
}

/// `POST /devices`: a phone, by its MAC address.
pub(in crate::routes) async fn create(webex: Webex, caller: Permitted<Write>, Body(place): Body<Place>) -> Reply {
    let (Some(model), Some(mac)) = (&place.model, place.mac.as_deref().and_then(mac_address)) else {
        return Err(Refusal::BadRequest("A model and a mac of twelve hexadecimal digits are required.".to_owned()));
    };
    let now = webex.now();
    let mut state = webex.state();
    let organisation = caller.reach(&state)?;
    let (home, name) = place.home(&state, organisation)?;
    if state.rooms.devices().any(|device| device.mac == mac) {
        return Err(Refusal::Gateway(StatusCode::CONFLICT, "A device with this MAC address exists already."));
    }
    let mut device = Device::new(&*webex.setting().entropy, organisation, home, name, model);
    if device.kind != Kind::Phone {
        return Err(Refusal::BadRequest("Only phones can be created by their MAC address.".to_owned()));
    }
    device.mac = mac;
    device.life = Life::new(Condition::of(Status::Activating));
    let id = device.id;
    state.rooms.add_device(device);
    shown(&state, id, now)
}

/// How long an activation code can be used.
const CODE_LIFE: Duration = Duration::from_hours(7 * 24);

/// `POST /devices/activationCode`.
pub(in crate::routes) async fn activation_code(webex: Webex, caller: Permitted<Write>, body: Bytes) -> Reply {
    caller.needs_any(&["identity:placeonetimepassword_create", "identity:one_time_password"])?;
    let place: Place = json(&body)?;
    let now = webex.now();
    let mut state = webex.state();
    let organisation = caller.reach(&state)?;
    let (home, _) = place.home(&state, organisation)?;
    if matches!(home, Home::Person(_)) {
        caller.needs_any(&["identity:one_time_password"])?;
    }
    let digits = u64::from_le_bytes(random::bytes(&*webex.setting().entropy)) % 10_u64.pow(16);
    let code = format!("{digits:016}");
    let expires_at = now.checked_add(CODE_LIFE).unwrap_or(Timestamp::MAX);
    let product = place.model.unwrap_or_else(|| "Cisco Room Bar".to_owned());
    state.rooms.expect(code.clone(), Activation { organisation, home, product, expires_at }, now);
    Ok(Json(json!({ "code": code, "expiryTime": date(expires_at) })))
}

/// The device of that id, where the caller may change it.
fn permitted(state: &Everything, caller: &Caller, id: &str) -> Result<Uuid, Refusal> {
    let device = device_of(id).and_then(|id| state.rooms.device(id)).ok_or(Refusal::NotFound)?;
    let sight = Sight::writing(caller, caller.reach_of(state, device.organisation)?)?;
    sight.permission(state, device).map(|_| device.id).ok_or(Refusal::NotFound)
}

fn shown(state: &Everything, id: Uuid, now: Timestamp) -> Reply {
    let device = state.rooms.device(id).ok_or(Refusal::NotFound)?;
    Ok(Json(Shown::of(state, device, Access::Full, now).json_without_maintenance()))
}

/// As Webex writes it, out of twelve digits with or without something between.
fn mac_address(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_uppercase()).collect();
    let rest = text.chars().any(|other| !other.is_ascii_hexdigit() && !":-. ".contains(other));
    if rest || digits.len() != 12 {
        return None;
    }
    let pairs: Vec<&str> = (0..6).map(|pair| &digits[2 * pair..2 * pair + 2]).collect();
    Some(pairs.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_read_as_people_write_it() {
        for text in ["001e7a00aa01", "00:1E:7A:00:AA:01", "001e.7a00.aa01"] {
            assert_eq!(mac_address(text).as_deref(), Some("00:1E:7A:00:AA:01"), "{text}");
        }
        for text in ["", "001e7a00aa0", "001e7a00aa0g", "001e7a00aa0122"] {
            assert_eq!(mac_address(text), None, "{text}");
        }
    }
}
