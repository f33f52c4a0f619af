//! Workspaces, and what Control Hub grants bots there.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, body};
use crate::deeds::NoAccess;
use crate::webex::Webex;
use crate::world::{Access, webex_id, workspace_of};

pub(super) async fn list(State(webex): State<Webex>) -> Json<Value> {
    let state = webex.state();
    let all = state.rooms.workspaces().map(|workspace| {
        let devices = state.rooms.devices_in(workspace.id).count();
        json!({ "id": webex_id("PLACES", workspace.id), "name": workspace.name, "devices": devices })
    });
    Json(all.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    /// The bot's address.
    email: String,
    /// Nothing takes the grant away.
    access: Option<Word>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Read,
    Full,
}

/// Workspace, Devices, …, Edit API Access.
pub(super) async fn grant(
    State(webex): State<Webex>,
    Path(id): Path<String>,
    text: Bytes,
) -> Result<StatusCode, Mistake> {
    let grant: Grant = body(&text)?;
    let access = grant.access.map(|word| match word {
        Word::Read => Access::Read,
        Word::Full => Access::Full,
    });
    let given = workspace_of(&id).ok_or(NoAccess::Workspace);
    let given = given.and_then(|workspace| webex.give_access(&grant.email, workspace, access));
    let missing = |what: String| Mistake(StatusCode::NOT_FOUND, what);
    given.map(|()| StatusCode::NO_CONTENT).map_err(|error| match error {
        NoAccess::Bot => missing(format!("no bot has the address {}", grant.email)),
        NoAccess::Workspace => missing(format!("there is no workspace {id}")),
    })
}
