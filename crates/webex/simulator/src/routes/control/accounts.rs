//! Bots, personal tokens and passwords: what people do in the developer portal and with their own accounts.

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Mistake, body};
use crate::deeds::BotError;
use crate::webex::Webex;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBot {
    name: String,
}

/// Creates a bot; its token is shown once.
pub(super) async fn create_bot(State(webex): State<Webex>, text: Bytes) -> Result<(StatusCode, Json<Value>), Mistake> {
    let new: NewBot = body(&text)?;
    let (bot, token) = webex.create_bot(None, &new.name, None, None)?;
    let shown = json!({ "id": bot.webex_id(), "email": bot.email, "access_token": token.expose_secret() });
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Gives a bot a new token; the old one is dead at once.
pub(super) async fn regenerate(State(webex): State<Webex>, Path(email): Path<String>) -> Result<Json<Value>, Mistake> {
    let token = webex.regenerate_bot(&email)?;
    Ok(Json(json!({ "email": email, "access_token": token.expose_secret() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    /// An address.
    subject: String,
}

/// Issues a personal access token, as the developer portal does for a person. Earlier ones stay valid.
pub(super) async fn personal(State(webex): State<Webex>, text: Bytes) -> Result<Json<Value>, Mistake> {
    let whose: Whose = body(&text)?;
    let token = webex.personal_token(&whose.subject)?;
    Ok(Json(json!({ "email": whose.subject, "access_token": token.expose_secret() })))
}

/// A changed password ends what a person has consented to, and their personal tokens.
pub(super) async fn change_password(
    State(webex): State<Webex>,
    Path(email): Path<String>,
) -> Result<Json<Value>, Mistake> {
    Ok(Json(json!({ "ended": webex.change_password(&email)? })))
}

impl From<BotError> for Mistake {
    fn from(error: BotError) -> Self {
        match error {
            BotError::Unknown(_) => Self(StatusCode::NOT_FOUND, error.to_string()),
            BotError::Nameless | BotError::Username | BotError::Taken(_) | BotError::Refused(_) => Self::bad(&error),
        }
    }
}
