//! Workspaces, and what Control Hub grants bots there.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use lanyard_protocol::{PersonType, WebexId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, body};
use crate::webex::Webex;
use crate::world::{Access, webex_id};

pub(super) async fn list(State(webex): State<Webex>) -> Json<Value> {
    let state = webex.state();
    let counts = state.rooms.counts();
    let all = state.rooms.workspaces.iter().map(|workspace| {
        let devices = counts.get(&workspace.id).copied().unwrap_or_default();
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
    let missing = |what: String| Mistake(StatusCode::NOT_FOUND, what);
    let mut state = webex.state();
    let bot = state.directory.by_email(&grant.email).filter(|account| account.kind == PersonType::Bot);
    let bot =
        bot.map(|account| account.id).ok_or_else(|| missing(format!("no bot has the address {}", grant.email)))?;
    let workspace = WebexId::decode(&id).ok().and_then(|id| id.value.parse().ok());
    let access = grant.access.map(|word| match word {
        Word::Read => Access::Read,
        Word::Full => Access::Full,
    });
    if workspace.is_some_and(|workspace| state.rooms.grant(bot, workspace, access)) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing(format!("there is no workspace {id}")))
    }
}
