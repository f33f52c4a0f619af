//! The statuses in an answer, whatever its form: a value that is not as expected is left out, and affects no other.

use std::net::IpAddr;

use serde_json::Value;

use crate::statuses::{Interface, Network, Peripheral, Statuses, Tenths};

/// How many peripherals are kept, and how many characters of a text.
const MOST_PERIPHERALS: usize = 16;
const LONGEST: usize = 100;

/// Reads the statuses of an answer.
pub(super) fn statuses(tree: &Value) -> Statuses {
    let whole = |path: &[&str], most: u32| at(tree, path).and_then(|value| whole(value, most));
    let connected = at(tree, &["Peripherals", "ConnectedDevice"]).map(entries);
    let sensor = |path: &[&str], bounds: (f64, f64)| {
        let of = |tree: &Value| Tenths::within(number(at(tree, path)?)?, bounds);
        of(tree).or_else(|| connected.as_deref().unwrap_or_default().iter().find_map(|device| of(device)))
    };
    Statuses {
        standby: at(tree, &["Standby", "State"]).and_then(text),
        calls: whole(&["SystemUnit", "State", "NumberOfActiveCalls"], 1_000),
        people: whole(&["RoomAnalytics", "PeopleCount", "Current"], 10_000),
        volume: whole(&["Audio", "Volume"], 100),
        temperature: sensor(&["RoomAnalytics", "AmbientTemperature"], (-50.0, 100.0)),
        humidity: sensor(&["RoomAnalytics", "RelativeHumidity"], (0.0, 100.0)),
        air_quality: sensor(&["RoomAnalytics", "AirQuality", "Index"], (0.0, 1_000.0)),
        peripherals: connected.as_deref().map(peripherals),
        network: at(tree, &["Network"]).and_then(|networks| network(&entries(networks))),
    }
}

fn peripherals(devices: &[&Value]) -> Vec<Peripheral> {
    let peripheral = |device: &&Value| {
        let name = at(device, &["Name"]).and_then(text).or_else(|| at(device, &["Type"]).and_then(text))?;
        let status = at(device, &["Status"]).and_then(text);
        Some(Peripheral { name, connected: status.map(|status| status.eq_ignore_ascii_case("connected")) })
    };
    devices.iter().filter_map(peripheral).take(MOST_PERIPHERALS).collect()
}

/// The connection that has an address, or else the first of which the interface is known.
fn network(connections: &[&Value]) -> Option<Network> {
    let read = |connection: &&Value| {
        let address = at(connection, &["IPv4", "Address"]).and_then(text);
        let address = address.and_then(|address| address.parse::<IpAddr>().ok()).filter(|ip| !ip.is_unspecified());
        let interface = at(connection, &["ActiveInterface"]).and_then(text).and_then(|word| interface(&word));
        Network { interface, address: address.map(|address| address.to_string()) }
    };
    let all: Vec<Network> = connections.iter().take(MOST_PERIPHERALS).map(read).collect();
    let found = all.iter().find(|found| found.address.is_some());
    found.or_else(|| all.iter().find(|found| found.interface.is_some())).cloned()
}

fn interface(word: &str) -> Option<Interface> {
    match word.to_ascii_lowercase().as_str() {
        "wifi" | "wi-fi" | "wlan" | "wireless" => Some(Interface::Wifi),
        "wired" | "lan" | "ethernet" => Some(Interface::Wired),
        _ => None,
    }
}

/// The entries of a list. A single one may come without a list, and several as the values of an object.
fn entries(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) if !fields.is_empty() && fields.values().all(Value::is_object) && is_numbered(fields) => {
            fields.values().collect()
        }
        Value::Object(_) => vec![value],
        _ => Vec::new(),
    }
}

fn is_numbered(fields: &serde_json::Map<String, Value>) -> bool {
    fields.keys().all(|key| key.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The value at a path of names, in any case.
fn at<'a>(tree: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(tree, |tree, name| {
        let fields = tree.as_object()?;
        fields.get(*name).or_else(|| fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    })
}

