//! `/v1/devices`.

mod filter;
mod sight;
mod view;
mod write;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;

use crate::form::Form;
use crate::routes::extract::{Caller, Slice};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;
use crate::world::device_of;

use filter::Filter;
pub(super) use sight::Sight;
pub(super) use view::Shown;
pub(super) use write::{activation_code, create, delete, tags};

pub(super) async fn list(webex: Webex, caller: Caller, slice: Slice<100, 1000>, query: Form) -> Reply<Response> {
    let filter = Filter::of(&query);
    let now = webex.now();
    let state = webex.state();
    let sight = Sight::of(&caller, caller.reach(&state)?)?;
    let found = state.rooms.devices().filter_map(|device| {
        let access = sight.permission(&state, device)?;
        let shown = Shown::of(&state, device, access, now);
        filter.fits(&shown).then_some(shown)
    });
    Ok(slice.reply(found, |shown| shown.json()))
}

pub(super) async fn show(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply {
    let now = webex.now();
    let state = webex.state();
    let device = device_of(&id).and_then(|id| state.rooms.device(id)).ok_or(Refusal::NotFound)?;
    let sight = Sight::of(&caller, caller.reach_of(&state, device.organisation)?)?;
    let access = sight.permission(&state, device).ok_or(Refusal::NotFound)?;
    Ok(Json(Shown::of(&state, device, access, now).json()))
}
