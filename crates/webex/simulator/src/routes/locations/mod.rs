//! `/v1/locations`, and what Webex Calling says of them.

pub(super) mod calling;
pub(super) mod numbers;
mod write;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::cursor::{page, page_size};
use super::list::Slice;
use super::refusal::{Refusal, json_body};
use crate::form::Form;
use crate::webex::{State as Everything, Webex};
use crate::world::{Location, organisation_id};

pub(super) use write::{create, delete, update};

/// Any of these will do (the reference's words).
const READ: [&str; 3] = ["spark-admin:locations_read", "spark-admin:people_read", "spark-admin:devices_read"];

/// The reference's largest page of locations, and its usual one.
const MOST_LOCATIONS: usize = 500;

/// `GET /locations`, by `name` or by `id`.
pub(super) async fn list(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Response, Refusal> {
    caller.needs_any(&READ)?;
    let size = page_size(&query, MOST_LOCATIONS, MOST_LOCATIONS)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let found = state.directory.locations(organisation).filter(|location| {
        named(location, &query) && query.get("id").is_none_or(|id| id.trim_end_matches('=') == location.webex_id())
    });
    let show = |location| view(location, organisation);
    page(&webex, ("/locations", &query), size, state.behaviour.empty_pages, found, show)
}

/// A part of the name, in any case.
fn named(location: &Location, query: &Form) -> bool {
    query.get("name").is_none_or(|part| location.name.to_lowercase().contains(&part.to_lowercase()))
}

/// `GET /locations/{id}`.
pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&READ)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let location = state.directory.location_of(organisation, &id).ok_or(Refusal::NotFound)?;
    Ok(Json(view(location, organisation)))
}

/// `GET /locations/{id}/floors`: no location has any.
pub(super) async fn floors(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Json<Value>, Refusal> {
    let _location = show(State(webex), caller, Path(id), query).await?;
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
