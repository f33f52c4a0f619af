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
}

/// Said once, however many calls there are.
static WARNED: Once = Once::new();
