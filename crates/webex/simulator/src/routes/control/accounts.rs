//! Bots, personal tokens and passwords: what people do in the developer portal and with their own accounts.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Mistake;
use super::endpoint::{Body, Created};
use super::grants::Ended;
use crate::deeds::BotError;
use crate::webex::Webex;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = json!({ "name": "Lobby" }))]
pub(super) struct NewBot {
    name: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Bot {
    id: String,
    email: String,
    /// Shown once.
    access_token: String,
}

/// Creates a bot; its token is shown once.
pub(super) async fn create_bot(webex: Webex, Body(new): Body<NewBot>) -> Result<Created<Bot>, Mistake> {
    let (bot, token) = webex.create_bot(None, &new.name, None, None)?;
    let id = bot.webex_id().as_str().to_owned();
    Ok(Created(Bot { id, email: bot.email.clone(), access_token: token.expose_secret().to_owned() }))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Token {
    /// The address of the bot or person.
    email: String,
    access_token: String,
}

/// Gives a bot a new token; the old one is dead at once.
pub(super) async fn regenerate(webex: Webex, Path(email): Path<String>) -> Result<Json<Token>, Mistake> {
    let token = webex.regenerate_bot(&email)?;
    Ok(Json(Token { email, access_token: token.expose_secret().to_owned() }))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Person", example = json!({ "subject": "nobody@example.com" }))]
pub(super) struct Whose {
    /// The person's address.
    subject: String,
}

/// Issues a personal access token, as the developer portal does for a person. Earlier ones stay valid.
pub(super) async fn personal(webex: Webex, Body(whose): Body<Whose>) -> Result<Json<Token>, Mistake> {
    let token = webex.personal_token(&whose.subject)?;
    Ok(Json(Token { email: whose.subject, access_token: token.expose_secret().to_owned() }))
}

/// A changed password ends what a person has consented to, and their personal tokens.
pub(super) async fn change_password(webex: Webex, Path(email): Path<String>) -> Result<Json<Ended>, Mistake> {
    Ok(Json(Ended { ended: webex.change_password(&email)? }))
}

impl From<BotError> for Mistake {
    fn from(error: BotError) -> Self {
        match error {
            BotError::Unknown(_) => Self(StatusCode::NOT_FOUND, error.to_string()),
            BotError::Nameless | BotError::Username | BotError::Taken(_) | BotError::Refused(_) => Self::bad(&error),
        }
    }
}
