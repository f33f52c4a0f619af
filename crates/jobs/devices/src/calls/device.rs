//! A device, as people and programs see it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::AlertNumber;
use crate::facts::Facts;
use crate::places::Place;
use crate::state::DeviceState;
use crate::statuses::StatusesView;

/// A device, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceView {
    /// Its id at Webex.
    pub id: String,
    /// The watch that sees it.
    pub watch: String,
    /// The label `customer` of the watch's credential.
    pub customer: Option<String>,
    /// The state; `unknown` where the watch cannot read its devices.
    #[schemars(with = "String", extend("enum" = DeviceState::ALL.map(DeviceState::as_str)))]
    pub state: DeviceState,
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// The reason, where there is one: an error that the device reports, or why the state is not known.
    pub why: Option<String>,
    /// The open alert that it belongs to.
    #[schemars(with = "Option<String>")]
    pub alert: Option<AlertNumber>,
    /// Where it stands, as a credential that sees the whole organisation reads it; `None` if that is not known.
    pub place: Option<Place>,
    /// The statuses that it reported last: calls, people, temperature; `None` if it was never asked.
    pub statuses: Option<StatusesView>,
    /// What it is.
    #[serde(flatten)]
    pub facts: Facts,
}

impl DeviceView {
    /// The room: the name of its workspace, or of the device itself if that is not known.
    pub fn room(&self) -> &str {
        room(&self.facts, self.place.as_ref())
    }

    /// The location: its name, "-" if the workspace has none, "?" if it is not known.
    pub fn location(&self) -> &str {
        self.place.as_ref().map_or("?", Place::location_shown)
    }
}

fn room<'a>(facts: &'a Facts, place: Option<&'a Place>) -> &'a str {
    place.map(|place| place.room.as_str()).filter(|room| !room.trim().is_empty()).unwrap_or(&facts.name)
}
