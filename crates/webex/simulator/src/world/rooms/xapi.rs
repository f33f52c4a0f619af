//! A device's own interface, as far as it is simulated: its status and its commands.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::device::{Device, Kind, Workspace};
use super::life::Step;
use super::nature::{Sense, people, reading};

/// The state that commands change.
#[derive(Debug)]
pub(crate) struct Xapi {
    volume: u8,
    muted: bool,
    standby: &'static str,
    do_not_disturb: bool,
    /// Whom it is in a call with.
    call: Option<String>,
    calls: u32,
}

impl Default for Xapi {
    fn default() -> Self {
        Self { volume: 50, muted: false, standby: "Off", do_not_disturb: false, call: None, calls: 0 }
    }
}

/// What a device's camera and sensors see of the room that it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    people: usize,
    temperature: f64,
    humidity: f64,
    tvoc: f64,
}

impl Surroundings {
    /// The room at a moment; without a workspace, a room that is empty.
    pub(crate) fn of(workspace: Option<&Workspace>, now: Timestamp) -> Self {
        let Some(workspace) = workspace else {
            return Self { people: 0, temperature: 21.0, humidity: 40.0, tvoc: 0.2 };
        };
        let capacity = workspace.capacity.unwrap_or(4);
        let of = |sense| reading(sense, workspace.id, capacity, now);
        Self {
            people: people(workspace.id, capacity, now),
            temperature: of(Sense::Temperature),
            humidity: of(Sense::Humidity),
            tvoc: of(Sense::Tvoc),
        }
    }

    /// The temperature is a text, as the software of devices writes it.
    fn measured(self) -> Value {
        json!({ "AmbientTemperature": format!("{:.1}", self.temperature), "RelativeHumidity": self.humidity.round() })
    }

    fn air(self) -> Value {
        json!({ "Index": format!("{:.1}", 1.0 + self.tvoc) })
    }
}

/// Why a command did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommandError {
    /// The simulator does not know it.
    Unknown,
    /// An argument is missing or has no such value.
    Argument(&'static str),
    /// Not now: there is no call.
    NoCall,
}

impl Device {
    /// The status that the device reports, as a tree. Which branches there are depends on the product.
    pub(crate) fn status(&self, around: &Surroundings, now: Timestamp) -> Value {
        let (condition, _) = self.life.at(now);
        let on = |yes: bool| if yes { "On" } else { "Off" };
        let call = self.xapi.call.as_ref().map(|number| {
            json!({ "id": self.xapi.calls, "Status": "Connected", "Direction": "Outgoing", "RemoteNumber": number, "Protocol": "Spark" })
        });
        let issues =
            condition.errors.iter().enumerate().map(
                |(number, code)| json!({ "id": number + 1, "Type": code, "Level": "Warning", "Description": code }),
            );
        let mut tree = json!({
            "Audio": { "Volume": self.xapi.volume, "VolumeMute": "Off", "Microphones": { "Mute": on(self.xapi.muted) } },
            "Call": Vec::from_iter(call),
            "Conference": { "DoNotDisturb": { "Status": if self.xapi.do_not_disturb { "Active" } else { "Inactive" } } },
            "Diagnostics": { "Message": issues.collect::<Vec<_>>() },
            "Network": [{
                "id": 1, "ActiveInterface": "LAN", "IPv4": { "Address": self.ip }, "Ethernet": { "MacAddress": self.mac },
            }],
            "SystemUnit": {
                "ProductId": self.product,
                "Hardware": { "Module": { "SerialNumber": self.serial } },
                "Software": { "Version": self.software(), "DisplayName": self.software() },
                "State": { "NumberOfActiveCalls": usize::from(self.xapi.call.is_some()) },
                "Uptime": 86_400,
            },
            "UserInterface": { "ContactInfo": { "Name": self.name } },
        });
        // An older product says less.
        if self.product == "Cisco Room Kit" {
            tree["Network"][0].as_object_mut().and_then(|network| network.remove("ActiveInterface"));
        }
        if self.kind == Kind::Phone {
            return tree;
        }
        tree["Standby"] = json!({ "State": self.xapi.standby });
        tree["RoomAnalytics"] = json!({ "PeoplePresence": if around.people > 0 { "Yes" } else { "No" } });
        let is_panel = self.product.contains("Navigator");
        let has_sensors = is_panel || ["Board", "Desk"].iter().any(|word| self.product.contains(word));
        if has_sensors {
            merge(&mut tree["RoomAnalytics"], around.measured());
        }
        if is_panel {
            tree["RoomAnalytics"]["AirQuality"] = around.air();
            return tree;
        }
        tree["RoomAnalytics"]["PeopleCount"] = json!({ "Current": around.people });
        let mut connected = vec![json!({
            "id": 1, "Name": "Microphone", "Type": "AudioMicrophone", "Status": "Connected",
        })];
        if !has_sensors {
            let mut analytics = around.measured();
            analytics["AirQuality"] = around.air();
            connected.push(json!({
                "id": 1001, "Name": "Cisco Room Navigator", "Type": "TouchPanel", "Status": "Connected", "RoomAnalytics": analytics,
            }));
        }
        tree["Peripherals"] = json!({ "ConnectedDevice": connected });
        tree
    }

