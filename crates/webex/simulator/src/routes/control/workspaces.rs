//! Workspaces, and what Control Hub grants bots there.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Mistake;
use super::endpoint::{Body, Done};
use crate::deeds::NoAccess;
use crate::webex::Webex;
use crate::world::{Access, webex_id, workspace_of};

#[derive(Serialize, JsonSchema)]
pub(super) struct Workspace {
    id: String,
    name: String,
    /// How many devices are in it.
    devices: usize,
}

pub(super) async fn list(webex: Webex) -> Json<Vec<Workspace>> {
    let state = webex.state();
    let all = state.rooms.workspaces().map(|workspace| Workspace {
        id: webex_id("PLACES", workspace.id),
        name: workspace.name.clone(),
        devices: state.rooms.devices_in(workspace.id).count(),
    });
    Json(all.collect())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WorkspaceGrant", example = json!({ "email": "nobody@webex.bot", "access": "read" }))]
pub(super) struct Grant {
    /// The bot's address.
    email: String,
    /// Without it the access is removed.
    access: Option<Word>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Access")]
enum Word {
    Read,
    Full,
}

/// Workspace, Devices, …, Edit API Access.
pub(super) async fn grant(webex: Webex, Path(id): Path<String>, Body(grant): Body<Grant>) -> Result<Done, Mistake> {
    let access = grant.access.map(|word| match word {
        Word::Read => Access::Read,
        Word::Full => Access::Full,
    });
    let given = workspace_of(&id).ok_or(NoAccess::Workspace);
    let given = given.and_then(|workspace| webex.give_access(&grant.email, workspace, access));
    let missing = |what: String| Mistake(StatusCode::NOT_FOUND, what);
    given.map(|()| Done).map_err(|error| match error {
        NoAccess::Bot => missing(format!("no bot has the address {}", grant.email)),
        NoAccess::Workspace => missing(format!("there is no workspace {id}")),
    })
}
