//! Scripted misbehaviour.

mod script;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lanyard_time::SeededEntropy;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::mangle::Mangle;
use crate::random;

use script::parse_method;
pub(crate) use script::{Script, ScriptError};

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

/// The effect of a fault on one call.
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

/// The treatment of a call: served, answered with another reply, or cut.
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

#[derive(Clone, Debug)]
struct Fault {
    id: u64,
    script: Script,
    method: Option<Method>,
    plan: Plan,
}

/// A fault that has not happened as many times as it can.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WaitingFault")]
pub(crate) struct FaultView {
    /// The fault's number.
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

    /// The plan for this call, from the first matching fault that no longer lets calls pass. Later faults do not count.
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

/// A number from 0 up to 1, by steps of a hundred thousandth.
fn drawn(chance: &SeededEntropy) -> f64 {
    const STEPS: usize = 100_000;
    let step = u32::try_from(random::below(chance, STEPS)).unwrap_or(0);
    f64::from(step) / 100_000.0
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