    /// Carries out a command and says what it answers.
    pub(crate) fn command(
        &mut self,
        name: &str,
        arguments: &Map<String, Value>,
        now: Timestamp,
        id: Uuid,
    ) -> Result<Value, CommandError> {
        let xapi = &mut self.xapi;
        match name.to_ascii_lowercase().as_str() {
            "audio.volume.set" => xapi.volume = level(arguments, "Level")?,
            "audio.volume.increase" => xapi.volume = xapi.volume.saturating_add(steps(arguments)?).min(100),
            "audio.volume.decrease" => xapi.volume = xapi.volume.saturating_sub(steps(arguments)?),
            "audio.microphones.mute" => xapi.muted = true,
            "audio.microphones.unmute" => xapi.muted = false,
            "standby.activate" => xapi.standby = "Standby",
            "standby.halfwake" => xapi.standby = "Halfwake",
            "standby.deactivate" => xapi.standby = "Off",
            "conference.donotdisturb.activate" => xapi.do_not_disturb = true,
            "conference.donotdisturb.deactivate" => xapi.do_not_disturb = false,
            "dial" => {
                let number = text(arguments, "Number").ok_or(CommandError::Argument("Number"))?;
                xapi.call = Some(number.to_owned());
                xapi.calls += 1;
                return Ok(json!({ "CallId": xapi.calls, "ConferenceId": xapi.calls }));
            }
            "call.disconnect" => {
                xapi.call.take().ok_or(CommandError::NoCall)?;
            }
            "systemunit.boot" => {
                self.xapi = Xapi { calls: self.xapi.calls, ..Xapi::default() };
                self.life.follow(&[Step::reboot()], now);
            }
            "userinterface.message.alert.display" | "userinterface.message.textline.display" | "message.send" => {
                text(arguments, "Text").ok_or(CommandError::Argument("Text"))?;
            }
            "userinterface.message.alert.clear" | "userinterface.message.textline.clear" => {}
            "logging.sendlogs" => return Ok(json!({ "LogId": id.to_string() })),
            _ => return Err(CommandError::Unknown),
        }
        Ok(json!({}))
    }
}

/// The part of a tree that an expression names, in its place: words parted by dots, `*` for any one, `[n]` or `[*]` after a list,
/// compared without regard to case.
pub(crate) fn select(tree: &Value, expression: &str) -> Option<Value> {
    let words: Vec<&str> = expression.split(['.', '/', ' ']).filter(|word| !word.is_empty()).collect();
    pick(tree, &words)
}

fn pick(tree: &Value, words: &[&str]) -> Option<Value> {
    let Some((word, rest)) = words.split_first() else { return Some(tree.clone()) };
    let (name, index) = match word.split_once('[') {
        Some((name, index)) => (name, index.strip_suffix(']')),
        None => (*word, None),
    };
    let fields = tree.as_object()?;
    let mut found = Map::new();
    for (field, value) in fields.iter().filter(|(field, _)| name == "*" || field.eq_ignore_ascii_case(name)) {
        let part = match (value, index) {
            (Value::Array(items), index) => {
                let wanted =
                    |item: &&Value| index.is_none_or(|index| index == "*" || item["id"].as_u64() == index.parse().ok());
                let parts: Vec<_> = items.iter().filter(wanted).filter_map(|item| pick(item, rest)).collect();
                (!parts.is_empty()).then_some(Value::Array(parts))
            }
            (value, None) => pick(value, rest),
            (_, Some(_)) => None,
        };
        found.extend(part.map(|part| (field.clone(), part)));
    }
    (!found.is_empty()).then_some(Value::Object(found))
}

/// Puts the parts that several expressions named into one tree.
pub(crate) fn merge(into: &mut Value, part: Value) {
    match (into, part) {
        (Value::Object(into), Value::Object(part)) => {
            for (name, value) in part {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, part) => *into = part,
    }
}

/// An argument by its name, in any case.
fn argument<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    arguments.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    argument(arguments, name)?.as_str().filter(|text| !text.is_empty())
}

/// A number from 0 to 100.
fn level(arguments: &Map<String, Value>, name: &'static str) -> Result<u8, CommandError> {
    let number = argument(arguments, name).and_then(Value::as_u64).and_then(|number| u8::try_from(number).ok());
    number.filter(|number| *number <= 100).ok_or(CommandError::Argument(name))
}

/// Five, where nothing is said.
fn steps(arguments: &Map<String, Value>) -> Result<u8, CommandError> {
    if argument(arguments, "Steps").is_none() { Ok(5) } else { level(arguments, "Steps") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_picks_its_part_of_the_tree_and_leaves_it_in_its_place() {
        let tree = json!({
            "Audio": { "Volume": 50, "Microphones": { "Mute": "Off" } },
            "Network": [{ "id": 1, "Speed": 100 }, { "id": 2, "Speed": 10 }],
        });
        assert_eq!(select(&tree, "audio.volume"), Some(json!({ "Audio": { "Volume": 50 } })));
        assert_eq!(select(&tree, "Audio.*"), Some(json!({ "Audio": tree["Audio"] })));
        assert_eq!(select(&tree, "Network[2].Speed"), Some(json!({ "Network": [{ "Speed": 10 }] })));
        assert_eq!(select(&tree, "Network[*].Speed"), Some(json!({ "Network": [{ "Speed": 100 }, { "Speed": 10 }] })));
        assert_eq!(select(&tree, "*.Microphones"), Some(json!({ "Audio": { "Microphones": { "Mute": "Off" } } })));
        for nothing in ["Video", "Audio.Volume.Level", "Network[3]", "Audio[1]"] {
            assert_eq!(select(&tree, nothing), None, "{nothing}");
        }
        let mut both = select(&tree, "Audio.Volume").unwrap();
        merge(&mut both, select(&tree, "Audio.Microphones.Mute").unwrap());
        assert_eq!(both, json!({ "Audio": tree["Audio"] }));
    }
}
