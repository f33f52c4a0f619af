//! Tokens that a call was refused with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_broker::{Broker, Error, HandOut, HandedOut, Pass, TokenVerdict};
use lanyard_credential::{CredentialId, Generation};
use lanyard_time::{Clock, Moment};

/// One doubt at a time for each credential: many calls are refused at once when a token ends, and one of them finds out for all.
#[derive(Debug)]
pub(super) struct Unauthorized {
    clock: Arc<dyn Clock>,
    doors: Mutex<HashMap<CredentialId, Arc<tokio::sync::Mutex<Option<Accepted>>>>>,
}

/// A token that was doubted, and that Webex accepts.
#[derive(Debug)]
struct Accepted {
    generation: Generation,
    at: Moment,
}

/// How long an accepted token is not doubted again: a call that its subject may not make is a 401 each time.
const BELIEVED: Duration = Duration::from_mins(1);

impl Unauthorized {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, doors: Mutex::default() }
    }

    /// Another token than the refused one, where Webex really does not accept that and another is to be had.
    pub(super) async fn replace(&self, broker: &Broker, refused: &Pass) -> Result<Option<Pass>, Error> {
        if broker.store_is_silent() {
            return Ok(None);
        }
        let door = {
            let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(doors.entry(refused.id).or_default())
        };
        let mut accepted = door.lock().await;
        // Another caller may have found out while this one waited.
        let present = hand_out(broker, refused).await?;
        if !present.token.matches(&refused.token) {
            return Ok(Some(present.into()));
        }
        let now = self.clock.now();
        let generation = present.credential.generation;
        if accepted
            .as_ref()
            .is_some_and(|earlier| earlier.generation == generation && now.since(&earlier.at) < BELIEVED)
        {
            return Ok(None);
        }
        match broker.check_refused(&present.credential, &present.token).await? {
            TokenVerdict::Accepted => {
                *accepted = Some(Accepted { generation, at: now });
                Ok(None)
            }
            TokenVerdict::Renewed => Ok(Some(hand_out(broker, refused).await?.into())),
            TokenVerdict::Refused(_) => Ok(None),
        }
    }
}

async fn hand_out(broker: &Broker, earlier: &Pass) -> Result<HandedOut, Error> {
    let name = earlier.name.clone();
    broker.call(HandOut { name, min_validity: Duration::ZERO, expected: None }).await
}
