//! `/v1/meetings`: scheduling, joining and registering. Times are UTC unless the header `timezone` names a zone.

mod find;
mod join;
mod list;
mod registrants;
mod registration;
mod settings;
mod view;
mod wish;
mod write;

use std::sync::Arc;

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::HeaderMap;
use jiff::tz::TimeZone;

use crate::form::Form;
use crate::routes::extract::{Caller, Permitted, Scopes, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Account, TooManyMeetings};

use find::{Id, Target};
use view::View;

/// The routes below `/v1/meetings`.
pub(super) fn router() -> Router<Webex> {
    let registration = get(registration::show).put(registration::update).delete(registration::delete);
    Router::new()
        .route("/v1/meetings", get(list::list).post(write::create))
        .route("/v1/meetings/join", post(join::join))
        .route("/v1/meetings/{id}", get(show).put(write::update).patch(write::update).delete(write::delete))
        .route("/v1/meetings/{id}/registration", registration)
        .route("/v1/meetings/{id}/registrants", get(registrants::list).post(registrants::register))
        .route("/v1/meetings/{id}/registrants/approve", post(registrants::approve))
        .route("/v1/meetings/{id}/registrants/reject", post(registrants::reject))
        .route("/v1/meetings/{id}/registrants/{registrant}", get(registrants::show).delete(registrants::unregister))
}

// A person's scope, and that of an administrator or a service app.
scopes! {
    Read = "meeting:schedules_read" | "meeting:admin_schedule_read";
    Write = "meeting:schedules_write" | "meeting:admin_schedule_write";
}

impl From<TooManyMeetings> for Refusal {
    fn from(_: TooManyMeetings) -> Self {
        Self::Invalid("The simulator keeps at most 1000 meetings for each host.".to_owned())
    }
}

/// Whose meetings a call is about: the caller's, or those of the `hostEmail` that an administrator's scope lets it name. Without such
/// a scope `hostEmail` is ignored, as the reference says.
fn subject<S: Scopes>(caller: &Permitted<S>, state: &Everything, host: Option<&str>) -> Result<Arc<Account>, Refusal> {
    subject_by(caller, state, host, S::ANY)
}

/// Like [`subject`], by a person's scope and an administrator's.
fn subject_by(
    caller: &Caller,
    state: &Everything,
    host: Option<&str>,
    scopes: &[&str],
) -> Result<Arc<Account>, Refusal> {
    if caller.is_bot() {
        return Err(Refusal::Forbidden);
    }
    let Some(email) = host.filter(|_| caller.has_any(&scopes[1..])) else { return Ok(Arc::clone(&caller.account)) };
    let found = state.directory.by_email(email).filter(|found| found.organisation == caller.account.organisation);
    found.cloned().ok_or_else(|| Refusal::Invalid(format!("{email} is not a user of a site that the caller manages.")))
}

/// The zone that a reply's times are in.
fn zone_of(headers: &HeaderMap) -> Result<TimeZone, Refusal> {
    let name = headers.get("timezone").and_then(|value| value.to_str().ok()).unwrap_or("UTC");
    zone(name)
}

/// A time zone of the IANA database, as this machine has it.
fn zone(name: &str) -> Result<TimeZone, Refusal> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| Refusal::Invalid(format!("{name} is not a known time zone.")))
}

/// `GET /meetings/{id}`. A caller who is not invited needs the password, in a header, and does not see the host's key.
async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>, query: Form, headers: HeaderMap) -> Reply {
    let zone = zone_of(&headers)?;
    let state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let Target { meeting, occurrence } = Id::parse(&id)?.target(&state)?;
    let part = meeting.part(&account);
    let password = headers.get("password").and_then(|value| value.to_str().ok());
    if part.is_none() && password != Some(&meeting.plan.password) {
        return Err(Refusal::NotFound);
    }
    let view = View { state: &state, now: webex.now(), zone: &zone, part };
    Ok(Json(match occurrence {
        Some(occurrence) => view.scheduled(meeting, &occurrence),
        None if query.get("current") == Some("true") => match meeting.current(webex.now()) {
            Some(occurrence) => view.scheduled(meeting, &occurrence),
            None => return Err(Refusal::NotFound),
        },
        None => view.whole(meeting),
    }))
}
