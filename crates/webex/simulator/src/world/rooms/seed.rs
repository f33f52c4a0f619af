//! Workspaces and devices made up from a seed.

use jiff::Timestamp;
use lanyard_time::{Entropy, SeededEntropy};
use uuid::Uuid;

use super::{Device, Home, Rooms, Workspace};
use crate::random;
use crate::world::{SITES, location_id};

/// A plan of the devices to make up.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) seed: u64,
    pub(crate) organisation: Uuid,
    /// How many devices.
    pub(crate) devices: usize,
    /// The people who may own a device; the first one, an administrator, owns none.
    pub(crate) people: &'a [Uuid],
}

impl Rooms {
    /// So many devices, most of them in workspaces, two in each; every tenth is somebody's own; every eighth workspace is bare.
    pub(crate) fn furnish(&mut self, plan: &Plan<'_>) {
        // A sequence of their own, so that people and ids do not depend on how many devices there are.
        let entropy = SeededEntropy::new(plan.seed.rotate_left(16) ^ 0x726f_6f6d);
        let (mut made, mut last) = (0, None);
        for number in 0..plan.devices {
            if number % 10 == 9 && plan.people.len() > 1 {
                let owner = plan.people[1 + number / 10 % (plan.people.len() - 1)];
                let device = Device::drawn(&entropy, plan.organisation, Home::Person(owner), format!("Desk {number}"));
                self.add_device(device);
                continue;
            }
            let (workspace, name, inside) = match last.take() {
                Some((id, name, inside)) if inside < 2 => (id, name, inside),
                _ => {
                    // One in eight stays bare.
                    if made % 8 == 7 {
                        self.build(&entropy, plan.organisation, &mut made);
                    }
                    let (id, name) = self.build(&entropy, plan.organisation, &mut made);
                    (id, name, 0)
                }
            };
            let letter = if inside == 0 { "A" } else { "B" };
            let home = Home::Workspace(workspace);
            self.add_device(Device::drawn(&entropy, plan.organisation, home, format!("{name} {letter}")));
            last = Some((workspace, name, inside + 1));
        }
    }

    /// The next workspace.
    fn build(&mut self, entropy: &dyn Entropy, organisation: Uuid, made: &mut usize) -> (Uuid, String) {
        let (name, kind, capacity) = PLACES[random::below(entropy, PLACES.len())];
        let id = random::uuid(entropy);
        let name = format!("{}.{:02} {name}", 1 + *made / 20, 1 + *made % 20);
        *made += 1;
        self.add_workspace(Workspace {
            id,
            organisation,
            name: name.clone(),
            capacity: Some(capacity),
            kind: kind.to_owned(),
            created: Timestamp::from_second(BUILT).unwrap_or(Timestamp::UNIX_EPOCH),
            // Every room stands somewhere.
            location: Some(location_id(SITES[*made % SITES.len()].id(organisation))),
            notes: None,
            supported_devices: "collaborationDevices",
            calling: "freeCalling".to_owned(),
            hotdesking: false,
        });
        (id, name)
    }
}

/// A morning in March 2022.
const BUILT: i64 = 1_646_640_000;

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
