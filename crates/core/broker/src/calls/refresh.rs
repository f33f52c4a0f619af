//! Renewing on demand.

use std::time::Duration;

use lanyard_credential::{Capability, Credential, CredentialName, Renewal, Standing, Trouble};
use lanyard_operation::{About, Code, Declaration, Operation, Problem, Recorded};
use lanyard_protocol::Environment;
use serde::{Deserialize, Serialize};

use crate::environment::expect;
use crate::renewal::TokenVerdict;
use crate::renewals::{RenewalEnd, Wanted};
use crate::{Broker, Error};

operations![Refresh];

/// Rotates a credential, whether it is due or not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl Operation for Refresh {
    const DECLARED: Declaration = Declaration::change("credential.refresh").needs(Capability::Refresh);

    type Context = Broker;
    type Reply = Refreshed;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    fn recorded(reply: &Refreshed) -> Recorded {
        match reply {
            Refreshed::Rotated(_) => Recorded::ByItself,
            Refreshed::RotatedElsewhere(_) | Refreshed::NotDue(_) => Recorded::ByPerform,
        }
    }

    async fn run(self, broker: &Broker) -> Result<Refreshed, Error> {
        if !broker.caller.is_owner() {
            self.refuse_client(broker).await?;
        }
        self.renew(broker).await
    }
}

impl Refresh {
    /// Refuses options that only a person may use, and an early renewal that comes too soon after another.
    async fn refuse_client(&self, broker: &Broker) -> Result<(), Error> {
        let name = &self.name;
        if self.take_over {
            let problem = Problem::new(Code::Refused, "only a person may take over from a process that is stuck");
            let hint = format!("on the broker's machine: lanyard refresh {name} --take-over");
            return Err(problem.hint(hint).into());
        }
        if !self.force {
            return Ok(());
        }
        let id = broker.credential(name).await?.id;
        broker.early.permit(id, &broker.clock.now()).map_err(|wait| {
            let detail = format!("{name} was renewed at a client's request less than a minute ago");
            let problem = Problem::new(Code::TooOften, detail).hint("try again later, or omit force and take_over");
            problem.retry_after(wait).into()
        })
    }

    async fn renew(self, broker: &Broker) -> Result<Refreshed, Error> {
        let credential = broker.credential(&self.name).await?;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        let now = broker.clock.now();
        let is_due = match (credential.renewal(), &credential.validity) {
            (Renewal::Rotate, Some(validity)) => validity.rotation_is_due(&validity.by_boot_clock(&now), 0),
            (Renewal::Mint, Some(validity)) => validity.access_is_due(&validity.by_boot_clock(&now)),
            (Renewal::Mint, None) => true,
            _ => return Err(Error::DoesNotRotate { name: credential.name.clone(), kind: credential.kind }),
        };
        let is_by_hand = self.force || self.take_over;
        match &credential.standing {
            Standing::Disabled | Standing::Clearing => {
                return Err(Error::NotHandingOut { name: self.name, state: credential.state(&now).as_str() });
            }
            _ if is_by_hand => {}
            Standing::NeedsLogin(trouble) if credential.renewal() == Renewal::Rotate => {
                return Err(broker.not_renewed(&credential, trouble, Duration::ZERO).await);
            }
            Standing::Stalled(trouble) | Standing::NeedsLogin(trouble) if !trouble.may_try_again(&now) => {
                let wait = trouble.pause.saturating_sub(now.since(&trouble.at));
                return Err(broker.not_renewed(&credential, trouble, wait).await);
            }
            Standing::Active if !is_due => {
                return match broker.check_expiry_by_wall_clock(&credential, &now).await? {
                    None | Some(TokenVerdict::Accepted) => Ok(Refreshed::NotDue(credential)),
                    Some(TokenVerdict::Renewed) => Ok(Refreshed::Rotated(broker.again(&credential).await?)),
                    Some(TokenVerdict::Refused(trouble)) => {
                        Err(broker.not_renewed(&credential, &trouble, trouble.pause).await)
                    }
                };
            }
            _ => {}
        }
        let wanted = match (self.take_over, self.force) {
            (true, _) => Wanted::TakingOver,
            // A program obeys the pauses that a person may pass.
            (false, true) if broker.caller.is_owner() => Wanted::ByHand,
            (false, _) => Wanted::OnDemand,
        };
        let patience = if self.take_over { Duration::ZERO } else { PATIENCE };
        let end = broker.renew_patiently(&credential, wanted, patience).await?;
        let fresh = broker.again(&credential).await?;
        match end {
            RenewalEnd::Renewed(_) => Ok(Refreshed::Rotated(fresh)),
            RenewalEnd::Elsewhere => Ok(Refreshed::RotatedElsewhere(fresh)),
            RenewalEnd::Erased => Err(broker.no_such_credential(&self.name).await),
            RenewalEnd::NotRenewable => {
                Err(Error::NotHandingOut { name: self.name, state: fresh.state(&now).as_str() })
            }
            RenewalEnd::Failed { trouble, .. } | RenewalEnd::NotBegun(trouble) => {
                Err(broker.not_renewed(&fresh, &trouble, trouble.pause).await)
            }
            RenewalEnd::Busy => Err(Error::Busy { name: self.name }),
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
