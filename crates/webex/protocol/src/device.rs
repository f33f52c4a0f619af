//! `/devices`, read only.

use jiff::Timestamp;
use lanyard_secret::SafeUrl;
use serde::{Deserialize, Serialize};

use crate::lenient::{maintenance, or_default, text, texts, timestamp};
use crate::{DeviceId, Environment, Method, OrgId, PersonId, Request, WorkspaceId};

/// A device, as `GET /devices` shows it. Fields that Lanyard does not use are left out; unknown ones are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The id; null has been seen.
    #[serde(default)]
    pub id: Option<DeviceId>,
    /// The name to show.
    #[serde(default, deserialize_with = "or_default")]
    pub display_name: String,
    /// The workspace that it stands in; a personal device has none.
    #[serde(default)]
    pub workspace_id: Option<WorkspaceId>,
    /// The person whose device it is; a shared device has none.
    #[serde(default)]
    pub person_id: Option<PersonId>,
    /// The organisation.
    #[serde(default)]
    pub org_id: Option<OrgId>,
    /// The product's name, such as "Cisco Room Kit".
    #[serde(default, deserialize_with = "or_default")]
    pub product: String,
    /// The kind of device.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub device_type: DeviceType,
    /// Whether Webex hears from it.
    #[serde(default, deserialize_with = "or_default")]
    pub connection_status: ConnectionStatus,
    /// The **caller's** permissions on the device: `xapi:readonly`, `xapi:all`.
    #[serde(default, deserialize_with = "texts")]
    pub permissions: Vec<String>,
    /// The device's capabilities: `xapi`.
    #[serde(default, deserialize_with = "texts")]
    pub capabilities: Vec<String>,
    /// Labels that an administrator gave it.
    #[serde(default, deserialize_with = "texts")]
    pub tags: Vec<String>,
    /// The codes of the errors that the device reports.
    #[serde(default, deserialize_with = "texts")]
    pub error_codes: Vec<String>,
    /// The serial number.
    #[serde(default)]
    pub serial: Option<String>,
    /// The hardware address.
    #[serde(default)]
    pub mac: Option<String>,
    /// The address in its own network.
    #[serde(default)]
    pub ip: Option<String>,
    /// The version of its software.
    #[serde(default)]
    pub software: Option<String>,
    /// The release channel of its software, such as "stable".
    #[serde(default, deserialize_with = "text")]
    pub upgrade_channel: Option<String>,
    /// When Webex last heard from it.
    #[serde(default, deserialize_with = "timestamp")]
    pub last_seen: Option<Timestamp>,
    /// Whether an administrator has put it into maintenance now. The schema says an object, `{"mode": "on"}`, and the example `"off"`.
    #[serde(rename = "plannedMaintenance", default, deserialize_with = "maintenance")]
    pub in_maintenance: bool,
}

impl Device {
    /// `GET /devices/{id}`: one device, if the caller sees it.
    pub fn show(environment: &Environment, id: &DeviceId) -> Request {
        Request::new(Method::GET, environment.resource(&["devices", id.as_str()]))
    }
}

/// Whether Webex hears from a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Connected, and well.
    Connected,
    /// Not connected.
    Disconnected,
    /// Connected, and complaining.
    ConnectedWithIssues,
    /// Offline for so long that its registration has expired.
    OfflineExpired,
    /// Asleep on purpose.
    OfflineDeepSleep,
    /// Being activated.
    Activating,
    /// Waiting to be activated.
    Pending,
    /// Not said, said to be unknown, or a word that is not known here.
    #[default]
    #[serde(other)]
    Unknown,
}

impl ConnectionStatus {
    /// The word that Webex uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::ConnectedWithIssues => "connected_with_issues",
            Self::OfflineExpired => "offline_expired",
            Self::OfflineDeepSleep => "offline_deep_sleep",
            Self::Activating => "activating",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// The kind of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceType {
    /// A room or desk device.
    RoomDesk,
    /// A phone.
    Phone,
    /// An accessory of another device.
    Accessory,
    /// A mobile phone under Webex Go.
    WebexGo,
    /// Not said, said to be unknown, or a word that is not known here.
    #[default]
    #[serde(other)]
    Unknown,
}

