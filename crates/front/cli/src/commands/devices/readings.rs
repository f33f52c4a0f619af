//! What devices reported of themselves, in words.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lanyard_devices::{DeviceState, DeviceView, Peripheral, ReadingsView, Statuses};

use super::devices;
use super::list::ago;
use crate::numbers;
use crate::output::{duration, table};

/// How often statuses are read: a time, or `off`.
pub(super) fn interval(text: &str) -> Result<u64, &'static str> {
    if text == "off" { Ok(0) } else { numbers::some_seconds(text) }
}

/// How the statuses of a watch's devices are read.
pub(super) fn of_watch(readings: &ReadingsView) -> String {
    let Some(interval) = readings.interval_seconds else { return "off".to_owned() };
    if let Some(reason) = &readings.reason {
        return format!("off: {reason}");
    }
    let words = |seconds| duration::words(Duration::from_secs(seconds));
    let over = readings.is_over_budget().then(|| {
        let all = devices(usize::try_from(readings.devices).unwrap_or(usize::MAX));
        format!("reading the statuses of {all} takes {} at Webex's assumed limit", words(readings.takes_seconds))
    });
    let paused = readings.paused_until.map(|until| table::moment(until, table::room()));
    let paused = paused.map(|until| format!("Webex asked to pause until {until}"));
    let every = format!("every {}, of devices that are online", words(interval));
    [Some(every), over, paused].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What a device reported last, as lines of a description. What is not known is "?".
pub(super) fn of_device(device: &DeviceView, now: Timestamp) -> Vec<(&'static str, String)> {
    let is_online = matches!(device.state, DeviceState::Up | DeviceState::Degraded);
    let when = if is_online { "now" } else { "before" };
    let Some(view) = &device.statuses else { return vec![(when, "?".to_owned())] };
    let Some(read_at) = view.read_at else {
        let why = view.reason.as_ref().map_or_else(String::new, |reason| format!(" (not read: {reason})"));
        return vec![(when, format!("?{why}"))];
    };
    let since = view.reason.as_ref().map_or_else(String::new, |reason| format!("; not read since: {reason}"));
    let read = format!("   (read {} ago{since})", ago(read_at, now));
    let said = sentence(&view.statuses);
    let mut rows = vec![(when, format!("{}{read}", if said.is_empty() { "?" } else { &said }))];
    if let Some(peripherals) = &view.statuses.peripherals {
        rows.push(("peripherals", format!("{}{read}", named(peripherals))));
    }
    if let Some(network) = &view.statuses.network {
        let interface = network.interface.map_or("?", |interface| interface.as_str());
        rows.push(("network", format!("{interface}, {}{read}", network.address.as_deref().unwrap_or("?"))));
    }
    rows
}

/// One status of a device for a list: with its age if it is older than an hour, "?" if it is not known.
pub(super) fn cell(device: &DeviceView, now: Timestamp, of: fn(&Statuses) -> Option<String>) -> String {
    let view = device.statuses.as_ref();
    let Some((text, read_at)) = view.and_then(|view| of(&view.statuses).zip(view.read_at)) else {
        return "?".to_owned();
    };
    if now.duration_since(read_at) < SignedDuration::from_hours(1) {
        return text;
    }
    format!("{text} ({} ago)", ago(read_at, now))
}

fn sentence(statuses: &Statuses) -> String {
    let call = statuses.calls.map(|calls| match calls {
        0 => "not in a call".to_owned(),
        1 => "in a call".to_owned(),
        calls => format!("in {calls} calls"),
    });
    let standby = statuses.standby.as_ref().filter(|state| !state.eq_ignore_ascii_case("off"));
    let standby = standby.map(|state| match state.to_ascii_lowercase().as_str() {
        "standby" => "in standby".to_owned(),
        "halfwake" => "half awake".to_owned(),
        "enteringstandby" => "entering standby".to_owned(),
        _ => format!("standby \"{state}\""),
    });
    let people = statuses.people.map(|people| format!("{people} {}", if people == 1 { "person" } else { "people" }));
    let parts = [
        call,
        standby,
        people,
        statuses.temperature.map(|degrees| format!("{degrees} C")),
        statuses.humidity.map(|percent| format!("humidity {:.0} %", percent.number())),
        statuses.air_quality.map(|index| format!("air quality {index}")),
        statuses.volume.map(|volume| format!("volume {volume}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn named(peripherals: &[Peripheral]) -> String {
    if peripherals.is_empty() {
        return "-".to_owned();
    }
    let name = |peripheral: &Peripheral| match peripheral.connected {
        Some(false) => format!("{} (not connected)", peripheral.name),
        _ => peripheral.name.clone(),
    };
    peripherals.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_time_or_off() {
        assert_eq!((interval("15m"), interval("off")), (Ok(900), Ok(0)));
        assert!(interval("0").is_err() && interval("never").is_err());
    }

    #[test]
    fn statuses_are_one_sentence_of_what_is_known() {
        let statuses: Statuses = serde_json::from_value(serde_json::json!({
            "calls": 1, "standby": "Off", "people": 5, "temperature": 23.4, "volume": 60,
        }))
        .unwrap();
        assert_eq!(sentence(&statuses), "in a call, 5 people, 23.4 C, volume 60");
        let statuses =
            Statuses { calls: Some(0), standby: Some("Halfwake".to_owned()), people: Some(1), ..Statuses::default() };
        assert_eq!(sentence(&statuses), "not in a call, half awake, 1 person");
        assert_eq!(sentence(&Statuses::default()), "");
    }

    #[test]
    fn a_limit_that_does_not_suffice_is_said_in_one_sentence() {
        let mut view = ReadingsView {
            interval_seconds: Some(900),
            devices: 900,
            takes_seconds: 1080,
            calls_per_minute: 100,
            ..ReadingsView::default()
        };
        let said = of_watch(&view);
        assert_eq!(
            said,
            "every 15 mins, of devices that are online; reading the statuses of 900 devices takes 18 mins at Webex's assumed limit"
        );
        view.devices = 10;
        view.takes_seconds = 12;
        assert_eq!(of_watch(&view), "every 15 mins, of devices that are online");
        view.reason = Some("admin was not granted spark:xapi_statuses".to_owned());
        assert_eq!(of_watch(&view), "off: admin was not granted spark:xapi_statuses");
        assert_eq!(of_watch(&ReadingsView::default()), "off");
    }
}
