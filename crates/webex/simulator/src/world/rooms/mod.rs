//! Workspaces, the devices in them, and who may see what of them.

mod device;
mod life;
mod nature;
mod seed;
mod xapi;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use device::{Device, Home, Kind, Workspace, device_id, device_of, workspace_of};
pub(crate) use life::{Condition, Life, Status, Step};
pub(crate) use nature::{SAMPLE, Sense, people, reading};
pub(crate) use seed::Plan;
pub(crate) use xapi::{CommandError, Surroundings, merge, select};

use super::shelf::Shelf;

/// Every organisation's workspaces and devices.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    workspaces: Shelf<Workspace>,
    devices: Shelf<Device>,
    /// By workspace.
    inside: HashMap<Uuid, Vec<Uuid>>,
    /// By bot: what Control Hub granted, by workspace.
    grants: HashMap<Uuid, BTreeMap<Uuid, Access>>,
    /// By code: what a device that is told it becomes.
    activations: HashMap<String, Activation>,
    /// Whether things happen to devices of themselves.
    lively: bool,
}

/// A place for a device that has not come yet.
#[derive(Clone, Debug)]
pub(crate) struct Activation {
    pub(crate) organisation: Uuid,
    pub(crate) home: Home,
    pub(crate) product: String,
    pub(crate) expires_at: Timestamp,
}

