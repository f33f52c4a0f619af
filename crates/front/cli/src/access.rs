//! The way to the use cases: in this process, or in the broker that runs in the home.

use std::sync::Once;

use lanyard_broker::{Broker, Error, Travels};
use lanyard_server::owner::{OUR_VERSION, Owner};

use crate::output;

/// Who does what a command asks for.
#[derive(Debug)]
pub(crate) enum Access {
    /// This process, over the store that it opened.
    Local(Box<Broker>),
    /// The broker that runs in the home; the store stays closed here.
    Remote(Owner),
}

impl Access {
    /// Does one use case.
    pub(crate) async fn call<C: Travels>(&self, call: C) -> Result<C::Reply, Error> {
        match self {
            Self::Local(broker) => broker.call(call).await,
            Self::Remote(owner) => {
                let done = owner.call(call).await;
                if done.is_ok()
                    && let Some(theirs) = owner.other_version()
                {
                    WARNED.call_once(|| {
                        output::note(&format!(
                            "warning: the broker that runs in this home is Lanyard {theirs}, and this is {OUR_VERSION}: restart it"
                        ));
                    });
                }
                done
            }
        }
    }

    /// Whether this process must not end yet. A broker finishes what it began, whoever asked for it.
    pub(crate) fn must_finish(&self) -> bool {
        match self {
            Self::Local(broker) => broker.must_finish(),
            Self::Remote(_) => false,
        }
    }

    /// Completes when this process may end.
    pub(crate) async fn finished(&self) {
        if let Self::Local(broker) = self {
            broker.finished().await;
        }
    }

    /// Closes what this process has open, before it becomes another program. To close is only what keeps the store's files small.
    pub(crate) async fn close(&self) {
        if let Self::Local(broker) = self
            && let Err(error) = broker.store().close().await
        {
            tracing::warn!(%error, "the store could not be closed");
        }
    }
}

/// Said once, however many calls there are.
static WARNED: Once = Once::new();
