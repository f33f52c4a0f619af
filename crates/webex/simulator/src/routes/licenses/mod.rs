//! `/v1/licenses`.

mod assign;

use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::form::Form;
use crate::routes::extract::{List, Paging, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;
use crate::world::{Account, Directory, Licence};

pub(super) use assign::assign;

scopes! {
    Read = "spark-admin:licenses_read";
}

/// `GET /licenses`; never paged.
pub(super) async fn list(webex: Webex, caller: Permitted<Read>) -> Reply {
    let state = webex.state();
    let organisation = caller.reach(&state)?;
    let items = Licence::all().map(|licence| view(&state.directory, organisation, licence));
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// `GET /licenses/{id}`; with `includeAssignedTo=user` whom it was given, page by page.
pub(super) async fn show(
    webex: Webex,
    caller: Permitted<Read>,
    Path(id): Path<String>,
    list: List,
    query: Form,
) -> Reply<Response> {
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
    let page = Paging::<300, 300>::of(list, "limit", "next")?;
    let holders = state.directory.listed_in(organisation).filter(|account| account.licences.has(licence));
    let user = |account: &Arc<Account>| {
        json!({
            "id": account.webex_id(),
            "type": "INTERNAL",
            "displayName": account.display_name,
            "email": account.email,
        })
    };
    page.reply_with(holders, |accounts| {
        shown["users"] = accounts.into_iter().map(user).collect();
        shown
    })
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
