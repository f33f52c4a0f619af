//! The address of an integration, and the queue of messages that Webex pushes.

use lanyard_secret::{SafeUrl, SecretBytes};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{DeviceId, Method, Request};

/// The part of an integration's own state that names its queue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolledQueue {
    queue: Option<Queue>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queue {
    poll_url: Option<String>,
}

impl PolledQueue {
    /// The address to poll, if the integration has a queue.
    pub fn poll_url(&self) -> Option<SafeUrl> {
        self.queue.as_ref()?.poll_url.as_ref()?.parse().ok()
    }
}

/// A message from the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    /// Statuses of a device have changed, or it reports events. Their values are not kept: they say that the device is to be read.
    Device(DeviceId),
    /// Webex asks whether the integration works.
    HealthCheck,
    /// An administrator has changed or removed the integration. Its token says what was done, and may hold secrets. Nothing in it is
    /// believed or kept: this is its SHA-256, by which a repeated message is recognised.
    Action([u8; 32]),
    /// A message of a type that is not known here, or that cannot be read.
    Other,
}

/// Completes the activation of the integration at `app_url`, and asks for a queue. Done again it changes nothing.
pub fn complete_activation(app_url: &SafeUrl) -> Request {
    patch(app_url, &json!({ "provisioningState": "completed", "queue": { "state": "enabled" } }))
}

/// Answers a health check that came through the queue. Cisco documents the words for a webhook's answer; that the same words are sent to
/// the integration's address is an assumption.
pub fn report_operational(app_url: &SafeUrl) -> Request {
    patch(app_url, &json!({ "operationalState": "operational", "tokensState": "valid" }))
}

fn patch(url: &SafeUrl, body: &Value) -> Request {
    Request::new(Method::PATCH, url.clone()).body("application/json", SecretBytes::new(body.to_string().into_bytes()))
}

/// Waits for messages. Webex holds the call until there is one, or some time has passed.
pub fn poll(url: &SafeUrl) -> Request {
    Request::new(Method::GET, url.clone())
}

impl Push {
    /// Reads the answer to a [`poll`]. A message that cannot be read does not spoil the others.
    pub fn of(answer: &Value) -> Vec<Self> {
        let messages = answer.get("messages").and_then(Value::as_array);
        messages.into_iter().flatten().map(Self::read).collect()
    }

    fn read(message: &Value) -> Self {
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        match (text("type"), text("deviceId"), text("jwt")) {
            (Some("status" | "event" | "events"), Some(device), _) => Self::Device(DeviceId::new(device)),
            (Some("healthCheck"), ..) => Self::HealthCheck,
            (Some("action"), _, Some(token)) => Self::Action(Sha256::digest(token).into()),
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_read_and_an_odd_one_spoils_none() {
        let answer = json!({ "messages": [
            { "type": "status", "deviceId": "d1", "changes": { "updated": { "Audio.Volume": 7 }, "removed": [] } },
            { "type": "events", "deviceId": "d2", "events": [] },
            { "type": "healthCheck", "appId": "a" },
            { "type": "action", "jwt": "x.y.z" },
            { "type": "action" },
            { "type": "status" },
            { "type": "somethingNew", "deviceId": "d3" },
            7,
        ] });
        let expected = [
            Push::Device(DeviceId::new("d1")),
            Push::Device(DeviceId::new("d2")),
            Push::HealthCheck,
            Push::Action(Sha256::digest("x.y.z").into()),
            Push::Other,
            Push::Other,
            Push::Other,
            Push::Other,
        ];
        assert_eq!(Push::of(&answer), expected);
        for empty in [json!({}), json!([]), json!({ "messages": null }), json!({ "messages": {} })] {
            assert_eq!(Push::of(&empty), []);
        }
    }

    #[test]
    fn the_queue_is_found_in_the_state() {
        let found = |state: Value| {
            let state: PolledQueue = serde_json::from_value(state).unwrap();
            state.poll_url().map(|url| url.expose().to_string())
        };
        let url = "https://xapi-a.wbx2.com/queue";
        assert_eq!(found(json!({ "id": 1, "queue": { "state": "enabled", "pollUrl": url } })).as_deref(), Some(url));
        assert_eq!(found(json!({ "queue": { "pollUrl": null } })), None);
        assert_eq!(found(json!({ "queue": null })), None);
        assert_eq!(found(json!({})), None);
    }
}
