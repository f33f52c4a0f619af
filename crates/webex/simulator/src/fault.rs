//! Scripted misbehaviour.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use lanyard_time::SeededEntropy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::mangle::Mangle;
use crate::random;

/// The faults that wait to happen, in the order they were added.
#[derive(Debug)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
    next: u64,
    chance: SeededEntropy,
}

impl Default for Faults {
    fn default() -> Self {
        Self { waiting: Vec::new(), next: 0, chance: SeededEntropy::new(0) }
    }
}

/// A fault as the control plane describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Exact, or the start of one with a `*` at the end.
    path: String,
    method: Option<String>,
    /// How often; `null` for ever.
    #[serde(default = "once")]
    count: Option<u64>,
    /// How many matching calls pass first.
    #[serde(default)]
    after: u64,
    /// How likely it is for each call that it would happen to, from 0 to 1. Drawn from a sequence of its own, so that the same calls
    /// of the same run meet the same fate.
    #[serde(default = "always")]
    probability: f64,
    action: Action,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Action {
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

/// What to do with one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) delay_after: Duration,
    /// Added to the reply, replacing those of the same name.
    pub(crate) headers: HeaderMap,
    pub(crate) drip: Option<Drip>,
    pub(crate) deed: Deed,
}

/// How slowly a body goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drip {
    /// At least one.
    pub(crate) bytes: usize,
    pub(crate) every: Duration,
}

/// What becomes of the call.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// It has its effect; the reply is changed as told.
    Serve {
        mangle: Option<Mangle>,
        merge: Option<Map<String, Value>>,
    },
    /// It has no effect and gets this reply.
    Replace {
        status: StatusCode,
        content_type: Option<HeaderValue>,
        body: Vec<u8>,
    },
    CutBefore,
    CutAfter,
}

impl Default for Deed {
    fn default() -> Self {
        Self::Serve { mangle: None, merge: None }
    }
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

#[derive(Clone, Debug)]
struct Fault {
    id: u64,
    script: Script,
    method: Option<Method>,
    plan: Plan,
}

/// A waiting fault as the control plane shows it.
#[derive(Debug, Serialize)]
pub(crate) struct FaultView {
    id: u64,
    #[serde(flatten)]
    script: Script,
}

impl Faults {
    /// Adds a fault and gives its number.
    pub(crate) fn add(&mut self, script: Script) -> Result<u64, ScriptError> {
        let pattern = script.path.strip_suffix('*').unwrap_or(&script.path);
        if !pattern.starts_with('/') || pattern.contains('*') {
            return Err(ScriptError::Path);
        }
        if !(0.0..=1.0).contains(&script.probability) {
            return Err(ScriptError::Probability);
        }
        let method = script.method.as_deref().map(parse_method).transpose()?;
        let plan = script.action.clone().plan()?;
        let id = self.next;
        self.next += 1;
        self.waiting.push(Fault { id, script, method, plan });
        Ok(id)
    }

