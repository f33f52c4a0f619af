//! The operations of the broker that another process may ask for.

use lanyard_operation::{Door, Registry};
use lanyard_work::{CancelRun, Handlers, ListRuns, Runs, ShowRun, Start, add_run};

use crate::{Broker, HandOut, RecordHandOut, RetryRevocations, TestAll, calls};

/// Adds the work that the broker's operations start.
pub fn work<D: Door>(handlers: &mut Handlers, door: &D, broker: &Broker) {
    add_run::<TestAll, _>(handlers, door, broker);
}

/// Adds all operations of the broker to a registry.
pub fn register<D: Door>(registry: &mut Registry<D>, broker: &Broker) {
    calls::register(registry, broker);
    let runs = Runs::new(&broker.queue);
    registry
        .add::<CancelRun>(&runs)
        .add::<ListRuns>(&runs)
        .add::<ShowRun>(&runs)
        .add::<Start<TestAll>>(broker)
        .add::<HandOut>(broker)
        .add::<RecordHandOut>(broker)
        .add::<RetryRevocations>(broker);
}

#[cfg(test)]
pub(crate) mod tests;
