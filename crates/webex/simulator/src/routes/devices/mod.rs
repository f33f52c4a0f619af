//! `/v1/devices`.

mod filter;
mod sight;
mod view;
mod write;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::Value;

use super::caller::Caller;
use super::list::Slice;
use super::refusal::Refusal;
use crate::form::Form;
use crate::webex::Webex;
use crate::world::device_of;

use filter::Filter;
pub(super) use sight::Sight;
pub(super) use view::Shown;
pub(super) use write::{activation_code, create, delete, tags};

/// The documented default is not named; the largest page is the reference's.
const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

pub(super) async fn list(State(webex): State<Webex>, caller: Caller, query: Form) -> Result<Response, Refusal> {
    let slice = Slice::of(&query, USUAL_PAGE, LARGEST_PAGE)?;
    let filter = Filter::of(&query);
    let now = webex.now();
    let state = webex.state();
    let sight = Sight::of(&caller, caller.reach(&state, &query)?)?;
    let found = state.rooms.devices().filter_map(|device| {
        let access = sight.permission(&state, device)?;
        let shown = Shown::of(&state, device, access, now);
        filter.fits(&shown).then_some(shown)
    });
    let empty_pages = state.behaviour.empty_pages;
    Ok(slice.page(&webex, ("/devices", "items"), &query, empty_pages, found, |shown| shown.json()))
}

pub(super) async fn show(
    State(webex): State<Webex>,
    caller: Caller,
    Path(id): Path<String>,
    query: Form,
) -> Result<Json<Value>, Refusal> {
    let now = webex.now();
    let state = webex.state();
    let device = device_of(&id).and_then(|id| state.rooms.device(id)).ok_or(Refusal::NotFound)?;
    let sight = Sight::of(&caller, caller.reach_of(&state, &query, device.organisation)?)?;
    let access = sight.permission(&state, device).ok_or(Refusal::NotFound)?;
    Ok(Json(Shown::of(&state, device, access, now).json()))
}
