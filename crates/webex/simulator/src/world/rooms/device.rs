//! One workspace, and one device.

use jiff::Timestamp;
use lanyard_protocol::WebexId;
use lanyard_time::Entropy;
use uuid::Uuid;

use super::life::{Condition, Life, Status};
use super::xapi::Xapi;
use crate::random;

#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: Uuid,
    /// The organisation that it belongs to.
    pub(crate) organisation: Uuid,
    /// Personal devices stand in none.
    pub(crate) workspace: Option<Uuid>,
    pub(crate) person: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) product: String,
    pub(crate) kind: Kind,
    pub(crate) serial: String,
    pub(crate) mac: String,
    pub(crate) ip: String,
    pub(crate) tags: Vec<String>,
    pub(crate) life: Life,
    pub(crate) xapi: Xapi,
}

/// The type of a device, as Webex calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    RoomDesk,
    Phone,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RoomDesk => "roomdesk",
            Self::Phone => "phone",
        }
    }
}

/// Where a device belongs: in a workspace or to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Workspace(Uuid),
    Person(Uuid),
}

impl Device {
    /// A device of that product, with a serial number and addresses drawn.
    pub(crate) fn new(entropy: &dyn Entropy, organisation: Uuid, home: Home, name: String, product: &str) -> Self {
        let number = u64::from_le_bytes(random::bytes(entropy));
        let byte = |index: u32| (number >> (8 * index)) & 0xff;
        let (workspace, person) = match home {
            Home::Workspace(id) => (Some(id), None),
            Home::Person(id) => (None, Some(id)),
        };
        Self {
            id: random::uuid(entropy),
            organisation,
            workspace,
            person,
            name,
            kind: kind_of(product),
            product: product.to_owned(),
            serial: format!("FOC{:08X}", number & 0xffff_ffff),
            mac: mac(kind_of(product), [byte(3), byte(4), byte(5)]),
            ip: format!("10.{}.{}.{}", byte(0) % 32, byte(4), byte(5)),
            tags: Vec::new(),
            life: Life::new(Condition::well()),
            xapi: Xapi::default(),
        }
    }

    /// One of the seeded ones: its product and how it is are drawn too.
    pub(super) fn drawn(entropy: &dyn Entropy, organisation: Uuid, home: Home, name: String) -> Self {
        let product = PRODUCTS[random::below(entropy, PRODUCTS.len())];
        let status = STATUSES[random::below(entropy, STATUSES.len())];
        let mut device = Self::new(entropy, organisation, home, name, product);
        device.life = Life::new(Condition::of(status));
        device
    }

    /// Room devices have the xAPI, and so have the newer desk phones; other phones have none.
    pub(crate) fn has_xapi(&self) -> bool {
        self.kind == Kind::RoomDesk || PHONE_OS.iter().any(|model| self.product.contains(model))
    }

    pub(crate) fn software(&self) -> &'static str {
        match self.kind {
            Kind::RoomDesk => "RoomOS 11.20.1.7",
            Kind::Phone if self.has_xapi() => "PhoneOS 3.5.1",
            Kind::Phone => "sip8845_65.12-0-5",
        }
    }
}

/// A MAC address: with colons for a room device, without them for a phone [C: live tests of `wxc_sdk`].
fn mac(kind: Kind, [a, b, c]: [u64; 3]) -> String {
    match kind {
        Kind::RoomDesk => format!("00:1E:7A:{a:02X}:{b:02X}:{c:02X}"),
        Kind::Phone => format!("001E7A{a:02X}{b:02X}{c:02X}"),
    }
}

/// The id of a device, in a cluster of its own.
pub(crate) fn device_id(id: Uuid) -> String {
    WebexId { cluster: "urn:TEAM:us-east-1_int13".into(), kind: "DEVICE".into(), value: id.to_string() }.encode()
}

/// The device that a Webex id names.
pub(crate) fn device_of(id: &str) -> Option<Uuid> {
    let id = WebexId::decode(id).ok().filter(|id| id.kind == "DEVICE")?;
    id.value.parse().ok()
}

/// A number in a product's name makes it a phone; room devices have words.
fn kind_of(product: &str) -> Kind {
    let model = product.split_whitespace().last().unwrap_or_default();
    if model.len() == 4 && model.starts_with(['6', '7', '8', '9']) && model.bytes().all(|byte| byte.is_ascii_digit()) {
        Kind::Phone
    } else {
        Kind::RoomDesk
    }
}

const PRODUCTS: [&str; 7] = [
    "Cisco Room Kit",
    "Cisco Room Bar",
    "Cisco Board Pro 75",
    "Cisco Desk Pro",
    "Cisco Room Navigator",
    "Cisco 9871",
    "Cisco 8845",
];

/// The desk phones that have the xAPI from `PhoneOS` 3.5 on.
const PHONE_OS: [&str; 5] = ["9841", "9851", "9861", "9871", "8875"];

/// Most are well.
const STATUSES: [Status; 10] = [
    Status::Connected,
    Status::Connected,
    Status::Connected,
    Status::Connected,
    Status::Connected,
    Status::Connected,
    Status::Connected,
    Status::WithIssues,
    Status::Disconnected,
    Status::Expired,
];

/// One workspace.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_told_from_a_room_device_by_its_model() {
        assert_eq!(kind_of("DMS Cisco 8865"), Kind::Phone);
        assert_eq!(kind_of("Cisco Board Pro 75"), Kind::RoomDesk);
        assert_eq!(kind_of(""), Kind::RoomDesk);
    }
}
