//! Grants: what was given once and is renewed by refreshing.

use jiff::Timestamp;
use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::RefreshToken;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{Issuer, Rights, Terms, TokenReply, after};
use crate::fingerprint::Fingerprint;

/// A grant's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub(crate) struct GrantId(pub(super) u64);

#[derive(Debug)]
pub(super) struct Grant {
    /// `None` for bot and personal tokens.
    pub(super) client: Option<AppClientId>,
    pub(super) created: Timestamp,
    pub(super) account: Uuid,
    pub(super) rights: Rights,
    pub(super) current: Option<Current>,
    /// Spent refresh tokens that get their reply again for a while.
    pub(super) spent: Vec<Spent>,
    /// When a refresh last changed something, and what it gave.
    pub(super) last_refresh: Option<(Timestamp, TokenReply)>,
    pub(super) refreshed: u64,
}

/// The refresh token that is good for the next refresh.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) token: RefreshToken,
    pub(super) expires_at: Timestamp,
}

#[derive(Debug)]
pub(super) struct Spent {
    pub(super) fingerprint: Fingerprint,
    pub(super) at: Timestamp,
    pub(super) reply: TokenReply,
}

/// A live grant.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GrantView {
    pub(crate) id: GrantId,
    #[schemars(with = "Option<String>")]
    pub(crate) client_id: Option<AppClientId>,
    #[serde(skip)]
    pub(crate) account: Uuid,
    /// The first 12 hexadecimal digits of the refresh token's SHA-256.
    pub(crate) refresh_token_fingerprint: Option<String>,
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub(crate) refresh_token_expires_at: Option<Timestamp>,
    pub(crate) live_access_tokens: usize,
    /// How many times the grant was refreshed.
    pub(crate) refreshed: u64,
}

impl Grant {
    pub(super) fn new(client: Option<AppClientId>, account: Uuid, rights: Rights) -> Self {
        Self {
            client,
            created: Timestamp::UNIX_EPOCH,
            account,
            rights,
            current: None,
            spent: Vec::new(),
            last_refresh: None,
            refreshed: 0,
        }
    }
}

impl Issuer {
    /// Starts a grant with its first pair of tokens. Callers have made room before.
    pub(super) fn start_grant(&mut self, grant: Grant, scopes: ScopeSet, terms: Terms<'_>) -> TokenReply {
        let account = grant.account;
        let id = self.add_grant(grant, terms);
        let (access, access_expires_at) = self.issue_access(id, account, terms.behaviour.access_token_ttl, terms);
        let (refresh, refresh_expires_at) = self.give_refresh_token(id, terms);
        TokenReply { access, access_expires_at, refresh, refresh_expires_at, scopes, identity: None }
    }

    /// Starts a service app's grant, as an administrator's authorisation does.
    pub(crate) fn authorise_service_app(
        &mut self,
        client: AppClientId,
        machine: Uuid,
        scopes: ScopeSet,
        terms: Terms<'_>,
    ) -> RefreshToken {
        let id = self.add_grant(Grant::new(Some(client), machine, Rights::Authorised(scopes)), terms);
        self.give_refresh_token(id, terms).0
    }

    /// Gives the grant a new refresh token in place of the one it has, if any; the old one's fate is the caller's to decide.
    pub(super) fn give_refresh_token(&mut self, id: GrantId, terms: Terms<'_>) -> (RefreshToken, Timestamp) {
        let token = self.new_refresh_token(id, terms);
        let expires_at = after(terms.now, terms.behaviour.refresh_token_ttl);
        if let Some(grant) = self.grants.get_mut(&id) {
            grant.current = Some(Current { token: token.clone(), expires_at });
        }
        (token, expires_at)
    }

    /// The live grants, oldest first.
    pub(crate) fn grants(&self, now: Timestamp) -> Vec<GrantView> {
        let mut views: Vec<_> = self
            .grants
            .iter()
            .map(|(&id, grant)| {
                let current = grant.current.as_ref().filter(|current| current.expires_at > now);
                GrantView {
                    id,
                    client_id: grant.client.clone(),
                    account: grant.account,
                    refresh_token_fingerprint: current
                        .map(|current| Fingerprint::of(current.token.expose_secret()).short()),
                    refresh_token_expires_at: current.map(|current| current.expires_at),
                    live_access_tokens: 0,
                    refreshed: grant.refreshed,
                }
            })
            .collect();
        for access in self.access.values().filter(|access| access.expires_at > now) {
            if let Ok(index) = views.binary_search_by_key(&access.grant, |view| view.id) {
                views[index].live_access_tokens += 1;
            }
        }
        views
    }
}
