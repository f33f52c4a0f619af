//! The refresh grant (RFC 6749, section 6) in its three behaviours.

use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::RefreshToken;

use super::grant::{GrantId, Spent};
use super::{ExchangeError, Issuer, Rights, Terms, TokenReply, after};
use crate::RefreshBehaviour;
use crate::fingerprint::Fingerprint;

impl Issuer {
    /// Renews a grant. Access tokens issued earlier stay valid until their own end.
    pub(crate) fn refresh(
        &mut self,
        client: &AppClientId,
        token: &RefreshToken,
        terms: Terms<'_>,
    ) -> Result<TokenReply, ExchangeError> {
        let fingerprint = Fingerprint::of(token.expose_secret());
        let id = *self.refresh.get(&fingerprint).ok_or(ExchangeError::DeadGrant)?;
        let grant = self.grants.get(&id).ok_or(ExchangeError::DeadGrant)?;
        if grant.client.as_ref() != Some(client) {
            return Err(ExchangeError::DeadGrant);
        }
        let current = grant.current.as_ref().ok_or(ExchangeError::DeadGrant)?;
        if Fingerprint::of(current.token.expose_secret()) != fingerprint {
            return self.repeat(id, fingerprint, terms);
        }
        if current.expires_at <= terms.now {
            return Err(ExchangeError::DeadGrant);
        }
        if let Some((at, reply)) = &grant.last_refresh
            && terms.now < after(*at, terms.behaviour.noop_refresh_window)
            && terms.now < reply.access_expires_at
        {
            return Ok(reply.clone());
        }
        self.renew(id, token, terms)
    }

    /// A spent token gets exactly the reply that it was spent for, within the window.
    fn repeat(&self, id: GrantId, fingerprint: Fingerprint, terms: Terms<'_>) -> Result<TokenReply, ExchangeError> {
        self.grants
            .get(&id)
            .and_then(|grant| grant.spent.iter().find(|spent| spent.fingerprint == fingerprint))
            .filter(|spent| terms.now < after(spent.at, terms.behaviour.repeat_window))
            .map(|spent| spent.reply.clone())
            .ok_or(ExchangeError::DeadGrant)
    }

    fn renew(&mut self, id: GrantId, token: &RefreshToken, terms: Terms<'_>) -> Result<TokenReply, ExchangeError> {
        let grant = self.grants.get(&id).ok_or(ExchangeError::DeadGrant)?;
        let account = grant.account;
        let scopes = match &grant.rights {
            Rights::Consented(scopes) | Rights::Authorised(scopes) => scopes.clone(),
            Rights::Person | Rights::Bot | Rights::Guest => ScopeSet::default(),
        };
        self.make_room(account, terms.now)?;
        let (access, access_expires_at) = self.issue_access(id, account, terms.behaviour.access_token_ttl, terms);
        let (refresh, refresh_expires_at) = if terms.behaviour.refresh == RefreshBehaviour::Keep {
            (token.clone(), after(terms.now, terms.behaviour.refresh_token_ttl))
        } else {
            self.give_refresh_token(id, terms)
        };
        let reply = TokenReply { access, access_expires_at, refresh, refresh_expires_at, scopes, identity: None };
        self.remember(id, token, &reply, terms);
        Ok(reply)
    }

