//! `/v1/licenses`.

mod assign;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::cursor::Cursor;
use super::refusal::Refusal;
use crate::form::Form;
use crate::webex::Webex;
use crate::world::{Directory, Licence};

pub(super) use assign::assign;

const READ: [&str; 1] = ["spark-admin:licenses_read"];

/// `GET /licenses`; never paged.
pub(super) async fn list(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&READ)?;
    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let items = Licence::all().map(|licence| view(&state.directory, organisation, licence));
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// The reference's largest page of those who have a licence, and its usual one.
const MOST_USERS: usize = 300;

/// `GET /licenses/{id}`; with `includeAssignedTo=user` whom it was given, page by page.
pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Response, Refusal> {
    caller.needs_any(&READ)?;
    let state = webex.state();
    let organisations = state.directory.all().map(|(organisation, ..)| organisation);
    let found = organisations
        .filter(|organisation| caller.sees(&state, *organisation))
        .find_map(|organisation| Some((organisation, Licence::of(organisation, &id)?)));
    let (organisation, licence) = found.ok_or(Refusal::NotFound)?;
    let mut shown = view(&state.directory, organisation, licence);
    match query.get("includeAssignedTo") {
        None => return Ok(Json(shown).into_response()),
        Some("user") => {}
        Some(other) => return Err(Refusal::BadRequest(format!("includeAssignedTo takes user, not {other}."))),
    }
    let size = match query.get("limit") {
        None => MOST_USERS,
        Some(text) => text.parse().map_err(|_| Refusal::BadRequest("limit is a number.".into()))?,
    };
    let holders = state.directory.listed_in(organisation).filter(|account| account.licences.has(licence));
    let cursor = Cursor::named(&query, "next")?;
    let (page, next) = cursor.page(holders, size.clamp(1, MOST_USERS), state.behaviour.empty_pages);
    let users = page.into_iter().map(|account| {
        json!({
            "id": account.webex_id(),
            "type": "INTERNAL",
            "displayName": account.display_name,
            "email": account.email,
        })
    });
    shown["users"] = users.collect();
    let mut response = Json(shown).into_response();
    let path = format!("/licenses/{id}");
    if let Some(link) = next.and_then(|next| next.link_named(&webex, &path, &query, "next").parse().ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

fn view(directory: &Directory, organisation: Uuid, licence: Licence) -> Value {
    let units = directory.units(organisation, licence);
    json!({
        "id": licence.id(organisation),
        "name": licence.name(),
        "totalUnits": units.total,
        "consumedUnits": units.consumed,
        "consumedByUsers": units.consumed,
        "consumedByWorkspaces": 0,
        "subscriptionId": licence.subscription(),
    })
}
