//! Whether a credential can be used for calls.

use std::time::Duration;

use lanyard_credential::{CredentialName, Standing, State, TroubleKind};
use lanyard_operation::{About, Declaration, Operation};
use serde::{Deserialize, Serialize};

use crate::{Broker, Error};

operations![CheckCalls];

/// Checks that calls can be made as a credential, before a program is started that makes them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckCalls {
    /// The credential.
    pub name: CredentialName,
}

impl Operation for CheckCalls {
    const DECLARED: Declaration = Declaration::part("webex.check-calls").in_memory();

    type Context = Broker;
    type Reply = ();
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        if broker.held(&self.name)?.is_some() {
            return Ok(());
        }
        broker.refuse_if_stale().await?;
        broker.unless_silent(self.look(broker)).await?
    }
}

impl CheckCalls {
    async fn look(self, broker: &Broker) -> Result<(), Error> {
        broker.refuse_if_paused().await?;
        let Self { name } = self;
        let credential = broker.credential(&name).await?;
        let now = broker.clock.now();
        // Webex is asked about a token that only the wall clock calls expired.
        let now = credential.validity.as_ref().map_or_else(|| now.clone(), |validity| validity.by_boot_clock(&now));
        let state = credential.state(&now);
        match &credential.standing {
            Standing::Disabled | Standing::Clearing => Err(Error::NotHandingOut { name, state: state.as_str() }),
            Standing::NeedsLogin(trouble) if trouble.kind == TroubleKind::DeadToken => {
                let whose = Box::new(broker.troubled(&credential).await);
                Err(Error::NoToken { whose, trouble: Box::new(trouble.clone()), wait: Duration::ZERO })
            }
            _ if state == State::NeedsToken => Err(Error::Ended { name, kind: credential.kind }),
            _ => Ok(()),
        }
    }
}
