//! `/v1/devices`.

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use lanyard_protocol::WebexId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::form::Form;
use super::list::Slice;
use super::people::date;
use super::refusal::Refusal;
use crate::webex::{State as Everything, Webex};
use crate::world::{Access, Device, device_id, organisation_id, webex_id};

/// The documented default is not named; the largest page is the reference's.
const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

pub(super) async fn list(
    State(webex): State<Webex>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Refusal> {
    let sight = Sight::of(&caller)?;
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let slice = Slice::of(&query, USUAL_PAGE, LARGEST_PAGE)?;
    let filter = Filter::of(&query);
    let state = webex.state();
    let found = state.rooms.devices.iter().filter_map(|device| {
        let access = sight.permission(&state, &caller, device)?;
        filter.fits(device, access).then_some((device, access))
    });
    let show = |(device, access)| view(&state, device, access);
    Ok(slice.page(&webex, ("/devices", "items"), &query, found, show))
}

pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let sight = Sight::of(&caller)?;
    let state = webex.state();
    let id = WebexId::decode(&id).ok().filter(|id| id.kind == "DEVICE").ok_or(Refusal::NotFound)?;
    let id: Uuid = id.value.parse().map_err(|_| Refusal::NotFound)?;
    let device = state.rooms.devices.iter().find(|device| device.id == id).ok_or(Refusal::NotFound)?;
    let permission = sight.permission(&state, &caller, device).ok_or(Refusal::NotFound)?;
    Ok(Json(view(&state, device, permission)))
}

/// Whose devices a caller sees.
enum Sight {
    /// The organisation's.
    All,
    /// Those of workspaces that a bot was granted.
    Granted,
    /// The caller's own.
    Own,
}

impl Sight {
    fn of(caller: &Caller) -> Result<Self, Refusal> {
        if caller.is_bot() {
            return Ok(Self::Granted);
        }
        if caller.has_any(&["spark-admin:devices_read"]) {
            return Ok(Self::All);
        }
        caller.needs_any(&["spark:devices_read"])?;
        Ok(Self::Own)
    }

    /// What the caller may do with a device; `None` where it is not seen.
    fn permission(&self, state: &Everything, caller: &Caller, device: &Device) -> Option<Access> {
        // Only the first organisation has devices.
        if caller.account.organisation != state.directory.id {
            return None;
        }
        match self {
            Self::All => Some(Access::Full),
            Self::Granted => state.rooms.access(caller.account.id, device.workspace),
            Self::Own => (device.person == Some(caller.account.id)).then_some(Access::Full),
        }
    }
}

/// The filters of the reference that the simulator has something to compare with. What cannot be read fits nothing.
struct Filter(Vec<(Read, String)>);

/// Reads what a filter compares.
type Read = fn(&Device, Access) -> String;

impl Filter {
    fn of(query: &Form) -> Self {
        let known: [(&str, Read); 15] = [
            ("workspaceId", |device, _| device.workspace.map(|id| webex_id("PLACES", id)).unwrap_or_default()),
            ("personId", |device, _| device.person.map(|id| webex_id("PEOPLE", id)).unwrap_or_default()),
            ("displayName", |device, _| device.name.clone()),
            ("product", |device, _| device.product.to_owned()),
            ("type", |device, _| device.kind.to_owned()),
            ("connectionStatus", |device, _| device.status.to_owned()),
            ("serial", |device, _| device.serial.clone()),
            ("mac", |device, _| device.mac.clone()),
            ("software", |device, _| device.software().to_owned()),
            ("upgradeChannel", |_, _| UPGRADE_CHANNEL.to_owned()),
            ("errorCode", |device, _| device.error_code().unwrap_or_default().to_owned()),
            ("capability", |device, _| if device.has_xapi() { "xapi" } else { "" }.to_owned()),
            ("permission", |_, access| access.permission().to_owned()),
            ("plannedMaintenance", |_, _| PLANNED_MAINTENANCE.to_owned()),
            // No device has a tag.
            ("tag", |_, _| String::new()),
        ];
        let asked = known.into_iter().filter_map(|(name, read)| {
            let wanted = query.get(name)?;
            Some((read, if name.ends_with("Id") { wanted.trim_end_matches('=') } else { wanted }.to_owned()))
        });
        Self(asked.collect())
    }

    fn fits(&self, device: &Device, access: Access) -> bool {
        self.0.iter().all(|(read, wanted)| read(device, access).eq_ignore_ascii_case(wanted))
    }
}

const UPGRADE_CHANNEL: &str = "stable";
const PLANNED_MAINTENANCE: &str = "off";

/// A device as the reference shows it.
pub(super) fn view(state: &Everything, device: &Device, access: Access) -> Value {
    let created = date(state.directory.created);
    let mut view = json!({
        "id": device_id(device.id),
        "displayName": device.name,
        "orgId": organisation_id(state.directory.id),
        "capabilities": if device.has_xapi() { json!(["xapi"]) } else { json!([]) },
        "permissions": [access.permission()],
        "connectionStatus": device.status,
        "product": device.product,
        "type": device.kind,
        "tags": [],
        "ip": device.ip,
        "activeInterface": "wired",
        "mac": device.mac,
        "serial": device.serial,
        "software": device.software(),
        "upgradeChannel": UPGRADE_CHANNEL,
        "created": created,
        "firstSeen": created,
        "lastSeen": created,
        "errorCodes": device.error_code().into_iter().collect::<Vec<_>>(),
        "plannedMaintenance": PLANNED_MAINTENANCE,
    });
    if let Some(workspace) = device.workspace {
        view["workspaceId"] = json!(webex_id("PLACES", workspace));
        view["placeId"] = json!(webex_id("PLACES", workspace));
    }
    if let Some(person) = device.person {
        view["personId"] = json!(webex_id("PEOPLE", person));
    }
    view
}
