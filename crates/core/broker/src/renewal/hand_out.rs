//! Handing out an access token.

use std::time::Duration;

use lanyard_credential::{
    Capability, Credential, CredentialId, CredentialName, Generation, Renewal, Standing, Trouble, TroubleKind, Validity,
};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use lanyard_store::{About, Event, JournalRecord, StoreError};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use super::refused::TokenVerdict;
use super::renew::look_again;
use crate::environment::expect;
use crate::fit::{Fit, hands_out};
use crate::renewals::{RenewalEnd, Wanted};
use crate::{Broker, Error, Troubled};

/// Asks for an access token. A valid one is always given, while a rotation is under way and while it fails.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOut {
    /// The credential.
    pub name: CredentialName,
    /// How long the token should still last, at least.
    pub min_validity: Duration,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// An access token on its way to a program.
#[derive(Debug, Serialize, Deserialize)]
pub struct HandedOut {
    /// The credential, as it stands now.
    pub credential: Credential,
    /// The token.
    #[serde(with = "lanyard_secret::travel")]
    pub token: AccessToken,
    /// How long it lasts; `None` where that is unknown.
    pub left: Option<Duration>,
    /// Why it is less than what was asked for.
    pub shortfall: Option<Shortfall>,
}

/// Writes down that a token was handed out. Apart from [`HandOut`], so that a program has its token before anything is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordHandOut {
    /// The credential's id.
    pub id: CredentialId,
    /// Its name.
    pub name: CredentialName,
    /// The token's generation.
    pub generation: Generation,
    /// How it was handed out: `token`, or `exec` and the program's name.
    pub means: String,
}

impl Operation for RecordHandOut {
    const DECLARED: Declaration = Declaration::change("token.record");

    type Context = Broker;
    type Reply = ();
    type Error = Error;

    fn about(&self) -> lanyard_operation::About<'_> {
        lanyard_operation::About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        let record = JournalRecord {
            at: broker.clock.now().wall,
            about: About::Credential(self.id, self.name),
            actor: broker.actor(),
            event: Event::HandedOut { means: self.means, generation: self.generation, times: 1 },
        };
        tokio::select! {
            appended = broker.store.append(&record) => appended?,
            // A caller that waits for its token should not wait for another process's long write.
            () = broker.sleep.sleep(PATIENCE_AUDIT) => return Err(StoreError::Busy.into()),
        }
        Ok(())
    }
}

/// Why a token does not last as long as was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shortfall {
    /// Webex gives no token that lasts so long.
    NeverReached,
    /// It cannot be renewed: a bot's or a personal token.
    CannotRenew,
    /// Renewing it failed; the sentence says why.
    RenewalFailed(String),
    /// Another process is renewing it and took longer than a caller with a valid token should wait.
    RenewalSlow,
}

/// How long a caller waits for a renewal while the old token is still valid.
const PATIENCE_VALID: Duration = Duration::from_secs(5);
/// How long a caller waits for a renewal when there is no valid token: longer than an intent can stand open.
const PATIENCE_ENDED: Duration = Duration::from_secs(90);

/// How long the record of a hand-out waits for another process that writes.
const PATIENCE_AUDIT: Duration = Duration::from_secs(2);

/// How often a call looks at a new token set that has ended by the time it is read.
const MOST_RENEWALS: u32 = 3;

/// How long a caller waits for a renewal.
fn patience(fit: Fit) -> Duration {
    if fit == Fit::Expired { PATIENCE_ENDED } else { PATIENCE_VALID }
}

impl Operation for HandOut {
    const DECLARED: Declaration = Declaration::part("token.hand-out").needs(Capability::Token);

    type Context = Broker;
    type Reply = HandedOut;
    type Error = Error;

