//! `/v1/rooms`.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{id_of, joined, view};
use crate::deeds::announce;
use crate::form::Form;
use crate::random;
use crate::routes::extract::{Body, Caller, Paging, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Event, Space, webex_id};

scopes! {
    Read = "spark:rooms_read";
    Write = "spark:rooms_write";
}

pub(super) async fn list(
    webex: Webex,
    caller: Permitted<Read>,
    page: Paging<100, 1000>,
    query: Form,
) -> Reply<Response> {
    let state = webex.state();
    let wanted = query.get("type");
    let team = query.get("teamId").map(|id| id_of("TEAM", id).ok_or(Refusal::NotFound)).transpose()?;
    let mut found: Vec<&Space> = state
        .spaces
        .of(caller.account.id)
        .filter(|space| wanted.is_none_or(|wanted| wanted == space.kind()))
        .filter(|space| team.is_none_or(|team| space.team == Some(team)))
        .filter(|space| space.member(caller.account.id).is_some_and(|member| !member.hidden))
        .collect();
    match query.get("sortBy") {
        None | Some("lastactivity") => found.sort_by_key(|space| Reverse(space.last_activity)),
        Some("created") => found.sort_by_key(|space| Reverse(space.created)),
        Some("id") => found.sort_by_key(|space| space.id),
        Some(other) => return Err(Refusal::BadRequest(format!("{other} is no sortBy."))),
    }
    let show = |space| view::space(&state, space, caller.account.id);
    page.reply(found.into_iter(), show)
}

pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    Ok(Json(view::space(&state, joined(&state, &caller, &id)?, caller.account.id)))
}

/// `GET /rooms/{id}/meetingInfo`: the meeting that belongs to it. Nobody can join it.
pub(super) async fn meeting_info(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let space = joined(&state, &caller, &id)?;
    let number = space.id.as_u128() % 1_000_000_000;
    Ok(Json(json!({
        "roomId": webex_id("ROOM", space.id),
        "meetingLink": format!("https://meet.example/m/{}", space.id),
        "sipAddress": format!("{number:09}@meet.example"),
        "meetingNumber": format!("{number:09}"),
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    title: Option<String>,
    team_id: Option<String>,
    #[serde(default, deserialize_with = "super::flag")]
    is_locked: Option<bool>,
    #[serde(default, deserialize_with = "super::flag")]
    is_announcement_only: Option<bool>,
    description: Option<String>,
}

impl Wish {
    fn title(&self) -> Result<String, Refusal> {
        let title = self.title.clone().filter(|title| !title.trim().is_empty());
        title.ok_or_else(|| Refusal::BadRequest("title is required.".to_owned()))
    }

    fn apply(self, space: &mut Space) {
        space.locked = self.is_locked.unwrap_or(space.locked);
        space.announcements_only = self.is_announcement_only.unwrap_or(space.announcements_only);
        space.description = self.description.or_else(|| space.description.take());
    }
}

pub(super) async fn create(webex: Webex, caller: Permitted<Write>, Body(wish): Body<Wish>) -> Reply {
    let (title, entropy) = (wish.title()?, &*webex.setting().entropy);
    let (id, now) = (random::uuid(entropy), webex.now());
    let account = &caller.account;
    let mut space = Space::group(id, title, account.id, account.organisation, now);
    let mut state = webex.state();
    if let Some(team) = &wish.team_id {
        let team = id_of("TEAM", team).and_then(|id| state.spaces.team(id));
        let team = team.filter(|team| team.member(account.id).is_some()).ok_or(Refusal::NotFound)?;
        space.team = Some(team.id);
    }
    wish.apply(&mut space);
    state.spaces.create(space)?;
    let shown = tell(&webex, &state, id, account.id, "created")?;
    Ok(Json(shown))
}

pub(super) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(wish): Body<Wish>,
) -> Reply {
    let title = wish.title()?;
    let mut state = webex.state();
    let id = run_by(&state, &caller, &id)?;
    if let Some(space) = state.spaces.get_mut(id) {
        space.title = Some(title);
        wish.apply(space);
    }
    Ok(Json(tell(&webex, &state, id, caller.account.id, "updated")?))
}

pub(super) async fn delete(webex: Webex, caller: Permitted<Write>, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let id = run_by(&state, &caller, &id)?;
    tell(&webex, &state, id, caller.account.id, "deleted")?;
    state.spaces.remove(id);
    Ok(StatusCode::NO_CONTENT)
}

/// A group that the caller may change.
fn run_by(state: &Everything, caller: &Caller, id: &str) -> Result<Uuid, Refusal> {
    let space = joined(state, caller, id)?;
    if space.is_direct() {
        return Err(Refusal::BadRequest("A direct room cannot be changed or deleted.".to_owned()));
    }
    if space.is_run_by(caller.account.id) { Ok(space.id) } else { Err(Refusal::Forbidden) }
}

/// Tells webhooks, and shows the space.
fn tell(webex: &Webex, state: &Everything, id: Uuid, actor: Uuid, deed: &'static str) -> Result<Value, Refusal> {
    let space = state.spaces.get(id).ok_or(Refusal::NotFound)?;
    let shown = view::space(state, space, actor);
    let audience = space.accounts();
    announce(webex, state, &Event { resource: "rooms", deed, actor, audience: &audience, data: shown.clone() });
    Ok(shown)
}
