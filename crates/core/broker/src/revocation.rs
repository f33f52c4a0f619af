//! Tokens that are to be revoked at Webex, and the queue of those that could not be yet.

use lanyard_credential::{CredentialId, CredentialName, RevocationId};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::Environment;
use lanyard_protocol::oauth::TokenHint;
use lanyard_store::{PendingRevocation, RevocableToken, RevocationOutcome as Ended, StoreError, TokenKind};
use lanyard_vault::OpenError as VaultError;
use serde::{Deserialize, Serialize};

use crate::broker::Broker;
use crate::error::Error;

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

/// Tries again what earlier clears could not revoke.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryRevocations;

impl Operation for RetryRevocations {
    const DECLARED: Declaration = Declaration::change("revocation.retry");

    type Context = Broker;
    type Reply = Vec<Revocation>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<Revocation>, Error> {
        let tried = broker.revoke_pending(None).await?;
        Ok(tried.into_iter().map(|(_, revocation)| revocation).collect())
    }
}

impl Broker {
    /// Works through the queue, of one credential that is being cleared or of all. The outcome of a token is recorded once, after the
    /// last means of ending it: of one credential, whoever clears it records what could not be revoked here.
    pub(crate) async fn revoke_pending(
        &self,
        only: Option<CredentialId>,
    ) -> Result<Vec<(Option<RevocationId>, Revocation)>, Error> {
        let mut pending = self.store.pending_revocations().await?;
        // The refresh token goes first: with it go the access tokens that it bought.
        pending.sort_by_cached_key(|row| (row.name.clone(), row.kind == TokenKind::Access));
        let mut tried = Vec::new();
        for row in pending.into_iter().filter(|row| only.is_none_or(|only| row.credential == only)) {
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
            match (&outcome, only) {
                // Another means is tried when the others have been.
                (RevocationOutcome::NotRevoked { .. }, Some(_)) => {}
                _ => self.write_down(row.id, &outcome, None).await?,
            }
            let PendingRevocation { id, name: credential, environment, kind: token, .. } = row;
            tried.push((Some(id), Revocation { credential, environment, token, outcome }));
        }
        Ok(tried)
    }

    /// Ends the wait of a token of which nothing more is to be expected.
    pub(crate) async fn write_down(
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
        // First: a row that Lanyard did not write has no token that opens, and nothing else that it says is believed.
        let token = self.store.open_revocation(row)?;
        if self.clock.now().wall >= row.give_up_at {
            return Ok(not("Webex could not be reached for seven days"));
        }
        let Some(app) = row.app else {
            return Ok(not("Webex offers no way to revoke it without an app's secret"));
        };
        let auth = self.auth(app, &row.environment).await?;
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
pub(crate) fn unopened() -> RevocationOutcome {
    RevocationOutcome::NotRevoked {
        reason: "it does not open, or its row was changed by something other than Lanyard".to_owned(),
    }
}
