//! What there is at this Webex: organisations, their people and machines, their rooms and devices.

mod account;
mod directory;
mod names;
mod rooms;

use lanyard_protocol::{OrgId, WebexId};
use uuid::Uuid;

pub(crate) use account::Account;
pub(crate) use directory::Directory;
pub(crate) use rooms::{Access, Device, Rooms, Workspace, device_id};

/// The application id of a service app.
pub(crate) fn application_id(client: &lanyard_protocol::AppClientId) -> String {
    WebexId { cluster: "us".into(), kind: "APPLICATION".into(), value: client.to_string() }.encode()
}

/// An organisation's id as Webex writes it.
pub(crate) fn organisation_id(organisation: Uuid) -> OrgId {
    OrgId::new(webex_id("ORGANIZATION", organisation))
}

/// An id of the commercial cluster.
pub(crate) fn webex_id(kind: &str, value: Uuid) -> String {
    WebexId { cluster: "us".into(), kind: kind.into(), value: value.to_string() }.encode()
}
