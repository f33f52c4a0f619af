//! `/v1/rooms` and their tabs, `/v1/memberships`, `/v1/messages` and `/v1/webhooks`.

mod actions;
mod content;
mod memberships;
mod messages;
mod rooms;
mod tabs;
mod teams;
mod view;
mod webhooks;

use axum::Router;
use axum::routing::{get, post};
use lanyard_protocol::WebexId;
use uuid::Uuid;

use crate::random;
use crate::routes::extract::Caller;
use crate::routes::refusal::Refusal;
use crate::webex::{State as Everything, Webex};
use crate::world::{Space, TooMany, address};

impl From<TooMany> for Refusal {
    fn from(_: TooMany) -> Self {
        Self::BadRequest("The simulator keeps at most 1000 rooms for each person.".to_owned())
    }
}

/// Rooms and everything in them, teams and webhooks.
pub(super) fn router() -> Router<Webex> {
    Router::new()
        .route("/v1/rooms", get(rooms::list).post(rooms::create))
        .route("/v1/rooms/{id}", get(rooms::show).put(rooms::update).delete(rooms::delete))
        .route("/v1/rooms/{id}/meetingInfo", get(rooms::meeting_info))
        .route("/v1/room/tabs", get(tabs::list).post(tabs::create))
        .route("/v1/room/tabs/{id}", get(tabs::show).put(tabs::update).delete(tabs::delete))
        .route("/v1/memberships", get(memberships::list).post(memberships::create))
        .route("/v1/memberships/{id}", get(memberships::show).put(memberships::update).delete(memberships::delete))
        .route("/v1/messages", get(messages::list).post(messages::create))
        .route("/v1/messages/direct", get(messages::direct))
        .route("/v1/messages/{id}", get(messages::show).put(messages::update).delete(messages::delete))
        .route("/v1/contents/{id}", get(messages::contents))
        .route("/v1/attachment/actions", post(actions::create))
        .route("/v1/attachment/actions/{id}", get(actions::show))
        .route("/v1/teams", get(teams::list).post(teams::create))
        .route("/v1/teams/{id}", get(teams::show).put(teams::update).delete(teams::delete))
        .route("/v1/team/memberships", get(teams::members).post(teams::add))
        .route("/v1/team/memberships/{id}", get(teams::member).put(teams::change).delete(teams::remove))
        .route("/v1/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/v1/webhooks/{id}", get(webhooks::show).put(webhooks::update).delete(webhooks::delete))
}

/// The UUID in a Webex id of this kind.
fn id_of(kind: &str, text: &str) -> Option<Uuid> {
    let id = WebexId::decode(text).ok().filter(|id| id.kind == kind)?;
    id.value.parse().ok()
}

/// The space of that id, where the caller is in it.
fn joined<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<&'s Space, Refusal> {
    joined_space(state, caller, id_of("ROOM", id).ok_or(Refusal::NotFound)?)
}

fn joined_space<'s>(state: &'s Everything, caller: &Caller, id: Uuid) -> Result<&'s Space, Refusal> {
    state.spaces.get(id).filter(|space| space.member(caller.account.id).is_some()).ok_or(Refusal::NotFound)
}

/// Somebody by id or address.
fn person(state: &Everything, id: Option<&str>, email: Option<&str>) -> Result<Option<Uuid>, Refusal> {
    let found = match (id, email) {
        (Some(id), _) => super::people::person_id(id).and_then(|id| state.directory.account(id)),
        (None, Some(email)) => state.directory.by_email(email),
        (None, None) => return Ok(None),
    };
    found.map(|account| Some(account.id)).ok_or(Refusal::NotFound)
}

/// Somebody by id or address; an address that is new to Webex gets an account outside every organisation.
fn invitee(
    webex: &Webex,
    state: &mut Everything,
    id: Option<&str>,
    email: Option<&str>,
) -> Result<Option<Uuid>, Refusal> {
    let unknown = email.filter(|email| id.is_none() && state.directory.by_email(email).is_none());
    let Some(email) = unknown.and_then(address) else { return person(state, id, email) };
    let account = random::uuid(&*webex.setting().entropy);
    state.directory.add_outsider(account, &email, webex.now());
    Ok(Some(account))
}

/// A truth value, also written as a text: forms have no other [C].
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    use serde::Deserialize as _;
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Bool(value) => Ok(Some(value)),
        serde_json::Value::String(word) if word == "true" || word == "false" => Ok(Some(word == "true")),
        other => Err(serde::de::Error::custom(format!("expected true or false, not {other}"))),
    }
}
