//! A device as the reference shows it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::webex::State as Everything;
use crate::world::{Access, Condition, Device, date, device_id, organisation_id, webex_id};

/// A device at a moment, before somebody's eyes.
pub(in crate::routes) struct Shown<'a> {
    pub(super) device: &'a Device,
    pub(super) access: Access,
    pub(super) condition: Condition,
    /// Where its workspace is.
    pub(super) location: Option<&'a str>,
    created: Timestamp,
    last_seen: Timestamp,
}

pub(super) const UPGRADE_CHANNEL: &str = "stable";
pub(super) const PLANNED_MAINTENANCE: &str = "off";

impl<'a> Shown<'a> {
    pub(in crate::routes) fn of(state: &'a Everything, device: &'a Device, access: Access, now: Timestamp) -> Self {
        let (condition, since) = state.rooms.condition(device, now);
        let created = state.directory.created;
        // A device that is there is seen now; one that is not was last seen when that began.
        let last_seen = if condition.status.is_online() { now } else { since.unwrap_or(created) };
        let workspace = device.workspace.and_then(|id| state.rooms.workspace(id));
        let location = workspace.and_then(|workspace| workspace.location.as_deref());
        Self { device, access, condition, location, created, last_seen }
    }

    /// As a list of devices and a device's own address have it.
    pub(in crate::routes) fn json(&self) -> Value {
        let mut view = self.json_without_maintenance();
        view["plannedMaintenance"] = json!(PLANNED_MAINTENANCE);
        view
    }

    /// As everything else has it: there the reference has another shape for what is left out.
    pub(in crate::routes) fn json_without_maintenance(&self) -> Value {
        let device = self.device;
        let created = date(self.created);
        let mut view = json!({
            "id": device_id(device.id),
            "displayName": device.name,
            "orgId": organisation_id(device.organisation),
            "capabilities": if device.has_xapi() { json!(["xapi"]) } else { json!([]) },
            "permissions": [self.access.permission()],
            "connectionStatus": self.condition.status.as_str(),
            "product": device.product,
            "type": device.kind.as_str(),
            "tags": device.tags,
            "ip": device.ip,
            "activeInterface": "wired",
            "mac": device.mac,
            "serial": device.serial,
            "software": device.software(),
            "upgradeChannel": UPGRADE_CHANNEL,
            "created": created,
            "firstSeen": created,
            "lastSeen": date(self.last_seen),
            "errorCodes": self.condition.errors,
        });
        if let Some(workspace) = device.workspace {
            view["workspaceId"] = json!(webex_id("PLACES", workspace));
            view["placeId"] = json!(webex_id("PLACES", workspace));
            if let Some(location) = &self.location {
                view["locationId"] = json!(location);
            }
        }
        if let Some(person) = device.person {
            view["personId"] = json!(webex_id("PEOPLE", person));
        }
        view
    }
}
