//! One process of the model: a broker, and the renewal that it is at.

use std::sync::Arc;
use std::time::Duration;

use lanyard_client::Obtained;
use lanyard_credential::rotation::{Action, Event, State};
use lanyard_credential::{CredentialId, Generation};
use lanyard_store::Store;
use lanyard_time::{BoxFuture, ManualClock, Sleep, SystemEntropy};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::super::driver::Driver;
use crate::renewals::Wanted;
use crate::{Broker, Parts};

#[derive(Debug)]
pub(super) enum Order {
    Begin {
        target: Generation,
        takes_over: bool,
    },
    /// Performs the next action.
    Perform,
    /// Says that the store failed at it.
    Fail,
    /// Gives the renewal up, though the process lives.
    Drop,
}

pub(super) struct Worker {
    orders: UnboundedSender<Order>,
    /// After each order that is done: whether a request comes next.
    done: UnboundedReceiver<bool>,
    sends_next: bool,
    task: JoinHandle<()>,
}

impl Worker {
    pub(super) fn start(store: &Store, clock: &ManualClock, id: CredentialId) -> Self {
        let parts = Parts { clock: Arc::new(clock.clone()), entropy: Arc::new(SystemEntropy), sleep: Arc::new(NoTime) };
        let broker = Broker::new(store, parts, "replay");
        let (orders, received) = unbounded_channel();
        let (tell, done) = unbounded_channel();
        let task = tokio::spawn(async move { work(&broker, id, received, &tell).await });
        Self { orders, done, sends_next: false, task }
    }

    pub(super) fn sends_next(&self) -> bool {
        self.sends_next
    }

    pub(super) fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// Waits until an order is done.
    pub(super) async fn done(&mut self) {
        self.sends_next = self.done.recv().await.unwrap_or(false);
    }

    pub(super) async fn tell(&mut self, order: Order) {
        self.order(order);
        self.done().await;
    }

    /// Whether it was told to do what it could not: its renewal is at another step than the trace says.
    pub(super) fn is_lost(&self) -> bool {
        self.task.is_finished()
    }

    /// The process ends, and with it its lock.
    pub(super) async fn crash(&mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }
}

async fn work(broker: &Broker, id: CredentialId, mut orders: UnboundedReceiver<Order>, done: &UnboundedSender<bool>) {
    let mut run: Option<(Driver<'_>, State<Obtained>, Action)> = None;
    while let Some(order) = orders.recv().await {
        run = match (order, run) {
            (Order::Begin { target, takes_over }, None) => {
                let (state, action) = State::begin();
                // The model knows no limits, and a person passes them.
                let wanted = if takes_over { Wanted::TakingOver } else { Wanted::ByHand };
                Some((Driver::new(broker, id, target, wanted), state, action))
            }
            (Order::Perform, Some((mut driver, state, action))) => {
                tokio::select! {
                    event = driver.perform(&state, action) => step(driver, state, event.unwrap()),
                    order = orders.recv() => {
                        assert!(matches!(order, Some(Order::Drop) | None), "a request is under way");
                        None
                    }
                }
            }
            (Order::Fail, Some((driver, state, _))) => step(driver, state, Event::StoreFailed),
            (Order::Drop, _) => None,
            (order, _) => panic!("{order:?} at the wrong time"),
        };
        let sends = matches!(run, Some((.., Action::Exchange { .. })));
        done.send(sends).unwrap();
    }
}

fn step(
    driver: Driver<'_>,
    state: State<Obtained>,
    event: Event<Obtained>,
) -> Option<(Driver<'_>, State<Obtained>, Action)> {
    let (state, action) = state.step(event);
    (!matches!(state, State::Finished(_))).then_some((driver, state, action))
}

/// Waits for nothing: in a trace, time passes where it says so.
#[derive(Debug)]
struct NoTime;

impl Sleep for NoTime {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}
