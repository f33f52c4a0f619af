//! Fault scripts of the control plane, parsed and checked.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Deed, Drip, Plan};
use crate::mangle::Mangle;

/// A fault as the control plane describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Exact, or the start of one with a `*` at the end.
    pub(super) path: String,
    pub(super) method: Option<String>,
    /// How often; `null` is forever.
    #[serde(default = "once")]
    pub(super) count: Option<u64>,
    /// How many matching calls pass first.
    #[serde(default)]
    pub(super) after: u64,
    /// How likely it is for each call that it would happen to, from 0 to 1. Drawn from a sequence of its own, so that the same calls
    /// of the same run meet the same fate.
    #[serde(default = "always")]
    pub(super) probability: f64,
    pub(super) action: Action,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Action {
    delay_ms: u64,
    delay_after_ms: u64,
    status: Option<u16>,
    body: Option<Value>,
    content_type: Option<String>,
    headers: BTreeMap<String, String>,
    cut: Option<Cut>,
    mangle: Option<Mangle>,
    merge: Option<Map<String, Value>>,
    /// The body goes out in pieces of so many bytes, each after a pause.
    drip_bytes: Option<usize>,
    drip_ms: u64,
}

/// Where a connection closes without a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
