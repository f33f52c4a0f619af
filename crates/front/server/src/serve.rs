//! The broker as a process: its parts, started and stopped in order.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lanyard_broker::{Broker, HandOuts, Refresher};
use lanyard_store::StoreError;
use lanyard_work::{Handlers, HasQueue as _, Worker};
use thiserror::Error;

use crate::background::{Background, Ended, Ending, joined};
use crate::counts::Requests;
use crate::front::{self, Door};
use crate::listen::tcp::TcpSocket;
use crate::listen::tls::Tls;
use crate::listen::{ListenError, UnixSocket, sockets};
use crate::options::Options;
use crate::registration::Registration;
use crate::shared::{BrokerDoor, Shared};
use crate::{api, loading};

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
    let router = api::router(Arc::clone(&requests));
    let shared = Arc::new(Shared::new(broker, hand_outs, refresher, options, requests, router));
    shared.heard_pause(shared.hand_outs.catch_up().await?.paused.as_ref());
    // Before it is ready: another home's key rotation waits for it as long as it runs.
    let registration =
        Registration::new(shared.broker().store(), Arc::clone(&shared.sleep), Arc::clone(&shared.loops.registration));
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
    shared.broker().drain().await;
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
    loop {
        let order = tokio::select! {
            order = orders() => order,
            lost = shared.replaced() => return Some(StoreError::Replaced(lost).into()),
            Ended { task, why } = background.first_end() => {
                tracing::error!(task, why, "a part of the broker ended, so the broker stops");
                shared.part_ended(task);
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

/// How long requests that were begun may take when the broker stops.
const DRAIN: Duration = Duration::from_secs(20);

async fn follow(shared: Arc<Shared>) -> io::Result<()> {
    let hand_outs = shared.hand_outs.clone();
    hand_outs
        .follow(|told| {
            if let Ok(changes) = told {
                shared.loops.reader.beat(shared.hand_outs.now().wall);
                shared.heard_pause(changes.paused.as_ref());
                shared.broker().journal_reached(changes.position);
            }
            shared.heard_reading(told.err());
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
            shared.heard_writing(error);
        })
        .await;
    Ok(())
}

/// Does the work of the store's queue that is due, until the broker stops.
async fn work(shared: Arc<Shared>) -> io::Result<()> {
    let mut stopping = shared.stopping.subscribe();
    let mut was_refused = false;
    let begin = async || {
        lanyard_broker::begin_work(shared.broker()).await?;
        lanyard_devices::begin_work(&shared.broker().job_context()).await
    };
    while let Err(error) = begin().await {
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
    lanyard_devices::work(&mut handlers, &shared.broker().job_context());
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
        let pruned = shared.broker().store().prune_journal().await;
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
