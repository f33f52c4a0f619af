//! `/xapi`: the statuses of a device, and commands to it.

use std::fmt;
use std::str::FromStr;

use lanyard_secret::SafeUrl;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::oauth::json;
use crate::{DeviceId, Environment, Method, Request};

/// The name of a status or command, such as `Audio.Volume` or `Network[*].IPv4`: words with dots between them. A status may also have
/// indexes and asterisks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XapiName(String);

/// A text that is not the name of a status or command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected words with dots between them, for example Audio.Volume")]
pub struct XapiNameError;

/// The longest name that is accepted.
const LONGEST: usize = 200;

impl XapiName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can be the name of a command, which has no indexes and asterisks.
    pub fn is_command(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    }
}

impl FromStr for XapiName {
    type Err = XapiNameError;

    /// Reads a name. Slashes and spaces, as the device itself writes them, become dots.
    fn from_str(text: &str) -> Result<Self, XapiNameError> {
        let name = text.trim().replace(['/', ' '], ".");
        let is_part = |part: &str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'[' | b']' | b'-' | b'_');
            !part.is_empty() && part.bytes().all(letter)
        };
        if name.len() > LONGEST || !name.split('.').all(is_part) {
            return Err(XapiNameError);
        }
        Ok(Self(name))
    }
}

impl fmt::Display for XapiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for XapiName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for XapiName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct XapiAnswer {
    /// The statuses, as a tree, or the result of the command.
    #[serde(default)]
    pub result: Value,
}

impl XapiAnswer {
    /// How many names one request may have.
    pub const MOST_NAMES: usize = 10;

    /// `GET /xapi/status`: statuses of one device; `spark:xapi_statuses`. At most [`MOST_NAMES`](Self::MOST_NAMES) names.
    pub fn status(environment: &Environment, device: &DeviceId, names: &[XapiName]) -> Request {
        let mut url = environment.resource(&["xapi", "status"]).into_inner();
        url.query_pairs_mut().append_pair("deviceId", device.as_str());
        for name in names {
            url.query_pairs_mut().append_pair("name", name.as_str());
        }
        Request::new(Method::GET, SafeUrl::new(url))
    }

    /// `POST /xapi/command/{name}`: a command to one device; `spark:xapi_commands`.
    pub fn command(
        environment: &Environment,
        device: &DeviceId,
        name: &XapiName,
        arguments: &Map<String, Value>,
    ) -> Request {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            device_id: &'a str,
            arguments: &'a Map<String, Value>,
        }
        let texts = arguments.iter().map(|(name, value)| name.len() + value.to_string().len()).sum::<usize>();
        let body = json(&Body { device_id: device.as_str(), arguments }, texts + device.as_str().len());
        Request::new(Method::POST, environment.resource(&["xapi", "command", name.as_str()]))
            .body("application/json", body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_words_with_dots_between_them() {
        for (text, name) in [
            ("Audio.Volume", "Audio.Volume"),
            (" audio/volume ", "audio.volume"),
            ("Audio Volume Set", "Audio.Volume.Set"),
            ("Network[*].IPv4.Address", "Network[*].IPv4.Address"),
            ("Call[1].*", "Call[1].*"),
        ] {
            assert_eq!(text.parse::<XapiName>().unwrap().as_str(), name);
        }
        for text in ["", ".", "a..b", "a.", "a?b", "a&b=c", "../x", "ä", "a%2e", "a\nb", &"x".repeat(201)] {
            assert_eq!(text.parse::<XapiName>(), Err(XapiNameError), "{text:?}");
        }
        let is_command = |text: &str| text.parse::<XapiName>().unwrap().is_command();
        assert!(is_command("SystemUnit.Boot") && !is_command("Call[1].Disconnect") && !is_command("Audio.*"));
    }

    #[test]
    fn requests_are_those_of_the_reference() {
        let (environment, device) = (Environment::commercial(), DeviceId::new("d"));
        let names = ["Audio.Volume", "Standby.State"].map(|name| name.parse().unwrap());
        let status = XapiAnswer::status(&environment, &device, &names);
        assert_eq!(
            status.url.expose().as_str(),
            "https://webexapis.com/v1/xapi/status?deviceId=d&name=Audio.Volume&name=Standby.State"
        );
        let arguments = json!({ "Level": 50 }).as_object().unwrap().clone();
        let command = XapiAnswer::command(&environment, &device, &"Audio.Volume.Set".parse().unwrap(), &arguments);
        assert_eq!(command.url.expose().path(), "/v1/xapi/command/Audio.Volume.Set");
        let body: Value = serde_json::from_slice(command.body.expose_secret()).unwrap();
        assert_eq!(body, json!({ "deviceId": "d", "arguments": { "Level": 50 } }));
        let answer: XapiAnswer = serde_json::from_str(r#"{"deviceId":"d","result":{"Audio":{"Volume":75}}}"#).unwrap();
        assert_eq!(answer.result["Audio"]["Volume"], 75);
    }
}
