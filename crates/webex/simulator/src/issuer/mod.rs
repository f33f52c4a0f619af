//! The state of the identity broker: apps, grants and tokens.
//!
//! Tokens are found by their fingerprint. Nothing here waits or speaks HTTP; the moment, the behaviour and the randomness of a call come
//! in as [`Terms`].

mod app;
mod application;
mod authority;
mod blocking;
mod code;
mod device;
mod ending;
mod grant;
mod id_token;
mod listing;
mod refresh;
mod scopes;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_time::Entropy;
use thiserror::Error;
use uuid::Uuid;

use crate::behaviour::Behaviour;
use crate::fingerprint::Fingerprint;
use crate::random;

pub(crate) use app::App;
pub(crate) use application::{Application, MintRefusal};
pub(crate) use authority::{Authority, Rights, is_administrative};
pub(crate) use blocking::Blocked;
pub(crate) use code::CodeRequest;
pub(crate) use device::{DEVICE_LIFE, DevicePoll, Pairing};
pub(crate) use ending::Selection;
pub(crate) use grant::GrantView;
pub(crate) use id_token::{id_token, key_set, signed};
pub(crate) use listing::{Entry, EntryId};

pub(crate) use scopes::{OPENID, all_scopes, fleet_scopes, openid_scopes};

use code::Code;
use grant::{Grant, GrantId};

/// A hundred years.
pub(crate) const BOT_TOKEN_LIFE: Duration = Duration::from_hours(876_000);

/// Twelve hours, less the second that Webex's lifetimes lack.
pub(crate) const PERSONAL_TOKEN_LIFE: Duration = Duration::from_secs(43_199);

/// Past this many live access tokens an account gets no more (Webex's documented limit).
const MOST_LIVE_ACCESS_TOKENS: usize = 750;

/// Everything issued and not yet ended.
#[derive(Debug)]
pub(crate) struct Issuer {
    organisation: Uuid,
    apps: BTreeMap<AppClientId, App>,
    grants: BTreeMap<GrantId, Grant>,
    next_grant: u64,
    /// The service apps, by application id.
    applications: BTreeMap<String, Application>,
    /// The accounts of other organisations than the first.
    elsewhere: HashMap<Uuid, Uuid>,
    /// The owner of each bot.
    owners: HashMap<Uuid, Uuid>,
    /// The integrations that each organisation blocks.
    blocked: HashMap<Uuid, Blocked>,
    access: HashMap<Fingerprint, Access>,
    /// The live access tokens of each account; those that ran out are dropped when the next one is issued.
    live: HashMap<Uuid, Vec<Fingerprint>>,
    /// Current refresh tokens, and spent ones that may still get their reply again.
    refresh: HashMap<Fingerprint, GrantId>,
    codes: HashMap<Fingerprint, Code>,
    /// Sign-ins by code that are under way, by device code.
    pairings: HashMap<Fingerprint, Pairing>,
}

/// The inputs that decide a call.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) now: Timestamp,
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) entropy: &'a dyn Entropy,
}

/// A successful answer of the token endpoint, its lifetimes as moments.
#[derive(Clone, Debug)]
pub(crate) struct TokenReply {
    pub(crate) access: AccessToken,
    pub(crate) access_expires_at: Timestamp,
    pub(crate) refresh: RefreshToken,
    pub(crate) refresh_expires_at: Timestamp,
    pub(crate) scopes: ScopeSet,
    /// For whom an ID token is written, where one was asked for.
    pub(crate) identity: Option<Identity>,
}

/// The account that signed in, for the claims of an ID token.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) account: Uuid,
    pub(crate) signed_in_at: Timestamp,
    pub(crate) nonce: Option<String>,
}

/// Why nothing was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ExchangeError {
    #[error("The authorization code is expired, already used, or was not issued for this request.")]
    DeadCode,
    /// Webex's own sentence.
    #[error("The refresh token provided is expired, revoked, malformed, or invalid.")]
    DeadGrant,
    #[error("The maximum number of access tokens for this account has been reached.")]
    TooManyTokens,
}

