//! `/v1/meetings/{id}/registrants`: who has registered.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::find::{Id, hosted};
use super::wish::moment;
use super::{Caller, Form, READ, Refusal, WRITE, Webex, subject};
use crate::random;
use crate::routes::cursor::{page, page_size};
use crate::routes::refusal::json_body;
use crate::world::{Registrant, RegistrantStatus, RegistrationError, date};

/// The reference's usual and largest page.
const USUAL_PAGE: usize = 10;
const LARGEST_PAGE: usize = 100;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// `POST /meetings/{id}/registrants`.
pub(super) async fn register(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&WRITE)?;
    let answers: Map<String, Value> = json_body(&body)?;
    let (new, now) = (random::uuid(&*webex.setting().entropy), webex.now());
    let mut state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"), &WRITE)?;
    let id = Id::parse(&id)?;
    // Whoever was invited can register, not the host alone.
    let meeting = id.target(&state)?.meeting;
    meeting.part(&account).ok_or(Refusal::NotFound)?;
    let meeting = state.meetings.get_mut(id.series).ok_or(Refusal::NotFound)?;
    let registrant = meeting.register(new, &answers, now).map_err(|error| match error {
        RegistrationError::Twice(_) => Refusal::Gateway(StatusCode::CONFLICT, "The email is registered already."),
        other => Refusal::Invalid(other.to_string()),
    })?;
    Ok(Json(view(registrant)))
}

/// `GET /meetings/{id}/registrants`: those of the last seven days, unless the query says otherwise.
pub(super) async fn list(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Response, Refusal> {
    let size = page_size(&query, USUAL_PAGE, LARGEST_PAGE)?;
    let end = |name| query.get(name).map(|text| moment(text, &TimeZone::UTC, name)).transpose();
    let (from, to) = (end("registrationTimeFrom")?, end("registrationTimeTo")?);
    let from = from.or_else(|| to.unwrap_or(webex.now()).saturating_sub(WEEK).ok());
    let state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"), &READ)?;
    let meeting = hosted(&state, &account, &id)?;
    let found = meeting.registrants.iter().filter(|registrant| {
        from.is_none_or(|from| registrant.at >= from)
            && to.is_none_or(|to| registrant.at < to)
            && query.get("email").is_none_or(|email| registrant.email.eq_ignore_ascii_case(email))
    });
    let path = format!("/meetings/{id}/registrants");
    page(&webex, (&path, &query), size, state.behaviour.empty_pages, found, view)
}

/// `GET /meetings/{id}/registrants/{registrantId}`.
pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path((id, registrant)): Path<(String, String)>,
    query: Form,
) -> Result<Json<Value>, Refusal> {
    let state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"), &READ)?;
    let found = hosted(&state, &account, &id)?.registrants.get(parse(&registrant)?);
    found.map(|registrant| Json(view(registrant))).ok_or(Refusal::NotFound)
}

/// `DELETE /meetings/{id}/registrants/{registrantId}`.
pub(super) async fn unregister(
    State(webex): State<Webex>,
    caller: Caller,
    Path((id, registrant)): Path<(String, String)>,
    query: Form,
) -> Result<StatusCode, Refusal> {
    let registrant = parse(&registrant)?;
    let mut state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"), &WRITE)?;
    let id = hosted(&state, &account, &id)?.id;
    let registrants = state.meetings.get_mut(id).map(|meeting| &mut meeting.registrants);
    registrants.and_then(|all| all.take(registrant)).map(|_| StatusCode::NO_CONTENT).ok_or(Refusal::NotFound)
}

/// `POST /meetings/{id}/registrants/approve`.
pub(super) async fn approve(
    webex: State<Webex>,
    caller: Caller,
    id: Path<String>,
    query: Form,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    decide(webex, &caller, &id, &query, &body, RegistrantStatus::Approved)
}

/// `POST /meetings/{id}/registrants/reject`.
pub(super) async fn reject(
    webex: State<Webex>,
    caller: Caller,
    id: Path<String>,
    query: Form,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    decide(webex, &caller, &id, &query, &body, RegistrantStatus::Rejected)
}

#[derive(Deserialize)]
struct Batch {
    registrants: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Gives all of the registrants named, or none of them, this status.
fn decide(
    State(webex): State<Webex>,
    caller: &Caller,
    id: &str,
    query: &Form,
    body: &Bytes,
    status: RegistrantStatus,
) -> Result<StatusCode, Refusal> {
    caller.needs_any(&WRITE)?;
    let batch: Batch = json_body(body)?;
    let mut state = webex.state();
    let account = subject(caller, &state, query.get("hostEmail"), &WRITE)?;
    let meeting = hosted(&state, &account, id)?;
    let named: Vec<_> = batch.registrants.iter().map(|named| parse(&named.id)).collect::<Result<_, _>>()?;
    if !named.iter().all(|registrant| meeting.registrants.get(*registrant).is_some()) {
        return Err(Refusal::NotFound);
    }
    let id = meeting.id;
    let meeting = state.meetings.get_mut(id).ok_or(Refusal::NotFound)?;
    for registrant in named {
        if let Some(registrant) = meeting.registrants.get_mut(registrant) {
            registrant.status = status;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

fn parse(id: &str) -> Result<Uuid, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

fn view(registrant: &Registrant) -> Value {
    let mut shown = registrant.answers.clone();
    shown.insert("id".to_owned(), json!(registrant.id.to_string()));
    shown.insert("status".to_owned(), json!(registrant.status));
    shown.insert("registrationTime".to_owned(), json!(date(registrant.at)));
    Value::Object(shown)
}
