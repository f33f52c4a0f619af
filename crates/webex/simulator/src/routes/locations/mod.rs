//! `/v1/locations`, and what Webex Calling says of them.

pub(super) mod calling;
pub(super) mod numbers;
mod write;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::form::Form;
use crate::routes::extract::{Caller, Paging, Permitted, Slice, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Location, organisation_id};

pub(super) use write::{create, delete, update};

scopes! {
    /// Any of these will do (the reference's words).
    Read = "spark-admin:locations_read" | "spark-admin:people_read" | "spark-admin:devices_read";
}

/// `GET /locations`, by `name` or by `id`.
pub(super) async fn list(
    webex: Webex,
    caller: Permitted<Read>,
    page: Paging<500, 500>,
    query: Form,
) -> Reply<Response> {
    let state = webex.state();
    let organisation = caller.reach(&state)?;
    let found = state.directory.locations(organisation).filter(|location| {
        named(location, &query) && query.get("id").is_none_or(|id| id.trim_end_matches('=') == location.webex_id())
    });
    let show = |location| view(location, organisation);
    page.reply(found, show)
}

/// A part of the name, in any case.
fn named(location: &Location, query: &Form) -> bool {
    query.get("name").is_none_or(|part| location.name.to_lowercase().contains(&part.to_lowercase()))
}

/// `GET /locations/{id}`.
pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let organisation = caller.reach(&state)?;
    let location = state.directory.location_of(organisation, &id).ok_or(Refusal::NotFound)?;
    Ok(Json(view(location, organisation)))
}

/// `GET /locations/{id}/floors`: no location has any.
pub(super) async fn floors(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let _location = show(webex, caller, Path(id)).await?;
    Ok(Json(json!({ "items": [] })))
}

fn view(location: &Location, organisation: Uuid) -> Value {
    let mut shown = json!({
        "id": location.webex_id(),
        "name": location.name,
        "orgId": organisation_id(organisation),
        "timeZone": location.zone,
        "address": location.address,
    });
    let optional = [("latitude", &location.latitude), ("longitude", &location.longitude), ("notes", &location.notes)];
    for (field, value) in optional {
        if let Some(value) = value {
            shown[field] = json!(value);
        }
    }
    shown
}
