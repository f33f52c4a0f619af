//! `/v1/telephony/config/locations`: the locations that are enabled for Webex Calling.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::write::Wish;
use super::{Everything, Form, Location, Refusal, Slice, named};
use crate::routes::extract::{Body, Permitted, scopes};
use crate::routes::refusal::Reply;
use crate::webex::Webex;
use crate::world::Site;

scopes! {
    Read = "spark-admin:telephony_config_read";
    Write = "spark-admin:telephony_config_write";
}

/// The longest name of a location with Webex Calling (the reference's words).
const LONGEST_NAME: usize = 80;

/// `GET /telephony/config/locations`: those that are enabled, as a list under a name of its own.
pub(in crate::routes) async fn list(
    webex: Webex,
    caller: Permitted<Read>,
    slice: Slice<2000, 2000>,
    query: Form,
) -> Reply<Response> {
    let state = webex.state();
    let organisation = caller.reach(&state)?;
    let found = state.directory.locations(organisation);
    let mut found: Vec<_> = found.filter(|location| location.calling.is_some() && named(location, &query)).collect();
    match query.get("order") {
        Some("asc") => found.sort_by_key(|location| &location.name),
        Some("desc") => found.sort_by_key(|location| std::cmp::Reverse(&location.name)),
        _ => {}
    }
    let show = |location: &Location| view(&state, location, organisation);
    Ok(slice.named("locations", found.into_iter(), show))
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
pub(in crate::routes) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let organisation = caller.reach(&state)?;
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
    webex: Webex,
    caller: Permitted<Write>,
    Body(wish): Body<Wish>,
) -> Reply<(StatusCode, Json<Value>)> {
    wish.whole()?;
    let mut state = webex.state();
    let organisation = caller.reach(&state)?;
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
