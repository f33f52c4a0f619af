//! `/v1/memberships`.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::view::{self, ROOM_MEMBER, membership_of};
use super::{invitee, joined, person};
use crate::deeds::announce;
use crate::form::Form;
use crate::routes::extract::{Body, Caller, Paging, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Event, Member, Space};

scopes! {
    Read = "spark:memberships_read";
    Write = "spark:memberships_write";
}

pub(super) async fn list(
    webex: Webex,
    caller: Permitted<Read>,
    page: Paging<100, 1000>,
    query: Form,
) -> Reply<Response> {
    let state = webex.state();
    let whom = person(&state, query.get("personId"), query.get("personEmail"))?;
    let found: Vec<(&Space, &Member)> = match query.get("roomId") {
        Some(id) => {
            let space = joined(&state, &caller, id)?;
            let wanted = |member: &&Member| whom.is_none_or(|whom| whom == member.account);
            space.members.iter().filter(wanted).map(|member| (space, member)).collect()
        }
        None if whom.is_some() => {
            return Err(Refusal::BadRequest("roomId is required with personId or personEmail.".to_owned()));
        }
        None => {
            let own = |space: &'_ Space| space.members.iter().position(|member| member.account == caller.account.id);
            state.spaces.of(caller.account.id).filter_map(|space| Some((space, &space.members[own(space)?]))).collect()
        }
    };
    let show = |(space, member)| view::membership(&state, space, member);
    page.reply(found.into_iter(), show)
}

pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let (space, member) = find(&state, &caller, &id)?;
    Ok(Json(view::membership(&state, space, member)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    room_id: Option<String>,
    person_id: Option<String>,
    person_email: Option<String>,
    #[serde(default, deserialize_with = "super::flag")]
    is_moderator: Option<bool>,
    #[serde(default, deserialize_with = "super::flag")]
    is_room_hidden: Option<bool>,
}

pub(super) async fn create(webex: Webex, caller: Permitted<Write>, Body(wish): Body<Wish>) -> Reply {
    let now = webex.now();
    let mut state = webex.state();
    let room = wish.room_id.as_deref().filter(|_| wish.person_id.is_some() || wish.person_email.is_some());
    let room =
        room.ok_or_else(|| Refusal::BadRequest("roomId, and personId or personEmail, are required.".to_owned()))?;
    let space = joined(&state, &caller, room)?;
    if space.is_direct() {
        return Err(Refusal::BadRequest("A direct room cannot have further members.".to_owned()));
    }
    if !space.is_run_by(caller.account.id) {
        return Err(Refusal::Forbidden);
    }
    let id = space.id;
    let whom = invitee(&webex, &mut state, wish.person_id.as_deref(), wish.person_email.as_deref())?;
    let whom = whom.ok_or(Refusal::NotFound)?;
    if state.spaces.get(id).is_some_and(|space| space.member(whom).is_some()) {
        return Err(Refusal::Gateway(StatusCode::CONFLICT, "The person is a member of the room already."));
    }
    let moderator = wish.is_moderator.unwrap_or(false);
    state.spaces.join(id, Member { account: whom, moderator, hidden: false, created: now })?;
    Ok(Json(tell(&webex, &state, (id, whom), caller.account.id, "created")?))
}

pub(super) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(wish): Body<Wish>,
) -> Reply {
    let mut state = webex.state();
    let (space, member) = find(&state, &caller, &id)?;
    let (id, whom) = (space.id, member.account);
    if wish.is_moderator.is_some_and(|wanted| wanted != member.moderator) && !space.is_run_by(caller.account.id) {
        return Err(Refusal::Forbidden);
    }
    if let Some(member) = state.spaces.get_mut(id).and_then(|space| space.member_mut(whom)) {
        member.moderator = wish.is_moderator.unwrap_or(member.moderator);
        member.hidden = wish.is_room_hidden.unwrap_or(member.hidden);
    }
    Ok(Json(tell(&webex, &state, (id, whom), caller.account.id, "updated")?))
}

pub(super) async fn delete(webex: Webex, caller: Permitted<Write>, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let (space, member) = find(&state, &caller, &id)?;
    let (id, whom) = (space.id, member.account);
    if space.is_direct() || (whom != caller.account.id && !space.is_run_by(caller.account.id)) {
        return Err(Refusal::Forbidden);
    }
    tell(&webex, &state, (id, whom), caller.account.id, "deleted")?;
    state.spaces.leave(id, whom);
    Ok(StatusCode::NO_CONTENT)
}

/// The membership of that id, in a space that the caller is in.
fn find<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<(&'s Space, &'s Member), Refusal> {
    let (space, account) = membership_of(ROOM_MEMBER, id).ok_or(Refusal::NotFound)?;
    let space = state.spaces.get(space).filter(|space| space.member(caller.account.id).is_some());
    let space = space.ok_or(Refusal::NotFound)?;
    Ok((space, space.member(account).ok_or(Refusal::NotFound)?))
}

/// Tells webhooks, and shows the membership.
fn tell(
    webex: &Webex,
    state: &Everything,
    (space, whom): (Uuid, Uuid),
    actor: Uuid,
    deed: &'static str,
) -> Result<Value, Refusal> {
    let space = state.spaces.get(space).ok_or(Refusal::NotFound)?;
    let shown = view::membership(state, space, space.member(whom).ok_or(Refusal::NotFound)?);
    let audience = space.accounts();
    announce(webex, state, &Event { resource: "memberships", deed, actor, audience: &audience, data: shown.clone() });
    Ok(shown)
}
