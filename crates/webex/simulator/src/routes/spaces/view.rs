//! Spaces, memberships and messages as the reference shows them.

use lanyard_protocol::WebexId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::routes::people::date;
use crate::webex::State as Everything;
use crate::world::{Member, Message, Space, organisation_id, webex_id};

pub(super) fn space(state: &Everything, space: &Space, viewer: Uuid) -> Value {
    // In a space of two, each sees the other's name.
    let other = space.members.iter().find(|member| member.account != viewer);
    let name = other.and_then(|member| state.directory.account(member.account));
    let title = space.title.clone().or_else(|| name.map(|account| account.display_name.clone()));
    let mut view = json!({
        "id": webex_id("ROOM", space.id),
        "title": title.unwrap_or_else(|| "Empty Title".to_owned()),
        "type": space.kind(),
        "isLocked": space.locked,
        "lastActivity": date(space.last_activity),
        "creatorId": webex_id("PEOPLE", space.creator),
        "created": date(space.created),
        "ownerId": organisation_id(space.organisation),
        "isAnnouncementOnly": space.announcements_only,
        "isReadOnly": false,
        "isPublic": false,
    });
    if let Some(team) = space.team {
        view["teamId"] = json!(webex_id("TEAM", team));
    }
    if let Some(description) = &space.description {
        view["description"] = json!(description);
    }
    view
}

pub(super) fn membership(state: &Everything, space: &Space, member: &Member) -> Value {
    let account = state.directory.account(member.account);
    json!({
        "id": membership_id(space.id, member.account),
        "roomId": webex_id("ROOM", space.id),
        "personId": webex_id("PEOPLE", member.account),
        "personEmail": account.map(|account| account.email.as_str()).unwrap_or_default(),
        "personDisplayName": account.map(|account| account.display_name.as_str()).unwrap_or_default(),
        "personOrgId": organisation_id(account.map_or(space.organisation, |account| account.organisation)),
        "isModerator": member.moderator,
        "isRoomHidden": member.hidden,
        "roomType": space.kind(),
        "isMonitor": false,
        "created": date(member.created),
    })
}

/// A membership is named by its space and its member.
pub(super) fn membership_id(space: Uuid, account: Uuid) -> String {
    WebexId { cluster: "us".into(), kind: "MEMBERSHIP".into(), value: format!("{account}:{space}") }.encode()
}

/// The space and the member that a membership's id names.
pub(super) fn membership_of(id: &str) -> Option<(Uuid, Uuid)> {
    let id = WebexId::decode(id).ok().filter(|id| id.kind == "MEMBERSHIP")?;
    let (account, space) = id.value.split_once(':')?;
    Some((space.parse().ok()?, account.parse().ok()?))
}

pub(super) fn message(state: &Everything, space: &Space, message: &Message) -> Value {
    let author = state.directory.account(message.author);
    let mut view = json!({
        "id": webex_id("MESSAGE", message.id),
        "roomId": webex_id("ROOM", space.id),
        "roomType": space.kind(),
        "text": message.text,
        "personId": webex_id("PEOPLE", message.author),
        "personEmail": author.map(|account| account.email.as_str()).unwrap_or_default(),
        "created": date(message.created),
    });
    let mut known = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            view[name] = value;
        }
    };
    known("parentId", message.parent.map(|id| json!(webex_id("MESSAGE", id))));
    known("markdown", message.markdown.as_ref().map(|text| json!(text)));
    known("html", message.html.as_ref().map(|text| json!(text)));
    known("files", (!message.files.is_empty()).then(|| json!(message.files)));
    known("attachments", (!message.attachments.is_empty()).then(|| json!(message.attachments)));
    let mentioned: Vec<_> = message.mentioned.iter().map(|id| webex_id("PEOPLE", *id)).collect();
    known("mentionedPeople", (!mentioned.is_empty()).then(|| json!(mentioned)));
    known("updated", message.updated.map(|at| json!(date(at))));
    view
}
