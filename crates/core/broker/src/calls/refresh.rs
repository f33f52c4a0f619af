//! Renewing on demand.

use std::time::Duration;

use lanyard_credential::rotation::Outcome;
use lanyard_credential::{Credential, CredentialName, Mint, Renewal, Standing, Trouble, TroubleKind};
use lanyard_protocol::Environment;
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::renewal::{MintEnd, TokenVerdict};
use crate::{Broker, Call, Error};

/// Rotates a credential, whether it is due or not.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refresh {
    /// The credential.
    pub name: CredentialName,
    /// Also when it is not due, when the last failure asks to wait, and when the grant was found dead.
    pub force: bool,
    /// Also, as with `force`, when another process began to renew it and does not finish, or cannot be seen.
    #[serde(default)]
    pub take_over: bool,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// The outcome of a renewal that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refreshed {
    /// The next generation is stored.
    Rotated(Credential),
    /// Another process had just stored it.
    RotatedElsewhere(Credential),
    /// Nothing was due, and nothing was done.
    NotDue(Credential),
}

impl Call for Refresh {
    type Reply = Refreshed;

    async fn run(self, broker: &Broker) -> Result<Refreshed, Error> {
        let credential = broker.credential(&self.name).await?;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        let now = broker.clock.now();
        let validity = match (credential.renewal(), &credential.validity, &credential.mint) {
            (Renewal::Mint, _, Some(mint)) => return self.mint(broker, &credential, mint, &now).await,
            (Renewal::Rotate, Some(validity), _) => validity,
            _ => return Err(Error::DoesNotRotate { name: credential.name.clone(), kind: credential.kind }),
        };
        if !self.force && !self.take_over {
            match &credential.standing {
                Standing::NeedsLogin(trouble) => {
                    return Err(broker.not_renewed(&credential, trouble, Duration::ZERO).await);
                }
                Standing::Stalled(trouble) if !trouble.may_try_again(&now) => {
                    let wait = trouble.pause.saturating_sub(now.since(&trouble.at));
                    return Err(broker.not_renewed(&credential, trouble, wait).await);
                }
                Standing::Active if !validity.rotation_is_due(&validity.by_boot_clock(&now), 0) => {
                    return match broker.check_expiry_by_wall_clock(&credential, &now).await? {
                        None | Some(TokenVerdict::Accepted) => Ok(Refreshed::NotDue(credential)),
                        Some(TokenVerdict::Renewed) => Ok(Refreshed::Rotated(broker.credential(&self.name).await?)),
                        Some(TokenVerdict::Refused(trouble)) => {
                            Err(broker.not_renewed(&credential, &trouble, trouble.pause).await)
                        }
                    };
                }
                _ => {}
            }
        }
        let end = if self.take_over {
            broker.rotate_as(credential.id, credential.generation, true).await?
        } else {
            broker.rotate_patiently(credential.id, credential.generation, PATIENCE).await?
        };
        let fresh = broker.credential(&self.name).await?;
        match (end.outcome, end.trouble) {
            (Outcome::Rotated, _) => Ok(Refreshed::Rotated(fresh)),
            (Outcome::RotatedElsewhere, _) => Ok(Refreshed::RotatedElsewhere(fresh)),
            (Outcome::Erased, _) => Err(broker.no_such_credential(&self.name).await),
            (Outcome::DoesNotRotate, _) => {
                Err(Error::NotHandingOut { name: self.name, state: fresh.state(&now).as_str() })
            }
            // A grant that can be had again is, before a person is asked.
            (Outcome::Failed(_), Some(trouble)) if trouble.kind == TroubleKind::DeadGrant && fresh.mint.is_some() => {
                broker.call(Self { force: true, ..self }).await
            }
            (Outcome::Failed(_), Some(trouble)) => {
                let wait = trouble.pause;
                Err(broker.not_renewed(&fresh, &trouble, wait).await)
            }
            _ => Err(Error::Busy { name: self.name }),
        }
    }
}

impl Refresh {
    async fn mint(
        self,
        broker: &Broker,
        credential: &Credential,
        mint: &Mint,
        now: &Moment,
    ) -> Result<Refreshed, Error> {
        let due = credential.validity.as_ref().is_none_or(|validity| {
            validity.access_is_due(&validity.by_boot_clock(now)) || validity.ended_by_wall_clock_alone(now)
        });
        match &credential.standing {
            Standing::Disabled | Standing::Clearing => {
                let state = credential.state(now).as_str();
                return Err(Error::NotHandingOut { name: self.name, state });
            }
            Standing::Stalled(trouble) | Standing::NeedsLogin(trouble)
                if !self.force && !trouble.may_try_again(now) =>
            {
                let wait = trouble.pause.saturating_sub(now.since(&trouble.at));
                return Err(broker.not_renewed(credential, trouble, wait).await);
            }
            Standing::Active if !self.force && !due => return Ok(Refreshed::NotDue(credential.clone())),
            _ => {}
        }
        match broker.mint(credential, mint).await? {
            MintEnd::Minted => Ok(Refreshed::Rotated(broker.credential(&self.name).await?)),
            MintEnd::Elsewhere => Ok(Refreshed::RotatedElsewhere(broker.credential(&self.name).await?)),
            MintEnd::Busy => Err(Error::Busy { name: self.name }),
            MintEnd::Erased => Err(broker.no_such_credential(&self.name).await),
            MintEnd::Failed(trouble) => Err(broker.not_renewed(credential, &trouble, trouble.pause).await),
        }
    }
}

/// How long another process's renewal is awaited. What it brings comes all the same; only this caller does not see it.
const PATIENCE: Duration = Duration::from_secs(5);

impl Broker {
    pub(crate) async fn not_renewed(&self, credential: &Credential, trouble: &Trouble, wait: Duration) -> Error {
        Error::NotRenewed { whose: Box::new(self.troubled(credential).await), trouble: Box::new(trouble.clone()), wait }
    }
}
