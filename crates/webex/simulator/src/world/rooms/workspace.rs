//! One workspace.

use jiff::Timestamp;
use lanyard_protocol::WebexId;
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: Uuid,
    /// The organisation that it belongs to.
    pub(crate) organisation: Uuid,
    pub(crate) name: String,
    /// Not said for some.
    pub(crate) capacity: Option<usize>,
    pub(crate) kind: String,
    pub(crate) created: Timestamp,
    pub(crate) location: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) supported_devices: &'static str,
    pub(crate) calling: String,
    pub(crate) hotdesking: bool,
}

/// The workspace that a Webex id names.
pub(crate) fn workspace_of(id: &str) -> Option<Uuid> {
    let id = WebexId::decode(id).ok().filter(|id| id.kind == "PLACES")?;
    id.value.parse().ok()
}
