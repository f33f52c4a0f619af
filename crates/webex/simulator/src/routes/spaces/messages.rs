//! `/v1/messages`.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{content, id_of, joined, joined_space, person, view};
use crate::deeds::announce;
use crate::form::Form;
use crate::random;
use crate::routes::extract::{Caller, List, Paging, Permitted, scopes};
use crate::routes::people::person_id;
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Event, Mentions, Message, Named, Space, Upload, webex_id};

scopes! {
    Read = "spark:messages_read";
    Write = "spark:messages_write";
}

/// The longest message, in bytes (the reference's).
const LONGEST_TEXT: usize = 7439;

/// How often a message may be edited (the reference's).
const MOST_EDITS: u32 = 10;

/// `GET /messages`: the latest first.
pub(super) async fn list(webex: Webex, caller: Permitted<Read>, list: List, query: Form) -> Reply<Response> {
    let state = webex.state();
    let id = query.get("roomId").ok_or_else(|| Refusal::BadRequest("roomId is required.".to_owned()))?;
    let space = joined(&state, &caller, id)?;
    let mentioned = match query.get("mentionedPeople") {
        None => None,
        Some("me") => Some(caller.account.id),
        Some(id) => Some(person_id(id).filter(|id| *id == caller.account.id).ok_or(Refusal::Forbidden)?),
    };
    // A bot is told of what mentions it, and of nothing else that is said in a group.
    if caller.is_bot() && !space.is_direct() && mentioned.is_none() {
        return Err(Refusal::Forbidden);
    }
    let page = Paging::<50, 1000>::of(list, "max", "cursor")?;
    let page = if mentioned.is_some() { page.within(100) } else { page };
    let before = Before::of(&state, &query)?;
    let parent = query.get("parentId").and_then(|id| id_of("MESSAGE", id));
    let found = state.spaces.messages(space.id).filter(|message| {
        mentioned.is_none_or(|whom| message.mentioned.contains(&whom))
            && (query.get("parentId").is_none() || message.parent == parent)
            && before.fits(message)
    });
    let show = |message| view::message(&state, space, message);
    page.reply(found, show)
}

/// The end of a list: it holds only messages from before this moment and this message.
struct Before {
    moment: Option<Timestamp>,
    message: Option<(Timestamp, Uuid)>,
}

impl Before {
    fn of(state: &Everything, query: &Form) -> Result<Self, Refusal> {
        let moment = query.get("before").map(str::parse).transpose();
        let moment = moment.map_err(|_| Refusal::BadRequest("before is no ISO 8601 timestamp.".to_owned()))?;
        let message = match query.get("beforeMessage") {
            None => None,
            Some(id) => {
                let found = id_of("MESSAGE", id).and_then(|id| state.spaces.message(id)).ok_or(Refusal::NotFound)?;
                Some((found.created, found.id))
            }
        };
        Ok(Self { moment, message })
    }

    fn fits(&self, message: &Message) -> bool {
        self.moment.is_none_or(|moment| message.created < moment)
            && self.message.is_none_or(|(at, id)| message.created <= at && message.id != id)
    }
}

/// `GET /messages/direct`.
pub(super) async fn direct(webex: Webex, caller: Permitted<Read>, list: List, query: Form) -> Reply<Response> {
    let state = webex.state();
    let whom = person(&state, query.get("personId"), query.get("personEmail"))?;
    let whom = whom.ok_or_else(|| Refusal::BadRequest("personId or personEmail is required.".to_owned()))?;
    let space = state.spaces.between(caller.account.id, whom).and_then(|id| state.spaces.get(id));
    let space = space.ok_or(Refusal::NotFound)?;
    let show = |message| view::message(&state, space, message);
    Paging::<1000, 1000>::whole(list).reply(state.spaces.messages(space.id), show)
}

pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let (space, message) = find(&state, &caller, &id)?;
    Ok(Json(view::message(&state, space, message)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    room_id: Option<String>,
    to_person_id: Option<String>,
    to_person_email: Option<String>,
    parent_id: Option<String>,
    text: Option<String>,
    markdown: Option<String>,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    attachments: Vec<Value>,
}

/// The one kind of attachment.
const CARD: &str = "application/vnd.microsoft.card.adaptive";

impl Wish {
    /// Reads a call, and the file that came with it.
    fn read(headers: &HeaderMap, body: &Bytes) -> Result<(Self, Option<Upload>), Refusal> {
        let (fields, upload) = content::read(headers, body)?;
        let wish = serde_json::from_value(fields)
            .map_err(|error| Refusal::BadRequest(format!("The request body is not valid: {error}.")))?;
        Ok((wish, upload))
    }

    /// Puts what it says into a message.
    fn write(&self, state: &Everything, message: &mut Message) -> Result<(), Refusal> {
        if self.text.is_none() && self.markdown.is_none() && self.files.is_empty() && self.attachments.is_empty() {
            return Err(Refusal::BadRequest("A message needs text, markdown, files or attachments.".to_owned()));
        }
        let is_card = |card: &Value| card["contentType"] == CARD && card["content"].is_object();
        if self.attachments.len() > 1 || !self.attachments.iter().all(is_card) {
            return Err(Refusal::BadRequest(format!(
                "attachments may hold at most one card, with the contentType {CARD}."
            )));
        }
        message.attachments.clone_from(&self.attachments);
        if [&self.text, &self.markdown].into_iter().flatten().any(|text| text.len() > LONGEST_TEXT) {
            return Err(Refusal::BadRequest(format!("A message has at most {LONGEST_TEXT} bytes.")));
        }
        if self.files.len() > 1 {
            return Err(Refusal::BadRequest("A message has one file at most.".to_owned()));
        }
        message.files.clone_from(&self.files);
        message.text = self.text.clone().unwrap_or_default();
        if let Some(markdown) = &self.markdown {
            let read = Mentions::read(markdown, |who| {
                let account = person_id(who).and_then(|id| state.directory.account(id));
                let account = account.or_else(|| state.directory.by_email(who))?;
                let id = account.webex_id().as_str().to_owned();
                Some(Named { account: account.id, name: account.display_name.clone(), id })
            });
            message.markdown = Some(markdown.clone());
            message.html = Some(read.html);
            message.mentioned = read.accounts;
            // The text is what a client shows that knows no markdown; without one it is the markdown's.
            message.text = self.text.clone().unwrap_or(read.text);
        }
        Ok(())
    }
}

pub(super) async fn create(webex: Webex, caller: Permitted<Write>, headers: HeaderMap, body: Bytes) -> Reply {
    let (mut wish, upload) = Wish::read(&headers, &body)?;
    let (now, entropy) = (webex.now(), &*webex.setting().entropy);
    let [id, fresh] = [(); 2].map(|()| random::uuid(entropy));
    let upload = upload.map(|upload| (random::uuid(entropy), upload));
    if let Some((file, _)) = &upload {
        wish.files.push(format!("{}/contents/{}", webex.setting().base_url, webex_id("CONTENT", *file)));
    }
    let mut state = webex.state();
    let mut message = Message::new(id, fresh, caller.account.id, now);
    wish.write(&state, &mut message)?;
    let whom = person(&state, wish.to_person_id.as_deref(), wish.to_person_email.as_deref())?;
    let parent = wish.parent_id.as_deref().map(|parent| {
        let found = id_of("MESSAGE", parent).and_then(|id| state.spaces.message(id));
        let found = found.filter(|parent| parent.parent.is_none());
        found.map(|parent| (parent.id, parent.space)).ok_or_else(|| {
            Refusal::BadRequest("The parentId is not the id of a message that can be answered.".to_owned())
        })
    });
    let parent = parent.transpose()?;
    message.space = match (&wish.room_id, whom) {
        // A reply is in its parent's room; the parent alone is enough [C: live tests of webexpythonsdk].
        (None, None) if let Some((_, space)) = parent => joined_space(&state, &caller, space)?.id,
        (Some(room), None) => joined(&state, &caller, room)?.id,
        (None, Some(whom)) if whom == caller.account.id => {
            return Err(Refusal::BadRequest("You cannot send a direct message to yourself.".to_owned()));
        }
        (None, Some(whom)) => {
            if let Some(space) = state.spaces.between(caller.account.id, whom) {
                space
            } else {
                let space = Space::direct(fresh, caller.account.id, caller.account.organisation, now);
                state.spaces.pair_up(space, whom)?
            }
        }
        _ => {
            return Err(Refusal::BadRequest(
                "roomId, toPersonId or toPersonEmail is required, and only one.".to_owned(),
            ));
        }
    };
    let space = state.spaces.get(message.space).ok_or(Refusal::NotFound)?;
    let moderates = space.member(caller.account.id).is_some_and(|member| member.moderator);
    if space.announcements_only && !moderates {
        return Err(Refusal::Forbidden);
    }
    if let Some((parent, space)) = parent {
        if space != message.space {
            return Err(Refusal::BadRequest(
                "The parentId is not the id of a message that can be answered.".to_owned(),
            ));
        }
        message.parent = Some(parent);
    }
    if let Some((file, upload)) = upload {
        state.spaces.keep(file, message.space, upload);
    }
    state.spaces.say(message);
    let mut shown = tell(&webex, &state, id, caller.account.id, "created")?;
    if let Some(account) = whom.and_then(|id| state.directory.account(id)) {
        // Only the answer to the call that names them has these.
        shown["toPersonId"] = serde_json::json!(account.webex_id());
        shown["toPersonEmail"] = serde_json::json!(account.email);
    }
    Ok(Json(shown))
}

pub(super) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    // A message's file cannot be changed.
    let (wish, _) = Wish::read(&headers, &body)?;
    let now = webex.now();
    let mut state = webex.state();
    let (space, message) = find(&state, &caller, &id)?;
    if message.author != caller.account.id {
        return Err(Refusal::Forbidden);
    }
    if wish.room_id.as_deref().and_then(|id| id_of("ROOM", id)) != Some(space.id) {
        return Err(Refusal::BadRequest("roomId is the message's room.".to_owned()));
    }
    if message.edits >= MOST_EDITS {
        return Err(Refusal::BadRequest(format!("A message can be edited {MOST_EDITS} times.")));
    }
    let mut changed = Message { markdown: None, html: None, mentioned: Vec::new(), ..message.clone() };
    wish.write(&state, &mut changed)?;
    changed.updated = Some(now);
    changed.edits += 1;
    let id = changed.id;
    if let Some(message) = state.spaces.message_mut(id) {
        *message = changed;
    }
    Ok(Json(tell(&webex, &state, id, caller.account.id, "updated")?))
}

