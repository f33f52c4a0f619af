//! Which devices a caller sees, and what it may do with them.

use uuid::Uuid;

use crate::routes::extract::Caller;
use crate::routes::refusal::Refusal;
use crate::webex::State as Everything;
use crate::world::{Access, Device};

/// Whose devices a caller sees.
pub(in crate::routes) enum Sight {
    /// An organisation's.
    Organisation(Uuid),
    /// Those of workspaces that a bot was granted, whoever's they are.
    Granted { bot: Uuid },
    /// The caller's own.
    Own { person: Uuid },
}

impl Sight {
    /// The devices of an organisation that a caller sees.
    pub(in crate::routes) fn of(caller: &Caller, organisation: Uuid) -> Result<Self, Refusal> {
        Self::with(caller, organisation, "spark-admin:devices_read", "spark:devices_read")
    }

    /// The devices of an organisation that a caller may change.
    pub(super) fn writing(caller: &Caller, organisation: Uuid) -> Result<Self, Refusal> {
        if caller.is_bot() {
            return Err(Refusal::Forbidden);
        }
        Self::with(caller, organisation, "spark-admin:devices_write", "spark:devices_write")
    }

    fn with(caller: &Caller, organisation: Uuid, all: &str, own: &str) -> Result<Self, Refusal> {
        if caller.is_bot() {
            return Ok(Self::Granted { bot: caller.account.id });
        }
        if caller.has_any(&[all]) {
            return Ok(Self::Organisation(organisation));
        }
        caller.needs_any(&[own])?;
        Ok(Self::Own { person: caller.account.id })
    }

    /// The caller's access to a device; `None` if the caller does not see it.
    pub(in crate::routes) fn permission(&self, state: &Everything, device: &Device) -> Option<Access> {
        match *self {
            Self::Organisation(id) => (device.organisation == id).then_some(Access::Full),
            Self::Granted { bot } => state.rooms.access(bot, device.workspace),
            Self::Own { person } => (device.person == Some(person)).then_some(Access::Full),
        }
    }
}
