//! The metrics of events on their way to channels.

use lanyard_broker::CountedDeliveries;
use prometheus_client::registry::Unit;

use super::credentials::float;
use super::family::{Family, Labels};
use crate::shared::Shared;

pub(super) fn families(shared: &Shared) -> [Family; 4] {
    let counted = shared.broker().counted_deliveries();
    let outcomes = counted.iter().flat_map(|of| {
        let outcomes = [("delivered", of.delivered), ("failed", of.failed), ("given-up", of.given_up)];
        outcomes.map(|(outcome, count)| {
            let mut labels = kind(of);
            labels.push(("outcome", outcome.into()));
            (labels, count)
        })
    });
    let each = |value: fn(&CountedDeliveries) -> u64| {
        counted.iter().map(move |of| (kind(of), float(usize::try_from(value(of)).unwrap_or(usize::MAX))))
    };
    let oldest = counted.iter().filter_map(|of| Some((kind(of), of.oldest?.as_duration().as_secs_f64())));
    [
        Family::counter(
            "deliveries",
            "Attempts to deliver an event to a channel, by the kind of the channel and the outcome; an event is given up after three days.",
            outcomes,
        ),
        Family::gauge(
            "channels_failing",
            "Channels that fail, of those to which this broker delivers, by kind.",
            each(|of| of.failing),
        ),
        Family::gauge(
            "events_undelivered",
            "Events that wait for channels that fail, by the kind of the channel; at most 1000 for each channel.",
            each(|of| of.waiting),
        ),
        Family::gauge(
            "oldest_undelivered_event_timestamp",
            "When the first event happened that waits for a channel that fails, by the kind of the channel.",
            oldest,
        )
        .in_unit(Unit::Seconds),
    ]
}

fn kind(of: &CountedDeliveries) -> Labels {
    vec![("channel_kind", of.kind.into())]
}
