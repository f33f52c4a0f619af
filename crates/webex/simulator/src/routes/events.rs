//! `/v1/events`: what happened in an organisation's rooms, for compliance officers.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::caller::Caller;
use super::cursor::{page, page_size};
use super::refusal::Refusal;
use crate::form::Form;
use crate::webex::Webex;
use crate::world::{Happening, date, organisation_id, uuid_of, webex_id};

const SCOPE: [&str; 1] = ["spark-compliance:events_read"];

/// The reference's usual and largest page.
const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// The kind of an event's id.
const KIND: &str = "EVENT";

/// `GET /events`, the latest first.
pub(super) async fn list(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Response, Refusal> {
    caller.needs_any(&SCOPE)?;
    let size = page_size(&query, USUAL_PAGE, LARGEST_PAGE)?;
    let end = |name| query.get(name).map(|text| moment(text, name)).transpose();
    let (from, to) = (end("from")?, end("to")?);
    if to.is_some_and(|to| to > webex.now()) {
        return Err(Refusal::BadRequest("to cannot be in the future.".to_owned()));
    }
    let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
    let fits = |happening: &&Happening| {
        is("resource", happening.resource)
            && is("type", happening.deed)
            && is("actorId", &webex_id("PEOPLE", happening.actor))
            && from.is_none_or(|from| happening.created >= from)
            && to.is_none_or(|to| happening.created <= to)
    };
    let empty_pages = webex.state().behaviour.empty_pages;
    let happenings = webex.happenings();
    let found = happenings.of(caller.account.organisation).filter(fits);
    page(&webex, ("/events", &query), size, empty_pages, found, view)
}

/// `GET /events/{id}`.
pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&SCOPE)?;
    let id = uuid_of(KIND, &id).ok_or(Refusal::NotFound)?;
    let happenings = webex.happenings();
    let found = happenings.of(caller.account.organisation).find(|happening| happening.id == id);
    found.map(|happening| Json(view(happening))).ok_or(Refusal::NotFound)
}

fn moment(text: &str, name: &str) -> Result<Timestamp, Refusal> {
    text.parse().map_err(|_| Refusal::BadRequest(format!("{name} is not a date and time: {text}.")))
}

fn view(happening: &Happening) -> Value {
    json!({
        "id": webex_id(KIND, happening.id),
        "resource": happening.resource,
        "type": happening.deed,
        "actorId": webex_id("PEOPLE", happening.actor),
        "orgId": organisation_id(happening.organisation),
        "created": date(happening.created),
        "data": happening.data,
    })
}
