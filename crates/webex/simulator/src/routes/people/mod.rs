//! `/v1/people`.

mod filter;
mod view;
mod write;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use serde_json::json;

use super::caller::Caller;
use super::cursor::Cursor;
use super::refusal::Refusal;
use crate::form::Form;
use crate::webex::Webex;
use crate::world::person_of;

pub(super) use crate::world::person_of as person_id;

use filter::{Filter, page_size};
pub(super) use view::role_id;
use view::{Sight, View};
pub(super) use write::{create, delete, update};

const READ: [&str; 2] = ["spark:people_read", "spark-admin:people_read"];
const READ_ALL: [&str; 1] = ["spark-admin:people_read"];

pub(super) async fn me(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Json<View>, Refusal> {
    caller.needs_any(&READ)?;
    let state = webex.state();
    // What a call before this one changed is there already.
    let account = state.directory.account(caller.account.id).unwrap_or(&caller.account);
    Ok(Json(View::of(&state.directory, account, Sight::of(&caller, &query))))
}

pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Json<View>, Refusal> {
    caller.needs_any(&READ)?;
    let state = webex.state();
    let account = person_of(&id).and_then(|id| state.directory.account(id));
    let account = account.filter(|account| caller.sees(&state, account.organisation)).ok_or(Refusal::NotFound)?;
    Ok(Json(View::of(&state.directory, account, Sight::of(&caller, &query))))
}

/// People by address, by the start of a name or by id; an administrator may list everyone.
pub(super) async fn list(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Response, Refusal> {
    let filter = Filter::of(&query)?;
    filter.permitted_to(&caller)?;
    let size = page_size(&query)?;
    let cursor = Cursor::of(&query)?;

    let state = webex.state();
    let organisation = caller.reach(&state, &query)?;
    let place = filter::place(&state.directory, &caller, organisation, &query)?;
    let sight = filter.sight(&caller, &query);
    let found = filter
        .found(&state.directory, organisation)
        .filter(|account| place.is_none_or(|place| account.calling.as_ref().is_some_and(|line| line.location == place)))
        .filter(|account| filter::has_role(account, &query));
    let (page, next) = cursor.page(found, size, state.behaviour.empty_pages);
    let items: Vec<_> = page.into_iter().map(|account| View::of(&state.directory, account, sight)).collect();
    let body = json!({ "notFoundIds": filter.not_found(&state.directory, organisation), "items": items });
    let mut response = Json(body).into_response();
    if let Some(link) = next.and_then(|next| next.link(&webex, "/people", &query).parse().ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}
