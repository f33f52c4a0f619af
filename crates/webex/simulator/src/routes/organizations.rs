//! `/v1/organizations`.

use axum::Json;
use axum::extract::{Path, State};
use lanyard_protocol::Organization;
use serde::Serialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::people::date;
use super::refusal::Refusal;
use crate::webex::Webex;
use crate::world::{Directory, organisation_id};

const SCOPES: [&str; 2] = ["spark-admin:organizations_read", "spark:organizations_read"];

/// All organisations that the account sees; never paged.
pub(super) async fn list(State(webex): State<Webex>, caller: Caller) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&SCOPES)?;
    let item = View::of(&webex.state().directory, &caller);
    Ok(Json(json!({ "items": [item] })))
}

pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<View>, Refusal> {
    caller.needs_any(&SCOPES)?;
    let state = webex.state();
    if organisation_id(caller.account.organisation).as_str() == id.trim_end_matches('=') {
        Ok(Json(View::of(&state.directory, &caller)))
    } else {
        Err(Refusal::NotFound)
    }
}

#[derive(Serialize)]
pub(super) struct View {
    #[serde(flatten)]
    organization: Organization,
    created: String,
}

impl View {
    fn of(directory: &Directory, caller: &Caller) -> Self {
        let id = caller.account.organisation;
        Self {
            organization: Organization { id: organisation_id(id), display_name: directory.name_of(id).to_owned() },
            created: date(directory.created),
        }
    }
}
