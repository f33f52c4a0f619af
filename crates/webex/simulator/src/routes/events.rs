//! `/v1/events`: what happened in an organisation's rooms, for compliance officers.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::extract::{Paging, Permitted, scopes};
use super::refusal::{Refusal, Reply};
use crate::form::Form;
use crate::webex::Webex;
use crate::world::{Happening, date, organisation_id, uuid_of, webex_id};

scopes! {
    Read = "spark-compliance:events_read";
}

/// The kind of an event's id.
const KIND: &str = "EVENT";

/// `GET /events`, the latest first.
pub(super) async fn list(
    webex: Webex,
    caller: Permitted<Read>,
    page: Paging<100, 1000>,
    query: Form,
) -> Reply<Response> {
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
    let happenings = webex.happenings();
    let found = happenings.of(caller.account.organisation).filter(fits);
    page.reply(found, view)
}

/// `GET /events/{id}`.
pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
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
