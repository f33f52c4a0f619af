//! The device grant (RFC 8628).

use std::time::Duration;

use jiff::Timestamp;
use lanyard_protocol::{AppClientId, ScopeSet};
use uuid::Uuid;

use super::grant::Grant;
use super::{ExchangeError, Issuer, Rights, Terms, TokenReply, after};
use crate::fingerprint::Fingerprint;
use crate::random;

/// How long the codes are good, as Webex has it.
pub(crate) const DEVICE_LIFE: Duration = Duration::from_mins(5);

/// The time that each early poll adds to the interval permanently (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);

/// A device that waits for its person.
#[derive(Clone, Debug)]
pub(crate) struct Pairing {
    pub(crate) client: AppClientId,
    pub(crate) app_name: String,
    pub(crate) scopes: ScopeSet,
    pub(crate) user_code: String,
    expires_at: Timestamp,
    last_poll: Option<Timestamp>,
    /// How long to wait between two polls.
    interval: Duration,
    decision: Decision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Open,
    Accepted(Uuid),
    Denied,
}

/// The result of a poll.
#[derive(Clone, Debug)]
pub(crate) enum DevicePoll {
    Granted(Box<TokenReply>),
    Pending,
    SlowDown,
    Denied,
    Expired,
    TooManyTokens,
}

impl Issuer {
    /// Makes codes for a device; gives the device code and the user code.
    pub(crate) fn pair(&mut self, client: AppClientId, scopes: ScopeSet, terms: Terms<'_>) -> Option<(String, String)> {
        let app_name = self.apps.get(&client)?.name.clone();
        self.pairings.retain(|_, pairing| pairing.expires_at > terms.now);
        let code = random::text(terms.entropy);
        let user_code = loop {
            let candidate = format!("{:06}", random::below(terms.entropy, 1_000_000));
            if self.pairings.values().all(|pairing| pairing.user_code != candidate) {
                break candidate;
            }
        };
        let pairing = Pairing {
            client,
            app_name,
            scopes,
            user_code: user_code.clone(),
            expires_at: after(terms.now, DEVICE_LIFE),
            last_poll: None,
            interval: terms.behaviour.device_interval,
            decision: Decision::Open,
        };
        self.pairings.insert(Fingerprint::of(&code), pairing);
        Some((code, user_code))
    }

    /// The device that shows this code and still waits.
    pub(crate) fn pairing(&self, user_code: &str, now: Timestamp) -> Option<&Pairing> {
        self.pairings.values().find(|pairing| {
            pairing.user_code == user_code.trim() && pairing.expires_at > now && pairing.decision == Decision::Open
        })
    }

    /// The person has decided: `Some` is who said yes. `false` when the device waits no longer.
    pub(crate) fn decide_pairing(&mut self, user_code: &str, account: Option<Uuid>, now: Timestamp) -> bool {
        let pairing = self.pairings.values_mut().find(|pairing| {
            pairing.user_code == user_code && pairing.expires_at > now && pairing.decision == Decision::Open
        });
        let Some(pairing) = pairing else { return false };
        pairing.decision = account.map_or(Decision::Denied, Decision::Accepted);
        true
    }

    /// A device asks. Its code is good for one token set.
    pub(crate) fn poll(&mut self, client: &AppClientId, code: &str, terms: Terms<'_>) -> DevicePoll {
        let key = Fingerprint::of(code);
        let Some(pairing) = self.pairings.get_mut(&key).filter(|pairing| pairing.client == *client) else {
            return DevicePoll::Expired;
        };
        if pairing.expires_at <= terms.now {
            self.pairings.remove(&key);
            return DevicePoll::Expired;
        }
        let early = pairing.last_poll.is_some_and(|last| terms.now < after(last, pairing.interval));
        pairing.last_poll = Some(terms.now);
        let account = match pairing.decision {
            Decision::Open if early => {
                pairing.interval += SLOWER;
                return DevicePoll::SlowDown;
            }
            Decision::Open => return DevicePoll::Pending,
            Decision::Denied => {
                self.pairings.remove(&key);
                return DevicePoll::Denied;
            }
            Decision::Accepted(account) => account,
        };
        let scopes = pairing.scopes.clone();
        self.pairings.remove(&key);
        if self.blocks(account, client) {
            return DevicePoll::Denied;
        }
        match self.make_room(account, terms.now) {
            Ok(()) => {}
            Err(ExchangeError::TooManyTokens | ExchangeError::DeadCode | ExchangeError::DeadGrant) => {
                return DevicePoll::TooManyTokens;
            }
        }
        let grant = Grant::new(Some(client.clone()), account, Rights::Consented(scopes.clone()));
        DevicePoll::Granted(Box::new(self.start_grant(grant, scopes, terms)))
    }
}
