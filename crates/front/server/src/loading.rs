//! The start of a broker with many credentials: it answers before it has read all of them.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use lanyard_store::StoreError;

use crate::caller::Caller;
use crate::problem::{Code, Problem};
use crate::shared::Shared;
use crate::{api, proxy};

/// Whether a request to this path finds its credential in memory. The operations of the owner's commands load theirs themselves.
pub(crate) fn reads(path: &str) -> bool {
    path.starts_with("/api/v1/credentials") || path.starts_with("/webex/")
}

/// Ensures that the credential in a request's path, or else every credential, is in memory.
pub(crate) async fn prepare(shared: &Shared, caller: &Caller, path: &str) -> Result<(), Problem> {
    let named = api::token::asked(path).or_else(|| Some(proxy::Address::of(path)?.name));
    let read = async {
        if let Some(name) = named {
            return shared.hand_outs.know(name, |id| caller.knows(id)).await;
        }
        shared.hand_outs.loaded().await;
        Ok(())
    };
    match select(pin!(read), shared.sleep.sleep(PATIENCE)).await {
        Either::Left((read, _)) => read.map_err(|error| Problem::from(lanyard_broker::Error::from(error))),
        Either::Right(_) => {
            Err(Problem::new(Code::Store, "the broker has just started and is still reading its credentials")
                .hint("try again in a moment"))
        }
    }
}

/// How long a request waits for that.
const PATIENCE: Duration = Duration::from_secs(8);

/// Reads all credentials, and then renews them until the broker stops.
pub(crate) async fn refresh(shared: Arc<Shared>) -> io::Result<()> {
    let stop = || {
        let mut stopping = shared.stopping.subscribe();
        async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    };
    match select(pin!(load(&shared)), pin!(stop())).await {
        Either::Left(_) => {}
        Either::Right(_) => return Ok(()),
    }
    shared.refresher.run(stop()).await;
    Ok(())
}

async fn load(shared: &Shared) {
    let mut was_refused = false;
    loop {
        match shared.hand_outs.load().await {
            Ok(()) => return,
            // The broker ends in its own way.
            Err(error @ StoreError::Replaced(_)) => {
                shared.lose(&error);
                return std::future::pending().await;
            }
            // Also a store that is damaged: what was read of it before is handed out for a while, and somebody may put it right.
            Err(error) => {
                if !std::mem::replace(&mut was_refused, true) {
                    tracing::warn!(%error, hint = error.hint(), "cannot read the credentials; trying again");
                }
                shared.sleep.sleep(AGAIN).await;
            }
        }
    }
}

const AGAIN: Duration = Duration::from_secs(1);
