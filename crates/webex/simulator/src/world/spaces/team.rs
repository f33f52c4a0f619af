//! Teams: people, and the spaces that belong to them together.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Member, Spaces};

#[derive(Debug)]
pub(crate) struct Team {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) members: Vec<Member>,
}

impl Team {
    pub(crate) fn member(&self, account: Uuid) -> Option<&Member> {
        self.members.iter().find(|member| member.account == account)
    }

    /// Whether somebody may change it and who is in it.
    pub(crate) fn is_run_by(&self, account: Uuid) -> bool {
        self.member(account).is_some_and(|member| member.moderator)
    }
}

impl Spaces {
    pub(crate) fn found_team(&mut self, team: Team) {
        self.teams.put(team.id, team);
    }

    pub(crate) fn team(&self, id: Uuid) -> Option<&Team> {
        self.teams.get(id)
    }

    pub(crate) fn team_mut(&mut self, id: Uuid) -> Option<&mut Team> {
        self.teams.get_mut(id)
    }

    /// The teams that somebody is in.
    pub(crate) fn teams_of(&self, account: Uuid) -> impl Iterator<Item = &Team> {
        self.teams.iter().filter(move |team| team.member(account).is_some())
    }

    /// Removes a team, and its spaces with it.
    pub(crate) fn remove_team(&mut self, id: Uuid) {
        self.teams.take(id);
        let spaces: Vec<Uuid> = self.all.iter().filter(|space| space.team == Some(id)).map(|space| space.id).collect();
        for space in spaces {
            self.remove(space);
        }
    }
}
