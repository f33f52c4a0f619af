//! Clearing: hand-out stops, what can be revoked is revoked, the rest is erased.

use lanyard_credential::{Credential, CredentialName, Kind, RevocationId};
use lanyard_protocol::Environment;
use lanyard_protocol::oauth::{ClientAuth, TokenHint};
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_store::{PendingRevocation, RevocableToken, RevocationOutcome as Ended, StoreError, TokenKind};
use lanyard_vault::OpenError as VaultError;
use serde::{Deserialize, Serialize};

use super::holders::Holders;
use crate::environment::expect;
use crate::{Broker, Call, Error};

/// Revokes and erases a credential. What cannot be revoked now is tried again for at most seven days; the credential itself is
/// gone at once.
#[derive(Debug, Serialize, Deserialize)]
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

/// One token that was to be revoked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revocation {
    /// The credential that it belonged to.
    pub credential: CredentialName,
    /// The Webex that it belongs to.
    pub environment: Environment,
    /// Which of its tokens.
    pub token: TokenKind,
    /// Its fate.
    pub outcome: RevocationOutcome,
}

/// The fate of a token that was to be revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RevocationOutcome {
    /// Webex confirmed that it is of no use any more.
    Revoked,
    /// An administrator's credential ended it through the Authorizations API.
    RevokedByListing {
        /// Whether it was told from others by its time alone.
        guess: bool,
    },
    /// It could not be done now and is tried again.
    Queued {
        /// Why.
        reason: String,
    },
    /// It cannot be done from here.
    NotRevoked {
        /// Why.
        reason: String,
    },
}

impl Revocation {
    /// The kind of token, what became of it and why, in the words of the API and of `--json`.
    pub fn words(&self) -> (&'static str, &'static str, Option<&str>) {
        let token = match self.token {
            TokenKind::Access => "access",
            TokenKind::Refresh => "refresh",
        };
        let (outcome, reason) = match &self.outcome {
            RevocationOutcome::Revoked => ("revoked", None),
            RevocationOutcome::RevokedByListing { guess: false } => ("revoked-by-listing", None),
            RevocationOutcome::RevokedByListing { guess: true } => ("revoked-by-guess", None),
            RevocationOutcome::Queued { reason } => ("queued", Some(reason.as_str())),
            RevocationOutcome::NotRevoked { reason } => ("not-revoked", Some(reason.as_str())),
        };
        (token, outcome, reason)
    }
}

/// The one credential whose tokens are to be revoked.
struct Only<'a> {
    credential: &'a Credential,
    /// Whether its row is as Lanyard wrote it.
    is_authentic: bool,
    /// Its tokens that do not open.
    unreadable: Vec<TokenKind>,
}

impl Call for Clear {
    type Reply = Cleared;

    async fn run(self, broker: &Broker) -> Result<Cleared, Error> {
        let (credential, is_authentic) = broker.credential_to_clear(&self.name).await?;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        broker.store.begin_clearing(credential.id).await?;
        let holders = broker.holders(&credential).await?;
        let minted = broker.minted_through(credential.id).await?;
        let unreadable = broker.store.unreadable_tokens(credential.id).await?;
        let only = Only { credential: &credential, is_authentic, unreadable };
        let revocations = broker.revoke_pending(Some(only)).await?;
        broker.store.finish_clearing(credential.id).await?;
        let Credential { name, kind, environment, .. } = credential;
        Ok(Cleared { name, kind, environment, revocations, holders, minted })
    }
}

/// Tries again what earlier clears could not revoke.
#[derive(Debug, Serialize, Deserialize)]
pub struct RetryRevocations;

impl Call for RetryRevocations {
    type Reply = Vec<Revocation>;

