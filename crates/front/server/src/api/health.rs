//! `/healthz`: the process answers. `/readyz`: it can do its work.

use http::{Response, StatusCode};
use serde_json::json;

use crate::body::Body;
use crate::serve::Shared;

pub(super) fn alive() -> Response<Body> {
    super::json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// Ready while the store is read and written; a Webex that fails makes no broker unready.
pub(super) fn ready(shared: &Shared) -> Response<Body> {
    let trouble = shared.trouble();
    let status = if trouble.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let unseen = shared.hand_outs.unseen(&shared.hand_outs.now());
    super::json(
        status,
        &json!({
            "status": if trouble.is_some() { "not ready" } else { "ready" },
            "trouble": trouble,
            "store_last_read_seconds_ago": unseen.as_secs(),
            "credentials": shared.hand_outs.len(),
            "hand_outs_to_be_written": shared.hand_outs.waiting(),
        }),
    )
}
