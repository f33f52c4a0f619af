//! Administrators' decisions in Control Hub: which bots may use devices, and which integrations their people may use.

use lanyard_protocol::{AppClientId, PersonType};
use uuid::Uuid;

use crate::webex::{State, Webex};
use crate::world::Access;

/// Why a bot got no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAccess {
    Bot,
    Workspace,
}

impl Webex {
    /// Workspace, Device API access: grants, changes, or takes away.
    pub(crate) fn give_access(&self, bot: &str, workspace: Uuid, access: Option<Access>) -> Result<(), NoAccess> {
        let mut state = self.state();
        let State { directory, rooms, .. } = &mut *state;
        let bot = directory.by_email(bot).filter(|account| account.kind == PersonType::Bot).ok_or(NoAccess::Bot)?;
        if rooms.grant(bot.id, workspace, access) { Ok(()) } else { Err(NoAccess::Workspace) }
    }

    /// Blocks an integration, or all, for the people of an organisation. Says how many grants ended.
    pub(crate) fn block_integrations(&self, organisation: Uuid, client: Option<&AppClientId>) -> usize {
        self.state().issuer.block(organisation, client)
    }

    /// Allows again what was blocked; what has ended stays so.
    pub(crate) fn unblock_integrations(&self, organisation: Uuid, client: Option<&AppClientId>) {
        self.state().issuer.unblock(organisation, client);
    }
}
