//! `/v1/locations`, and what Webex Calling says of them.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::cursor::Cursor;
use super::form::Form;
use super::list::Slice;
use super::refusal::Refusal;
use crate::webex::{State as Everything, Webex};
use crate::world::{LOCATIONS, Line, Location, location_of, organisation_id, uuid_of, webex_id};

/// Any of these will do (the reference's words).
const READ: [&str; 3] = ["spark-admin:locations_read", "spark-admin:people_read", "spark-admin:devices_read"];
const TELEPHONY: [&str; 1] = ["spark-admin:telephony_config_read"];

/// The reference's largest page of locations, and its usual one.
const MOST_LOCATIONS: usize = 500;

/// `GET /locations`, by `name` or by `id`.
pub(super) async fn list(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Response, Refusal> {
    caller.needs_any(&READ)?;
    let size = match query.get("max") {
        None => MOST_LOCATIONS,
        Some(text) => text.parse().map_err(|_| Refusal::BadRequest("max is a number.".into()))?,
    };
    let cursor = Cursor::of(&query)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let found = LOCATIONS.iter().filter(|location| {
        named(location, &query)
            && query.get("id").is_none_or(|id| id.trim_end_matches('=') == location.id(organisation))
    });
    let (page, next) = cursor.page(found, size.clamp(1, MOST_LOCATIONS), state.behaviour.empty_pages);
    let items: Vec<_> = page.into_iter().map(|location| view(location, organisation)).collect();
    let mut response = Json(json!({ "items": items })).into_response();
    if let Some(link) = next.and_then(|next| next.link(&webex, "/locations", &query).parse().ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
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
    let organisation = caller.reach(&webex.state(), &query)?;
    let location = location_of(organisation, &id).ok_or(Refusal::NotFound)?;
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
    json!({
        "id": location.id(organisation),
        "name": location.name,
        "orgId": organisation_id(organisation),
        "timeZone": location.zone,
        "address": {
            "address1": "1 Main Street",
            "city": location.city,
            "postalCode": location.postal_code,
            "country": location.country,
        },
        "latitude": location.latitude,
        "longitude": location.longitude,
    })
}

/// `GET /telephony/config/locations`: a list under a name of its own.
pub(super) async fn calling(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Response, Refusal> {
    caller.needs_any(&TELEPHONY)?;
    let slice = Slice::of(&query, MOST_NUMBERS, MOST_NUMBERS)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let mut found: Vec<_> = LOCATIONS.iter().filter(|location| named(location, &query)).collect();
    match query.get("order") {
        Some("asc") => found.sort_by_key(|location| location.name),
        Some("desc") => found.sort_by_key(|location| std::cmp::Reverse(location.name)),
        _ => {}
    }
    let show = |location: &Location| calling_view(&state, location, organisation);
    Ok(slice.page(&webex, ("/telephony/config/locations", "locations"), &query, false, found.into_iter(), show))
}

fn calling_view(state: &Everything, location: &Location, organisation: Uuid) -> Value {
    let mains: Vec<_> = state.directory.lines(organisation).filter(|line| line.main).collect();
    // A location without numbers calls with one of another: callers see something to call back.
    let main = mains.iter().find(|line| line.location.number == location.number).or(mains.first());
    json!({
        "id": location.id(organisation),
        "name": location.name,
        "routingPrefix": location.routing_prefix,
        "outsideDialDigit": "9",
        "enforceOutsideDialDigit": false,
        "callingLineId": {
            "name": state.directory.name_of(organisation),
            "phoneNumber": main.and_then(|line| line.number.clone()),
        },
        "e911SetupRequired": false,
    })
}

/// `GET /telephony/config/locations/{id}`.
pub(super) async fn calling_one(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&TELEPHONY)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let location = location_of(organisation, &id).ok_or(Refusal::NotFound)?;
    let mut shown = calling_view(&state, location, organisation);
    shown["announcementLanguage"] = json!("en_us");
    shown["externalCallerIdName"] = json!(state.directory.name_of(organisation));
    shown["userLimit"] = json!(500_000);
    if let Some(fields) = shown.as_object_mut() {
        // Only a list has it.
        fields.remove("e911SetupRequired");
    }
    Ok(Json(shown))
}

/// The reference's default and largest page of numbers.
const MOST_NUMBERS: usize = 2000;

/// `GET /telephony/config/numbers`: a list under a name of its own. Extensions without a number are entries too.
pub(super) async fn numbers(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Response, Refusal> {
    caller.needs_any(&TELEPHONY)?;
    let slice = Slice::of(&query, MOST_NUMBERS, MOST_NUMBERS)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let found = state.directory.lines(organisation).filter(|line| fits(line, organisation, &query));
    let show = |line| number(&line, organisation);
    if query.get("details") == Some("true") {
        return Ok(Json(
            json!({ "phoneNumbers": found.map(show).collect::<Vec<_>>(), "count": count(&state, organisation) }),
        )
        .into_response());
    }
    Ok(slice.page(&webex, ("/telephony/config/numbers", "phoneNumbers"), &query, false, found, show))
}

/// What `details=true` adds: how many numbers of each sort the organisation has. The list then comes whole.
fn count(state: &Everything, organisation: Uuid) -> Value {
    let (mut assigned, mut free, mut extensions) = (0, 0, 0);
    for line in state.directory.lines(organisation) {
        match (line.number.is_some(), line.owner.is_some() || line.main) {
            (false, _) => extensions += 1,
            (true, true) => assigned += 1,
            (true, false) => free += 1,
        }
    }
    json!({
        "assigned": assigned,
        "unAssigned": free,
        "inActive": 0,
        "extensionOnly": extensions,
        "tollFreeNumbers": 0,
        "total": assigned + free + extensions,
        "serviceNumber": 0,
        "mobileNumber": 0,
    })
}

fn fits(line: &Line<'_>, organisation: Uuid, query: &Form) -> bool {
    let flag = |name: &str| query.get(name).map(|value| value == "true");
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    query.get("locationId").is_none_or(|id| {
        // The bare uuid is the reference's other way to name it.
        let id = id.trim_end_matches('=');
        let own = line.location.id(organisation);
        id == own || uuid_of("LOCATION", &own).is_some_and(|uuid| uuid.to_string() == id)
    }) && query
        .get("phoneNumber")
        .is_none_or(|wanted| line.number.as_deref().is_some_and(|number| digits(number).contains(&digits(wanted))))
        && query.get("extension").is_none_or(|wanted| line.extension == Some(wanted))
        && flag("available").is_none_or(|available| available == (line.owner.is_none() && line.number.is_some()))
        && query.get("ownerId").is_none_or(|wanted| {
            line.owner.is_some_and(|owner| owner.webex_id().as_str() == wanted || owner.id.to_string() == wanted)
        })
        && query.get("ownerName").is_none_or(|wanted| {
            line.owner.is_some_and(|owner| owner.display_name.to_lowercase().contains(&wanted.to_lowercase()))
        })
        && query.get("ownerType").is_none_or(|kind| kind == "PEOPLE" && line.owner.is_some())
        && match query.get("numberType") {
            Some("NUMBER") => line.number.is_some(),
            Some("EXTENSION") => line.number.is_none(),
            _ => true,
        }
        && query.get("state").is_none_or(|state| state == "ACTIVE" && line.number.is_some())
        && ![flag("tollFreeNumbers"), flag("serviceNumber"), flag("reservedNumber")].contains(&Some(true))
}

fn number(line: &Line<'_>, organisation: Uuid) -> Value {
    let mut shown = json!({
        "state": "ACTIVE",
        "phoneNumberType": "PRIMARY",
        "mainNumber": line.main,
        "includedTelephonyTypes": "PSTN_NUMBER",
        "tollFreeNumber": false,
        "isServiceNumber": false,
        "isReservedNumber": false,
        "location": { "id": line.location.id(organisation), "name": line.location.name },
    });
    if let Some(number) = &line.number {
        shown["phoneNumber"] = json!(number);
    }
    if let Some(extension) = line.extension {
        shown["extension"] = json!(extension);
        shown["routingPrefix"] = json!(line.location.routing_prefix);
        shown["esn"] = json!(format!("{}{extension}", line.location.routing_prefix));
    }
    if let Some(owner) = line.owner {
        shown["owner"] = json!({ "id": webex_id("PEOPLE", owner.id), "type": "PEOPLE" });
        if let (Some(first), Some(last)) = (&owner.first_name, &owner.last_name) {
            shown["owner"]["firstName"] = json!(first);
            shown["owner"]["lastName"] = json!(last);
        }
    }
    shown
}
