//! `POST /meetings/join`: links that start or join a meeting. Their site does not exist.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::LOCATION;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use super::find::Id;
use super::view::{site_name, web_link};
use super::{Read, Refusal, Webex, Write, subject_by};
use crate::random;
use crate::routes::extract::{Body, Permitted, Scopes as _, scopes};
use crate::routes::refusal::Reply;
use crate::world::Part;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    meeting_id: Option<String>,
    meeting_number: Option<String>,
    web_link: Option<String>,
    join_directly: Option<bool>,
    email: Option<String>,
    display_name: Option<String>,
    password: Option<String>,
    expiration_minutes: Option<i64>,
    host_email: Option<String>,
}

scopes! {
    /// Which of the scopes a link needs is not documented: any of them will do.
    Either = "meeting:schedules_read" | "meeting:admin_schedule_read" | "meeting:schedules_write" | "meeting:admin_schedule_write";
}

/// How long a link is valid in minutes, unless the call says otherwise [?].
const USUAL_MINUTES: i64 = 15;

pub(super) async fn join(webex: Webex, caller: Permitted<Either>, Body(wish): Body<Wish>) -> Reply<Response> {
    let minutes = wish.expiration_minutes.unwrap_or(USUAL_MINUTES);
    if !(1..=60).contains(&minutes) {
        return Err(Refusal::Invalid("expirationMinutes is from 1 to 60.".to_owned()));
    }
    if wish.display_name.is_some() && wish.email.is_none() {
        return Err(Refusal::Invalid("displayName requires email.".to_owned()));
    }
    let state = webex.state();
    let scopes = if caller.has_any(Read::ANY) { Read::ANY } else { Write::ANY };
    let account = subject_by(&caller, &state, wish.host_email.as_deref(), scopes)?;
    let site = |organisation| state.directory.site_of(organisation);
    let meeting = match (&wish.meeting_id, &wish.meeting_number, &wish.web_link) {
        (Some(id), None, None) => Some(Id::parse(id)?.target(&state)?.meeting),
        (None, Some(number), None) => state.meetings.iter().find(|meeting| meeting.number == *number),
        (None, None, Some(link)) => {
            state.meetings.iter().find(|meeting| web_link(meeting, &site(meeting.organisation)) == *link)
        }
        _ => {
            let reason = "Exactly one of meetingId, meetingNumber and webLink is required.";
            return Err(Refusal::Invalid(reason.to_owned()));
        }
    };
    let meeting = meeting.ok_or(Refusal::NotFound)?;
    let part = meeting.part(&account);
    if part.is_none() && wish.password.as_ref() != Some(&meeting.plan.password) {
        return Err(Refusal::Invalid("The meeting requires its password.".to_owned()));
    }
    let site = site(meeting.organisation);
    let name = site_name(&site);
    let link = || {
        let token = random::text(&*webex.setting().entropy);
        format!(
            "https://{site}/wbxmjs/joinservice/sites/{name}/meeting/download/{}?siteurl={name}&integrationJoinToken={token}",
            meeting.id.simple(),
        )
    };
    let join = link();
    if wish.join_directly != Some(false) {
        return Ok((StatusCode::FOUND, [(LOCATION, join)]).into_response());
    }
    let expires = webex.now().saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(webex.now());
    let mut shown = json!({ "joinLink": join, "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string() });
    if part >= Some(Part::CoHost) {
        shown["startLink"] = json!(link());
    }
    Ok(Json(shown).into_response())
}