#[derive(Debug)]
struct Access {
    grant: GrantId,
    account: Uuid,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Issuer {
    pub(crate) fn new(organisation: Uuid) -> Self {
        Self {
            organisation,
            apps: BTreeMap::new(),
            grants: BTreeMap::new(),
            next_grant: 0,
            applications: BTreeMap::new(),
            elsewhere: HashMap::new(),
            owners: HashMap::new(),
            blocked: HashMap::new(),
            access: HashMap::new(),
            live: HashMap::new(),
            refresh: HashMap::new(),
            codes: HashMap::new(),
            pairings: HashMap::new(),
        }
    }

    /// Whom an access token acts as and what it may do; `None` when it is unknown, revoked or has run out.
    pub(crate) fn authority(&self, token: &AccessToken, now: Timestamp) -> Option<Authority> {
        let access = self.access.get(&Fingerprint::of(token.expose_secret()))?;
        if access.expires_at <= now {
            return None;
        }
        let grant = self.grants.get(&access.grant)?;
        Some(Authority {
            account: access.account,
            rights: grant.rights.clone(),
            client: grant.client.clone(),
            expires_at: access.expires_at,
        })
    }

    /// Makes a token that belongs to no app: a bot's or a personal one. It cannot be renewed.
    pub(crate) fn issue_without_app(
        &mut self,
        account: Uuid,
        rights: Rights,
        life: Duration,
        terms: Terms<'_>,
    ) -> Result<AccessToken, ExchangeError> {
        self.make_room(account, terms.now)?;
        let grant = self.add_grant(Grant::new(None, account, rights), terms);
        Ok(self.issue_access(grant, account, life, terms).0)
    }

    /// Forgets the account's tokens that ran out, and refuses when too many are left.
    fn make_room(&mut self, account: Uuid, now: Timestamp) -> Result<(), ExchangeError> {
        let live = self.live.entry(account).or_default();
        live.retain(|fingerprint| match self.access.get(fingerprint) {
            Some(access) if access.expires_at > now => true,
            Some(_) => {
                self.access.remove(fingerprint);
                false
            }
            None => false,
        });
        if live.len() < MOST_LIVE_ACCESS_TOKENS { Ok(()) } else { Err(ExchangeError::TooManyTokens) }
    }

    fn add_grant(&mut self, mut grant: Grant, terms: Terms<'_>) -> GrantId {
        grant.created = terms.now;
        let id = GrantId(self.next_grant);
        self.next_grant += 1;
        self.grants.insert(id, grant);
        id
    }

    /// Callers have made room before.
    fn issue_access(
        &mut self,
        grant: GrantId,
        account: Uuid,
        life: Duration,
        terms: Terms<'_>,
    ) -> (AccessToken, Timestamp) {
        let token = AccessToken::new(random::token(terms.entropy, self.organisation_of(account)));
        let fingerprint = Fingerprint::of(token.expose_secret());
        let expires_at = after(terms.now, life);
        self.access.insert(fingerprint, Access { grant, account, issued_at: terms.now, expires_at });
        self.live.entry(account).or_default().push(fingerprint);
        (token, expires_at)
    }

    /// The organisation that an account's tokens end in.
    fn organisation_of(&self, account: Uuid) -> Uuid {
        self.elsewhere.get(&account).copied().unwrap_or(self.organisation)
    }

    fn new_refresh_token(&mut self, grant: GrantId, terms: Terms<'_>) -> RefreshToken {
        let account = self.grants.get(&grant).map(|grant| grant.account);
        let organisation = account.map_or(self.organisation, |account| self.organisation_of(account));
        let token = RefreshToken::new(random::token(terms.entropy, organisation));
        self.refresh.insert(Fingerprint::of(token.expose_secret()), grant);
        token
    }
}

/// The moment that lies `life` after `now`.
fn after(now: Timestamp, life: Duration) -> Timestamp {
    now.checked_add(life).unwrap_or(Timestamp::MAX)
}
