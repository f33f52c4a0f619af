//! The state that all requests of a broker share.

mod door;
mod trouble;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use lanyard_broker::{Broker, HandOuts, Refresher};
use lanyard_operation::{Provides, Registry};
use lanyard_store::StoreIdentity;
use lanyard_time::{Sleep, SystemSleep};
use lanyard_work::{HasQueue as _, JobContext, Runs};
use tokio::runtime::Handle;
use tokio::sync::watch;

pub(crate) use self::door::BrokerDoor;
use self::trouble::Troubles;
use crate::counts::{Loops, Requests};
use crate::options::Options;
use crate::proxy::Proxy;
use crate::strangers::Strangers;

/// The state that all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    broker: Broker,
    /// The store that it uses, for commands that may mean another one.
    pub(crate) store: StoreIdentity,
    pub(crate) hand_outs: HandOuts,
    pub(crate) refresher: Refresher,
    pub(crate) proxy: Proxy,
    pub(crate) options: Options,
    /// Where everything is done that may wait.
    pub(crate) work: Handle,
    pub(crate) sleep: Arc<dyn Sleep>,
    pub(crate) stopping: watch::Sender<bool>,
    /// Counted up when connections that are kept open are to end: the broker stops, or a token is to be forgotten.
    pub(crate) closing: watch::Sender<u64>,
    /// The store that was opened is not the home's any more.
    lost: watch::Sender<Option<PathBuf>>,
    pub(crate) words: Words,
    pub(crate) strangers: Strangers,
    pub(crate) requests: Arc<Requests>,
    pub(crate) loops: Loops,
    /// The operations that a command may perform here.
    pub(crate) operations: Registry<BrokerDoor>,
    router: axum::Router,
    troubles: Mutex<Troubles>,
}

/// Words that each hand-out needs, made once.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) token: Arc<str>,
    pub(crate) request: Arc<str>,
    pub(crate) remote: Arc<str>,
}

impl Shared {
    /// Creates the state of a broker that starts.
    pub(crate) fn new(
        broker: Broker,
        hand_outs: HandOuts,
        refresher: Refresher,
        options: Options,
        requests: Arc<Requests>,
        router: axum::Router,
    ) -> Self {
        let mut operations = Registry::default();
        lanyard_broker::register(&mut operations, &broker);
        lanyard_devices::register(&mut operations, &broker.job_context());
        Self {
            proxy: Proxy::new(broker.clone()),
            store: broker.store().identity(),
            broker,
            hand_outs,
            refresher,
            options,
            work: Handle::current(),
            sleep: Arc::new(SystemSleep),
            stopping: watch::Sender::new(false),
            closing: watch::Sender::new(0),
            lost: watch::Sender::new(None),
            words: Words {
                token: "token".into(),
                request: "request".into(),
                remote: "unauthenticated, over TCP".into(),
            },
            strangers: Strangers::default(),
            operations,
            router,
            requests,
            loops: Loops::default(),
            troubles: Mutex::default(),
        }
    }

    /// The broker. Use it only to perform a caller's operation, or after a check of the caller's permissions.
    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The router of everything but a token that is in memory.
    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Ends what may still hold a token that was erased: kept connections, here and to Webex.
    pub(crate) fn forget(&self) {
        self.closing.send_modify(|times| *times += 1);
        self.broker.forget_connections();
    }
}

impl Provides<Broker> for Shared {
    fn context(&self) -> Broker {
        self.broker.clone()
    }
}

impl Provides<JobContext> for Shared {
    fn context(&self) -> JobContext {
        self.broker.job_context()
    }
}

impl Provides<Runs> for Shared {
    fn context(&self) -> Runs {
        Runs::new(self.broker.queue())
    }
}
