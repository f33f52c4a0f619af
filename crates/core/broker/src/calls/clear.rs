//! Clearing: hand-out stops, what can be revoked is revoked, the rest is erased.
//!
//! 1. One transaction sets the standing to `clearing` and queues the tokens to be revoked, sealed under data keys of their own. After
//!    this commit nothing is handed out, proxied calls under way end, and the answer of a rotation under way is revoked, not stored.
//! 2. The tokens are revoked at the environment's own endpoint, and otherwise through the Authorizations API with an administrator's
//!    credential. That API does not say which token is which: one alone is certain, one chosen by its time is reported as a guess.
//! 3. The data key and the row are deleted in one transaction. The audit entries stay.
//!
//! If the process is killed before the third step, the credential stays `clearing`, and the next `lanyard clear` continues.

use lanyard_credential::{Capability, Credential, CredentialName, Kind, RevocationId};
use lanyard_operation::{About, Declaration, Operation};
use lanyard_protocol::Environment;
use lanyard_store::StoreError;
use serde::{Deserialize, Serialize};

use super::holders::Holders;
use crate::environment::expect;
use crate::revocation::{Revocation, RevocationOutcome, unopened};
use crate::{Broker, Error};

operations![Clear];

/// Revokes and erases a credential. What cannot be revoked now is tried again for at most seven days; the credential itself is
/// gone at once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clear {
    /// The credential.
    pub name: CredentialName,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// A credential that was cleared, with the fate of its tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cleared {
    /// The credential's former name.
    pub name: CredentialName,
    /// Its kind.
    pub kind: Kind,
    /// The Webex that it belonged to.
    pub environment: Environment,
    /// Its tokens, each with its fate.
    pub revocations: Vec<Revocation>,
    /// The programs that were handed its access token. A revoked token is of no use to them.
    pub holders: Holders,
    /// The credentials that were minted through it, and now cannot be.
    pub minted: Vec<CredentialName>,
}

impl Operation for Clear {
    const DECLARED: Declaration = Declaration::change("credential.clear").needs(Capability::Manage).erasing();

    type Context = Broker;
    type Reply = Cleared;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<Cleared, Error> {
        let (credential, is_authentic) = broker.credential_to_clear(&self.name).await?;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        broker.store.begin_clearing(credential.id).await?;
        let holders = broker.holders(&credential).await?;
        let minted = broker.minted_through(credential.id).await?;
        let revocations = broker.revoke_all(&credential, is_authentic).await?;
        broker.store.finish_clearing(credential.id).await?;
        let Credential { name, kind, environment, .. } = credential;
        Ok(Cleared { name, kind, environment, revocations, holders, minted })
    }
}

impl Broker {
    /// The credential of that name, and whether its row is as Lanyard wrote it: one that was altered can only be cleared.
    pub(crate) async fn credential_to_clear(&self, name: &CredentialName) -> Result<(Credential, bool), Error> {
        match self.credential(name).await {
            Err(Error::Store(StoreError::Altered { .. })) => {}
            found => return Ok((found?, true)),
        }
        match self.store.credential_to_clear(name).await? {
            Some(credential) if self.is_authorized(name, credential.id) => Ok((credential, false)),
            _ => Err(self.no_such_credential(name).await),
        }
    }

    /// Revokes a credential's tokens. Those that do not open are in no queue, and are reported too.
    async fn revoke_all(&self, credential: &Credential, is_authentic: bool) -> Result<Vec<Revocation>, Error> {
        let unreadable = self.store.unreadable_tokens(credential.id).await?;
        let mut tried = self.revoke_pending(Some(credential.id)).await?;
        let (name, environment) = (&credential.name, &credential.environment);
        tried.extend(unreadable.into_iter().map(|token| {
            let (credential, environment) = (name.clone(), environment.clone());
            (None, Revocation { credential, environment, token, outcome: unopened() })
        }));
        self.revoke_the_rest(credential, is_authentic, &mut tried).await?;
        Ok(tried.into_iter().map(|(_, revocation)| revocation).collect())
    }

    /// Revokes the rest with an administrator's credential: deleting a refresh token ends the access tokens that it obtained. Not for a row
    /// that was altered without Lanyard: it could name another person's grant.
    async fn revoke_the_rest(
        &self,
        credential: &Credential,
        is_authentic: bool,
        tried: &mut [(Option<RevocationId>, Revocation)],
    ) -> Result<(), Error> {
        let is_left = |revocation: &Revocation| matches!(revocation.outcome, RevocationOutcome::NotRevoked { .. });
        if !tried.iter().any(|(_, revocation)| is_left(revocation)) {
            return Ok(());
        }
        let ended = if is_authentic {
            self.revoke_by_listing(credential).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the Authorizations API did not end the grant");
                None
            })
        } else {
            None
        };
        for (queued, revocation) in tried.iter_mut().filter(|(_, revocation)| is_left(revocation)) {
            if let Some((_, guess)) = &ended {
                revocation.outcome = RevocationOutcome::RevokedByListing { guess: *guess };
            }
            if let Some(id) = queued {
                self.write_down(*id, &revocation.outcome, ended.as_ref().map(|(via, _)| via)).await?;
            }
        }
        Ok(())
    }
}
