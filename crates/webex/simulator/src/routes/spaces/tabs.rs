//! `/v1/room/tabs`: addresses that a room shows beside its messages.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Host, Url};
use uuid::Uuid;

use super::{id_of, joined};
use crate::form::Form;
use crate::random;
use crate::routes::extract::{Body, Caller, List, Paging, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Space, Tab, date, webex_id};

scopes! {
    Read = "spark:rooms_read";
    Write = "spark:rooms_write";
}

/// The kind of a tab's id [?].
const KIND: &str = "ROOM_TAB";

/// How many tabs a room can have here.
const MOST: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    room_id: String,
    content_url: String,
    display_name: String,
}

impl Wish {
    fn check(&self) -> Result<(), Refusal> {
        if self.display_name.trim().is_empty() {
            return Err(Refusal::BadRequest("displayName is required.".to_owned()));
        }
        // The reference allows https alone; an address of this machine is as good, since nothing is fetched from it.
        let url = self.content_url.parse::<Url>().ok();
        let shown = url.is_some_and(|url| match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
            ("http", Some(Host::Domain(name))) => name == "localhost",
            _ => false,
        });
        if shown { Ok(()) } else { Err(Refusal::BadRequest("contentUrl must use the https protocol.".to_owned())) }
    }
}

/// `GET /room/tabs?roomId=`.
pub(super) async fn list(webex: Webex, caller: Permitted<Read>, list: List, query: Form) -> Reply<Response> {
    let room = query.get("roomId").ok_or_else(|| Refusal::BadRequest("roomId is required.".to_owned()))?;
    let state = webex.state();
    let space = joined(&state, &caller, room)?;
    let show = |tab: &Tab| view(space, tab);
    Paging::<MOST, MOST>::whole(list).reply(space.tabs.iter(), show)
}

/// `GET /room/tabs/{id}`.
pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let (space, tab) = find(&state, &caller, &id)?;
    Ok(Json(view(space, tab)))
}

/// `POST /room/tabs`.
pub(super) async fn create(webex: Webex, caller: Permitted<Write>, Body(wish): Body<Wish>) -> Reply {
    wish.check()?;
    let (id, now) = (random::uuid(&*webex.setting().entropy), webex.now());
    let mut state = webex.state();
    let space = joined(&state, &caller, &wish.room_id)?.id;
    let space = state.spaces.get_mut(space).ok_or(Refusal::NotFound)?;
    if space.tabs.len() >= MOST {
        return Err(Refusal::BadRequest(format!("The room has {MOST} tabs already.")));
    }
    let Wish { content_url, display_name, .. } = wish;
    space.tabs.push(Tab { id, name: display_name, url: content_url, creator: caller.account.id, created: now });
    Ok(Json(view(space, &space.tabs[space.tabs.len() - 1])))
}

/// `PUT /room/tabs/{id}`.
pub(super) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(wish): Body<Wish>,
) -> Reply {
    wish.check()?;
    let mut state = webex.state();
    let (space, tab) = find(&state, &caller, &id).map(|(space, tab)| (space.id, tab.id))?;
    if id_of("ROOM", &wish.room_id) != Some(space) {
        return Err(Refusal::NotFound);
    }
    let space = state.spaces.get_mut(space).ok_or(Refusal::NotFound)?;
    let place = space.tabs.iter().position(|known| known.id == tab).ok_or(Refusal::NotFound)?;
    (space.tabs[place].name, space.tabs[place].url) = (wish.display_name, wish.content_url);
    Ok(Json(view(space, &space.tabs[place])))
}

/// `DELETE /room/tabs/{id}`.
pub(super) async fn delete(webex: Webex, caller: Permitted<Write>, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let (space, tab) = find(&state, &caller, &id).map(|(space, tab)| (space.id, tab.id))?;
    let space = state.spaces.get_mut(space).ok_or(Refusal::NotFound)?;
    space.tabs.retain(|known| known.id != tab);
    Ok(StatusCode::NO_CONTENT)
}

/// A tab of a room that the caller is in.
fn find<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<(&'s Space, &'s Tab), Refusal> {
    let id: Uuid = id_of(KIND, id).ok_or(Refusal::NotFound)?;
    let mut tabs = state.spaces.of(caller.account.id).flat_map(|space| space.tabs.iter().map(move |tab| (space, tab)));
    tabs.find(|(_, tab)| tab.id == id).ok_or(Refusal::NotFound)
}

fn view(space: &Space, tab: &Tab) -> Value {
    json!({
        "id": webex_id(KIND, tab.id),
        "roomId": webex_id("ROOM", space.id),
        "roomType": space.kind(),
        "displayName": tab.name,
        "contentUrl": tab.url,
        "creatorId": webex_id("PEOPLE", tab.creator),
        "created": date(tab.created),
    })
}
