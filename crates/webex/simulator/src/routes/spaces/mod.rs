//! `/v1/rooms` and their tabs, `/v1/memberships`, `/v1/messages` and `/v1/webhooks`.

pub(in crate::routes) mod actions;
mod announce;
mod content;
pub(in crate::routes) mod memberships;
pub(in crate::routes) mod messages;
pub(in crate::routes) mod rooms;
pub(in crate::routes) mod tabs;
pub(in crate::routes) mod teams;
mod view;
pub(in crate::routes) mod webhooks;

use lanyard_protocol::WebexId;
use uuid::Uuid;

use super::caller::Caller;
use super::cursor::{page, page_size};
use super::refusal::Refusal;
use crate::random;
use crate::webex::{State as Everything, Webex};
use crate::world::{Space, TooMany, address};

pub(crate) use announce::announce;

impl From<TooMany> for Refusal {
    fn from(_: TooMany) -> Self {
        Self::BadRequest("The simulator keeps at most 1000 rooms for each person.".to_owned())
    }
}

/// What a Webex id of this kind names.
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
