//! A token that Webex may not accept any more.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::{Credential, Renewal, Standing, Trouble, TroubleKind};
use lanyard_secret::AccessToken;
use lanyard_store::{About, Check, Event, EventKind, JournalRecord};
use lanyard_time::Moment;

use super::rotation::Fault;
use crate::identity::passes;
use crate::renewals::{RenewalEnd, Wanted};
use crate::{Broker, Error};

/// The meaning that a 401 turned out to have.
#[derive(Clone, Debug)]
pub enum TokenVerdict {
    /// Webex accepts the token: the call itself was refused.
    Accepted,
    /// It does not, and there is a new one.
    Renewed,
    /// It does not, and no new one is to be had now.
    Refused(Trouble),
}

/// A rotation because of a 401 comes at most this often: tokens that Webex ends as soon as it gives them would otherwise fill the
/// account's 750.
const AT_MOST_EVERY: Duration = Duration::from_hours(1);

/// How long a caller waits for the renewal that another one began: longer than an exchange may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Whether a refused token may be a reason to renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rested {
    /// None was refused within the last hour.
    Yes,
    /// This very token was, and another process may be renewing it.
    SameToken,
    /// The one before it was.
    No,
}

impl Broker {
    /// Finds out whether a token that a call was refused with is refused everywhere, and gets a new one where that can be had.
    /// `/people/me` decides: what it answers with anything but 401 is accepted.
    pub async fn check_refused(&self, credential: &Credential, token: &AccessToken) -> Result<TokenVerdict, Error> {
        if self.has_moved_on(credential).await? {
            return Ok(TokenVerdict::Renewed);
        }
        match self.transport.me(&credential.environment, token).await {
            Err(error) if error.is_unauthorized() => self.replace_refused(credential).await,
            // Any other failure says nothing against the token.
            Ok(_) | Err(_) => Ok(TokenVerdict::Accepted),
        }
    }

    /// The wall clock alone says that the access token has ended, by now: Webex is asked whether it has, before anything is spent.
    /// `None` if the clocks agree, or there is no such token any more.
    pub(crate) async fn check_expiry_by_wall_clock(
        &self,
        credential: &Credential,
        now: &Moment,
    ) -> Result<Option<TokenVerdict>, Error> {
        let doubted = credential.validity.as_ref().is_some_and(|validity| validity.ended_by_wall_clock_alone(now));
        if !doubted {
            return Ok(None);
        }
        let Some(row) = self.store.hand_out_by_id(credential.id).await? else { return Ok(None) };
        if row.credential.generation != credential.generation {
            return Ok(Some(TokenVerdict::Renewed));
        }
        let Some(token) = self.store.open_access(&row)? else { return Ok(None) };
        match self.transport.me(&credential.environment, &token).await {
            Err(error) if error.is_unauthorized() => return self.replace_refused(credential).await.map(Some),
            // No answer: the token may be valid, and the next call asks again.
            Err(error) if passes(&error) => {}
            Ok(_) | Err(_) => self.trust_boot_clock(credential).await,
        }
        Ok(Some(TokenVerdict::Accepted))
    }

    /// Webex accepts a token that has expired by the wall clock: the boot clock now measures its validity, in every process.
    pub(crate) async fn trust_boot_clock(&self, credential: &Credential) {
        let Some(validity) = &credential.validity else { return };
        let now = self.clock.now();
        if !validity.ended_by_wall_clock_alone(&now) {
            return;
        }
        let trusted = self.store.trust_boot_clock(credential.id, credential.generation, &validity.obtained, &now).await;
        match trusted {
            Ok(()) => {
                let ahead = now.wall_jump_since(&validity.obtained).unwrap_or_default().as_secs();
                tracing::info!(credential = %credential.name, ahead_s = ahead, "the wall clock was set: Webex accepts the token");
            }
            // A token that is good is handed out whether that can be written or not.
            Err(error) => tracing::warn!(credential = %credential.name, %error, "the clocks of a token stay apart"),
        }
    }

    /// The token of this generation is refused for certain. Several callers may find that out at once, in several processes: one of
    /// them renews it, and a token that is stored by the time the others are done is theirs too.
    pub(crate) async fn replace_refused(&self, credential: &Credential) -> Result<TokenVerdict, Error> {
        if self.has_moved_on(credential).await? {
            return Ok(TokenVerdict::Renewed);
        }
        let replaced = self.replace_present(credential).await;
        match replaced {
            Ok(TokenVerdict::Refused(_)) if self.has_moved_on(credential).await? => Ok(TokenVerdict::Renewed),
            Err(error) if matches!(error.cause(), Error::Busy { .. }) && self.has_moved_on(credential).await? => {
                Ok(TokenVerdict::Renewed)
            }
            replaced => replaced,
        }
    }

    /// Whether another token than that of this generation is stored.
    async fn has_moved_on(&self, credential: &Credential) -> Result<bool, Error> {
        let current = self.store.credential_by_id(credential.id).await?;
        Ok(current.is_some_and(|current| current.generation != credential.generation))
    }

