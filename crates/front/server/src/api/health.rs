//! `/healthz`: the process answers. `/readyz`: it can do its work.

use http::{Response, StatusCode};
use lanyard_broker::BreakerState;
use serde_json::json;

use crate::body::Body;
use crate::caller::Peer;
use crate::serve::Shared;

pub(super) fn alive() -> Response<Body> {
    super::json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// Ready while the store can be read and written and the home is not paused; a Webex that fails makes no broker unready. Only the owner
/// reads what is wrong and how much there is to do.
pub(super) fn ready(shared: &Shared, peer: &Peer) -> Response<Body> {
    let trouble = shared.trouble();
    let (status, word) = match trouble {
        None => (StatusCode::OK, "ready"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let Peer::Owner { .. } = peer else { return super::json(status, &json!({ "status": word })) };
    let unseen = shared.hand_outs.unseen(&shared.hand_outs.now());
    let refresher = shared.refresher.report();
    let environments: Vec<_> = refresher
        .environments
        .iter()
        .map(|found| {
            let (breaker, failures) = match found.breaker {
                BreakerState::Closed { failures } => ("closed", failures),
                BreakerState::Open { .. } => ("open", 0),
                BreakerState::Probing => ("probing", 0),
            };
            json!({
                "environment": found.environment.id(),
                "due": found.due,
                "under_way": found.under_way,
                "breaker": breaker,
                "failures_in_a_row": failures,
            })
        })
        .collect();
    let more = json!({
        "status": word,
        "trouble": trouble.as_ref().map(|trouble| &trouble.what),
        "hint": trouble.as_ref().map(|trouble| &trouble.hint),
        "store_last_read_seconds_ago": unseen.as_secs(),
        "credentials": shared.hand_outs.len(),
        "hand_outs_to_be_written": shared.hand_outs.waiting(),
        "renewals": {
            "rotations": refresher.counts.rotations,
            "mints": refresher.counts.mints,
            "checks": refresher.counts.checks,
            "failures": refresher.counts.failures.iter().map(|(_, count)| count).sum::<u64>(),
            "environments": environments,
        },
    });
    super::json(status, &more)
}
