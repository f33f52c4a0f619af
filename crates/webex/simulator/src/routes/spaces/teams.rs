//! `/v1/teams` and `/v1/team/memberships`.

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::view::{TEAM_MEMBER, membership_of, team_membership};
use super::{id_of, invitee};
use crate::form::Form;
use crate::random;
use crate::routes::extract::{Body, Caller, Paging, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Member, Space, Team, date, webex_id};

scopes! {
    Read = "spark:teams_read";
    Write = "spark:teams_write";
    ReadMembers = "spark:team_memberships_read";
    WriteMembers = "spark:team_memberships_write";
}

/// How many teams somebody may be in.
const MOST_TEAMS: usize = 100;

#[derive(Deserialize)]
pub(super) struct Wish {
    name: Option<String>,
    description: Option<String>,
}

impl Wish {
    fn name(&self) -> Result<String, Refusal> {
        let name = self.name.clone().filter(|name| !name.trim().is_empty());
        name.ok_or_else(|| Refusal::BadRequest("name is required.".to_owned()))
    }
}

pub(super) async fn list(webex: Webex, caller: Permitted<Read>, page: Paging<100, 1000>) -> Reply<Response> {
    let state = webex.state();
    let found = state.spaces.teams_of(caller.account.id);
    page.reply(found, view)
}

/// `POST /teams`; a team comes with a room of its own, of the same name.
pub(super) async fn create(webex: Webex, caller: Permitted<Write>, Body(wish): Body<Wish>) -> Reply {
    let name = wish.name()?;
    let (entropy, now) = (&*webex.setting().entropy, webex.now());
    let [id, general] = [(); 2].map(|()| random::uuid(entropy));
    let account = &caller.account;
    let mut state = webex.state();
    if state.spaces.teams_of(account.id).count() >= MOST_TEAMS {
        return Err(Refusal::BadRequest(format!("The simulator keeps at most {MOST_TEAMS} teams for each person.")));
    }
    let mut space = Space::group(general, name.clone(), account.id, account.organisation, now);
    space.team = Some(id);
    state.spaces.create(space)?;
    let members = vec![Member { account: account.id, moderator: true, hidden: false, created: now }];
    let team = Team { id, name, description: wish.description, created: now, members };
    let shown = view(&team);
    state.spaces.found_team(team);
    Ok(Json(shown))
}

pub(super) async fn show(webex: Webex, caller: Permitted<Read>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    Ok(Json(view(joined(&state, &caller, &id)?)))
}

pub(super) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(wish): Body<Wish>,
) -> Reply {
    let name = wish.name()?;
    let mut state = webex.state();
    let id = run_by(&state, &caller, &id)?;
    let team = state.spaces.team_mut(id).ok_or(Refusal::NotFound)?;
    team.name = name;
    team.description = wish.description.or_else(|| team.description.take());
    Ok(Json(view(team)))
}

