//! The metrics of watched devices. All brokers of a store show the same.

use jiff::Timestamp;
use lanyard_devices::Measured;
use prometheus_client::registry::Unit;

use super::credentials::float;
use super::family::{Family, Labels};

pub(super) fn families(measured: Option<&Measured>) -> [Family; 7] {
    let labelled = |label: &'static str, word: &'static str, number: u64| -> (Labels, f64) {
        (vec![(label, word.into())], float(usize::try_from(number).unwrap_or(usize::MAX)))
    };
    let of = |each: fn(&Measured) -> Vec<(&'static str, u64)>| measured.map(each).unwrap_or_default();
    let devices = of(|found| found.devices.iter().map(|(state, number)| (state.as_str(), *number)).collect());
    let watches = of(|found| found.watches.to_vec());
    let alerts = of(|found| found.alerts.iter().map(|(rule, number)| (rule.as_str(), *number)).collect());
    let oldest = measured.and_then(|found| found.oldest_reading);
    let moment = |at: Option<Timestamp>| at.map(|at| (Labels::new(), at.as_duration().as_secs_f64()));
    let oldest_statuses = measured.and_then(|found| found.oldest_statuses);
    let single = |of: fn(&Measured) -> Option<u64>| {
        let number = measured.and_then(of);
        number.map(|number| (Labels::new(), float(usize::try_from(number).unwrap_or(usize::MAX))))
    };
    [
        Family::gauge(
            "watched_devices",
            "Watched devices by state; those of a watch that cannot read are unknown.",
            devices.into_iter().map(|(word, number)| labelled("state", word, number)),
        ),
        Family::gauge(
            "device_watches",
            "Watches of devices by state: active, blind (cannot read), late (no broker has read its devices for long) or paused.",
            watches.into_iter().map(|(word, number)| labelled("state", word, number)),
        ),
        Family::gauge(
            "device_alerts_open",
            "Open alerts about devices, by rule.",
            alerts.into_iter().map(|(word, number)| labelled("rule", word, number)),
        ),
        Family::gauge(
            "oldest_device_reading_timestamp",
            "When the devices of that watch were read whose last reading is the oldest; paused watches do not count.",
            moment(oldest),
        )
        .in_unit(Unit::Seconds),
        Family::gauge(
            "oldest_device_status_timestamp",
            "When the online device was asked for its statuses that was asked the longest ago; watches whose statuses are not read do not count.",
            moment(oldest_statuses),
        )
        .in_unit(Unit::Seconds),
        Family::gauge(
            "device_watches_over_budget",
            "Watches whose statuses cannot be read at their interval with the calls that Webex is assumed to allow.",
            single(|found| Some(found.over_budget)),
        ),
        Family::gauge(
            "device_status_calls_per_minute",
            "The calls a minute that Webex is assumed to allow an account that reads statuses: the lowest of all accounts.",
            single(|found| found.calls_per_minute),
        ),
    ]
}
