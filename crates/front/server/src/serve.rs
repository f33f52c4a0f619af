//! The broker as a process: its parts, started and stopped in order.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_broker::{Broker, HandOutOptions, HandOuts, Refresher, RefresherOptions};
use lanyard_operation::{Provides, Registry};
use lanyard_protocol::Environment;
use lanyard_store::{Pause, StoreError, StoreIdentity};
use lanyard_time::{Sleep, SystemSleep};
use lanyard_work::{Handlers, HasQueue as _, Runs, Worker};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::api::{self, BrokerDoor};
use crate::background::{Background, Ended, Ending, joined};
use crate::front::{self, Door};
use crate::listen::tcp::{Http, TcpSocket};
use crate::listen::tls::Tls;
use crate::listen::{ListenError, UnixSocket, sockets};
use crate::loading;
use crate::metrics::{Loops, Requests};
use crate::proxy::Proxy;
use crate::registration::Registration;
use crate::strangers::Strangers;

/// How a broker is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory that `lanyard.sock` is made in: the home, unless another is named.
    pub sockets: PathBuf,
    /// The socket for other local users, and the group that may connect to it.
    pub clients: Option<ClientsSocket>,
    /// The TCP socket, for programs with a client key.
    pub http: Option<Http>,
    /// The environments to which clients may add credentials, besides those that the home has.
    pub environments: Vec<Environment>,
    /// How many connections each socket takes at a time.
    pub connections: usize,
    /// How tokens are handed out.
    pub hand_outs: HandOutOptions,
    /// How they are renewed.
    pub refresher: RefresherOptions,
}

/// The socket for other local users.
#[derive(Clone, Debug)]
pub struct ClientsSocket {
    /// Where it is made.
    pub path: PathBuf,
    /// The group that may connect; the owner's own where there is none.
    pub group: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            sockets: PathBuf::new(),
            clients: None,
            http: None,
            environments: Vec::new(),
            connections: 1024,
            hand_outs: HandOutOptions::default(),
            refresher: RefresherOptions::default(),
        }
    }
}

/// Why a broker does not run.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A socket cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused a thread or a runtime.
    #[error("the hand-out thread cannot run")]
    Thread(#[source] io::Error),
    /// A part of it ended although nothing told it to.
    #[error("the broker's {task} ended unexpectedly: {why}")]
    Ended {
        /// Which part.
        task: &'static str,
        /// How it ended.
        why: String,
    },
}

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

/// The present troubles.
#[derive(Debug, Default)]
struct Troubles {
    reading: Option<Trouble>,
    writing: Option<Trouble>,
    /// The home is paused.
    paused: Option<Trouble>,
    /// A part of the broker that ended.
    ended: Option<&'static str>,
}

/// Something that keeps a broker from its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// A sentence about it.
    pub(crate) what: String,
    /// The next step.
    pub(crate) hint: String,
}

impl Trouble {
    fn of(error: &StoreError) -> Self {
        Self { what: error.to_string(), hint: error.hint() }
    }

    fn during(&self, what: &str) -> Self {
        Self { what: format!("{what}: {}", self.what), hint: self.hint.clone() }
    }
}