pub(super) async fn delete(webex: Webex, caller: Permitted<Write>, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let id = run_by(&state, &caller, &id)?;
    state.spaces.remove_team(id);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn members(
    webex: Webex,
    caller: Permitted<ReadMembers>,
    page: Paging<100, 1000>,
    query: Form,
) -> Reply<Response> {
    let state = webex.state();
    let id = query.get("teamId").ok_or_else(|| Refusal::BadRequest("teamId is required.".to_owned()))?;
    let team = joined(&state, &caller, id)?;
    let show = |member| team_membership(&state, team, member);
    page.reply(team.members.iter(), show)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberWish {
    team_id: Option<String>,
    person_id: Option<String>,
    person_email: Option<String>,
    #[serde(default, deserialize_with = "super::flag")]
    is_moderator: Option<bool>,
}

/// `POST /team/memberships`; a member joins the team's rooms.
pub(super) async fn add(webex: Webex, caller: Permitted<WriteMembers>, Body(wish): Body<MemberWish>) -> Reply {
    let now = webex.now();
    let mut state = webex.state();
    let id = wish.team_id.as_deref().filter(|_| wish.person_id.is_some() || wish.person_email.is_some());
    let id = id.ok_or_else(|| Refusal::BadRequest("teamId, and personId or personEmail, are required.".to_owned()))?;
    let id = run_by(&state, &caller, id)?;
    let whom = invitee(&webex, &mut state, wish.person_id.as_deref(), wish.person_email.as_deref())?;
    let whom = whom.ok_or(Refusal::NotFound)?;
    let team = state.spaces.team_mut(id).ok_or(Refusal::NotFound)?;
    if team.member(whom).is_some() {
        return Err(Refusal::Gateway(StatusCode::CONFLICT, "The person is already a member of the team."));
    }
    let moderator = wish.is_moderator.unwrap_or(false);
    team.members.push(Member { account: whom, moderator, hidden: false, created: now });
    let rooms =
        state.spaces.of(caller.account.id).filter(|space| space.team == Some(id) && space.member(whom).is_none());
    let rooms: Vec<Uuid> = rooms.map(|space| space.id).collect();
    for room in rooms {
        state.spaces.join(room, Member { account: whom, moderator: false, hidden: false, created: now })?;
    }
    shown(&state, id, whom)
}

pub(super) async fn member(webex: Webex, caller: Permitted<ReadMembers>, Path(id): Path<String>) -> Reply {
    let state = webex.state();
    let (team, whom) = find(&state, &caller, &id)?;
    shown(&state, team, whom)
}

pub(super) async fn change(
    webex: Webex,
    caller: Permitted<WriteMembers>,
    Path(id): Path<String>,
    Body(wish): Body<MemberWish>,
) -> Reply {
    let mut state = webex.state();
    let (id, whom) = find(&state, &caller, &id)?;
    let team = state.spaces.team_mut(id).ok_or(Refusal::NotFound)?;
    if !team.is_run_by(caller.account.id) {
        return Err(Refusal::Forbidden);
    }
    for member in team.members.iter_mut().filter(|member| member.account == whom) {
        member.moderator = wish.is_moderator.unwrap_or(member.moderator);
    }
    shown(&state, id, whom)
}

pub(super) async fn remove(webex: Webex, caller: Permitted<WriteMembers>, Path(id): Path<String>) -> Reply<StatusCode> {
    let mut state = webex.state();
    let (id, whom) = find(&state, &caller, &id)?;
    let team = state.spaces.team_mut(id).ok_or(Refusal::NotFound)?;
    if whom != caller.account.id && !team.is_run_by(caller.account.id) {
        return Err(Refusal::Forbidden);
    }
    team.members.retain(|member| member.account != whom);
    Ok(StatusCode::NO_CONTENT)
}

fn joined<'s>(state: &'s Everything, caller: &Caller, id: &str) -> Result<&'s Team, Refusal> {
    let team = id_of("TEAM", id).and_then(|id| state.spaces.team(id));
    team.filter(|team| team.member(caller.account.id).is_some()).ok_or(Refusal::NotFound)
}

fn run_by(state: &Everything, caller: &Caller, id: &str) -> Result<Uuid, Refusal> {
    let team = joined(state, caller, id)?;
    if team.is_run_by(caller.account.id) { Ok(team.id) } else { Err(Refusal::Forbidden) }
}

/// The team and the account that a membership's id names, in a team of the caller's.
fn find(state: &Everything, caller: &Caller, id: &str) -> Result<(Uuid, Uuid), Refusal> {
    let (team, account) = membership_of(TEAM_MEMBER, id).ok_or(Refusal::NotFound)?;
    let team = joined(state, caller, &webex_id("TEAM", team))?;
    let member = team.member(account).ok_or(Refusal::NotFound)?;
    Ok((team.id, member.account))
}

fn shown(state: &Everything, team: Uuid, whom: Uuid) -> Reply {
    let team = state.spaces.team(team).ok_or(Refusal::NotFound)?;
    Ok(Json(team_membership(state, team, team.member(whom).ok_or(Refusal::NotFound)?)))
}

fn view(team: &Team) -> Value {
    let mut view = json!({ "id": webex_id("TEAM", team.id), "name": team.name, "created": date(team.created) });
    if let Some(description) = &team.description {
        view["description"] = json!(description);
    }
    view
}
