//! `/v1/workspaces`.

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use lanyard_protocol::WebexId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::devices;
use super::form::Form;
use super::list::Slice;
use super::people::date;
use super::refusal::Refusal;
use crate::webex::{State as Everything, Webex};
use crate::world::{Access, Workspace, organisation_id, webex_id};

const SCOPES: [&str; 2] = ["spark-admin:workspaces_read", "spark:workspaces_read"];

/// The reference's default and largest page.
const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

pub(super) async fn list(
    State(webex): State<Webex>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Refusal> {
    permitted(&caller)?;
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let slice = Slice::of(&query, USUAL_PAGE, LARGEST_PAGE)?;
    let with_devices = with_devices(&query);
    let state = webex.state();
    let found = state
        .rooms
        .workspaces
        .iter()
        .filter(|workspace| sees(&state, &caller, workspace))
        .filter(|workspace| fits(&query, workspace));
    let show = |workspace| view(&state, workspace, with_devices);
    Ok(slice.page(&webex, ("/workspaces", "items"), &query, found, show))
}

/// The filters of the reference that the simulator has something to compare with.
fn fits(query: &Form, workspace: &Workspace) -> bool {
    let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    is("displayName", &workspace.name)
        && is("capacity", &workspace.capacity.to_string())
        && is("type", workspace.kind)
        && is("calling", CALLING)
        && is("calendar", CALENDAR)
        && is("supportedDevices", SUPPORTED_DEVICES)
        && is("devicePlatform", PLATFORM)
}

const CALLING: &str = "freeCalling";
const CALENDAR: &str = "none";
const SUPPORTED_DEVICES: &str = "collaborationDevices";
const PLATFORM: &str = "cisco";

pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Refusal> {
    permitted(&caller)?;
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let state = webex.state();
    let id = workspace_id(&id).ok_or(Refusal::NotFound)?;
    let mut all = state.rooms.workspaces.iter().filter(|workspace| sees(&state, &caller, workspace));
    let workspace = all.find(|workspace| workspace.id == id).ok_or(Refusal::NotFound)?;
    Ok(Json(view(&state, workspace, with_devices(&query))))
}

fn with_devices(query: &Form) -> bool {
    query.get("includeDevices") == Some("true")
}

/// A bot may always ask; what it is shown is another matter.
fn permitted(caller: &Caller) -> Result<(), Refusal> {
    if caller.is_bot() { Ok(()) } else { caller.needs_any(&SCOPES) }
}

/// What a bot is shown is not documented: nothing at all, or what it was granted.
fn sees(state: &Everything, caller: &Caller, workspace: &Workspace) -> bool {
    if caller.account.organisation != state.directory.id {
        return false;
    }
    !caller.is_bot()
        || (state.behaviour.bot_sees_workspaces && state.rooms.access(caller.account.id, Some(workspace.id)).is_some())
}

fn view(state: &Everything, workspace: &Workspace, with_devices: bool) -> Value {
    let mut view = json!({
        "id": webex_id("PLACES", workspace.id),
        "orgId": organisation_id(state.directory.id),
        "displayName": workspace.name,
        "capacity": workspace.capacity,
        "type": workspace.kind,
        "created": date(state.directory.created),
        "calling": { "type": CALLING },
        "calendar": { "type": CALENDAR },
        "hotdeskingStatus": "off",
        "supportedDevices": SUPPORTED_DEVICES,
        "devicePlatform": PLATFORM,
    });
    if with_devices {
        let devices = state.rooms.devices.iter().filter(|device| device.workspace == Some(workspace.id));
        let shown = devices.map(|device| {
            let mut shown = devices::view(state, device, Access::Full);
            // The reference's example leaves it out here.
            shown.as_object_mut().and_then(|fields| fields.remove("plannedMaintenance"));
            shown
        });
        view["devices"] = shown.collect();
    }
    view
}

/// The workspace that a Webex id names.
pub(super) fn workspace_id(id: &str) -> Option<Uuid> {
    let id = WebexId::decode(id).ok().filter(|id| id.kind == "PLACES")?;
    id.value.parse().ok()
}
