//! The metrics of watched devices. All brokers of a store show the same.

use lanyard_devices::Measured;
use prometheus_client::registry::Unit;

use super::credentials::float;
use super::family::{Family, Labels};

pub(super) fn families(measured: Option<&Measured>) -> [Family; 4] {
    let labelled = |label: &'static str, word: &'static str, number: u64| -> (Labels, f64) {
        (vec![(label, word.into())], float(usize::try_from(number).unwrap_or(usize::MAX)))
    };
    let of = |each: fn(&Measured) -> Vec<(&'static str, u64)>| measured.map(each).unwrap_or_default();
    let devices = of(|found| found.devices.iter().map(|(state, number)| (state.as_str(), *number)).collect());
    let watches = of(|found| found.watches.to_vec());
    let alerts = of(|found| found.alerts.iter().map(|(rule, number)| (rule.as_str(), *number)).collect());
    let oldest = measured.and_then(|found| found.oldest_reading);
    let seconds = oldest.map(|at| (Vec::new(), at.as_duration().as_secs_f64()));
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
            seconds,
        )
        .in_unit(Unit::Seconds),
    ]
}
