//! Workspace integrations: what an organisation has activated, and the messages that wait for it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use lanyard_protocol::AppClientId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::rooms::{Condition, Rooms, device_id};
use super::{date, organisation_id, webex_id};

/// The workspace integrations of all organisations, by id.
pub(crate) type Integrations = BTreeMap<Uuid, WorkspaceIntegration>;

/// A workspace integration in one organisation. Its id is part of its address.
#[derive(Debug)]
pub(crate) struct WorkspaceIntegration {
    pub(crate) organisation: Uuid,
    pub(crate) client: AppClientId,
    /// The account that it acts as.
    pub(crate) machine: Uuid,
    pub(crate) state: Provisioning,
    /// Whether it has asked for a queue.
    pub(crate) listens: bool,
    /// How often it has answered a health check.
    pub(crate) health_checks_answered: u64,
    /// The condition of each device that its queue has been told, or need not be told.
    told: HashMap<Uuid, Condition>,
    waiting: VecDeque<Value>,
    /// The messages that the last poll took.
    last: Vec<Value>,
    /// How many messages were made so far.
    made: u64,
}

/// How far the activation of an integration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provisioning {
    InProgress,
    Completed,
    Removed,
}

/// How a queue treats its messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueBehaviour {
    /// One message in so many is lost; none at 0.
    pub(crate) drops_every: u64,
    /// Whether each poll also gets the messages of the poll before it.
    pub(crate) repeats: bool,
}

impl WorkspaceIntegration {
    pub(crate) fn new(organisation: Uuid, client: AppClientId, machine: Uuid) -> Self {
        Self {
            organisation,
            client,
            machine,
            state: Provisioning::InProgress,
            listens: false,
            health_checks_answered: 0,
            told: HashMap::new(),
            waiting: VecDeque::new(),
            last: Vec::new(),
            made: 0,
        }
    }

    /// Begins again: an administrator has activated it once more.
    pub(crate) fn activate(&mut self) {
        (self.state, self.listens) = (Provisioning::InProgress, false);
        self.told.clear();
        self.waiting.clear();
        self.last.clear();
    }

    /// Gives it a queue. It tells what changes after this.
    pub(crate) fn listen(&mut self, rooms: &Rooms, now: Timestamp) {
        if !std::mem::replace(&mut self.listens, true) {
            self.told = self.conditions(rooms, now);
        }
    }

    /// Adds a message that is not about a device.
    pub(crate) fn tell(&mut self, message: Value) {
        self.waiting.push_back(message);
    }

    /// The messages that one poll takes: those that wait, and one for each device whose condition has changed.
    pub(crate) fn take(&mut self, rooms: &Rooms, id: Uuid, behaviour: QueueBehaviour, now: Timestamp) -> Vec<Value> {
        let mut messages: Vec<Value> = self.waiting.drain(..).collect();
        let conditions = self.conditions(rooms, now);
        let changed = conditions.iter().filter(|(device, condition)| self.told.get(device) != Some(*condition));
        let mut changed: Vec<_> = changed.collect();
        changed.sort_unstable_by_key(|(device, _)| **device);
        for (device, condition) in changed {
            messages.push(json!({
                "type": "status",
                "deviceId": device_id(*device),
                "workspaceId": rooms.device(*device).and_then(|device| device.workspace).map(|id| webex_id("PLACES", id)),
                "orgId": organisation_id(self.organisation),
                "appId": id.to_string(),
                "timestamp": date(now),
                "changes": {
                    "updated": {
                        "ConnectionStatus": condition.status.as_str(),
                        "Diagnostics.Messages": condition.errors,
                    },
                    "removed": [],
                },
                "isFullSync": false,
            }));
        }
        self.told = conditions;
        messages.retain(|_| {
            self.made += 1;
            behaviour.drops_every == 0 || !self.made.is_multiple_of(behaviour.drops_every)
        });
        if messages.is_empty() {
            return messages;
        }
        let earlier = std::mem::replace(&mut self.last, messages.clone());
        if behaviour.repeats { earlier.into_iter().chain(messages).collect() } else { messages }
    }

    fn conditions(&self, rooms: &Rooms, now: Timestamp) -> HashMap<Uuid, Condition> {
        let own = rooms.devices().filter(|device| device.organisation == self.organisation);
        own.map(|device| (device.id, rooms.condition(device, now).0)).collect()
    }
}
