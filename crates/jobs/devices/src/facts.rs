//! What a device is: names, numbers and addresses.

use jiff::Timestamp;
use lanyard_protocol::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What Webex says of a device, besides its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Facts {
    /// The name to show: for most devices that of the room.
    pub name: String,
    /// The product.
    pub product: String,
    /// The workspace.
    pub workspace: Option<String>,
    /// The serial number.
    pub serial: Option<String>,
    /// The hardware address.
    pub mac: Option<String>,
    /// The address in its own network.
    pub ip: Option<String>,
    /// The version of its software.
    pub software: Option<String>,
    /// The release channel of its software, in Webex's word.
    pub channel: Option<String>,
    /// The labels that an administrator gave it.
    pub tags: Vec<String>,
    /// The errors that it reports, in Webex's words.
    pub errors: Vec<String>,
    /// Whether the credential may command it, too.
    pub full: bool,
    /// Whether an administrator has put it into maintenance.
    pub maintenance: bool,
    /// When Webex heard from it last, for a device that is not connected.
    #[schemars(with = "Option<String>")]
    pub heard_at: Option<Timestamp>,
}

/// How many texts of a list are kept, and how many characters of each text: a device that reports thousands of errors costs no more than
/// another.
const MOST: usize = 32;
const LONGEST: usize = 200;

impl Facts {
    /// The facts of a device that is connected or not.
    pub fn of(device: &Device, is_connected: bool) -> Self {
        Self {
            name: short(&device.display_name).to_owned(),
            product: short(&device.product).to_owned(),
            workspace: workspace(device).map(str::to_owned),
            serial: kept(device.serial.as_ref()).map(str::to_owned),
            mac: kept(device.mac.as_ref()).map(str::to_owned),
            ip: kept(device.ip.as_ref()).map(str::to_owned),
            software: kept(device.software.as_ref()).map(str::to_owned),
            channel: kept(device.upgrade_channel.as_ref()).map(str::to_owned),
            tags: first(&device.tags).map(str::to_owned).collect(),
            errors: first(&device.error_codes).map(str::to_owned).collect(),
            full: is_full(device),
            maintenance: device.in_maintenance,
            heard_at: heard_at(device, is_connected),
        }
    }

    /// Whether these are [the facts of](Self::of) a device. Of ten thousand devices hardly one has changed, so nothing is copied.
    pub(crate) fn are_of(&self, device: &Device, is_connected: bool) -> bool {
        let Self {
            name,
            product,
            workspace: room,
            serial,
            mac,
            ip,
            software,
            channel,
            tags,
            errors,
            full,
            maintenance,
            heard_at: heard,
        } = self;
        name == short(&device.display_name)
            && product == short(&device.product)
            && room.as_deref() == workspace(device)
            && serial.as_deref() == kept(device.serial.as_ref())
            && mac.as_deref() == kept(device.mac.as_ref())
            && ip.as_deref() == kept(device.ip.as_ref())
            && software.as_deref() == kept(device.software.as_ref())
            && channel.as_deref() == kept(device.upgrade_channel.as_ref())
            && tags.iter().eq(first(&device.tags))
            && errors.iter().eq(first(&device.error_codes))
            && *full == is_full(device)
            && *maintenance == device.in_maintenance
            && *heard == heard_at(device, is_connected)
    }

    /// Whether a person means this device by `text`: its name, its serial number, its hardware address in any form, or its id.
    pub fn is_meant_by(&self, id: &str, text: &str) -> bool {
        let text = text.trim();
        let digits = |mac: &str| mac.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_ascii_lowercase();
        let same_mac = || {
            let wanted = digits(text);
            let is_mac = text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.'));
            is_mac && wanted.len() == 12 && self.mac.as_deref().is_some_and(|mac| digits(mac) == wanted)
        };
        id == text
            || self.name.eq_ignore_ascii_case(text)
            || self.serial.as_deref().is_some_and(|serial| serial.eq_ignore_ascii_case(text))
            || same_mac()
    }

