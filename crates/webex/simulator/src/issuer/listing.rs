//! Grants and tokens, as the Authorizations API shows them.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_protocol::AppClientId;
use uuid::Uuid;

use super::Issuer;
use super::grant::GrantId;
use crate::fingerprint::Fingerprint;

/// A refresh token or an access token that an app holds for a person.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: EntryId,
    pub(crate) client: AppClientId,
    pub(crate) app_name: String,
    pub(crate) created: Timestamp,
}

/// The grant or the token that an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryId {
    Refresh(GrantId),
    Access(Fingerprint),
}

impl EntryId {
    /// The value within the entry's Webex id.
    pub(crate) fn value(self) -> String {
        match self {
            Self::Refresh(GrantId(number)) => format!("refresh-{number}"),
            Self::Access(fingerprint) => format!("access-{}", fingerprint.short()),
        }
    }
}

impl Issuer {
    /// All live tokens that apps hold for an account, refresh tokens first.
    pub(crate) fn entries(&self, account: Uuid, now: Timestamp) -> Vec<Entry> {
        let named = |client: &Option<AppClientId>| {
            let client = client.clone()?;
            let name = self.apps.get(&client)?.name.clone();
            Some((client, name))
        };
        let refresh = self.grants.iter().filter_map(|(&id, grant)| {
            let current = grant.current.as_ref().filter(|current| current.expires_at > now);
            let (client, app_name) = named(&grant.client).filter(|_| current.is_some() && grant.account == account)?;
            Some(Entry { id: EntryId::Refresh(id), client, app_name, created: grant.created })
        });
        let access = self.access.iter().filter_map(|(&fingerprint, access)| {
            let grant = self.grants.get(&access.grant)?;
            let live = access.account == account && access.expires_at > now;
            let (client, app_name) = named(&grant.client).filter(|_| live)?;
            Some(Entry { id: EntryId::Access(fingerprint), client, app_name, created: access.issued_at })
        });
        let mut access: Vec<_> = access.collect();
        access.sort_by_key(|entry| (entry.created, entry.id.value()));
        refresh.chain(access).collect()
    }

    /// Makes the access tokens that an app holds older than they are. Says how many.
    pub(crate) fn age_access_tokens(&mut self, client: &AppClientId, by: Duration) -> usize {
        let grants = &self.grants;
        let of_app = |access: &&mut super::Access| {
            grants.get(&access.grant).is_some_and(|grant| grant.client.as_ref() == Some(client))
        };
        let aged = self.access.values_mut().filter(of_app);
        aged.map(|access| access.issued_at = access.issued_at.checked_sub(by).unwrap_or(Timestamp::MIN)).count()
    }

    /// Ends one; with a refresh token go the access tokens that it bought.
    pub(crate) fn end_entry(&mut self, id: EntryId) {
        match id {
            EntryId::Refresh(grant) => self.end(grant),
            EntryId::Access(fingerprint) => {
                self.access.remove(&fingerprint);
            }
        }
    }
}