/// A bot's access to the devices of a workspace.
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
    /// None yet; `lively` lets things happen to devices of themselves.
    pub(crate) fn new(lively: bool) -> Self {
        Self { lively, ..Self::default() }
    }

    pub(crate) fn workspaces(&self) -> impl Iterator<Item = &Workspace> {
        self.workspaces.iter()
    }

    pub(crate) fn workspace(&self, id: Uuid) -> Option<&Workspace> {
        self.workspaces.get(id)
    }

    pub(crate) fn workspace_mut(&mut self, id: Uuid) -> Option<&mut Workspace> {
        self.workspaces.get_mut(id)
    }

    pub(crate) fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter()
    }

    pub(crate) fn devices_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.devices.iter_mut()
    }

    pub(crate) fn device(&self, id: Uuid) -> Option<&Device> {
        self.devices.get(id)
    }

    pub(crate) fn device_mut(&mut self, id: Uuid) -> Option<&mut Device> {
        self.devices.get_mut(id)
    }

    /// The devices that stand in a workspace.
    pub(crate) fn devices_in(&self, workspace: Uuid) -> impl Iterator<Item = &Device> {
        self.inside.get(&workspace).into_iter().flatten().filter_map(|id| self.devices.get(*id))
    }

    pub(crate) fn add_workspace(&mut self, workspace: Workspace) {
        self.workspaces.put(workspace.id, workspace);
    }

    /// Takes a workspace away, and the devices in it.
    pub(crate) fn remove_workspace(&mut self, id: Uuid) {
        for device in self.inside.remove(&id).unwrap_or_default() {
            self.devices.take(device);
        }
        self.workspaces.take(id);
        for granted in self.grants.values_mut() {
            granted.remove(&id);
        }
    }

    pub(crate) fn add_device(&mut self, device: Device) {
        if let Some(workspace) = device.workspace {
            self.inside.entry(workspace).or_default().push(device.id);
        }
        self.devices.put(device.id, device);
    }

    pub(crate) fn remove_device(&mut self, id: Uuid) {
        let Some(device) = self.devices.take(id) else { return };
        if let Some(inside) = device.workspace.and_then(|workspace| self.inside.get_mut(&workspace)) {
            inside.retain(|other| *other != id);
        }
    }

    /// How a device is at a moment, and since when. A script goes before nature.
    pub(crate) fn condition(&self, device: &Device, now: Timestamp) -> (Condition, Option<Timestamp>) {
        let (scripted, since) = device.life.at(now);
        if since.is_none()
            && self.lively
            && scripted.status.is_online()
            && let Some((condition, since)) = nature::condition(device.id, now)
        {
            return (condition, Some(since));
        }
        (scripted.clone(), since)
    }

    /// A bot's access to a workspace, if it has any.
    pub(crate) fn access(&self, bot: Uuid, workspace: Option<Uuid>) -> Option<Access> {
        self.grants.get(&bot)?.get(&workspace?).copied()
    }

    /// The bots with access to a workspace, in a fixed order.
    pub(crate) fn granted(&self, workspace: Uuid) -> Vec<(Uuid, Access)> {
        let grants = self.grants.iter();
        let mut granted: Vec<_> = grants.filter_map(|(bot, places)| Some((*bot, *places.get(&workspace)?))).collect();
        granted.sort_unstable_by_key(|(bot, _)| *bot);
        granted
    }

    /// Grants, changes or takes away; `false` when there is no such workspace.
    pub(crate) fn grant(&mut self, bot: Uuid, workspace: Uuid, access: Option<Access>) -> bool {
        if self.workspaces.get(workspace).is_none() {
            return false;
        }
        let granted = self.grants.entry(bot).or_default();
        match access {
            Some(access) => granted.insert(workspace, access),
            None => granted.remove(&workspace),
        };
        true
    }

    /// Keeps a code until a device is told it; those that ran out are forgotten.
    pub(crate) fn expect(&mut self, code: String, activation: Activation, now: Timestamp) {
        self.activations.retain(|_, known| known.expires_at > now);
        self.activations.insert(code, activation);
    }

    /// Removes a code, and returns its activation unless the code has expired.
    pub(crate) fn activate(&mut self, code: &str, now: Timestamp) -> Option<Activation> {
        self.activations.remove(code).filter(|activation| activation.expires_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms() -> Rooms {
        let mut rooms = Rooms::default();
        let people = [Uuid::from_u128(1), Uuid::from_u128(2)];
        rooms.furnish(&Plan { seed: 3, organisation: Uuid::from_u128(7), devices: 200, people: &people });
        rooms
    }

    #[test]
    fn a_seed_decides_every_room_and_a_grant_opens_one() {
        let (mut one, other) = (rooms(), rooms());
        assert_eq!(one.devices().count(), 200);
        assert!(one.devices().zip(other.devices()).all(|(a, b)| a.id == b.id && a.name == b.name));
        let bare = |workspace: &&Workspace| one.devices_in(workspace.id).next().is_none();
        assert!(one.workspaces().any(|workspace| bare(&workspace)), "some are bare");
        assert!(one.devices().any(|device| device.workspace.is_none()), "some are somebody's own");

        let (bot, workspace) = (Uuid::from_u128(9), one.workspaces().next().unwrap().id);
        assert_eq!(one.access(bot, Some(workspace)), None);
        assert!(one.grant(bot, workspace, Some(Access::Read)));
        assert_eq!(one.access(bot, Some(workspace)), Some(Access::Read));
        assert_eq!(one.granted(workspace), [(bot, Access::Read)]);
        assert!(one.grant(bot, workspace, None));
        assert_eq!(one.access(bot, Some(workspace)), None);
        assert!(!one.grant(bot, Uuid::from_u128(10), Some(Access::Full)));
    }

    #[test]
    fn with_a_workspace_go_its_devices_and_nothing_else() {
        let mut rooms = rooms();
        let workspace = rooms.devices().find_map(|device| device.workspace).unwrap();
        let inside = rooms.devices_in(workspace).count();
        assert!(inside > 0);
        rooms.grant(Uuid::from_u128(9), workspace, Some(Access::Full));
        rooms.remove_workspace(workspace);
        assert_eq!(rooms.devices().count(), 200 - inside);
        assert!(rooms.workspace(workspace).is_none() && rooms.devices_in(workspace).next().is_none());
        assert_eq!(rooms.access(Uuid::from_u128(9), Some(workspace)), None);
    }
}