/// `GET /devices`: the devices that the caller sees. Own ones need `spark:devices_read`, an organisation's
/// `spark-admin:devices_read`; a bot sees what it was granted, and an empty list is no error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListDevices {
    /// Another organisation than the caller's: for partners.
    pub org_id: Option<OrgId>,
    /// Only those of one workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// The page's size.
    pub max: Option<u32>,
}

impl ListDevices {
    /// The first page's request; later pages are named by the `Link` header.
    pub fn request(&self, environment: &Environment) -> Request {
        let mut url = environment.resource(&["devices"]).into_inner();
        let max = self.max.map(|max| max.to_string());
        let pairs = [
            ("orgId", self.org_id.as_ref().map(OrgId::as_str)),
            ("workspaceId", self.workspace_id.as_ref().map(WorkspaceId::as_str)),
            ("max", max.as_deref()),
        ];
        append(&mut url, &pairs);
        Request::new(Method::GET, SafeUrl::new(url))
    }
}

/// Adds what was said, and no empty `?` where nothing was.
pub(crate) fn append(url: &mut url::Url, pairs: &[(&str, Option<&str>)]) {
    for (name, value) in pairs {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_of_the_documentation_reads() {
        let device: Device = serde_json::from_str(
            r#"{"id":"d","displayName":"SFO12-3-PanHandle","workspaceId":"w","personId":"p","orgId":"o","capabilities":["xapi"],
                "permissions":["xapi:readonly"],"connectionStatus":"connected_with_issues","product":"Cisco Webex DX80",
                "type":"roomdesk","errorCodes":["sipprofileregistration"],"lastSeen":"2023-08-15T14:04:00.444Z",
                "plannedMaintenance":"off","lifecycle":"ACTIVE"}"#,
        )
        .unwrap();
        assert_eq!(device.connection_status, ConnectionStatus::ConnectedWithIssues);
        assert_eq!(device.device_type, DeviceType::RoomDesk);
        assert_eq!(device.permissions, ["xapi:readonly"]);
        assert!(device.last_seen.is_some());
    }

    #[test]
    fn missing_null_and_unknown_fields_decode() {
        for json in [
            "{}",
            r#"{"id":null,"displayName":null,"workspaceId":null,"product":null,"type":null,"connectionStatus":null,"permissions":null}"#,
            r#"{"type":"hologram","connectionStatus":"dreaming","plannedMaintenance":{"mode":"off"}}"#,
        ] {
            let device: Device = serde_json::from_str(json).unwrap();
            assert_eq!(device.id, None);
            assert_eq!(device.device_type, DeviceType::Unknown, "{json}");
            assert_eq!(device.connection_status, ConnectionStatus::Unknown, "{json}");
            assert!(device.permissions.is_empty());
        }
    }

    #[test]
    fn maintenance_is_read_as_a_word_and_as_an_object() {
        for (json, expected) in [
            (r#""off""#, false),
            (r#""on""#, true),
            (r#"{"mode":"on"}"#, true),
            (r#"{"mode":"upcoming","startTime":"2026-10-01T00:00:00.000Z"}"#, false),
            (r#"{"mode":null}"#, false),
            ("null", false),
            ("[7]", false),
        ] {
            let device: Device = serde_json::from_str(&format!(r#"{{"plannedMaintenance":{json}}}"#)).unwrap();
            assert_eq!(device.in_maintenance, expected, "{json}");
        }
    }

    #[test]
    fn every_status_has_the_word_that_webex_uses() {
        for word in "connected disconnected connected_with_issues offline_expired offline_deep_sleep activating pending"
            .split(' ')
        {
            let status: ConnectionStatus = serde_json::from_value(word.into()).unwrap();
            assert_eq!(status.as_str(), word);
        }
    }

    #[test]
    fn a_list_asks_only_for_what_was_said() {
        let environment = Environment::commercial();
        let plain = ListDevices::default().request(&environment);
        assert_eq!(plain.url.expose().as_str(), "https://webexapis.com/v1/devices");
        let query =
            ListDevices { org_id: Some(OrgId::new("o")), max: Some(3), workspace_id: None }.request(&environment);
        assert_eq!(query.url.expose().query(), Some("orgId=o&max=3"));
    }
}