impl Shared {
    /// The trouble that keeps the broker from its work.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = troubles.ended.map(|task| Trouble {
            what: format!("the broker's {task} ended, so the broker stops"),
            hint: "see the broker's log; start it again: lanyard serve".to_owned(),
        });
        let reading = troubles.reading.as_ref().map(|trouble| trouble.during("the store cannot be read"));
        let writing =
            troubles.writing.as_ref().map(|trouble| trouble.during("hand-outs cannot be written to the audit"));
        let unseen = self.hand_outs.unseen(&self.hand_outs.now());
        let silent = (unseen > SILENT).then(|| Trouble {
            what: format!("the store has not answered for {} s", unseen.as_secs()),
            hint: "check that the database server, or the disk that holds the database, responds".to_owned(),
        });
        let lost =
            self.hand_outs.lost_history().map(|lost| Trouble { what: lost.to_string(), hint: lost.hint().to_owned() });
        ended.or(reading).or(silent).or_else(|| troubles.paused.clone()).or(writing).or(lost)
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

    /// The store is not the home's any more: the broker ends.
    pub(crate) fn lose(&self, error: &StoreError) {
        let StoreError::Replaced(path) = error else { return };
        self.lost.send_if_modified(|lost| {
            let is_first = lost.is_none();
            if is_first {
                tracing::error!(%error, hint = error.hint(), "nothing is renewed any more, and the broker stops");
                *lost = Some(path.clone());
            }
            is_first
        });
    }

    /// Keeps a trouble, or its end, and logs it once.
    fn heard(&self, which: impl FnOnce(&mut Troubles) -> &mut Option<Trouble>, error: Option<&StoreError>, what: &str) {
        if let Some(error @ StoreError::Replaced(_)) = error {
            return self.lose(error);
        }
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let before = which(&mut troubles);
        match (before.is_some(), error) {
            (false, Some(error)) => tracing::error!(%error, hint = error.hint(), "cannot {what}"),
            (true, None) => tracing::info!("can {what} again"),
            _ => {}
        }
        *before = error.map(Trouble::of);
    }

    /// Keeps whether the home is paused, and logs it once.
    fn heard_pause(&self, pause: Option<&Pause>) {
        let paused = pause.map(|pause| Trouble::of(&StoreError::Paused(pause.clone())));
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match (&troubles.paused, &paused) {
            (None, Some(Trouble { what, hint })) => tracing::warn!(hint, "nothing is handed out or renewed: {what}"),
            (Some(_), None) => tracing::info!("the home is active again"),
            _ => {}
        }
        troubles.paused = paused;
    }
}

impl Provides<Broker> for Shared {
    fn context(&self) -> Broker {
        self.broker.clone()
    }
}

impl Provides<Runs> for Shared {
    fn context(&self) -> Runs {
        Runs::new(self.broker.queue())
    }
}

/// An order to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To finish what was begun, and end.
    Stop,
    /// To read its certificate again.
    Reload,
}

/// The readiness of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It answers.
    Ready(Ready),
    /// It reads its certificate again.
    Reloading,
    /// That is done.
    Reloaded,
    /// It takes nothing new.
    Stopping,
}

/// Where a broker answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The owner's socket.
    pub owner: PathBuf,
    /// The TCP address, with its real port.
    pub http: Option<SocketAddr>,
    /// The values of `Host` that are accepted over TCP.
    pub names: Option<Vec<String>>,
    /// How many credentials it has.
    pub credentials: usize,
}