    /// Whether its name contains the text, in any case.
    pub fn is_named_like(&self, text: &str) -> bool {
        self.name.to_lowercase().contains(&text.trim().to_lowercase())
    }
}

fn workspace(device: &Device) -> Option<&str> {
    device.workspace_id.as_ref().map(|id| short(id.as_str()))
}

fn is_full(device: &Device) -> bool {
    device.permissions.iter().any(|held| held == FULL)
}

/// It changes at every reading of a device that is connected.
fn heard_at(device: &Device, is_connected: bool) -> Option<Timestamp> {
    device.last_seen.filter(|_| !is_connected)
}

fn kept(text: Option<&String>) -> Option<&str> {
    text.map(|text| short(text))
}

fn first(texts: &[String]) -> impl Iterator<Item = &str> {
    texts.iter().take(MOST).map(|text| short(text))
}

fn short(text: &str) -> &str {
    // No character is shorter than a byte.
    if text.len() <= LONGEST {
        return text;
    }
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

/// The permission to command a device.
pub(crate) const FULL: &str = "xapi:all";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_meant_by_its_name_serial_number_mac_in_any_form_or_id() {
        let facts = Facts {
            name: "1.04 Boardroom".to_owned(),
            serial: Some("FOC2744H0QX".to_owned()),
            mac: Some("70:18:A7:2C:11:0E".to_owned()),
            ..Facts::default()
        };
        for text in
            ["1.04 boardroom", "foc2744h0qx", "7018a72c110e", "70-18-a7-2c-11-0e", "7018.A72C.110E", "id", " id "]
        {
            assert!(facts.is_meant_by("id", text), "{text}");
        }
        for text in ["Boardroom", "7018a72c110", "7018a72c110f", "", "FOC"] {
            assert!(!facts.is_meant_by("id", text), "{text}");
        }
        assert!(facts.is_named_like("boardROOM"));
    }

    #[test]
    fn what_a_device_says_of_itself_is_bounded() {
        let codes: Vec<_> = (0..10_000).map(|number| format!("error-{number}")).collect();
        let device: Device = serde_json::from_value(serde_json::json!({
            "displayName": "x".repeat(100_000), "errorCodes": codes, "permissions": ["xapi:all"],
            "lastSeen": "2026-11-30T12:00:00Z",
        }))
        .unwrap();
        let facts = Facts::of(&device, false);
        assert_eq!((facts.name.len(), facts.errors.len(), facts.full), (200, 32, true));
        assert!(facts.heard_at.is_some());
        assert_eq!(Facts::of(&device, true).heard_at, None, "a connected device changes at no reading");
    }

    #[test]
    fn each_fact_that_changes_is_noticed() {
        let mut value = serde_json::json!({
            "displayName": "é".repeat(300), "product": "Cisco Board", "workspaceId": "w", "serial": "s", "mac": "m", "ip": "i", "software": "v",
            "upgradeChannel": "stable",
            "tags": ["a", "b"], "errorCodes": ["e"], "permissions": ["xapi:all"], "plannedMaintenance": "off",
            "lastSeen": "2026-11-30T12:00:00Z",
        });
        let read = |value: &serde_json::Value| serde_json::from_value::<Device>(value.clone()).unwrap();
        let before = read(&value);
        for is_connected in [false, true] {
            let facts = Facts::of(&before, is_connected);
            assert!(facts.are_of(&before, is_connected));
            assert_eq!(facts.name.chars().count(), 200);
        }
        let facts = Facts::of(&before, false);
        let names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        for name in names {
            let kept = value[&name].take();
            let after = read(&value);
            assert!(name == "plannedMaintenance" || !facts.are_of(&after, false), "{name}");
            assert!(Facts::of(&after, false).are_of(&after, false), "{name}");
            value[&name] = kept;
        }
        value["plannedMaintenance"] = "on".into();
        assert!(!facts.are_of(&read(&value), false));
        value["plannedMaintenance"] = "off".into();
        value["tags"] = serde_json::json!(["a", "b", "c"]);
        assert!(!facts.are_of(&read(&value), false));
    }
}
