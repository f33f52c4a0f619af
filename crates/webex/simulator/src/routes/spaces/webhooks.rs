//! `/v1/webhooks`.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lanyard_secret::SecretText;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::id_of;
use crate::random;
use crate::routes::extract::{Body, Caller, Paging};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Hook, MOST_HOOKS, date, webex_id};

/// The resources that a webhook can listen to; `all` is everything that the caller may read.
const RESOURCES: [&str; 17] = [
    "all",
    "attachmentActions",
    "dataSources",
    "memberships",
    "messages",
    "rooms",
    "meetings",
    "recordings",
    "convergedRecordings",
    "meetingParticipants",
    "meetingTranscripts",
    "telephony_calls",
    "telephony_conference",
    "telephony_mwi",
    "uc_counters",
    "serviceApp",
    "adminBatchJobs",
];

const EVENTS: [&str; 12] = [
    "all",
    "created",
    "updated",
    "deleted",
    "started",
    "ended",
    "joined",
    "left",
    "migrated",
    "authorized",
    "deauthorized",
    "statusChanged",
];

pub(super) async fn list(webex: Webex, caller: Caller, page: Paging<100, 100>) -> Reply<Response> {
    let state = webex.state();
    page.reply(state.hooks.of(caller.account.id), view)
}

pub(super) async fn show(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let id = own(&state, &caller, &id)?;
    Ok(Json(view(state.hooks.get(id).ok_or(Refusal::NotFound)?)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    name: Option<String>,
    target_url: Option<String>,
    resource: Option<String>,
    event: Option<String>,
    filter: Option<String>,
    secret: Option<SecretText>,
    status: Option<String>,
}

impl Wish {
    fn name_and_target(&self) -> Result<(String, String), Refusal> {
        let name = self.name.clone().filter(|name| !name.trim().is_empty());
        let target = self.target_url.as_deref().filter(|url| {
            url.parse::<Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        });
        match (name, target) {
            (Some(name), Some(target)) => Ok((name, target.to_owned())),
            _ => Err(Refusal::BadRequest("name and targetUrl, an address, are required.".to_owned())),
        }
    }
}

pub(super) async fn create(webex: Webex, caller: Caller, Body(wish): Body<Wish>) -> Reply {
    let (name, target) = wish.name_and_target()?;
    let known = |words: &[&str], word: Option<String>| word.filter(|word| words.contains(&word.as_str()));
    let words = known(&RESOURCES, wish.resource).zip(known(&EVENTS, wish.event));
    let words = words.ok_or_else(|| Refusal::BadRequest("resource and event are not a known pair.".to_owned()))?;
    // Whoever listens to something needs the scope to read it.
    match words.0.as_str() {
        "rooms" | "memberships" | "messages" => caller.needs_any(&[format!("spark:{}_read", words.0).as_str()])?,
        "serviceApp" => caller.needs_any(&["spark:applications_token"])?,
        _ => {}
    }
    let id = random::uuid(&*webex.setting().entropy);
    let now = webex.now();
    let mut state = webex.state();
    if state.hooks.of(caller.account.id).count() >= MOST_HOOKS {
        return Err(Refusal::BadRequest(format!("There are {MOST_HOOKS} webhooks already.")));
    }
    let account = &caller.account;
    let app = caller.client.clone();
    let mut hook = Hook::new(id, account.id, account.organisation, app, name, target, words, now);
    hook.filter = wish.filter;
    hook.secret = wish.secret;
    state.hooks.put(hook);
    Ok(Json(view(state.hooks.get(id).ok_or(Refusal::NotFound)?)))
}

pub(super) async fn update(webex: Webex, caller: Caller, Path(id): Path<String>, Body(wish): Body<Wish>) -> Reply {
    let (name, target) = wish.name_and_target()?;
    let mut state = webex.state();
    let id = own(&state, &caller, &id)?;
    let hook = state.hooks.get_mut(id).ok_or(Refusal::NotFound)?;
    (hook.name, hook.target) = (name, target);
    if wish.secret.is_some() {
        hook.secret = wish.secret;
    }
    match wish.status.as_deref() {
        None => {}
        Some("active") => hook.revive(),
        Some("inactive") => hook.active = false,
        Some(other) => return Err(Refusal::BadRequest(format!("{other} is no status."))),
    }
    Ok(Json(view(hook)))
}

pub(super) async fn delete(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let id = own(&state, &caller, &id)?;
    state.hooks.take(id);
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's webhook of that id.
fn own(state: &Everything, caller: &Caller, id: &str) -> Result<Uuid, Refusal> {
    let hook = id_of("WEBHOOK", id).and_then(|id| state.hooks.get(id));
    hook.filter(|hook| hook.owner == caller.account.id).map(|hook| hook.id).ok_or(Refusal::NotFound)
}

/// As the reference has it: the secret is shown to its owner.
fn view(hook: &Hook) -> Value {
    let mut view = json!({
        "id": webex_id("WEBHOOK", hook.id),
        "name": hook.name,
        "targetUrl": hook.target,
        "resource": hook.resource,
        "event": hook.event,
        "status": if hook.active { "active" } else { "inactive" },
        "created": date(hook.created),
        "ownedBy": "creator",
    });
    if let Some(filter) = &hook.filter {
        view["filter"] = json!(filter);
    }
    if let Some(secret) = &hook.secret {
        view["secret"] = json!(secret.expose_secret());
    }
    view
}
