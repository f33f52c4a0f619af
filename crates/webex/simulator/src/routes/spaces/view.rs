//! Spaces, memberships and messages as the reference shows them.

use lanyard_protocol::WebexId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::webex::State as Everything;
use crate::world::{Member, Message, Space, Team, date, organisation_id, webex_id};

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
    let mut view = member_of(state, ROOM_MEMBER, space.id, member);
    view["roomId"] = json!(webex_id("ROOM", space.id));
    view["isRoomHidden"] = json!(member.hidden);
    view["roomType"] = json!(space.kind());
    view["isMonitor"] = json!(false);
    view
}

pub(super) fn team_membership(state: &Everything, team: &Team, member: &Member) -> Value {
    let mut view = member_of(state, TEAM_MEMBER, team.id, member);
    view["teamId"] = json!(webex_id("TEAM", team.id));
    view
}

/// The kinds of the two memberships' ids.
pub(super) const ROOM_MEMBER: &str = "MEMBERSHIP";
pub(super) const TEAM_MEMBER: &str = "TEAM_MEMBERSHIP";

/// The fields that memberships of rooms and of teams share. The id of a membership names its room or team and its member.
fn member_of(state: &Everything, kind: &str, place: Uuid, member: &Member) -> Value {
    let value = format!("{}:{place}", member.account);
    let mut view = json!({
        "id": WebexId { cluster: "us".into(), kind: kind.into(), value }.encode(),
        "personId": webex_id("PEOPLE", member.account),
        "isModerator": member.moderator,
        "created": date(member.created),
    });
    if let Some(account) = state.directory.account(member.account) {
        view["personEmail"] = json!(account.email);
        view["personDisplayName"] = json!(account.display_name);
        view["personOrgId"] = json!(organisation_id(account.organisation));
    }
    view
}

/// The room or team and the member that a membership's id names.
pub(super) fn membership_of(kind: &str, id: &str) -> Option<(Uuid, Uuid)> {
    let id = WebexId::decode(id).ok().filter(|id| id.kind == kind)?;
    let (account, place) = id.value.split_once(':')?;
    Some((place.parse().ok()?, account.parse().ok()?))
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