/// Runs a broker until it is ordered to stop, and until what was begun is done. `told` receives what the broker reports about itself.
///
/// It ends with an error where another database was put in the home, or the one that it opened was taken away: a restart
/// uses what is there.
pub async fn serve(
    broker: Broker,
    options: Options,
    mut orders: impl AsyncFnMut() -> Order,
    mut told: impl FnMut(Told),
) -> Result<(), ServeError> {
    // Bound first: a broker that cannot have its sockets touches nothing.
    let owner = UnixSocket::bind(&sockets::owner(&options.sockets), 0o600, None)?;
    let clients = match &options.clients {
        None => None,
        Some(clients) => Some(UnixSocket::bind(&clients.path, 0o660, clients.group)?),
    };
    let tcp = options.http.clone().map(TcpSocket::bind).transpose()?.unwrap_or_default();
    let refresher = Refresher::new(&broker, options.refresher.clone());
    let hand_outs = {
        let refresher = refresher.clone();
        HandOuts::open(broker.store(), broker.parts(), options.hand_outs.clone(), move |changes| {
            refresher.changed(changes.credentials.iter().copied());
        })
        .await?
    };
    let broker = broker.remembering(hand_outs.clone()).allowing(options.environments.clone());
    let requests = Arc::new(Requests::new(broker.parts().clock));
    let mut operations = Registry::default();
    lanyard_broker::register(&mut operations, &broker);
    let shared = Arc::new(Shared {
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
        words: Words { token: "token".into(), request: "request".into(), remote: "unauthenticated, over TCP".into() },
        strangers: Strangers::default(),
        operations,
        router: api::router(Arc::clone(&requests)),
        requests,
        loops: Loops::default(),
        troubles: Mutex::default(),
    });
    shared.heard_pause(shared.hand_outs.catch_up().await?.paused.as_ref());
    // Before it is ready: another home's key rotation waits for it as long as it runs.
    let registration =
        Registration::new(shared.broker.store(), Arc::clone(&shared.sleep), Arc::clone(&shared.loops.registration));
    registration.report().await?;
    let clone = |socket: &UnixSocket| socket.listener.try_clone().map_err(ServeError::Thread);
    let mut background = Background::default();
    let thread = front::start(Arc::clone(&shared), clone(&owner)?).map_err(ServeError::Thread)?;
    background.add("hand-out thread", Ending::Drains, joined(thread));
    if let Some(clients) = &clients {
        let accepting = front::accept(Arc::clone(&shared), Door::Clients, clone(clients)?);
        background.add("clients' socket", Ending::Drains, tokio::spawn(accepting));
    }
    let address = tcp.first().map(|tcp| tcp.address);
    let names = tcp.first().map(|tcp| tcp.hosts.to_vec());
    let tls = tcp.first().and_then(|tcp| tcp.tls.clone());
    if let Some(tls) = tls.clone() {
        background.add(
            "watch over the certificate",
            Ending::Never,
            tokio::spawn(report_expiry(Arc::clone(&shared), tls)),
        );
    }
    for tcp in tcp {
        background.add("TCP socket", Ending::Drains, tokio::spawn(tcp.serve(Arc::clone(&shared))));
    }
    background.add("refresher", Ending::Finishes, tokio::spawn(loading::refresh(Arc::clone(&shared))));
    background.add("worker", Ending::Finishes, tokio::spawn(work(Arc::clone(&shared))));
    background.add("reader of the store", Ending::Never, tokio::spawn(follow(Arc::clone(&shared))));
    background.add("writer of the audit", Ending::Never, tokio::spawn(write_down(Arc::clone(&shared))));
    background.add("pruning of the audit", Ending::Never, tokio::spawn(prune(Arc::clone(&shared))));
    background.add("report to other homes", Ending::Never, tokio::spawn(registration.clone().keep()));
    told(Told::Ready(Ready {
        owner: sockets::owner(&shared.options.sockets),
        http: address,
        names,
        credentials: shared.hand_outs.len(),
    }));
    let ended = until_stopped(&shared, tls.as_deref(), &mut background, &mut orders, &mut told).await;
    told(Told::Stopping);

    tracing::info!("stopping; finishing requests in progress");
    shared.stopping.send_replace(true);
    shared.closing.send_modify(|times| *times += 1);
    // New connections are refused from here on, by a file that is not there.
    drop((owner, clients));
    tokio::select! {
        () = background.end(Ending::Drains) => {}
        () = shared.sleep.sleep(DRAIN) => tracing::warn!("some connections did not end in time"),
    }
    // It begins nothing more, and ends when nothing is under way.
    background.end(Ending::Finishes).await;
    drop(background);
    shared.broker.drain().await;
    shared.strangers.release(&shared.hand_outs, true);
    if let Err(error) = shared.hand_outs.flush().await {
        tracing::error!(%error, records = shared.hand_outs.waiting(), "the last hand-outs are missing from the audit");
    }
    registration.remove().await;
    tracing::info!("stopped");
    ended.map_or(Ok(()), Err)
}

/// Does what it is told until it is to end: by order, because the store that was opened is not the home's any more, or because a part
/// of the broker ended. A broker without one of its parts must not look as if it worked.
async fn until_stopped(
    shared: &Shared,
    tls: Option<&Tls>,
    background: &mut Background,
    orders: &mut impl AsyncFnMut() -> Order,
    told: &mut impl FnMut(Told),
) -> Option<ServeError> {
    let mut lost = shared.lost.subscribe();
    loop {
        let order = tokio::select! {
            order = orders() => order,
            lost = replaced(&mut lost) => return Some(StoreError::Replaced(lost).into()),
            Ended { task, why } = background.first_end() => {
                tracing::error!(task, why, "a part of the broker ended, so the broker stops");
                shared.troubles.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(task);
                return Some(ServeError::Ended { task, why });
            }
        };
        match order {
            Order::Stop => return None,
            Order::Reload => {
                told(Told::Reloading);
                match tls.map(Tls::reload) {
                    Some(Ok(())) => {
                        tracing::info!("the certificate was read again");
                        tls.inspect(|tls| tls.report_expiry(shared.hand_outs.now().wall));
                    }
                    Some(Err(error)) => tracing::error!(%error, "the earlier certificate stays"),
                    None => {}
                }
                shared.hand_outs.poke();
                told(Told::Reloaded);
            }
        }
    }
}

