//! How well a workspace's devices are.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::webex::State as Everything;
use crate::world::{Status, Workspace, date, device_id};

/// How bad it is; the worst device decides.
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

pub(super) fn level(state: &Everything, workspace: &Workspace, now: Timestamp) -> Level {
    let devices = state.rooms.devices_in(workspace.id);
    devices.map(|device| Level::of(state.rooms.condition(device, now).0.status)).max().unwrap_or(Level::Ok)
}

pub(super) fn view(state: &Everything, workspace: &Workspace, now: Timestamp) -> Value {
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
    json!({ "level": level(state, workspace, now).as_str(), "issues": ill.collect::<Vec<_>>() })
}