    fn about(&self) -> lanyard_operation::About<'_> {
        lanyard_operation::About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<HandedOut, Error> {
        let began = broker.clock.now();
        let mut looks = 0_u32;
        let mut renewals = 0_u32;
        // The generation whose end by the wall clock Webex was asked about, and did not confirm.
        let mut trusted = None;
        let mut asked = None;
        loop {
            let row = broker.row(&self.name).await?;
            expect(&self.name, &row.credential.environment, self.expected.as_ref())?;
            if !may_hand_out(&row.credential) {
                return Err(withheld(row.credential));
            }
            let mut now = broker.clock.now();
            let generation = row.credential.generation;
            if asked != Some(generation)
                && let Some(doubt) = broker.check_expiry_by_wall_clock(&row.credential, &now).await?
            {
                asked = Some(generation);
                if matches!(doubt, TokenVerdict::Accepted) {
                    trusted = asked;
                }
                continue;
            }
            if let Some(validity) = row.credential.validity.as_ref().filter(|_| trusted == Some(generation)) {
                now = validity.by_boot_clock(&now);
            }
            let fit = self.fit(&row.credential, &now);
            let mut shortfall = None;
            // One call renews once: a token that ends sooner than it can be had would otherwise be renewed forever.
            let enough = renewals > 0 && (fit == Fit::Short || renewals == MOST_RENEWALS);
            if enough && fit == Fit::Expired {
                return Err(Error::EndsAtOnce { name: self.name });
            }
            if fit == Fit::Short && !enough && broker.is_too_often(&row.credential, &now) {
                shortfall = Some(Shortfall::RenewalFailed("it was renewed less than a minute ago".to_owned()));
            } else if fit != Fit::Enough && !enough {
                let patience = patience(fit);
                match self.renew(broker, &row.credential, fit).await? {
                    Attempt::Look => {
                        renewals += 1;
                        looks = 0;
                        continue;
                    }
                    Attempt::Wait if now.since(&began) < patience => {
                        broker.sleep.sleep(look_again(looks)).await;
                        looks += 1;
                        continue;
                    }
                    Attempt::Wait if fit == Fit::Expired => {
                        let late = row.credential.standing.trouble().filter(|it| it.kind == TroubleKind::Unfinished);
                        return Err(match late {
                            Some(trouble) => broker.no_token(&row.credential, trouble.clone(), &now).await,
                            None => Error::Busy { name: self.name },
                        });
                    }
                    Attempt::Wait => shortfall = Some(Shortfall::RenewalSlow),
                    Attempt::Failed(why) => shortfall = Some(why),
                }
            }
            let token = broker.store.open_access(&row)?;
            let Some(token) = token else {
                return Err(Error::NotHandingOut { name: self.name, state: "pending" });
            };
            let left = row.credential.validity.as_ref().and_then(|validity| validity.access_left(&now));
            if shortfall.is_none() && left.is_some_and(|left| left < self.min_validity) {
                shortfall = Some(reason(&row.credential));
            }
            return Ok(HandedOut { credential: row.credential, token, left, shortfall });
        }
    }
}

/// The outcome of an attempt to renew.
enum Attempt {
    /// There is a new token set: look again.
    Look,
    /// Another process is renewing it: look again after a pause.
    Wait,
    /// It failed, and there is still a valid token.
    Failed(Shortfall),
}

impl HandOut {
    /// Judges the token of a credential for the request. A token that is due for renewal is short even if the request asks for
    /// less, and a token that no renewal makes longer is enough.
    fn fit(&self, credential: &Credential, now: &Moment) -> Fit {
        let validity = match (&credential.validity, &credential.mint) {
            (Some(validity), _) => validity,
            (None, Some(_)) => return Fit::Expired,
            (None, None) => return Fit::Enough,
        };
        let is_due = is_due(credential, validity, now);
        let reachable = validity.access.is_some_and(|lifetime| self.min_validity < lifetime);
        match Fit::of(may_hand_out(credential), Some(validity), self.min_validity, now) {
            Fit::Enough if is_due => Fit::Short,
            Fit::Short if credential.renewal() == Renewal::None || !(is_due || reachable) => Fit::Enough,
            fit => fit,
        }
    }