/// Completes when the store that was opened is not the home's any more.
async fn replaced(lost: &mut watch::Receiver<Option<PathBuf>>) -> PathBuf {
    if let Ok(path) = lost.wait_for(Option::is_some).await
        && let Some(path) = path.clone()
    {
        return path;
    }
    std::future::pending().await
}

/// A store that has not answered for so long is reported, before the questions to it fail.
const SILENT: Duration = Duration::from_secs(10);

/// How long requests that were begun may take when the broker stops.
const DRAIN: Duration = Duration::from_secs(20);

async fn follow(shared: Arc<Shared>) -> io::Result<()> {
    let hand_outs = shared.hand_outs.clone();
    hand_outs
        .follow(|told| {
            if let Ok(changes) = told {
                shared.loops.reader.beat(shared.hand_outs.now().wall);
                shared.heard_pause(changes.paused.as_ref());
            }
            shared.heard(|troubles| &mut troubles.reading, told.err(), "read the store");
        })
        .await;
    Ok(())
}

async fn write_down(shared: Arc<Shared>) -> io::Result<()> {
    let hand_outs = shared.hand_outs.clone();
    hand_outs
        .write_down(|told| {
            shared.strangers.release(&shared.hand_outs, false);
            if told.is_ok() {
                shared.loops.audit.beat(shared.hand_outs.now().wall);
            }
            // The pause is reported as such.
            let error = told.err().filter(|error| !matches!(error, StoreError::Paused(_)));
            shared.heard(|troubles| &mut troubles.writing, error, "write hand-outs to the audit");
        })
        .await;
    Ok(())
}

/// Does the work of the store's queue that is due, until the broker stops.
async fn work(shared: Arc<Shared>) -> io::Result<()> {
    let mut stopping = shared.stopping.subscribe();
    let mut was_refused = false;
    while let Err(error) = lanyard_broker::begin_work(shared.broker()).await {
        if !std::mem::replace(&mut was_refused, true) && !matches!(error, StoreError::Paused(_)) {
            tracing::warn!(%error, hint = error.hint(), "cannot prepare the background work; trying again");
        }
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
            () = shared.sleep.sleep(BEGIN_AGAIN) => {}
        }
    }
    let mut handlers = Handlers::default();
    lanyard_broker::work(&mut handlers, &BrokerDoor(Arc::clone(&shared)), shared.broker());
    let worker = Worker::new(shared.broker().queue(), handlers, Arc::clone(&shared.sleep));
    worker
        .run(async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        })
        .await
}

/// How long to wait before the background work is prepared again.
const BEGIN_AGAIN: Duration = Duration::from_secs(5);

/// Reports a certificate that expires, once a day.
async fn report_expiry(shared: Arc<Shared>, tls: Arc<Tls>) -> io::Result<()> {
    loop {
        tls.report_expiry(shared.hand_outs.now().wall);
        shared.sleep.sleep(EXPIRY_EVERY).await;
    }
}

const EXPIRY_EVERY: Duration = Duration::from_hours(24);

/// Removes the entries of the audit that are older than its retention.
async fn prune(shared: Arc<Shared>) -> io::Result<()> {
    shared.sleep.sleep(PRUNE_FIRST).await;
    loop {
        let pruned = shared.broker.store().prune_journal().await;
        if pruned.is_ok() {
            shared.loops.pruning.beat(shared.hand_outs.now().wall);
        }
        let wait = match pruned {
            Ok(Some(pruned)) => {
                tracing::info!(up_to = pruned.up_to, entries = pruned.entries, "removed old entries of the audit");
                if pruned.more { PRUNE_MORE } else { PRUNE_EVERY }
            }
            Ok(None) | Err(StoreError::Paused(_)) => PRUNE_EVERY,
            Err(error) => {
                tracing::error!(%error, hint = error.hint(), "cannot remove old entries of the audit");
                if error.is_transient() { PRUNE_FIRST } else { PRUNE_EVERY }
            }
        };
        shared.sleep.sleep(wait).await;
    }
}

/// Not while the broker starts.
const PRUNE_FIRST: Duration = Duration::from_mins(1);
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// Others write between two parts of a long pruning.
const PRUNE_MORE: Duration = Duration::from_secs(1);
