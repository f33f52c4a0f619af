//! Bots, personal tokens and passwords: what people do in the developer portal and with their own accounts.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use lanyard_protocol::PersonType;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, body};
use crate::issuer::{BOT_TOKEN_LIFE, PERSONAL_TOKEN_LIFE, Rights, Selection, Terms};
use crate::random;
use crate::webex::{State as Everything, Webex};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBot {
    name: String,
}

/// Creates a bot; its token is shown once.
pub(super) async fn create_bot(State(webex): State<Webex>, text: Bytes) -> Result<(StatusCode, Json<Value>), Mistake> {
    let new: NewBot = body(&text)?;
    let now = webex.now();
    let mut state = webex.state();
    let Everything { directory, issuer, behaviour, .. } = &mut *state;
    let entropy = &*webex.setting().entropy;
    let word: String = new.name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let email = format!("{word}-{}@webex.bot", random::hexadecimal(&random::bytes::<3>(entropy)));
    let id = directory.add_bot(random::uuid(entropy), &new.name, email.clone(), now);
    let terms = Terms { now, behaviour, entropy };
    let token =
        issuer.issue_without_app(id, Rights::Bot, BOT_TOKEN_LIFE, terms).map_err(|error| Mistake::bad(&error))?;
    let webex_id = directory.account(id).map(|bot| bot.webex_id());
    let shown = json!({ "id": webex_id, "email": email, "access_token": token.expose_secret() });
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Gives a bot a new token; the old one is dead at once.
pub(super) async fn regenerate(State(webex): State<Webex>, Path(email): Path<String>) -> Result<Json<Value>, Mistake> {
    let token = replace(&webex, &email, &PersonType::Bot)?;
    Ok(Json(json!({ "email": email, "access_token": token })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    /// An address.
    subject: String,
}

/// What the developer portal shows a person who copies a personal access token; earlier ones live on.
pub(super) async fn personal(State(webex): State<Webex>, text: Bytes) -> Result<Json<Value>, Mistake> {
    let whose: Whose = body(&text)?;
    webex.decide(|issuer, directory, terms| {
        let account = directory.by_email(&whose.subject).filter(|account| account.signs_in);
        let account = account.ok_or_else(|| nobody(&whose.subject))?;
        let token = issuer
            .issue_without_app(account.id, Rights::Person, PERSONAL_TOKEN_LIFE, terms)
            .map_err(|error| Mistake::bad(&error))?;
        Ok(Json(json!({ "email": account.email, "access_token": token.expose_secret() })))
    })
}

/// A changed password ends what a person has consented to, and their personal tokens. Nobody signs in as a machine or a guest.
pub(super) async fn change_password(
    State(webex): State<Webex>,
    Path(email): Path<String>,
) -> Result<Json<Value>, Mistake> {
    webex.decide(|issuer, directory, _| {
        let account = directory.by_email(&email).filter(|account| account.signs_in);
        let account = account.ok_or_else(|| nobody(&email))?;
        let selection = Selection { account: Some(account.id), ..Selection::default() };
        Ok(Json(json!({ "ended": issuer.end_grants(&selection) })))
    })
}

fn replace(webex: &Webex, email: &str, kind: &PersonType) -> Result<String, Mistake> {
    webex.decide(|issuer, directory, terms| {
        let account = directory.by_email(email).filter(|account| account.kind == *kind);
        let account = account.ok_or_else(|| nobody(email))?;
        issuer.end_grants(&Selection { account: Some(account.id), ..Selection::default() });
        let token = issuer
            .issue_without_app(account.id, Rights::Bot, BOT_TOKEN_LIFE, terms)
            .map_err(|error| Mistake::bad(&error))?;
        Ok(token.expose_secret().to_owned())
    })
}

fn nobody(email: &str) -> Mistake {
    Mistake(StatusCode::NOT_FOUND, format!("no such account has the address {email}"))
}
