//! How grants and tokens end before their time.

use lanyard_protocol::AppClientId;
use uuid::Uuid;

use super::Issuer;
use super::grant::GrantId;
use crate::fingerprint::Fingerprint;

/// Which grants are meant: those that fit every criterion given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    pub(crate) client: Option<AppClientId>,
    pub(crate) account: Option<Uuid>,
    /// The short form.
    pub(crate) refresh_token_fingerprint: Option<String>,
}

impl Issuer {
    /// Ends an app's own access token, as the identity broker's revocation does. `false` when it is none of the app's.
    pub(crate) fn revoke_access_token(&mut self, client: &AppClientId, token: &str) -> bool {
        let fingerprint = Fingerprint::of(token);
        let owned = self
            .access
            .get(&fingerprint)
            .and_then(|access| self.grants.get(&access.grant))
            .is_some_and(|grant| grant.client.as_ref() == Some(client));
        owned && self.access.remove(&fingerprint).is_some()
    }

    /// Ends the grant behind an app's own refresh token, and with it the grant's access tokens.
    pub(crate) fn revoke_refresh_token(&mut self, client: &AppClientId, token: &str) -> bool {
        let Some(&id) = self.refresh.get(&Fingerprint::of(token)) else {
            return false;
        };
        let owned = self.grants.get(&id).is_some_and(|grant| grant.client.as_ref() == Some(client));
        if owned {
            self.end(id);
        }
        owned
    }

    /// Whether this text is a refresh token of the app.
    pub(crate) fn is_refresh_token(&self, client: &AppClientId, token: &str) -> bool {
        self.refresh
            .get(&Fingerprint::of(token))
            .and_then(|id| self.grants.get(id))
            .is_some_and(|grant| grant.client.as_ref() == Some(client))
    }

    /// Ends grants, as a password change or a deactivated account does. Says how many.
    pub(crate) fn end_grants(&mut self, selection: &Selection) -> usize {
        let chosen = self.chosen(selection);
        for &id in &chosen {
            self.end(id);
        }
        chosen.len()
    }

    /// Ends access tokens and leaves their grants. Says how many.
    pub(crate) fn end_access_tokens(&mut self, selection: &Selection) -> usize {
        let chosen = self.chosen(selection);
        let before = self.access.len();
        self.access.retain(|_, access| chosen.binary_search(&access.grant).is_err());
        before - self.access.len()
    }

    /// In ascending order.
    fn chosen(&self, selection: &Selection) -> Vec<GrantId> {
        self.grants
            .iter()
            .filter(|(_, grant)| {
                let client = selection.client.as_ref();
                let fingerprint = selection.refresh_token_fingerprint.as_deref();
                client.is_none_or(|client| grant.client.as_ref() == Some(client))
                    && selection.account.is_none_or(|account| grant.account == account)
                    && fingerprint.is_none_or(|short| {
                        grant
                            .current
                            .as_ref()
                            .is_some_and(|current| Fingerprint::of(current.token.expose_secret()).short() == short)
                    })
            })
            .map(|(&id, _)| id)
            .collect()
    }

    pub(super) fn end(&mut self, id: GrantId) {
        self.grants.remove(&id);
        self.refresh.retain(|_, grant| *grant != id);
        self.access.retain(|_, access| access.grant != id);
    }
}