    /// Writes down what a refresh did to the grant and to the token that was spent on it.
    fn remember(&mut self, id: GrantId, spent: &RefreshToken, reply: &TokenReply, terms: Terms<'_>) {
        let Some(grant) = self.grants.get_mut(&id) else {
            return;
        };
        grant.refreshed += 1;
        grant.last_refresh = Some((terms.now, reply.clone()));
        if let Some(current) = &mut grant.current {
            current.expires_at = reply.refresh_expires_at;
        }
        let fingerprint = Fingerprint::of(spent.expose_secret());
        let refresh = &mut self.refresh;
        grant.spent.retain(|spent| {
            let repeats = terms.now < after(spent.at, terms.behaviour.repeat_window);
            if !repeats {
                refresh.remove(&spent.fingerprint);
            }
            repeats
        });
        match terms.behaviour.refresh {
            RefreshBehaviour::Keep => {}
            RefreshBehaviour::Rotate => grant.spent.push(Spent { fingerprint, at: terms.now, reply: reply.clone() }),
            RefreshBehaviour::RotateStrict => {
                refresh.remove(&fingerprint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use lanyard_time::SystemEntropy;
    use uuid::Uuid;

    use super::*;
    use crate::Options;
    use crate::behaviour::Behaviour;

    struct Story {
        issuer: Issuer,
        client: AppClientId,
        behaviour: Behaviour,
        now: Timestamp,
        first: RefreshToken,
    }

    impl Story {
        fn with(options: &Options) -> Self {
            let behaviour = Behaviour::new(options);
            let mut issuer = Issuer::new(Uuid::nil());
            let client = AppClientId::new("C1");
            let now = Timestamp::from_second(1_000_000).unwrap();
            let terms = Terms { now, behaviour: &behaviour, entropy: &SystemEntropy };
            let first = issuer.authorise_service_app(client.clone(), Uuid::nil(), ScopeSet::default(), terms);
            Self { issuer, client, behaviour, now, first }
        }

        fn refresh(&mut self, token: &RefreshToken) -> Result<TokenReply, ExchangeError> {
            let terms = Terms { now: self.now, behaviour: &self.behaviour, entropy: &SystemEntropy };
            self.issuer.refresh(&self.client, token, terms)
        }

        fn pass(&mut self, time: Duration) {
            self.now = after(self.now, time);
        }
    }

    #[test]
    fn keeping_moves_the_expiry_and_leaves_the_value() {
        let mut story = Story::with(&Options::default());
        let first = story.first.clone();
        story.pass(Duration::from_hours(48));
        let reply = story.refresh(&first).unwrap();
        assert!(reply.refresh.matches(&first));
        assert_eq!(reply.refresh_expires_at, after(story.now, story.behaviour.refresh_token_ttl));
        story.pass(story.behaviour.refresh_token_ttl);
        assert_eq!(story.refresh(&first).unwrap_err(), ExchangeError::DeadGrant);
    }

    #[test]
    fn rotating_repeats_its_reply_within_the_window_and_no_longer() {
        let mut story = Story::with(&Options { refresh: RefreshBehaviour::Rotate, ..Options::default() });
        let first = story.first.clone();
        let reply = story.refresh(&first).unwrap();
        assert!(!reply.refresh.matches(&first));
        story.pass(Duration::from_secs(59));
        let again = story.refresh(&first).unwrap();
        assert!(again.refresh.matches(&reply.refresh) && again.access.matches(&reply.access));
        assert_eq!(again.access_expires_at, reply.access_expires_at);
        story.pass(Duration::from_secs(1));
        assert_eq!(story.refresh(&first).unwrap_err(), ExchangeError::DeadGrant);
        assert!(story.refresh(&reply.refresh).is_ok());
    }

    #[test]
    fn rotating_strictly_ends_the_spent_token_at_once() {
        let mut story = Story::with(&Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() });
        let first = story.first.clone();
        let reply = story.refresh(&first).unwrap();
        assert_eq!(story.refresh(&first).unwrap_err(), ExchangeError::DeadGrant);
        assert!(story.refresh(&reply.refresh).is_ok());
    }

    #[test]
    fn within_the_no_op_window_a_further_refresh_changes_nothing() {
        let mut story =
            Story::with(&Options { noop_refresh_window: Some(Duration::from_hours(24)), ..Options::default() });
        let first = story.first.clone();
        let reply = story.refresh(&first).unwrap();
        story.pass(Duration::from_hours(23));
        let again = story.refresh(&first).unwrap();
        assert!(again.access.matches(&reply.access));
        assert_eq!(again.refresh_expires_at, reply.refresh_expires_at);
        story.pass(Duration::from_hours(1));
        assert!(!story.refresh(&first).unwrap().access.matches(&reply.access));
    }

    #[test]
    fn another_app_cannot_spend_a_token() {
        let mut story = Story::with(&Options::default());
        let first = story.first.clone();
        story.client = AppClientId::new("C2");
        assert_eq!(story.refresh(&first).unwrap_err(), ExchangeError::DeadGrant);
    }
}
