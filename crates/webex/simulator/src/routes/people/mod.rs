//! `/v1/people`.

mod filter;
mod view;
mod write;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use serde_json::json;

use crate::form::Form;
use crate::routes::extract::{Caller, List, Paging, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;
use crate::world::person_of;

pub(super) use crate::world::person_of as person_id;

use filter::Filter;
pub(super) use view::role_id;
use view::{Sight, View};
pub(super) use write::{create, delete, update};

scopes! {
    Read = "spark:people_read" | "spark-admin:people_read";
    ReadAll = "spark-admin:people_read";
}

pub(super) async fn me(webex: Webex, caller: Permitted<Read>, query: Form) -> Reply<Json<View>> {
    let state = webex.state();
    // What a call before this one changed is there already.
    let account = state.directory.account(caller.account.id).unwrap_or(&caller.account);
    Ok(Json(View::of(&state.directory, account, Sight::of(&caller, &query))))
}

pub(super) async fn show(
    webex: Webex,
    caller: Permitted<Read>,
    Path(id): Path<String>,
    query: Form,
) -> Reply<Json<View>> {
    let state = webex.state();
    let account = person_of(&id).and_then(|id| state.directory.account(id));
    let account = account.filter(|account| caller.sees(&state, account.organisation)).ok_or(Refusal::NotFound)?;
    Ok(Json(View::of(&state.directory, account, Sight::of(&caller, &query))))
}

/// People by address, by the start of a name or by id; an administrator may list everyone.
pub(super) async fn list(webex: Webex, caller: Caller, list: List, query: Form) -> Reply<Response> {
    let filter = Filter::of(&query)?;
    filter.permitted_to(&caller)?;
    let page = Paging::<100, 1000>::of(list, "max", "cursor")?;
    let state = webex.state();
    let organisation = caller.reach(&state)?;
    let place = filter::place(&state.directory, &caller, organisation, &query)?;
    let sight = filter.sight(&caller, &query);
    let found = filter
        .found(&state.directory, organisation)
        .filter(|account| place.is_none_or(|place| account.calling.as_ref().is_some_and(|line| line.location == place)))
        .filter(|account| filter::has_role(account, &query));
    page.within(filter::largest_page(&query)).reply_with(found, |accounts| {
        let items: Vec<_> = accounts.into_iter().map(|account| View::of(&state.directory, account, sight)).collect();
        json!({ "notFoundIds": filter.not_found(&state.directory, organisation), "items": items })
    })
}
