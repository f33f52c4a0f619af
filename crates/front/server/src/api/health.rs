//! `/healthz`: the process answers. `/readyz`: it can do its work.

use axum::response::Response;
use http::StatusCode;
use lanyard_broker::BreakerState;
use schemars::JsonSchema;
use serde::Serialize;

use crate::caller::Peer;
use crate::extract::json;
use crate::shared::Shared;

/// Whether a broker can do its work.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Readiness {
    /// `ready` or `not ready`; `ok` for the process alone.
    status: &'static str,
    /// Details, on `lanyard.sock` only.
    #[serde(flatten)]
    more: Option<More>,
}

/// The owner's view of a broker.
#[derive(Debug, Serialize, JsonSchema)]
struct More {
    /// The problem that prevents its work.
    trouble: Option<String>,
    /// The next step, if there is trouble.
    hint: Option<String>,
    store_last_read_seconds_ago: u64,
    credentials: usize,
    hand_outs_to_be_written: usize,
    renewals: Renewals,
}

/// Renewals since the broker started.
#[derive(Debug, Serialize, JsonSchema)]
struct Renewals {
    rotations: u64,
    mints: u64,
    checks: u64,
    failures: u64,
    environments: Vec<EnvironmentHealth>,
}

/// The renewals at one Webex.
#[derive(Debug, Serialize, JsonSchema)]
struct EnvironmentHealth {
    environment: String,
    due: usize,
    under_way: usize,
    /// `open` while the environment fails and few renewals are tried.
    #[schemars(extend("enum" = ["closed", "open", "probing"]))]
    breaker: &'static str,
    failures_in_a_row: u32,
}

pub(super) fn alive() -> Response {
    json(StatusCode::OK, &Readiness { status: "ok", more: None })
}

/// Ready while the store can be read and written and the home is not paused; a failing Webex does not make a broker unready. Only
/// the owner sees the problem and the amount of work.
pub(super) fn ready(shared: &Shared, peer: &Peer) -> Response {
    let trouble = shared.trouble();
    let (code, status) = match trouble {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let Peer::Owner { .. } = peer else { return json(code, &Readiness { status, more: None }) };
    let report = shared.refresher.report();
    let environments = report.environments.iter().map(|found| {
        let (breaker, failures_in_a_row) = match found.breaker {
            BreakerState::Closed { failures } => ("closed", failures),
            BreakerState::Open { .. } => ("open", 0),
            BreakerState::Probing => ("probing", 0),
        };
        let (environment, due, under_way) = (found.environment.id().to_owned(), found.due, found.under_way);
        EnvironmentHealth { environment, due, under_way, breaker, failures_in_a_row }
    });
    let renewals = Renewals {
        rotations: report.counts.rotations,
        mints: report.counts.mints,
        checks: report.counts.checks,
        failures: report.counts.failures.iter().map(|(_, count)| count).sum(),
        environments: environments.collect(),
    };
    let (trouble, hint) = trouble.map(|trouble| (trouble.what, trouble.hint)).unzip();
    let more = More {
        trouble,
        hint,
        store_last_read_seconds_ago: shared.hand_outs.unseen(&shared.hand_outs.now()).as_secs(),
        credentials: shared.hand_outs.len(),
        hand_outs_to_be_written: shared.hand_outs.waiting(),
        renewals,
    };
    json(code, &Readiness { status, more: Some(more) })
}