    async fn run(self, broker: &Broker) -> Result<Vec<Revocation>, Error> {
        broker.revoke_pending(None).await
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

    /// Revokes tokens that are not kept: of a sign-in that was given up, of an answer that came too late. Best effort, once.
    pub(crate) async fn give_back(
        &self,
        environment: &Environment,
        auth: &ClientAuth,
        access: Option<&AccessToken>,
        refresh: Option<&RefreshToken>,
    ) {
        let refresh = refresh.map(|token| (token.expose_secret(), TokenHint::Refresh));
        let access = access.map(|token| (token.expose_secret(), TokenHint::Access));
        for (token, hint) in refresh.into_iter().chain(access) {
            if let Err(error) = self.transport.revoke(environment, auth, token, hint).await {
                tracing::warn!(%error, "a token that nobody keeps could not be revoked");
            }
        }
    }

    /// Works through the queue, of one credential that is being cleared or of all. The outcome of a token is recorded once, after the
    /// last means of ending it. Tokens of the credential that do not open are not in the queue, and are reported too.
    async fn revoke_pending(&self, only: Option<Only<'_>>) -> Result<Vec<Revocation>, Error> {
        let mut pending = self.store.pending_revocations().await?;
        // The refresh token goes first: with it go the access tokens that it bought.
        pending.sort_by_cached_key(|row| (row.name.clone(), row.kind == TokenKind::Access));
        let mut tried = Vec::new();
        for row in
            pending.into_iter().filter(|row| only.as_ref().is_none_or(|only| row.credential == only.credential.id))
        {
            // One row, or one app, that cannot be read concerns its own tokens alone.
            let outcome = self.revoke_one(&row).await.unwrap_or_else(|error| match error {
                Error::Store(StoreError::Sealed(VaultError::Damaged)) => unopened(),
                // An altered app does not mend with time.
                Error::Store(error @ StoreError::Altered { .. }) => {
                    RevocationOutcome::NotRevoked { reason: error.to_string() }
                }
                // The app's secret can be given again.
                Error::Store(_) | Error::AppDamaged { .. } => RevocationOutcome::Queued { reason: error.to_string() },
                error => RevocationOutcome::NotRevoked { reason: error.to_string() },
            });
            match (&outcome, &only) {
                // Another means is tried when the others have been.
                (RevocationOutcome::NotRevoked { .. }, Some(_)) => {}
                _ => self.write_down(row.id, &outcome, None).await?,
            }
            let PendingRevocation { id, name: credential, environment, kind: token, .. } = row;
            tried.push((Some(id), Revocation { credential, environment, token, outcome }));
        }
        if let Some(Only { credential, is_authentic, unreadable }) = only {
            let (name, environment) = (&credential.name, &credential.environment);
            tried.extend(unreadable.iter().map(|token| {
                let (credential, environment) = (name.clone(), environment.clone());
                (None, Revocation { credential, environment, token: *token, outcome: unopened() })
            }));
            self.revoke_the_rest(credential, is_authentic, &mut tried).await?;
        }
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

    /// Ends the wait of a token of which nothing more is to be expected.
    async fn write_down(
        &self,
        id: RevocationId,
        outcome: &RevocationOutcome,
        via: Option<&CredentialName>,
    ) -> Result<(), Error> {
        let ended = match (outcome, via) {
            (RevocationOutcome::Queued { .. }, _) => return Ok(()),
            (RevocationOutcome::NotRevoked { reason }, _) => Ended::NotRevoked(reason.clone()),
            (RevocationOutcome::RevokedByListing { guess }, Some(via)) => {
                let told = if *guess { ", told by its time" } else { "" };
                Ended::RevokedThrough(format!("{via} and the Authorizations API{told}"))
            }
            (RevocationOutcome::Revoked | RevocationOutcome::RevokedByListing { .. }, _) => Ended::Revoked,
        };
        self.store.finish_revocation(id, &ended).await?;
        Ok(())
    }

    async fn revoke_one(&self, row: &PendingRevocation) -> Result<RevocationOutcome, Error> {
        let not = |reason: &str| RevocationOutcome::NotRevoked { reason: reason.to_owned() };
        if self.clock.now().wall >= row.give_up_at {
            return Ok(not("Webex could not be reached for seven days"));
        }
        let Some(app) = row.app else {
            return Ok(not("Webex offers no way to revoke it without an app's secret"));
        };
        let auth = self.auth(app, &row.environment).await?;
        let token = self.store.open_revocation(row)?;
        let (token, hint) = match &token {
            RevocableToken::Access(token) => (token.expose_secret(), TokenHint::Access),
            RevocableToken::Refresh(token) => (token.expose_secret(), TokenHint::Refresh),
        };
        let answer = self.transport.revoke(&row.environment, &auth, token, hint).await;
        Ok(match answer {
            Ok(true) => RevocationOutcome::Revoked,
            Ok(false) => not("no revocation endpoint is known for this Webex"),
            Err(error) if error.is_transient() => RevocationOutcome::Queued { reason: error.to_string() },
            Err(error) => RevocationOutcome::NotRevoked { reason: error.to_string() },
        })
    }
}

/// The outcome of a token that was damaged or altered in the database.
fn unopened() -> RevocationOutcome {
    RevocationOutcome::NotRevoked { reason: "it does not open: the database was damaged or altered".to_owned() }
}