    /// What is to happen to this call: the first fault that fits and no longer lets calls pass decides alone.
    pub(crate) fn plan(&mut self, method: &Method, path: &str) -> Option<Plan> {
        self.waiting.retain(|fault| fault.script.count != Some(0));
        for fault in self.waiting.iter_mut().filter(|fault| fault.fits(method, path)) {
            if fault.script.after > 0 {
                fault.script.after -= 1;
                continue;
            }
            if fault.script.probability < 1.0 && drawn(&self.chance) >= fault.script.probability {
                continue;
            }
            if let Some(count) = &mut fault.script.count {
                *count -= 1;
            }
            return Some(fault.plan.clone());
        }
        None
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn views(&self) -> Vec<FaultView> {
        self.waiting
            .iter()
            .filter(|fault| fault.script.count != Some(0))
            .map(|fault| FaultView { id: fault.id, script: fault.script.clone() })
            .collect()
    }
}

impl Fault {
    fn fits(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && match self.script.path.strip_suffix('*') {
                Some(start) => path.starts_with(start),
                None => path == self.script.path,
            }
    }
}

impl Action {
    fn plan(self) -> Result<Plan, ScriptError> {
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

/// A number from 0 up to 1, by steps of a hundred thousandth.
fn drawn(chance: &SeededEntropy) -> f64 {
    const STEPS: usize = 100_000;
    let step = u32::try_from(random::below(chance, STEPS)).unwrap_or(0);
    f64::from(step) / 100_000.0
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

fn parse_method(word: &str) -> Result<Method, ScriptError> {
    Method::from_bytes(word.to_ascii_uppercase().as_bytes()).map_err(|_| ScriptError::Method(word.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's own type")]
fn once() -> Option<u64> {
    Some(1)
}

fn always() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(scripts: &[Value]) -> Faults {
        let mut faults = Faults::default();
        for script in scripts {
            faults.add(serde_json::from_value(script.clone()).unwrap()).unwrap();
        }
        faults
    }

    fn fires(faults: &mut Faults, method: &Method, path: &str) -> bool {
        faults.plan(method, path).is_some()
    }

    #[test]
    fn a_fault_fits_by_path_and_method() {
        let mut faults =
            faults(&[json!({"path": "/v1/people*", "method": "get", "count": null, "action": {"cut": "before"}})]);
        assert!(fires(&mut faults, &Method::GET, "/v1/people/me"));
        assert!(fires(&mut faults, &Method::GET, "/v1/people"));
        assert!(!fires(&mut faults, &Method::POST, "/v1/people"));
        assert!(!fires(&mut faults, &Method::GET, "/v1/rooms"));
    }

    #[test]
    fn it_lets_calls_pass_and_then_happens_as_often_as_told() {
        let mut faults = faults(&[json!({"path": "/a", "after": 2, "count": 2, "action": {"status": 500}})]);
        let seen: Vec<_> = (0..6).map(|_| fires(&mut faults, &Method::GET, "/a")).collect();
        assert_eq!(seen, [false, false, true, true, false, false]);
        assert!(faults.views().is_empty());
    }

    #[test]
    fn faults_happen_in_the_order_they_were_added() {
        let mut faults = faults(&[
            json!({"path": "/a", "action": {"status": 500}}),
            json!({"path": "/a", "action": {"status": 503}}),
        ]);
        let mut status = || match faults.plan(&Method::GET, "/a").map(|plan| plan.deed) {
            Some(Deed::Replace { status, .. }) => status.as_u16(),
            _ => 0,
        };
        assert_eq!([status(), status(), status()], [500, 503, 0]);
    }

    #[test]
    fn an_unlikely_fault_happens_now_and_then_and_to_the_same_calls_again() {
        let script = json!({"path": "/a", "count": null, "probability": 0.2, "action": {"status": 500}});
        let fates = || {
            let mut faults = faults(std::slice::from_ref(&script));
            (0..1000).map(|_| fires(&mut faults, &Method::GET, "/a")).collect::<Vec<_>>()
        };
        let happened = fates().iter().filter(|happened| **happened).count();
        assert!((150..250).contains(&happened), "{happened}");
        assert_eq!(fates(), fates());
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let add = |script: Value| Faults::default().add(serde_json::from_value(script).unwrap()).unwrap_err();
        assert_eq!(add(json!({"path": "/a", "action": {"status": 500, "cut": "after"}})), ScriptError::Contradiction);
        assert_eq!(add(json!({"path": "a", "action": {}})), ScriptError::Path);
        assert_eq!(add(json!({"path": "/a", "action": {"status": 99}})), ScriptError::Status(99));
        assert_eq!(add(json!({"path": "/a", "probability": 1.5, "action": {}})), ScriptError::Probability);
        assert_eq!(add(json!({"path": "/a", "action": {"drip_bytes": 0}})), ScriptError::Drip);
        assert_eq!(add(json!({"path": "/a", "action": {"headers": {"x": "\n"}}})), ScriptError::Header("x".into()));
    }
}
