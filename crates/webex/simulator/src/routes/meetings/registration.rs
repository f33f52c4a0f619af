//! `/v1/meetings/{id}/registration`: what a meeting asks of those who register.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::find::hosted;
use super::wish::form;
use super::{Form, Read, Refusal, Webex, Write, subject};
use crate::routes::extract::{Body, Permitted};
use crate::routes::refusal::Reply;
use crate::world::RegistrationForm;

/// `GET /meetings/{id}/registration`.
pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>, query: Form) -> Reply {
    let state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let meeting = hosted(&state, &account, &id)?;
    Ok(Json(view(meeting.form.as_ref().ok_or(Refusal::NotFound)?)))
}

/// `PUT /meetings/{id}/registration`: adds a form, or replaces the one that there is.
pub(super) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    query: Form,
    Body(said): Body<Map<String, Value>>,
) -> Reply {
    let host = said.get("hostEmail").and_then(Value::as_str).or(query.get("hostEmail"));
    let mut state = webex.state();
    let account = subject(&caller, &state, host)?;
    let meeting = hosted(&state, &account, &id)?;
    if meeting.rule.is_some() {
        return Err(Refusal::Invalid("Registration is not supported for a recurring meeting.".to_owned()));
    }
    let (id, form) = (meeting.id, form(&said)?);
    let shown = view(&form);
    state.meetings.get_mut(id).ok_or(Refusal::NotFound)?.form = Some(form);
    Ok(Json(shown))
}

/// `DELETE /meetings/{id}/registration`.
pub(super) async fn delete(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    query: Form,
) -> Reply<StatusCode> {
    let mut state = webex.state();
    let account = subject(&caller, &state, query.get("hostEmail"))?;
    let id = hosted(&state, &account, &id)?.id;
    let meeting = state.meetings.get_mut(id).ok_or(Refusal::NotFound)?;
    meeting.form.take().map(|_| StatusCode::NO_CONTENT).ok_or(Refusal::NotFound)
}

/// A form on its own. Only a meeting shows how many can register (the reference's words).
fn view(form: &RegistrationForm) -> Value {
    let mut shown = json!(form);
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("maxRegisterNum");
    }
    shown
}
