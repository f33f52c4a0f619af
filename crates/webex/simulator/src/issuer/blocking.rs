//! Integrations that an organisation's administrator blocks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lanyard_protocol::AppClientId;
use uuid::Uuid;

use super::{Issuer, Rights};

/// The integrations that an organisation blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocked {
    pub(crate) all: bool,
    pub(crate) clients: BTreeSet<AppClientId>,
}

impl Blocked {
    pub(crate) fn covers(&self, client: &AppClientId) -> bool {
        self.all || self.clients.contains(client)
    }
}

impl Issuer {
    /// The integrations that an organisation blocks.
    pub(crate) fn blocked_in(&self, organisation: Uuid) -> Blocked {
        self.blocked.get(&organisation).cloned().unwrap_or_default()
    }

    /// Whether a person's organisation blocks an integration.
    pub(crate) fn blocks(&self, account: Uuid, client: &AppClientId) -> bool {
        self.blocked.get(&self.organisation_of(account)).is_some_and(|blocked| blocked.covers(client))
    }

    /// Blocks an integration, or all of them, in an organisation: what its people have consented to ends. Says how many grants.
    pub(crate) fn block(&mut self, organisation: Uuid, client: Option<&AppClientId>) -> usize {
        let blocked = self.blocked.entry(organisation).or_default();
        match client {
            Some(client) => {
                blocked.clients.insert(client.clone());
            }
            None => blocked.all = true,
        }
        let ended: Vec<_> = self
            .grants
            .iter()
            .filter(|(_, grant)| {
                matches!(grant.rights, Rights::Consented(_))
                    && self.organisation_of(grant.account) == organisation
                    && (client.is_none() || grant.client.as_ref() == client)
            })
            .map(|(&id, _)| id)
            .collect();
        for &id in &ended {
            self.end(id);
        }
        ended.len()
    }

    /// Allows again what was blocked: one integration, or all that are not blocked on their own. What ended stays so.
    pub(crate) fn unblock(&mut self, organisation: Uuid, client: Option<&AppClientId>) {
        let blocked = self.blocked.entry(organisation).or_default();
        match client {
            Some(client) => {
                blocked.clients.remove(client);
            }
            None => blocked.all = false,
        }
    }

    /// The integrations that people of an organisation have consented to, and how many people each.
    pub(crate) fn consented_in(&self, organisation: Uuid, now: Timestamp) -> BTreeMap<AppClientId, usize> {
        let mut people: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for grant in self.grants.values() {
            let renewable = grant.current.as_ref().is_some_and(|current| current.expires_at > now);
            if let (Rights::Consented(_), Some(client), true) = (&grant.rights, &grant.client, renewable)
                && self.organisation_of(grant.account) == organisation
            {
                people.entry(client.clone()).or_default().insert(grant.account);
            }
        }
        people.into_iter().map(|(client, people)| (client, people.len())).collect()
    }

    /// Whether a person has consented before to all that an integration asks for.
    pub(crate) fn has_consented(
        &self,
        account: Uuid,
        client: &AppClientId,
        scopes: &lanyard_protocol::ScopeSet,
        now: Timestamp,
    ) -> bool {
        self.grants.values().any(|grant| {
            let live = grant.current.as_ref().is_some_and(|current| current.expires_at > now);
            let covered = matches!(&grant.rights, Rights::Consented(given) if scopes.without(given).is_empty());
            live && covered && grant.account == account && grant.client.as_ref() == Some(client)
        })
    }
}
