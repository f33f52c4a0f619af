//! `/v1/meetings/{id}/registrants`: who has registered.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::find::{Id, hosted};
use super::wish::moment;
use super::{Form, Read, Refusal, Webex, Write, subject};
use crate::random;
use crate::routes::extract::{Body, Paging, Permitted};
use crate::routes::refusal::Reply;
use crate::world::{Registrant, RegistrantStatus, RegistrationError, date};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// `POST /meetings/{id}/registrants`.
pub(super) async fn register(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    query: Form,
    Body(answers): Body<Map<String, Value>>,
) -> Reply {
    let (new, now) = (random::uuid(&*webex.setting().entropy), webex.now());
    let mut state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
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
    webex: Webex,
    caller: Permitted<Read>,
    Path(id): Path<String>,
    page: Paging<10, 100>,
    query: Form,
) -> Reply<Response> {
    let end = |name| query.get(name).map(|text| moment(text, &TimeZone::UTC, name)).transpose();
    let (from, to) = (end("registrationTimeFrom")?, end("registrationTimeTo")?);
    let from = from.or_else(|| to.unwrap_or(webex.now()).saturating_sub(WEEK).ok());
    let state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let meeting = hosted(&state, &account, &id)?;
    let found = meeting.registrants.iter().filter(|registrant| {
        from.is_none_or(|from| registrant.at >= from)
            && to.is_none_or(|to| registrant.at < to)
            && query.get("email").is_none_or(|email| registrant.email.eq_ignore_ascii_case(email))
    });
    page.reply(found, view)
}

/// `GET /meetings/{id}/registrants/{registrantId}`.
pub(super) async fn show(
    webex: Webex,
    caller: Permitted<Read>,
    Path((id, registrant)): Path<(String, String)>,
    query: Form,
) -> Reply {
    let state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let found = hosted(&state, &account, &id)?.registrants.get(parse(&registrant)?);
    found.map(|registrant| Json(view(registrant))).ok_or(Refusal::NotFound)
}

/// `DELETE /meetings/{id}/registrants/{registrantId}`.
pub(super) async fn unregister(
    webex: Webex,
    caller: Permitted<Write>,
    Path((id, registrant)): Path<(String, String)>,
    query: Form,
) -> Reply<StatusCode> {
    let registrant = parse(&registrant)?;
    let mut state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let id = hosted(&state, &account, &id)?.id;
    let registrants = state.meetings.get_mut(id).map(|meeting| &mut meeting.registrants);
    registrants.and_then(|all| all.take(registrant)).map(|_| StatusCode::NO_CONTENT).ok_or(Refusal::NotFound)
}

/// `POST /meetings/{id}/registrants/approve`.
pub(super) async fn approve(
    webex: Webex,
    caller: Permitted<Write>,
    id: Path<String>,
    query: Form,
    batch: Body<Batch>,
) -> Reply<StatusCode> {
    decide(&webex, &caller, &id, &query, &batch.0, RegistrantStatus::Approved)
}

/// `POST /meetings/{id}/registrants/reject`.
pub(super) async fn reject(
    webex: Webex,
    caller: Permitted<Write>,
    id: Path<String>,
    query: Form,
    batch: Body<Batch>,
) -> Reply<StatusCode> {
    decide(&webex, &caller, &id, &query, &batch.0, RegistrantStatus::Rejected)
}

#[derive(Deserialize)]
pub(super) struct Batch {
    registrants: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Gives all of the registrants named, or none of them, this status.
fn decide(
    webex: &Webex,
    caller: &Permitted<Write>,
    id: &str,
    query: &Form,
    batch: &Batch,
    status: RegistrantStatus,
) -> Reply<StatusCode> {
    let mut state = webex.state();
    let account = subject(caller, &state, query.get("hostEmail"))?;
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