    async fn replace_present(&self, credential: &Credential) -> Result<TokenVerdict, Error> {
        let now = self.clock.now();
        let rested = self.has_rested(credential, now.wall).await?;
        if rested == Rested::Yes {
            self.note_refusal(credential).await?;
        }
        let rested = match (rested, credential.standing.trouble()) {
            // A renewal for this reason failed a moment ago.
            (Rested::SameToken, Some(trouble)) => trouble.may_try_again(&now),
            (rested, _) => rested != Rested::No,
        };
        let disabled = matches!(credential.standing, Standing::Disabled | Standing::Clearing);
        match credential.renewal() {
            Renewal::Rotate | Renewal::Mint if rested && !disabled => {
                match self.renew_patiently(credential, Wanted::OnDemand, PATIENCE).await? {
                    RenewalEnd::Renewed(_) | RenewalEnd::Elsewhere => Ok(TokenVerdict::Renewed),
                    RenewalEnd::Failed { trouble, .. } | RenewalEnd::NotBegun(trouble) => {
                        self.refused(credential, trouble).await
                    }
                    RenewalEnd::Busy | RenewalEnd::Erased | RenewalEnd::NotRenewable => {
                        Err(Error::Busy { name: credential.name.clone() })
                    }
                }
            }
            // A person who was told that a good token is dead would end it: what one answer says is asked for twice.
            Renewal::None if self.accepts_after_all(credential).await? => Ok(TokenVerdict::Accepted),
            Renewal::None => {
                let fault = Fault::new(TroubleKind::DeadToken, "Webex does not accept this token any more");
                let trouble = fault.after(credential.standing.trouble(), now, &*self.entropy);
                let check = Check {
                    subject: credential.subject.clone(),
                    organisation: credential.organisation.clone(),
                    seen: credential.standing.clone(),
                    standing: Standing::NeedsLogin(trouble.clone()),
                };
                self.store.record_check(credential.id, credential.generation, &check).await?;
                Ok(TokenVerdict::Refused(trouble))
            }
            // Why it cannot be renewed is known already.
            _ if matches!(credential.standing, Standing::NeedsLogin(_)) => {
                let known = credential.standing.trouble().cloned();
                self.refused(credential, known.expect("a standing that needs a sign-in says why")).await
            }
            _ => {
                let fault = Fault::new(
                    TroubleKind::DeadToken,
                    "Webex does not accept this token, and it is renewed for that reason once an hour at most",
                );
                Ok(TokenVerdict::Refused(fault.after(credential.standing.trouble(), now, &*self.entropy)))
            }
        }
    }

    /// Whether Webex, asked once more, does not refuse the token.
    async fn accepts_after_all(&self, credential: &Credential) -> Result<bool, Error> {
        let Some(row) = self.store.hand_out_by_id(credential.id).await? else { return Ok(false) };
        let Some(token) = self.store.open_access(&row)? else { return Ok(false) };
        let again = self.transport.me(&credential.environment, &token).await;
        Ok(!matches!(again, Err(error) if error.is_unauthorized()))
    }

    /// The token is refused and its grant has ended: it is not handed out any more as if it lasted. Where no new token was to be had for
    /// a reason that passes, Webex may be mistaken about this one too, and it stays as it was.
    async fn refused(&self, credential: &Credential, trouble: Trouble) -> Result<TokenVerdict, Error> {
        let has_ended = matches!(trouble.kind, TroubleKind::DeadGrant | TroubleKind::NotAuthorised);
        if let Some(validity) = credential.validity.as_ref().filter(|_| has_ended) {
            let lasted = self.clock.now().since(&validity.obtained);
            self.store.end_access(credential.id, credential.generation, lasted).await?;
        }
        Ok(TokenVerdict::Refused(trouble))
    }

    /// Whether a token of this grant was refused within the last while. What became of an earlier grant says nothing about it, nor
    /// does an entry that a clock wrote which was ahead.
    async fn has_rested(&self, credential: &Credential, now: Timestamp) -> Result<Rested, Error> {
        let Some(refused) = self.store.last(credential.id, EventKind::TokenRefused).await? else {
            return Ok(Rested::Yes);
        };
        if refused > now || now.checked_sub(AT_MOST_EVERY).is_ok_and(|since| refused < since) {
            return Ok(Rested::Yes);
        }
        if credential.validity.as_ref().is_some_and(|validity| refused >= validity.obtained.wall) {
            return Ok(Rested::SameToken);
        }
        for action in [EventKind::SignedIn, EventKind::RefreshTokenStored] {
            if self.store.last(credential.id, action).await?.is_some_and(|at| at > refused) {
                return Ok(Rested::Yes);
            }
        }
        Ok(Rested::No)
    }

    async fn note_refusal(&self, credential: &Credential) -> Result<(), Error> {
        let record = JournalRecord {
            at: self.clock.now().wall,
            about: About::credential(&credential.id, &credential.name),
            actor: self.actor(),
            event: Event::TokenRefused { generation: credential.generation },
        };
        Ok(self.store.append(&record).await?)
    }
}
