//! The metrics of the background loops and of the store that they use.

use lanyard_work::HasQueue as _;
use prometheus_client::registry::Unit;

use super::credentials::float;
use super::family::Family;
use crate::shared::Shared;

/// How many kinds of work are told apart.
const KINDS: usize = 32;

pub(super) fn families(shared: &Shared, due: Vec<(String, u64)>) -> [Family; 3] {
    let loops = &shared.loops;
    let last = [
        ("reader", loops.reader.last()),
        ("audit", loops.audit.last()),
        ("pruning", loops.pruning.last()),
        ("registration", loops.registration.last()),
        ("refresher", shared.refresher.report().last_success),
        ("worker", shared.broker().queue().last_look()),
        ("watch", shared.broker().last_watch()),
        ("delivery", shared.broker().last_delivery()),
    ];
    let last =
        last.into_iter().filter_map(|(name, at)| Some((vec![("loop", name.into())], at?.as_duration().as_secs_f64())));
    let durations = shared.broker().store().durations();
    let durations = [("read", durations.reads), ("write", durations.writes)];
    let others: u64 = due.iter().skip(KINDS).map(|(_, count)| count).sum();
    let others = (due.len() > KINDS).then(|| ("other".to_owned(), others));
    let due = due.into_iter().take(KINDS).chain(others);
    [
        Family::gauge("loop_last_success_timestamp", "When a background loop of the broker last succeeded.", last)
            .in_unit(Unit::Seconds),
        Family::durations(
            "store_operation_duration",
            "Time that a statement that reads, or a whole transaction that writes, takes in the store.",
            durations.map(|(operation, counted)| (vec![("operation", operation.into())], counted)),
        ),
        Family::gauge(
            "work_units_due",
            "Units of work that are due or under way, by kind, of all brokers that share the store.",
            due.map(|(kind, count)| (vec![("kind", kind.into())], float(usize::try_from(count).unwrap_or(usize::MAX)))),
        ),
    ]
}
