//! Lists in which there is nothing yet: calls, and what is kept of meetings.

use axum::Json;
use lanyard_protocol::PersonType;
use serde_json::json;

use super::extract::Caller;
use super::refusal::{Refusal, Reply};

/// `GET /telephony/calls`: for a person's own token only.
pub(super) async fn calls(caller: Caller) -> Reply {
    if caller.account.kind != PersonType::Person {
        return Err(Refusal::BadRequest("Target user not authorized".to_owned()));
    }
    caller.needs_any(&["spark:calls_read"])?;
    Ok(Json(json!({ "items": [] })))
}

/// `GET /telephony/calls/history`: nobody has called yet.
pub(super) async fn call_history(caller: Caller) -> Reply {
    calls(caller).await
}

/// `GET /recordings`.
pub(super) async fn recordings(caller: Caller) -> Reply {
    nothing(&caller, &["meeting:recordings_read", "meeting:admin_recordings_read"])
}

/// `GET /admin/recordings`.
pub(super) async fn all_recordings(caller: Caller) -> Reply {
    nothing(&caller, &["meeting:admin_recordings_read"])
}

/// `GET /meetingTranscripts`.
pub(super) async fn transcripts(caller: Caller) -> Reply {
    nothing(&caller, &["meeting:transcripts_read", "meeting:admin_transcripts_read"])
}

fn nothing(caller: &Caller, scopes: &[&str]) -> Reply {
    if caller.is_bot() {
        return Err(Refusal::Forbidden);
    }
    caller.needs_any(scopes)?;
    Ok(Json(json!({ "items": [] })))
}
