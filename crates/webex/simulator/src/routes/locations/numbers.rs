//! Telephone numbers: `/v1/telephony/config/numbers`, and those of one location.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::calling::{Read, Write};
use super::{Caller, Everything, Form, Refusal, Slice};
use crate::routes::extract::{Body, Permitted};
use crate::routes::refusal::Reply;
use crate::webex::Webex;
use crate::world::{Directory, Line, NumberError, webex_id};

/// `GET /telephony/config/numbers`: a list under a name of its own. Extensions without a number are entries too.
pub(in crate::routes) async fn list(
    webex: Webex,
    caller: Permitted<Read>,
    slice: Slice<2000, 2000>,
    query: Form,
) -> Reply<Response> {
    let state = webex.state();
    let organisation = caller.reach(&state)?;
    let found = state.directory.lines(organisation).filter(|line| fits(line, &query));
    let show = |line| number(&line);
    if query.get("details") == Some("true") {
        return Ok(Json(
            json!({ "phoneNumbers": found.map(show).collect::<Vec<_>>(), "count": count(&state, organisation) }),
        )
        .into_response());
    }
    Ok(slice.named("phoneNumbers", found, show))
}

/// The counts that `details=true` adds: how many numbers of each sort the organisation has. The list is then not paged.
fn count(state: &Everything, organisation: Uuid) -> Value {
    let (mut assigned, mut free, mut extensions, mut inactive) = (0, 0, 0, 0);
    for line in state.directory.lines(organisation) {
        inactive += usize::from(line.number.is_some() && !line.active);
        match (line.number.is_some(), line.owner.is_some() || line.main) {
            (false, _) => extensions += 1,
            (true, true) => assigned += 1,
            (true, false) => free += 1,
        }
    }
    json!({
        "assigned": assigned,
        "unAssigned": free,
        "inActive": inactive,
        "extensionOnly": extensions,
        "tollFreeNumbers": 0,
        "total": assigned + free + extensions,
        "serviceNumber": 0,
        "mobileNumber": 0,
    })
}

fn fits(line: &Line<'_>, query: &Form) -> bool {
    let flag = |name: &str| query.get(name).map(|value| value == "true");
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    query.get("locationId").is_none_or(|id| {
        // The bare uuid is the reference's other way to name it.
        let id = id.trim_end_matches('=');
        id == line.location.webex_id() || id == line.location.id.to_string()
    }) && query
        .get("phoneNumber")
        .is_none_or(|wanted| line.number.is_some_and(|number| digits(number).contains(&digits(wanted))))
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
        && query.get("state").is_none_or(|wanted| line.number.is_some() && wanted == state_of(line))
        && ![flag("tollFreeNumbers"), flag("serviceNumber"), flag("reservedNumber")].contains(&Some(true))
}

fn state_of(line: &Line<'_>) -> &'static str {
    // An extension alone is in service with the person who has it.
    if line.active || line.number.is_none() { "ACTIVE" } else { "INACTIVE" }
}

fn number(line: &Line<'_>) -> Value {
    let mut shown = json!({
        "state": state_of(line),
        "phoneNumberType": "PRIMARY",
        "mainNumber": line.main,
        "includedTelephonyTypes": "PSTN_NUMBER",
        "tollFreeNumber": false,
        "isServiceNumber": false,
        "isReservedNumber": false,
        "location": { "id": line.location.webex_id(), "name": line.location.name },
    });
    if let Some(number) = line.number {
        shown["phoneNumber"] = json!(number);
    }
    if let Some(extension) = line.extension {
        shown["extension"] = json!(extension);
        let prefix = line.location.routing_prefix();
        shown["routingPrefix"] = json!(prefix);
        shown["esn"] = json!(format!("{prefix}{extension}"));
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

/// A change to a location's numbers, as a call describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Order {
    #[serde(default)]
    phone_numbers: Vec<String>,
    state: Option<String>,
    action: Option<String>,
}

/// `POST /telephony/config/locations/{id}/numbers`.
pub(in crate::routes) async fn add(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(order): Body<Order>,
) -> Reply<StatusCode> {
    change(&webex, &caller, &id, &order, |directory, organisation, id| {
        // The reference names no default; a number that nothing is said about is in service here.
        let active = order.state.as_deref() != Some("INACTIVE");
        directory.add_numbers(organisation, id, &order.phone_numbers, active)
    })?;
    Ok(StatusCode::CREATED)
}

/// `PUT /telephony/config/locations/{id}/numbers`.
pub(in crate::routes) async fn activate(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(order): Body<Order>,
) -> Reply<StatusCode> {
    change(&webex, &caller, &id, &order, |directory, organisation, id| {
        let active = order.action.as_deref() != Some("DEACTIVATE");
        directory.activate_numbers(organisation, id, &order.phone_numbers, active)
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /telephony/config/locations/{id}/numbers`, with the numbers in its body.
pub(in crate::routes) async fn remove(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(order): Body<Order>,
) -> Reply<StatusCode> {
    change(&webex, &caller, &id, &order, |directory, organisation, id| {
        directory.remove_numbers(organisation, id, &order.phone_numbers)
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the numbers of a location that is enabled for Webex Calling.
fn change(
    webex: &Webex,
    caller: &Caller,
    id: &str,
    order: &Order,
    change: impl FnOnce(&mut Directory, Uuid, Uuid) -> Result<(), NumberError>,
) -> Result<(), Refusal> {
    if order.phone_numbers.is_empty() {
        return Err(Refusal::BadRequest("phoneNumbers is required.".to_owned()));
    }
    let mut state = webex.state();
    let organisation = caller.reach(&state)?;
    let id = state.directory.location_of(organisation, id).ok_or(Refusal::NotFound)?.id;
    change(&mut state.directory, organisation, id).map_err(|error| Refusal::BadRequest(error.to_string()))
}