    async fn renew(&self, broker: &Broker, credential: &Credential, fit: Fit) -> Result<Attempt, Error> {
        let renewal = credential.renewal();
        let now = broker.clock.now();
        // A dead grant is not tried again and again, and requests to a failing Webex back off for a while.
        let waits = match (&credential.standing, renewal) {
            (Standing::NeedsLogin(trouble), Renewal::Rotate) => Some(trouble),
            (Standing::Stalled(trouble) | Standing::NeedsLogin(trouble), _) if !trouble.may_try_again(&now) => {
                Some(trouble)
            }
            _ => None,
        };
        let trouble = match waits {
            Some(trouble) => trouble.clone(),
            None if renewal == Renewal::None => {
                return Err(Error::Ended { name: self.name.clone(), kind: credential.kind });
            }
            None => {
                let Some(end) = broker.renew_within(credential, Wanted::OnDemand, patience(fit)).await else {
                    let slow = Attempt::Failed(Shortfall::RenewalSlow);
                    return Ok(if fit == Fit::Expired { Attempt::Wait } else { slow });
                };
                match end {
                    Ok(RenewalEnd::Renewed(_) | RenewalEnd::Elsewhere | RenewalEnd::NotRenewable) => {
                        return Ok(Attempt::Look);
                    }
                    Ok(RenewalEnd::Busy) => return Ok(Attempt::Wait),
                    Ok(RenewalEnd::Erased) => return Err(broker.no_such_credential(&self.name).await),
                    Ok(RenewalEnd::Failed { trouble, .. } | RenewalEnd::NotBegun(trouble)) => trouble,
                    // A caller gets a valid token even if the store cannot be written.
                    Err(error) if fit == Fit::Short => {
                        return Ok(Attempt::Failed(Shortfall::RenewalFailed(error.to_string())));
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        match fit {
            // The process that is late may finish while the caller waits.
            Fit::Expired if trouble.kind == TroubleKind::Unfinished => Ok(Attempt::Wait),
            Fit::Expired => Err(broker.no_token(credential, trouble, &now).await),
            _ => Ok(Attempt::Failed(Shortfall::RenewalFailed(trouble.message))),
        }
    }
}

impl Broker {
    /// Whether a client asks for a renewal that is not due, less than a minute after a client did so before.
    fn is_too_often(&self, credential: &Credential, now: &Moment) -> bool {
        let is_due = credential.validity.as_ref().is_none_or(|validity| is_due(credential, validity, now));
        !self.caller.is_owner() && !is_due && self.early.permit(credential.id, now).is_err()
    }

    async fn no_token(&self, credential: &Credential, trouble: Trouble, now: &Moment) -> Error {
        let wait = trouble.pause.saturating_sub(now.since(&trouble.at));
        Error::NoToken { whose: Box::new(self.troubled(credential).await), trouble: Box::new(trouble), wait }
    }
}

/// Whether a credential is due for renewal. A wall clock that is ahead brings no renewal forward.
fn is_due(credential: &Credential, validity: &Validity, now: &Moment) -> bool {
    let steady = validity.by_boot_clock(now);
    match credential.renewal() {
        Renewal::None => false,
        Renewal::Rotate => validity.rotation_is_due(&steady, 0),
        Renewal::Mint => validity.access_is_due(&steady),
    }
}

/// Whether a credential hands out a token, or can get one first, because an administrator may have authorised it since.
fn may_hand_out(credential: &Credential) -> bool {
    hands_out(&credential.standing) || (credential.standing == Standing::Pending && credential.mint.is_some())
}

/// Returns the error of a credential that hands out no tokens.
fn withheld(credential: Credential) -> Error {
    let state = match &credential.standing {
        Standing::Clearing => "clearing",
        Standing::Disabled => "disabled",
        Standing::NeedsLogin(trouble) => {
            // A bot's or a personal token: there is no app.
            let whose = Box::new(Troubled::of(&credential));
            return Error::NoToken { whose, trouble: Box::new(trouble.clone()), wait: Duration::ZERO };
        }
        Standing::Pending | Standing::Active | Standing::Stalled(_) => "pending",
    };
    Error::NotHandingOut { name: credential.name, state }
}

fn reason(credential: &Credential) -> Shortfall {
    match (credential.renewal(), credential.standing.trouble()) {
        (Renewal::None, _) => Shortfall::CannotRenew,
        (_, Some(trouble)) => Shortfall::RenewalFailed(trouble.message.clone()),
        (_, None) => Shortfall::NeverReached,
    }
}
