//! One location, and the telephone numbers that it has.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::webex_id;

/// A site of an organisation.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) address: Address,
    /// Texts, as the reference's example has them.
    pub(crate) latitude: Option<String>,
    pub(crate) longitude: Option<String>,
    pub(crate) notes: Option<String>,
    /// There once the location is enabled for Webex Calling.
    pub(crate) calling: Option<Site>,
}

/// A postal address, as a call writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<String>,
}

/// The settings of a location for Webex Calling.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) announcement_language: String,
    /// Dialled before an extension of the location.
    pub(crate) routing_prefix: Option<String>,
    /// The location's own number, one of its numbers.
    pub(crate) main: Option<String>,
    pub(crate) numbers: Vec<Number>,
}

/// A telephone number of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    /// As E.164 has it.
    pub(crate) value: String,
    /// Whether it is in service.
    pub(crate) active: bool,
}

impl Location {
    /// The id as Webex writes it.
    pub(crate) fn webex_id(&self) -> String {
        location_id(self.id)
    }

    pub(crate) fn routing_prefix(&self) -> &str {
        self.calling.as_ref().and_then(|site| site.routing_prefix.as_deref()).unwrap_or_default()
    }
}

/// A location's id as Webex writes it.
pub(crate) fn location_id(location: Uuid) -> String {
    webex_id("LOCATION", location)
}
