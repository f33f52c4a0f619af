//! Workspaces and the devices in them.

use std::collections::{BTreeMap, HashMap};

use lanyard_protocol::WebexId;
use lanyard_time::{Entropy, SeededEntropy};
use uuid::Uuid;

use crate::random;

/// The first organisation's workspaces and devices.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) devices: Vec<Device>,
    /// By bot: what Control Hub granted, by workspace.
    grants: HashMap<Uuid, BTreeMap<Uuid, Access>>,
}

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) capacity: usize,
    pub(crate) kind: &'static str,
}

#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: Uuid,
    /// Personal devices stand in none.
    pub(crate) workspace: Option<Uuid>,
    pub(crate) person: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) product: &'static str,
    /// `roomdesk` or `phone`.
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) serial: String,
    pub(crate) mac: String,
    pub(crate) ip: String,
}

impl Device {
    /// Room devices have the xAPI, and so have the newer desk phones; other phones have none.
    pub(crate) fn has_xapi(&self) -> bool {
        self.kind != "phone" || self.product == PHONE_OS
    }

    pub(crate) fn software(&self) -> &'static str {
        match (self.kind, self.product) {
            (_, PHONE_OS) => "PhoneOS 3.5.1",
            ("phone", _) => "sip8845_65.12-0-5",
            _ => "RoomOS 11.20.1.7",
        }
    }

    /// What ails it.
    pub(crate) fn error_code(&self) -> Option<&'static str> {
        (self.status == "connected_with_issues").then_some("microphonemutedexternal")
    }
}

/// What a bot may do with the devices of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Full,
}

impl Access {
    /// The word in a device's `permissions`.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::Read => "xapi:readonly",
            Self::Full => "xapi:all",
        }
    }
}

impl Rooms {
    /// So many devices, most of them in workspaces, two in each; every tenth is somebody's own; every eighth workspace is bare.
    pub(crate) fn from_seed(seed: u64, devices: usize, people: &[Uuid]) -> Self {
        // A sequence of their own, so that people and ids do not depend on how many devices there are.
        let entropy = SeededEntropy::new(seed.rotate_left(16) ^ 0x726f_6f6d);
        let mut rooms = Self::default();
        for number in 0..devices {
            if number % 10 == 9 && people.len() > 1 {
                let owner = people[1 + number / 10 % (people.len() - 1)];
                rooms.devices.push(device(&entropy, None, Some(owner), format!("Desk {number}")));
                continue;
            }
            if rooms.last_is_full() {
                rooms.add_workspace(&entropy);
                if rooms.workspaces.len() % 8 == 0 {
                    rooms.add_workspace(&entropy);
                }
            }
            if let Some(workspace) = rooms.workspaces.last() {
                let name = format!("{} {}", workspace.name, if rooms.devices.len() % 2 == 0 { "A" } else { "B" });
                let device = device(&entropy, Some(workspace.id), None, name);
                rooms.devices.push(device);
            }
        }
        rooms
    }

    fn last_is_full(&self) -> bool {
        let Some(last) = self.workspaces.last() else { return true };
        self.devices.iter().rev().take(3).filter(|device| device.workspace == Some(last.id)).count() >= 2
    }

    fn add_workspace(&mut self, entropy: &dyn Entropy) {
        let number = self.workspaces.len();
        let (name, kind, capacity) = PLACES[random::below(entropy, PLACES.len())];
        self.workspaces.push(Workspace {
            id: random::uuid(entropy),
            name: format!("{}.{:02} {name}", 1 + number / 20, 1 + number % 20),
            capacity,
            kind,
        });
    }

    /// What a bot may do there.
    pub(crate) fn access(&self, bot: Uuid, workspace: Option<Uuid>) -> Option<Access> {
        self.grants.get(&bot)?.get(&workspace?).copied()
    }

