//! Fault scripts of the control plane, parsed and checked.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{Deed, Drip, Plan};
use crate::mangle::Mangle;

/// A scripted misbehaviour.
///
/// The first fault that matches a call applies, and no other.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fault", example = json!({ "path": "/v1/devices*", "count": 3, "action": { "status": 503 } }))]
pub(crate) struct Script {
    /// The path of the calls, which begins with `/`; with `*` at its end, all paths that start so.
    pub(super) path: String,
    /// The method of the calls; any if it is omitted.
    pub(super) method: Option<String>,
    /// How many times it happens; without end if it is `null`.
    #[serde(default = "once")]
    pub(super) count: Option<u64>,
    /// How many matching calls pass before it.
    #[serde(default)]
    pub(super) after: u64,
    /// How likely it is for each matching call. It is drawn from a fixed sequence, so the same calls meet the same faults again.
    #[serde(default = "always")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(super) probability: f64,
    pub(super) action: Action,
}

/// The effect of a fault: another reply (`status`, `body`, `content_type`), a cut connection (`cut`), or a changed reply
/// (`mangle`, `merge`). Only one of these three can be used.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "FaultAction")]
pub(super) struct Action {
    /// A delay before the call has its effect.
    delay_ms: u64,
    /// A delay between the effect and the reply.
    delay_after_ms: u64,
    /// The status of a reply that replaces Webex's; the call has no effect.
    #[schemars(range(min = 200, max = 599))]
    status: Option<u16>,
    /// The body of that reply: a text as it is, anything else as JSON.
    body: Option<Value>,
    /// The content type of that reply.
    content_type: Option<String>,
    /// Headers to add to the reply.
    headers: BTreeMap<String, String>,
    cut: Option<Cut>,
    mangle: Option<Mangle>,
    /// Fields that override those of a successful JSON reply; `null` removes one.
    merge: Option<Map<String, Value>>,
    /// Sends the body in pieces of this many bytes.
    #[schemars(range(min = 1))]
    drip_bytes: Option<usize>,
    /// The pause before each piece.
    drip_ms: u64,
}

/// When the connection closes without a reply: before or after the call has its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Cut {
    Before,
    After,
}

/// Why a script was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ScriptError {
    #[error("path starts with / and may end in *")]
    Path,
    #[error("{0} is no status code of a reply (200 to 599)")]
    Status(u16),
    #[error("{0:?} is no method")]
    Method(String),
    #[error("probability is a number from 0 to 1")]
    Probability,
    #[error("drip_bytes is at least 1")]
    Drip,
    #[error("the header {0:?} cannot be sent")]
    Header(String),
    #[error(
        "an action replaces the reply (status, body, content_type), cuts, or changes the reply (mangle, merge): only one of them"
    )]
    Contradiction,
}

impl Action {
    pub(super) fn plan(self) -> Result<Plan, ScriptError> {
        let replaces = self.status.is_some() || self.body.is_some() || self.content_type.is_some();
        let changes = self.mangle.is_some() || self.merge.is_some();
        if u8::from(replaces) + u8::from(changes) + u8::from(self.cut.is_some()) > 1 {
            return Err(ScriptError::Contradiction);
        }
        let deed = match self.cut {
            Some(Cut::Before) => Deed::CutBefore,
            Some(Cut::After) => Deed::CutAfter,
            None if replaces => replacement(self.status, self.body, self.content_type)?,
            None => Deed::Serve { mangle: self.mangle, merge: self.merge },
        };
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            match (HeaderName::try_from(&name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(value)) => headers.insert(name, value),
                _ => return Err(ScriptError::Header(name)),
            };
        }
        let drip = match self.drip_bytes {
            Some(0) => return Err(ScriptError::Drip),
            Some(bytes) => Some(Drip { bytes, every: Duration::from_millis(self.drip_ms) }),
            None => None,
        };
        Ok(Plan {
            drip,
            delay: Duration::from_millis(self.delay_ms),
            delay_after: Duration::from_millis(self.delay_after_ms),
            headers,
            deed,
        })
    }
}

/// A text is sent as it is, anything else as JSON.
fn replacement(status: Option<u16>, body: Option<Value>, content_type: Option<String>) -> Result<Deed, ScriptError> {
    let number = status.unwrap_or(200);
    let status = StatusCode::from_u16(number)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or(ScriptError::Status(number))?;
    let (body, usual) = match body {
        None => (Vec::new(), None),
        Some(Value::String(text)) => (text.into_bytes(), Some("text/plain; charset=utf-8")),
        Some(json) => (json.to_string().into_bytes(), Some("application/json")),
    };
    let content_type = match content_type {
        Some(given) => Some(HeaderValue::try_from(given).map_err(|_| ScriptError::Header("content-type".into()))?),
        None => usual.map(HeaderValue::from_static),
    };
    Ok(Deed::Replace { status, content_type, body })
}

pub(super) fn parse_method(word: &str) -> Result<Method, ScriptError> {
    Method::from_bytes(word.to_ascii_uppercase().as_bytes()).map_err(|_| ScriptError::Method(word.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's own type")]
fn once() -> Option<u64> {
    Some(1)
}

fn always() -> f64 {
    1.0
}
