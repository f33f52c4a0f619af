//! `/v1/authorizations`: which tokens apps hold for a person; and when a token ends.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use lanyard_protocol::{AppClientId, WebexId};
use serde_json::json;
use uuid::Uuid;

use super::extract::{Caller, Permitted, scopes};
use super::people::person_id;
use super::refusal::{Refusal, Reply};
use crate::behaviour::TokenExpiryFor;
use crate::form::Form;
use crate::issuer::{Entry, EntryId, Rights, Selection};
use crate::webex::{State as Everything, Webex};
use crate::world::{application_id, date, organisation_of};

scopes! {
    Read = "identity:tokens_read";
    Write = "identity:tokens_write";
}

/// `GET /authorizations/tokenExpiry`, for the token that asks. Which kinds may ask is a matter of behaviour.
pub(super) async fn token_expiry(webex: Webex, caller: Caller) -> Reply {
    let allowed = match webex.state().behaviour.token_expiry_for {
        TokenExpiryFor::All => true,
        TokenExpiryFor::Personal => caller.rights == Rights::Person,
        TokenExpiryFor::None => false,
    };
    if !allowed {
        return Err(Refusal::Forbidden);
    }
    Ok(Json(json!({ "exp": caller.expires_at.as_millisecond() })))
}

/// All of a person's, in one page. For administrators.
pub(super) async fn list(webex: Webex, caller: Permitted<Read>, query: Form) -> Reply {
    let now = webex.now();
    let state = webex.state();
    let person = person(&state, &caller, &query)?;
    let person_id = state.directory.account(person).map(|account| account.webex_id());
    let items: Vec<_> = state
        .issuer
        .entries(person, now)
        .iter()
        .map(|entry| {
            json!({
                "id": authorization_id(entry.id),
                "applicationId": application_id(&entry.client),
                "applicationName": entry.app_name,
                "personId": person_id,
                "clientId": entry.client,
                "created": date(entry.created),
                "type": kind(entry),
            })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}

/// Ends one. With a refresh token go its access tokens.
pub(super) async fn delete(webex: Webex, caller: Permitted<Write>, Path(id): Path<String>) -> Reply<StatusCode> {
    let now = webex.now();
    let mut state = webex.state();
    let id = id.trim_end_matches('=');
    let found = state
        .directory
        .everyone_in(caller.account.organisation)
        .into_iter()
        .flat_map(|account| state.issuer.entries(account, now))
        .find(|entry| authorization_id(entry.id) == id);
    let entry = found.ok_or(Refusal::NotFound)?;
    state.issuer.end_entry(entry.id);
    Ok(StatusCode::NO_CONTENT)
}

/// Ends everyone's authorisation of an app in an organisation.
pub(super) async fn delete_all(webex: Webex, caller: Permitted<Write>, query: Form) -> Reply<StatusCode> {
    let client = query.get("clientId").map(AppClientId::new);
    let target = query.get("orgId").map_or(Some(caller.account.organisation), organisation_of);
    let (Some(client), Some(target)) = (client, target) else {
        return Err(Refusal::BadRequest("clientId is required, and orgId names an organization.".to_owned()));
    };
    if target != caller.account.organisation {
        return Err(Refusal::Forbidden);
    }
    let mut state = webex.state();
    for account in state.directory.everyone_in(target) {
        let selection =
            Selection { client: Some(client.clone()), account: Some(account), refresh_token_fingerprint: None };
        state.issuer.end_grants(&selection);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn person(state: &Everything, caller: &Caller, query: &Form) -> Result<Uuid, Refusal> {
    let account = match (query.get("personId"), query.get("personEmail")) {
        (Some(id), _) => person_id(id).and_then(|id| state.directory.account(id)),
        (None, Some(email)) => state.directory.by_email(email),
        (None, None) => {
            return Err(Refusal::BadRequest("Either personId or personEmail is required.".to_owned()));
        }
    };
    let account = account.filter(|account| account.organisation == caller.account.organisation);
    account.map(|account| account.id).ok_or(Refusal::NotFound)
}

fn authorization_id(id: EntryId) -> String {
    WebexId { cluster: "us".into(), kind: "AUTHORIZATION".into(), value: id.value() }.encode()
}

fn kind(entry: &Entry) -> &'static str {
    match entry.id {
        EntryId::Refresh(_) => "refresh",
        EntryId::Access(_) => "access",
    }
}
