//! The columns of `devices list`.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use lanyard_devices::{BlindView, DeviceState, DeviceView};

use super::devices;
use super::list::ago;
use super::readings::cell;

/// A column: its name on the command line, which is also its heading, and its content for a device.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    cell: fn(&Shown<'_>) -> Option<String>,
}

/// A device that is shown.
pub(super) struct Shown<'a> {
    pub(super) device: &'a DeviceView,
    /// The availability in the last 30 days, if it was asked for and anything is known.
    pub(super) availability: Option<f64>,
    pub(super) now: Timestamp,
}

/// All columns. A cell without content is a dash; what is not known is a question mark.
static ALL: [Column; 23] = [
    Column { name: "state", cell: |shown| Some(shown.device.state.to_string()) },
    Column { name: "for", cell: |shown| Some(ago(shown.device.since, shown.now)) },
    Column { name: "customer", cell: |shown| shown.device.customer.clone() },
    Column { name: "location", cell: |shown| Some(shown.device.location().to_owned()) },
    Column { name: "room", cell: |shown| Some(shown.device.room().to_owned()) },
    Column {
        name: "device",
        cell: |shown| {
            let product = &shown.device.facts.product;
            Some(product.strip_prefix("Cisco ").unwrap_or(product).to_owned())
        },
    },
    Column { name: "name", cell: |shown| Some(shown.device.facts.name.clone()) },
    Column { name: "serial", cell: |shown| shown.device.facts.serial.clone() },
    Column { name: "mac", cell: |shown| shown.device.facts.mac.clone() },
    Column { name: "ip", cell: |shown| shown.device.facts.ip.clone() },
    Column { name: "software", cell: |shown| shown.device.facts.software.clone() },
    Column { name: "channel", cell: |shown| shown.device.facts.channel.clone() },
    Column { name: "seen", cell: |shown| Some(seen(shown)) },
    Column {
        name: "availability",
        cell: |shown| Some(shown.availability.map_or_else(|| "?".to_owned(), |part| format!("{:.2} %", part * 100.0))),
    },
    Column {
        name: "call",
        cell: |shown| Some(cell(shown.device, shown.now, |statuses| statuses.calls.map(|calls| calls.to_string()))),
    },
    Column {
        name: "people",
        cell: |shown| Some(cell(shown.device, shown.now, |statuses| statuses.people.map(|people| people.to_string()))),
    },
    Column {
        name: "temperature",
        cell: |shown| {
            Some(cell(shown.device, shown.now, |statuses| statuses.temperature.map(|degrees| format!("{degrees} C"))))
        },
    },
    Column {
        name: "volume",
        cell: |shown| Some(cell(shown.device, shown.now, |statuses| statuses.volume.map(|volume| volume.to_string()))),
    },
    Column { name: "standby", cell: |shown| Some(cell(shown.device, shown.now, |statuses| statuses.standby.clone())) },
    Column { name: "tags", cell: |shown| Some(shown.device.facts.tags.join(", ")) },
    Column { name: "why", cell: |shown| shown.device.why.clone() },
    Column { name: "watch", cell: |shown| Some(shown.device.watch.clone()) },
    Column { name: "id", cell: |shown| Some(shown.device.id.clone()) },
];

/// The columns with these names.
///
/// # Panics
/// If there is none with one of the names.
pub(super) fn named(names: &[&str]) -> Vec<&'static Column> {
    names.iter().map(|name| ALL.iter().find(|column| column.name == *name).expect("a column has this name")).collect()
}

/// The names of columns, on the command line.
pub(super) fn parser() -> impl TypedValueParser<Value = &'static Column> {
    let values = ALL.iter().map(|column| PossibleValue::new(column.name));
    // Only these words come through.
    PossibleValuesParser::new(values).map(|word| ALL.iter().find(|column| column.name == word).unwrap_or(&ALL[0]))
}

impl Column {
    /// The heading.
    pub(super) fn heading(&self) -> String {
        self.name.to_uppercase()
    }

    /// The content for a device.
    pub(super) fn of(&self, shown: &Shown<'_>) -> String {
        (self.cell)(shown).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned())
    }

    /// The content for all devices of a watch that cannot be read.
    pub(super) fn of_blind(&self, blind: &BlindView, now: Timestamp) -> String {
        match self.name {
            "state" => DeviceState::Unknown.to_string(),
            "for" => ago(blind.since, now),
            "customer" => blind.customer.clone().unwrap_or_else(|| "-".to_owned()),
            "room" => format!("all {}", devices(blind.devices)),
            "why" => blind.why.clone(),
            "watch" => blind.watch.clone(),
            _ => "-".to_owned(),
        }
    }
}

/// When Webex heard from a device last: "now" for one that is connected.
fn seen(shown: &Shown<'_>) -> String {
    let device = shown.device;
    match (device.facts.heard_at, device.state) {
        (Some(at), _) => format!("{} ago", ago(at, shown.now)),
        (None, DeviceState::Up | DeviceState::Degraded) => "now".to_owned(),
        (None, _) => "?".to_owned(),
    }
}