pub(super) async fn delete(webex: Webex, caller: Permitted<Write>, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let (space, message) = find(&state, &caller, &id)?;
    let moderates = space.member(caller.account.id).is_some_and(|member| member.moderator);
    if message.author != caller.account.id && !moderates {
        return Err(Refusal::Forbidden);
    }
    let id = message.id;
    tell(&webex, &state, id, caller.account.id, "deleted")?;
    state.spaces.unsay(id);
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /contents/{id}`: a file that was sent.
pub(super) async fn contents(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply<Response> {
    let state = webex.state();
    let (space, file) = id_of("CONTENT", &id).and_then(|id| state.spaces.file(id)).ok_or(Refusal::NotFound)?;
    joined_space(&state, &caller, space)?;
    let name: String = file.name.chars().filter(|letter| letter.is_ascii_graphic() && *letter != '"').collect();
    let headers =
        [(CONTENT_TYPE, file.kind.clone()), (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, file.content.clone()).into_response())
}

/// The message of that id, where the caller may read it.
fn find<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<(&'s Space, &'s Message), Refusal> {
    let message = id_of("MESSAGE", id).and_then(|id| state.spaces.message(id)).ok_or(Refusal::NotFound)?;
    let space = state.spaces.get(message.space).ok_or(Refusal::NotFound)?;
    let reads =
        space.member(caller.account.id).is_some() && (!caller.is_bot() || may_read(space, message, caller.account.id));
    if reads { Ok((space, message)) } else { Err(Refusal::NotFound) }
}

/// Whether a bot may read a message: its own, those that mention it, and those of a direct space.
fn may_read(space: &Space, message: &Message, bot: Uuid) -> bool {
    space.is_direct() || message.author == bot || message.mentioned.contains(&bot)
}

/// Tells webhooks, and shows the message. A bot is not told of what it may not read.
fn tell(webex: &Webex, state: &Everything, id: Uuid, actor: Uuid, deed: &'static str) -> Result<Value, Refusal> {
    let message = state.spaces.message(id).ok_or(Refusal::NotFound)?;
    let space = state.spaces.get(message.space).ok_or(Refusal::NotFound)?;
    let shown = view::message(state, space, message);
    let is_bot = |id: Uuid| state.directory.account(id).is_some_and(|account| account.is_bot());
    let mut audience = space.accounts();
    audience.retain(|account| !is_bot(*account) || may_read(space, message, *account));
    announce(webex, state, &Event { resource: "messages", deed, actor, audience: &audience, data: shown.clone() });
    Ok(shown)
}