    /// Grants, changes or takes away; `false` when there is no such workspace.
    pub(crate) fn grant(&mut self, bot: Uuid, workspace: Uuid, access: Option<Access>) -> bool {
        if !self.workspaces.iter().any(|known| known.id == workspace) {
            return false;
        }
        let granted = self.grants.entry(bot).or_default();
        match access {
            Some(access) => granted.insert(workspace, access),
            None => granted.remove(&workspace),
        };
        true
    }

    /// How many devices stand in each workspace.
    pub(crate) fn counts(&self) -> HashMap<Uuid, usize> {
        let mut counts = HashMap::new();
        for workspace in self.devices.iter().filter_map(|device| device.workspace) {
            *counts.entry(workspace).or_default() += 1;
        }
        counts
    }
}

/// The id of a device, in a cluster of its own.
pub(crate) fn device_id(id: Uuid) -> String {
    WebexId { cluster: "urn:TEAM:us-east-1_int13".into(), kind: "DEVICE".into(), value: id.to_string() }.encode()
}

fn device(entropy: &dyn Entropy, workspace: Option<Uuid>, person: Option<Uuid>, name: String) -> Device {
    let (product, kind) = PRODUCTS[random::below(entropy, PRODUCTS.len())];
    let number = u64::from_le_bytes(random::bytes(entropy));
    let byte = |index: u32| (number >> (8 * index)) & 0xff;
    Device {
        id: random::uuid(entropy),
        workspace,
        person,
        name,
        product,
        kind,
        status: STATUSES[random::below(entropy, STATUSES.len())],
        serial: format!("FOC{:08X}", number & 0xffff_ffff),
        mac: format!("00:1E:7A:{:02X}:{:02X}:{:02X}", byte(3), byte(4), byte(5)),
        ip: format!("10.{}.{}.{}", byte(0) % 32, byte(4), byte(5)),
    }
}

const PLACES: [(&str, &str, usize); 8] = [
    ("Huddle", "huddle", 4),
    ("Boardroom", "meetingRoom", 16),
    ("Training", "meetingRoom", 24),
    ("Lobby", "open", 8),
    ("Focus", "focus", 1),
    ("Canteen", "open", 40),
    ("Project", "meetingRoom", 10),
    ("Reception", "desk", 2),
];

const PRODUCTS: [(&str, &str); 7] = [
    ("Cisco Room Kit", "roomdesk"),
    ("Cisco Room Bar", "roomdesk"),
    ("Cisco Board Pro 75", "roomdesk"),
    ("Cisco Desk Pro", "roomdesk"),
    ("Cisco Room Navigator", "roomdesk"),
    (PHONE_OS, "phone"),
    ("Cisco 8845", "phone"),
];

/// A phone of the newer kind.
const PHONE_OS: &str = "Cisco 9871";

/// Most are well.
const STATUSES: [&str; 10] = [
    "connected",
    "connected",
    "connected",
    "connected",
    "connected",
    "connected",
    "connected",
    "connected_with_issues",
    "disconnected",
    "offline_expired",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_every_room_and_a_grant_opens_one() {
        let people = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let (mut one, other) = (Rooms::from_seed(3, 200, &people), Rooms::from_seed(3, 200, &people));
        assert_eq!(one.devices.len(), 200);
        assert!(one.devices.iter().zip(&other.devices).all(|(a, b)| a.id == b.id && a.name == b.name));
        let counts = one.counts();
        assert!(one.workspaces.iter().any(|workspace| !counts.contains_key(&workspace.id)), "some are bare");
        assert!(one.devices.iter().any(|device| device.workspace.is_none()), "some are somebody's own");

        let (bot, workspace) = (Uuid::from_u128(9), one.workspaces[0].id);
        assert_eq!(one.access(bot, Some(workspace)), None);
        assert!(one.grant(bot, workspace, Some(Access::Read)));
        assert_eq!(one.access(bot, Some(workspace)), Some(Access::Read));
        assert!(one.grant(bot, workspace, None));
        assert_eq!(one.access(bot, Some(workspace)), None);
        assert!(!one.grant(bot, Uuid::from_u128(10), Some(Access::Full)));
    }
}
