//! Calls that change workspaces.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::seen;
use super::view::{With, view};
use crate::random;
use crate::routes::extract::{Body, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;
use crate::world::Workspace;

scopes! {
    Write = "spark-admin:workspaces_write";
}

/// A workspace as a request describes it. Fields that the simulator has no use for are ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Wish {
    display_name: Option<String>,
    org_id: Option<String>,
    location_id: Option<String>,
    capacity: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    notes: Option<String>,
    supported_devices: Option<String>,
    calling: Option<Calling>,
    hotdesking_status: Option<String>,
}

#[derive(Deserialize)]
struct Calling {
    #[serde(rename = "type")]
    kind: String,
}

const KINDS: [&str; 7] = ["notSet", "focus", "huddle", "meetingRoom", "open", "desk", "other"];
const CALLINGS: [&str; 6] =
    ["freeCalling", "hybridCalling", "webexCalling", "webexEdgeForDevices", "thirdPartySipCalling", "none"];

impl Wish {
    /// Refuses what is none of the reference's words.
    fn check(&self) -> Result<(), Refusal> {
        let known = |name: &str, value: Option<&String>, words: &[&str]| match value {
            Some(value) if !words.contains(&value.as_str()) => {
                Err(Refusal::BadRequest(format!("{value} is no {name}.")))
            }
            _ => Ok(()),
        };
        known("type", self.kind.as_ref(), &KINDS)?;
        known("calling.type", self.calling.as_ref().map(|calling| &calling.kind), &CALLINGS)?;
        known("supportedDevices", self.supported_devices.as_ref(), &["collaborationDevices", "phones"])?;
        known("hotdeskingStatus", self.hotdesking_status.as_ref(), &["on", "off"])
    }

    /// A `PUT` replaces what it may change: what it leaves out goes back to nothing.
    fn replace(self, workspace: &mut Workspace) {
        if let Some(name) = self.display_name {
            workspace.name = name;
        }
        workspace.capacity = self.capacity.and_then(|capacity| usize::try_from(capacity).ok());
        self.kind.unwrap_or_else(|| "notSet".to_owned()).clone_into(&mut workspace.kind);
        workspace.notes = self.notes;
        workspace.hotdesking = self.hotdesking_status.as_deref() == Some("on");
        // Calling and location stay as they are unless they are named.
        if let Some(calling) = self.calling {
            workspace.calling = calling.kind;
        }
        workspace.location = self.location_id.or_else(|| workspace.location.take());
    }
}

/// `POST /workspaces`.
pub(in crate::routes) async fn create(
    webex: Webex,
    caller: Permitted<Write>,
    Body(wish): Body<Wish>,
) -> Reply<(StatusCode, Json<Value>)> {
    wish.check()?;
    let Some(name) = wish.display_name.clone().filter(|name| !name.trim().is_empty()) else {
        return Err(Refusal::BadRequest("displayName is required.".to_owned()));
    };
    let now = webex.now();
    let id = random::uuid(&*webex.setting().entropy);
    let mut state = webex.state();
    let organisation = caller.reach_organisation(&state, wish.org_id.as_deref())?;
    let phones = wish.supported_devices.as_deref() == Some("phones");
    let mut workspace = fresh(id, organisation, name, now);
    if phones {
        workspace.supported_devices = "phones";
    }
    wish.replace(&mut workspace);
    state.rooms.add_workspace(workspace);
    let made = state.rooms.workspace(id).ok_or(Refusal::NotFound)?;
    Ok((StatusCode::CREATED, Json(view(&state, made, &With::nothing(), now))))
}

fn fresh(id: Uuid, organisation: Uuid, name: String, now: Timestamp) -> Workspace {
    Workspace {
        id,
        organisation,
        name,
        capacity: None,
        kind: "notSet".to_owned(),
        created: now,
        location: None,
        notes: None,
        supported_devices: "collaborationDevices",
        calling: "freeCalling".to_owned(),
        hotdesking: false,
    }
}

/// `PUT /workspaces/{id}`.
pub(in crate::routes) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(wish): Body<Wish>,
) -> Reply {
    wish.check()?;
    let now = webex.now();
    let mut state = webex.state();
    let id = seen(&state, &caller, &id)?.id;
    if let Some(workspace) = state.rooms.workspace_mut(id) {
        wish.replace(workspace);
    }
    let workspace = state.rooms.workspace(id).ok_or(Refusal::NotFound)?;
    Ok(Json(view(&state, workspace, &With::nothing(), now)))
}

/// `DELETE /workspaces/{id}`; its devices go with it.
pub(in crate::routes) async fn delete(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
) -> Reply<StatusCode> {
    let mut state = webex.state();
    let id = seen(&state, &caller, &id)?.id;
    state.rooms.remove_workspace(id);
    Ok(StatusCode::NO_CONTENT)
}
