//! `/v1/telephony/config/locations`: the locations that are enabled for Webex Calling.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::write::Wish;
use super::{Caller, Everything, Form, Location, Refusal, Slice, json_body, named};
use crate::webex::Webex;
use crate::world::Site;

pub(super) const READ: [&str; 1] = ["spark-admin:telephony_config_read"];
pub(super) const WRITE: [&str; 1] = ["spark-admin:telephony_config_write"];

/// The reference's default and largest page.
const MOST: usize = 2000;

/// The longest name of a location with Webex Calling (the reference's words).
const LONGEST_NAME: usize = 80;

/// `GET /telephony/config/locations`: those that are enabled, as a list under a name of its own.
pub(in crate::routes) async fn list(
    State(webex): State<Webex>,
    caller: Caller,
    query: Form,
) -> Result<Response, Refusal> {
    caller.needs_any(&READ)?;
    let slice = Slice::of(&query, MOST, MOST)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let found = state.directory.locations(organisation);
    let mut found: Vec<_> = found.filter(|location| location.calling.is_some() && named(location, &query)).collect();
    match query.get("order") {
        Some("asc") => found.sort_by_key(|location| &location.name),
        Some("desc") => found.sort_by_key(|location| std::cmp::Reverse(&location.name)),
        _ => {}
    }
    let show = |location: &Location| view(&state, location, organisation);
    Ok(slice.page(&webex, ("/telephony/config/locations", "locations"), &query, false, found.into_iter(), show))
}

fn view(state: &Everything, location: &Location, organisation: Uuid) -> Value {
    let mains: Vec<_> = state.directory.lines(organisation).filter(|line| line.main).collect();
    // A location without numbers calls with one of another: callers see something to call back.
    let main = mains.iter().find(|line| line.location.id == location.id).or(mains.first());
    let mut shown = json!({
        "id": location.webex_id(),
        "name": location.name,
        "outsideDialDigit": "9",
        "enforceOutsideDialDigit": false,
        "callingLineId": {
            "name": state.directory.name_of(organisation),
            "phoneNumber": main.and_then(|line| line.number),
        },
        "e911SetupRequired": false,
    });
    if let Some(prefix) = location.calling.as_ref().and_then(|site| site.routing_prefix.as_ref()) {
        shown["routingPrefix"] = json!(prefix);
    }
    shown
}

/// `GET /telephony/config/locations/{id}`.
pub(in crate::routes) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&READ)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let location = state.directory.location_of(organisation, &id).ok_or(Refusal::NotFound)?;
    let site = location.calling.as_ref().ok_or(Refusal::NotFound)?;
    let mut shown = view(&state, location, organisation);
    shown["announcementLanguage"] = json!(site.announcement_language);
    shown["externalCallerIdName"] = json!(state.directory.name_of(organisation));
    shown["userLimit"] = json!(500_000);
    if let Some(fields) = shown.as_object_mut() {
        // Only a list has it.
        fields.remove("e911SetupRequired");
    }
    Ok(Json(shown))
}

/// `POST /telephony/config/locations`: enables a location that `POST /locations` has made.
pub(in crate::routes) async fn enable(
    State(webex): State<Webex>,
    caller: Caller,
    query: Form,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    caller.needs_any(&WRITE)?;
    let wish: Wish = json_body(&body)?;
    wish.whole()?;
    let mut state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let id = wish.id.as_deref().ok_or_else(|| Refusal::BadRequest("id is required.".to_owned()))?;
    let id = state.directory.location_of(organisation, id).ok_or(Refusal::NotFound)?.id;
    let location = state.directory.location_mut(organisation, id).ok_or(Refusal::NotFound)?;
    if location.calling.is_some() {
        return Err(Refusal::Gateway(StatusCode::CONFLICT, "The location is already enabled for Webex Calling."));
    }
    if location.name.chars().count() > LONGEST_NAME {
        let reason = format!("The name of a location with Webex Calling has at most {LONGEST_NAME} characters.");
        return Err(Refusal::BadRequest(reason));
    }
    let announcement_language = wish.announcement_language.unwrap_or_default();
    location.calling = Some(Site { announcement_language, ..Site::default() });
    Ok((StatusCode::CREATED, Json(json!({ "id": location.webex_id() }))))
}
