//! `/v1/attachment/actions`: what somebody enters into a card.

use axum::Json;
use axum::extract::Path;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{id_of, joined_space};
use crate::deeds::announce;
use crate::random;
use crate::routes::extract::{Body, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;
use crate::world::{CardAction, Event, date, webex_id};

scopes! {
    Write = "spark:messages_write";
    Read = "spark:messages_read";
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    #[serde(rename = "type")]
    kind: String,
    message_id: String,
    #[serde(default)]
    inputs: Map<String, Value>,
}

/// `POST /attachment/actions`. The document has 202; clients accept only 200 [C: webexpythonsdk].
pub(super) async fn create(webex: Webex, caller: Permitted<Write>, Body(wish): Body<Wish>) -> Reply {
    if wish.kind != "submit" {
        return Err(Refusal::BadRequest("type must be submit.".to_owned()));
    }
    let (id, now) = (random::uuid(&*webex.setting().entropy), webex.now());
    let mut state = webex.state();
    let message =
        id_of("MESSAGE", &wish.message_id).and_then(|id| state.spaces.message(id)).ok_or(Refusal::NotFound)?;
    let (message, space, author) = (message, message.space, message.author);
    joined_space(&state, &caller, space)?;
    if message.attachments.is_empty() {
        return Err(Refusal::BadRequest("The message has no card.".to_owned()));
    }
    let action = CardAction {
        id,
        message: message.id,
        space,
        account: caller.account.id,
        inputs: Value::Object(wish.inputs),
        created: now,
    };
    let shown = view(&action);
    state.spaces.act(action);
    let mut data = shown.clone();
    if let Some(fields) = data.as_object_mut() {
        // They are read through REST.
        fields.remove("inputs");
    }
    // Whoever sent the card is told, and nobody else.
    let event =
        Event { resource: "attachmentActions", deed: "created", actor: caller.account.id, audience: &[author], data };
    announce(&webex, &state, &event);
    Ok(Json(shown))
}

/// `GET /attachment/actions/{id}`.
pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let action = id_of("ATTACHMENT_ACTION", &id).and_then(|id| state.spaces.action(id)).ok_or(Refusal::NotFound)?;
    joined_space(&state, &caller, action.space)?;
    Ok(Json(view(action)))
}

fn view(action: &CardAction) -> Value {
    json!({
        "id": webex_id("ATTACHMENT_ACTION", action.id),
        "personId": webex_id("PEOPLE", action.account),
        "roomId": webex_id("ROOM", action.space),
        "type": "submit",
        "messageId": webex_id("MESSAGE", action.message),
        "inputs": action.inputs,
        "created": date(action.created),
    })
}
