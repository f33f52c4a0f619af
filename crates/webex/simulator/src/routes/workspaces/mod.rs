//! `/v1/workspaces`.

pub(in crate::routes) mod metrics;
mod view;
mod write;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::form::Form;
use crate::routes::extract::{Caller, Scopes as _, Slice, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Workspace, workspace_of};

use view::{CALENDAR, PLATFORM, With};
pub(super) use write::{create, delete, update};

scopes! {
    Read = "spark-admin:workspaces_read" | "spark:workspaces_read";
}

pub(super) async fn list(webex: Webex, caller: Caller, slice: Slice<100, 1000>, query: Form) -> Reply<Response> {
    permitted(&caller)?;
    let with = With::of(&query);
    let now = webex.now();
    let state = webex.state();
    let organisation = caller.reach(&state)?;
    let found = state
        .rooms
        .workspaces()
        .filter(|workspace| sees(&state, &caller, organisation, workspace))
        .filter(|workspace| fits(&state, &query, workspace, now));
    let show = |workspace| view::view(&state, workspace, &with, now);
    Ok(slice.reply(found, show))
}

/// The filters of the reference that the simulator has something to compare with.
fn fits(state: &Everything, query: &Form, workspace: &Workspace, now: Timestamp) -> bool {
    let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    // A capacity of -1 asks for those that have none.
    let capacity = workspace.capacity.map_or_else(|| "-1".to_owned(), |capacity| capacity.to_string());
    is("displayName", &workspace.name)
        && is("capacity", &capacity)
        && is("type", &workspace.kind)
        && is("calling", &workspace.calling)
        && is("calendar", CALENDAR)
        && is("supportedDevices", workspace.supported_devices)
        && is("devicePlatform", PLATFORM)
        && query.get("locationId").is_none_or(|wanted| workspace.location.as_deref() == Some(wanted))
        && query.get("healthLevel").is_none_or(|wanted| view::health_level(state, workspace, now).as_str() == wanted)
}

pub(super) async fn show(webex: Webex, caller: Caller, Path(id): Path<String>, query: Form) -> Reply {
    permitted(&caller)?;
    let state = webex.state();
    let workspace = seen(&state, &caller, &id)?;
    Ok(Json(view::view(&state, workspace, &With::of(&query), webex.now())))
}

/// `GET /workspaces/{id}/capabilities`.
pub(super) async fn capabilities(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply {
    permitted(&caller)?;
    let state = webex.state();
    let workspace = seen(&state, &caller, &id)?;
    Ok(Json(json!({ "capabilities": view::capabilities(&state, workspace) })))
}

/// A bot may always ask; what it is shown is another matter.
fn permitted(caller: &Caller) -> Result<(), Refusal> {
    if caller.is_bot() { Ok(()) } else { caller.needs_any(Read::ANY) }
}

/// The workspace of that id, where the caller sees it.
fn seen<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<&'s Workspace, Refusal> {
    let found = workspace_of(id).and_then(|id| state.rooms.workspace(id)).ok_or(Refusal::NotFound)?;
    let organisation = caller.reach_of(state, found.organisation)?;
    if sees(state, caller, organisation, found) { Ok(found) } else { Err(Refusal::NotFound) }
}

/// Whether the caller sees the workspace. For bots Webex does not document this: they see either nothing, or the workspaces that they
/// were granted.
fn sees(state: &Everything, caller: &Caller, organisation: Uuid, workspace: &Workspace) -> bool {
    if caller.is_bot() {
        return state.behaviour.bot_sees_workspaces
            && state.rooms.access(caller.account.id, Some(workspace.id)).is_some();
    }
    workspace.organisation == organisation
}
