//! Renewing on demand.

use std::time::Duration;

use lanyard_credential::rotation::Outcome;
use lanyard_credential::{Credential, CredentialName, RefreshRight, Standing};
use lanyard_protocol::Environment;

use crate::environment::expect;
use crate::{Broker, Call, Error};

/// Rotates a credential, whether it is due or not.
#[derive(Debug)]
pub struct Refresh {
    /// The credential.
    pub name: CredentialName,
    /// Also when it is not due, when the last failure asks to wait, and when the grant was found dead.
    pub force: bool,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The next generation is stored.
    Rotated(Credential),
    /// Somebody else had just stored it.
    RotatedElsewhere(Credential),
    /// Nothing was due, and nothing was done.
    NotDue(Credential),
}

impl Call for Refresh {
    type Reply = Refreshed;

    async fn run(self, broker: &Broker) -> Result<Refreshed, Error> {
        let credential = broker.credential(&self.name).await?;
        expect(&self.name, &credential.environment, self.expected.as_ref())?;
        let Some(validity) = credential.validity.as_ref().filter(|validity| validity.refresh != RefreshRight::None)
        else {
            return Err(Error::DoesNotRotate { kind: credential.kind });
        };
        let now = broker.clock.now();
        if !self.force {
            match &credential.standing {
                Standing::NeedsLogin(trouble) => return Err(no_token(&credential, trouble, Duration::ZERO)),
                Standing::Stalled(trouble) if !trouble.may_try_again(&now) => {
                    let wait = trouble.pause.saturating_sub(now.since(&trouble.at));
                    return Err(no_token(&credential, trouble, wait));
                }
                Standing::Active if !validity.rotation_is_due(&now, 0) => return Ok(Refreshed::NotDue(credential)),
                _ => {}
            }
        }
        let end = broker.rotate_patiently(credential.id, credential.generation, PATIENCE).await?;
        let fresh = broker.credential(&self.name).await?;
        match (end.outcome, end.trouble) {
            (Outcome::Rotated, _) => Ok(Refreshed::Rotated(fresh)),
            (Outcome::RotatedElsewhere, _) => Ok(Refreshed::RotatedElsewhere(fresh)),
            (Outcome::Erased, _) => Err(Error::NoSuchCredential(self.name)),
            (Outcome::DoesNotRotate, _) => {
                Err(Error::NotHandingOut { name: self.name, state: fresh.state(&now).as_str() })
            }
            (Outcome::Failed(_), Some(trouble)) => {
                let wait = trouble.pause;
                Err(no_token(&fresh, &trouble, wait))
            }
            _ => Err(Error::Busy { name: self.name }),
        }
    }
}

/// How long another process's renewal is awaited. What it brings comes all the same; only this caller does not see it.
const PATIENCE: Duration = Duration::from_secs(5);

fn no_token(credential: &Credential, trouble: &lanyard_credential::Trouble, wait: Duration) -> Error {
    Error::NotRenewed { name: credential.name.clone(), trouble: Box::new(trouble.clone()), wait }
}
