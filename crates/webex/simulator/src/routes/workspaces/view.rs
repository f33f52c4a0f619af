//! A workspace as the reference shows it, and how well its devices are.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::form::Form;
use crate::routes::devices::Shown;
use crate::webex::State as Everything;
use crate::world::{Access, Kind, Status, Workspace, date, device_id, organisation_id, webex_id};

/// The optional parts that a caller asked for.
pub(super) struct With {
    devices: bool,
    capabilities: bool,
}

impl With {
    pub(super) fn of(query: &Form) -> Self {
        let is = |name: &str| query.get(name) == Some("true");
        Self { devices: is("includeDevices"), capabilities: is("includeCapabilities") }
    }

    pub(super) fn nothing() -> Self {
        Self { devices: false, capabilities: false }
    }
}

pub(super) const CALENDAR: &str = "none";
pub(super) const PLATFORM: &str = "cisco";

pub(super) fn view(state: &Everything, workspace: &Workspace, with: &With, now: Timestamp) -> Value {
    let mut view = json!({
        "id": webex_id("PLACES", workspace.id),
        "orgId": organisation_id(workspace.organisation),
        "displayName": workspace.name,
        "type": workspace.kind,
        "created": date(workspace.created),
        "calling": { "type": workspace.calling },
        "calendar": { "type": CALENDAR },
        "hotdeskingStatus": if workspace.hotdesking { "on" } else { "off" },
        "supportedDevices": workspace.supported_devices,
        "devicePlatform": PLATFORM,
        "health": health(state, workspace, now),
    });
    let mut known = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            view[name] = value;
        }
    };
    known("capacity", workspace.capacity.map(Value::from));
    known("locationId", workspace.location.clone().map(Value::from));
    known("notes", workspace.notes.clone().map(Value::from));
    if with.devices {
        let devices = state.rooms.devices_in(workspace.id);
        let shown = devices.map(|device| Shown::of(state, device, Access::Full, now).json_without_maintenance());
        view["devices"] = shown.collect();
    }
    if with.capabilities {
        view["capabilities"] = capabilities(state, workspace);
    }
    view
}

/// A room device senses; a phone does not.
pub(super) fn capabilities(state: &Everything, workspace: &Workspace) -> Value {
    let senses = state.rooms.devices_in(workspace.id).any(|device| device.kind == Kind::RoomDesk);
    let one = json!({ "supported": senses, "configured": senses });
    json!({
        "occupancyDetection": one,
        "presenceDetection": one,
        "ambientNoise": one,
        "soundLevel": one,
        "temperature": one,
        "airQuality": one,
        "relativeHumidity": one,
    })
}

/// How bad the devices of a workspace are; the worst one decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Ok,
    Info,
    Warning,
    Error,
}

impl Level {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    fn of(status: Status) -> Self {
        match status {
            Status::Connected => Self::Ok,
            Status::DeepSleep | Status::Activating => Self::Info,
            Status::WithIssues => Self::Warning,
            Status::Disconnected | Status::Expired => Self::Error,
        }
    }
}

pub(super) fn health_level(state: &Everything, workspace: &Workspace, now: Timestamp) -> Level {
    let devices = state.rooms.devices_in(workspace.id);
    devices.map(|device| Level::of(state.rooms.condition(device, now).0.status)).max().unwrap_or(Level::Ok)
}

fn health(state: &Everything, workspace: &Workspace, now: Timestamp) -> Value {
    let ill = state.rooms.devices_in(workspace.id).filter_map(|device| {
        let (condition, since) = state.rooms.condition(device, now);
        let level = Level::of(condition.status);
        (level > Level::Info).then(|| {
            json!({
                "id": device_id(device.id),
                "createdAt": date(since.unwrap_or(workspace.created)),
                "title": if level == Level::Error { "The device is offline" } else { "The device has issues" },
                "description": format!("{} is {}.", device.name, condition.status.as_str()),
                "recommendedAction": "Look at the device in Control Hub.",
            })
        })
    });
    json!({ "level": health_level(state, workspace, now).as_str(), "issues": ill.collect::<Vec<_>>() })
}
