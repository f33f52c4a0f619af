//! The side of Webex that workspace integrations talk to: keys, their own state, and the queue of messages.

use std::time::Duration;

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::extract::{Body, Caller};
use super::openid;
use super::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Provisioning, QueueBehaviour, WorkspaceIntegration};

/// Each region has keys of its own at Webex; here they are the same.
pub(super) fn router() -> Router<Webex> {
    Router::new()
        .route("/xapi-a/jwks", get(openid::keys))
        .route("/xapi-r/jwks", get(openid::keys))
        .route("/xapi-k/jwks", get(openid::keys))
        .route("/xapi-intb/jwks", get(openid::keys))
        .route("/xapi-a/api/apps/{id}", get(show).patch(change))
        .route("/xapi-a/api/apps/{id}/queue", get(poll))
}

/// A change of an integration by itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    provisioning_state: Option<String>,
    queue: Option<Queue>,
    operational_state: Option<String>,
}

#[derive(Deserialize)]
struct Queue {
    state: String,
}

/// How often a poll looks for messages, and how many times before it answers without any.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 200;

async fn show(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let (id, found) = own(&state, &caller, &id)?;
    Ok(Json(view(&webex, id, found)))
}

async fn change(webex: Webex, caller: Caller, Path(id): Path<String>, Body(change): Body<Change>) -> Reply {
    let now = webex.now();
    let mut state = webex.state();
    let (id, _) = own(&state, &caller, &id)?;
    let Everything { integrations, rooms, .. } = &mut *state;
    let found = integrations.get_mut(&id).ok_or(Refusal::NotFound)?;
    match change.provisioning_state.as_deref() {
        None => {}
        Some("completed") => found.state = Provisioning::Completed,
        Some(_) => return Err(Refusal::BadRequest("provisioningState is completed.".to_owned())),
    }
    match change.queue.as_ref().map(|queue| queue.state.as_str()) {
        None => {}
        Some("enabled") => found.listen(rooms, now),
        Some("disabled") => found.listens = false,
        Some(_) => return Err(Refusal::BadRequest("queue.state is enabled or disabled.".to_owned())),
    }
    if change.operational_state.is_some() {
        found.health_checks_answered += 1;
    }
    Ok(Json(view(&webex, id, found)))
}

/// Waits for messages. One queue is one reader's: two of them share its messages.
async fn poll(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply {
    for look in 0.. {
        let messages = {
            let now = webex.now();
            let mut state = webex.state();
            let (id, found) = own(&state, &caller, &id)?;
            if !found.listens {
                return Err(Refusal::NotFound);
            }
            let Everything { integrations, rooms, behaviour, .. } = &mut *state;
            let found = integrations.get_mut(&id).ok_or(Refusal::NotFound)?;
            let drops_every = behaviour.queue_drops_every;
            let behaviour = QueueBehaviour { drops_every, repeats: behaviour.queue_repeats };
            found.take(rooms, id, behaviour, now)
        };
        if !messages.is_empty() || look >= LOOKS || *webex.setting().stopping.borrow() {
            return Ok(Json(json!({ "messages": messages })));
        }
        webex.setting().sleep.sleep(LOOK).await;
    }
    Err(Refusal::NotFound)
}

/// The caller's own integration. One that was removed has no token any more; its last poll still gets its last messages.
fn own<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<(Uuid, &'s WorkspaceIntegration), Refusal> {
    let id = id.parse().map_err(|_| Refusal::NotFound)?;
    let found = state.integrations.get(&id).ok_or(Refusal::NotFound)?;
    if caller.client.as_ref() == Some(&found.client) { Ok((id, found)) } else { Err(Refusal::Forbidden) }
}

fn view(webex: &Webex, id: Uuid, found: &WorkspaceIntegration) -> Value {
    let url = webex.app_url(id);
    json!({
        "id": id.to_string(),
        "provisioningState": state_word(found.state),
        "queue": {
            "state": if found.listens { "enabled" } else { "disabled" },
            "pollUrl": found.listens.then(|| format!("{url}/queue")),
        },
    })
}

/// The word for how far an activation has come.
pub(super) fn state_word(state: Provisioning) -> &'static str {
    match state {
        Provisioning::InProgress => "in_progress",
        Provisioning::Completed => "completed",
        Provisioning::Removed => "removed",
    }
}