/// A number, or a text that is one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A whole number from 0 to `most`.
fn whole(value: &Value, most: u32) -> Option<u32> {
    let number = number(value).filter(|number| (0.0..=f64::from(most)).contains(number))?;
    format!("{number}").parse().ok()
}

/// A text that is not empty, without what is too long.
fn text(value: &Value) -> Option<String> {
    let text: String = value.as_str()?.trim().chars().take(LONGEST).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_in_the_forms_that_devices_use() {
        let tree = json!({
            "Standby": { "State": "Off" },
            "SystemUnit": { "State": { "NumberOfActiveCalls": "1" } },
            "RoomAnalytics": { "PeopleCount": { "Current": 5 } },
            "Audio": { "Volume": 60 },
            "Peripherals": { "ConnectedDevice": [
                { "id": 1001, "Name": "Cisco Room Navigator", "Type": "TouchPanel", "Status": "Connected",
                  "RoomAnalytics": { "AmbientTemperature": "23.4", "RelativeHumidity": 41, "AirQuality": { "Index": "2.1" } } },
                { "id": 2, "Type": "Camera", "Status": "LostConnection" },
            ] },
            "Network": [{ "id": 1, "ActiveInterface": "LAN", "IPv4": { "Address": "10.20.14.37" } }],
        });
        let read = statuses(&tree);
        assert_eq!(
            (read.standby.as_deref(), read.calls, read.people, read.volume),
            (Some("Off"), Some(1), Some(5), Some(60))
        );
        let shown = |tenths: Option<Tenths>| tenths.map(|tenths| tenths.to_string());
        let sensors = [read.temperature, read.humidity, read.air_quality].map(shown);
        assert_eq!(sensors, ["23.4", "41.0", "2.1"].map(|text| Some(text.to_owned())));
        let peripheral = |name: &str, connected| Peripheral { name: name.to_owned(), connected: Some(connected) };
        assert_eq!(read.peripherals.unwrap(), [peripheral("Cisco Room Navigator", true), peripheral("Camera", false)]);
        let network = read.network.unwrap();
        assert_eq!((network.interface, network.address.as_deref()), (Some(Interface::Wired), Some("10.20.14.37")));
    }

    #[test]
    fn a_bad_value_affects_only_itself() {
        let many: Vec<Value> =
            (0..10_000).map(|n| json!({ "Name": format!("{n}\u{1b}[2J{}", "x".repeat(500)) })).collect();
        let tree = json!({
            "Standby": { "State": null }, "SystemUnit": { "State": { "NumberOfActiveCalls": 1.5 } },
            "RoomAnalytics": { "PeopleCount": { "Current": -1 }, "AmbientTemperature": "warm", "RelativeHumidity": 140 },
            "Audio": { "Volume": 42 }, "Peripherals": { "ConnectedDevice": many },
            "Network": [null, { "IPv4": { "Address": "not an address" } }, 7],
        });
        let read = statuses(&tree);
        let peripherals = read.peripherals.clone().unwrap();
        assert_eq!((peripherals.len(), peripherals[0].name.chars().count()), (16, 100));
        let expected = Statuses { volume: Some(42), peripherals: Some(peripherals), ..Statuses::default() };
        assert_eq!(read, expected);
        for tree in [json!(null), json!([]), json!("x"), json!({ "Audio": [1], "Network": "x", "Peripherals": [] })] {
            assert_eq!(statuses(&tree), Statuses::default(), "{tree}");
        }
    }

    #[test]
    fn a_list_may_be_an_object() {
        let tree =
            json!({ "Network": { "1": { "ActiveInterface": "WLAN" }, "2": { "IPv4": { "Address": "10.0.0.2" } } } });
        assert_eq!(statuses(&tree).network.unwrap().address.as_deref(), Some("10.0.0.2"));
        let tree = json!({ "Peripherals": { "ConnectedDevice": { "Name": "Navigator" } } });
        assert_eq!(statuses(&tree).peripherals.unwrap().len(), 1);
    }
}
