//! Rooms to talk in, who is in them, and what was said.
//!
//! Webex calls them rooms or spaces; here they are spaces, since a room is where devices stand.

mod mention;
mod recent;
mod seed;
mod space;
mod team;

use std::collections::HashMap;

use uuid::Uuid;

pub(crate) use mention::{Mentions, Named};
pub(crate) use recent::{CardAction, Upload};
pub(crate) use space::{Member, Message, Space, Tab};
pub(crate) use team::Team;

use super::shelf::Shelf;

/// All spaces of everybody.
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    all: Shelf<Space>,
    messages: Shelf<Message>,
    /// The oldest first, to be forgotten first.
    said: std::collections::VecDeque<Uuid>,
    /// By account.
    joined: HashMap<Uuid, Vec<Uuid>>,
    /// Of two accounts, the smaller one first.
    direct: HashMap<(Uuid, Uuid), Uuid>,
    recent: recent::Recent,
    teams: Shelf<Team>,
}

/// The most messages that are kept, of all spaces together.
pub(crate) const MOST_MESSAGES: usize = 10_000;

/// The most spaces that somebody may be in.
pub(crate) const MOST_JOINED: usize = 1_000;

/// Nobody may be in more spaces than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Spaces {
    pub(crate) fn get(&self, id: Uuid) -> Option<&Space> {
        self.all.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: Uuid) -> Option<&mut Space> {
        self.all.get_mut(id)
    }

    /// The spaces that somebody is in, in the order of joining.
    pub(crate) fn of(&self, account: Uuid) -> impl Iterator<Item = &Space> {
        self.joined.get(&account).into_iter().flatten().filter_map(|id| self.all.get(*id))
    }

    /// Makes a space, and its creator its first member.
    pub(crate) fn create(&mut self, space: Space) -> Result<Uuid, TooMany> {
        let (id, creator, created) = (space.id, space.creator, space.created);
        self.room_for(creator)?;
        self.all.put(id, space);
        self.admit(id, Member { account: creator, moderator: true, hidden: false, created });
        Ok(id)
    }

    /// The space of two, where there is one.
    pub(crate) fn between(&self, one: Uuid, other: Uuid) -> Option<Uuid> {
        self.direct.get(&pair(one, other)).copied()
    }

    /// Makes the space of two.
    pub(crate) fn pair_up(&mut self, space: Space, other: Uuid) -> Result<Uuid, TooMany> {
        let (id, creator, created) = (space.id, space.creator, space.created);
        self.room_for(creator)?;
        self.room_for(other)?;
        self.all.put(id, space);
        for account in [creator, other] {
            self.admit(id, Member { account, moderator: false, hidden: false, created });
        }
        self.direct.insert(pair(creator, other), id);
        Ok(id)
    }

    /// Adds somebody who is not in it yet.
    pub(crate) fn join(&mut self, space: Uuid, member: Member) -> Result<(), TooMany> {
        self.room_for(member.account)?;
        self.admit(space, member);
        Ok(())
    }

    fn room_for(&self, account: Uuid) -> Result<(), TooMany> {
        let joined = self.joined.get(&account).map_or(0, Vec::len);
        if joined < MOST_JOINED { Ok(()) } else { Err(TooMany) }
    }

    fn admit(&mut self, space: Uuid, member: Member) {
        self.joined.entry(member.account).or_default().push(space);
        if let Some(space) = self.all.get_mut(space) {
            space.members.push(member);
        }
    }

    /// Takes somebody out of a space. An empty one is gone.
    pub(crate) fn leave(&mut self, space: Uuid, account: Uuid) {
        if let Some(joined) = self.joined.get_mut(&account) {
            joined.retain(|id| *id != space);
        }
        let Some(left) = self.all.get_mut(space) else { return };
        left.members.retain(|member| member.account != account);
        if left.members.is_empty() {
            self.remove(space);
        }
    }

    /// Takes a space away, with what was said in it.
    pub(crate) fn remove(&mut self, id: Uuid) {
        let Some(space) = self.all.take(id) else { return };
        for member in &space.members {
            if let Some(joined) = self.joined.get_mut(&member.account) {
                joined.retain(|joined| *joined != id);
            }
        }
        for message in &space.messages {
            self.messages.take(*message);
        }
        self.said.retain(|message| self.messages.get(*message).is_some());
        self.direct.retain(|_, direct| *direct != id);
    }

    /// Takes an account out of every space.
    pub(crate) fn forget(&mut self, account: Uuid) {
        for team in self.teams.iter_mut() {
            team.members.retain(|member| member.account != account);
        }
        for space in self.joined.remove(&account).unwrap_or_default() {
            self.leave(space, account);
        }
    }

    pub(crate) fn message(&self, id: Uuid) -> Option<&Message> {
        self.messages.get(id)
    }

    pub(crate) fn message_mut(&mut self, id: Uuid) -> Option<&mut Message> {
        self.messages.get_mut(id)
    }

    /// The messages in a space, the latest first.
    pub(crate) fn messages(&self, space: Uuid) -> impl Iterator<Item = &Message> {
        let ids = self.all.get(space).into_iter().flat_map(|space| space.messages.iter().rev());
        ids.filter_map(|id| self.messages.get(*id))
    }

    /// Says something; the oldest of all messages is forgotten where there are too many.
    pub(crate) fn say(&mut self, message: Message) {
        let (id, at) = (message.id, message.created);
        if let Some(space) = self.all.get_mut(message.space) {
            space.messages.push_back(id);
            space.last_activity = at;
        }
        self.messages.put(id, message);
        self.said.push_back(id);
        if self.said.len() > MOST_MESSAGES
            && let Some(oldest) = self.said.front().copied()
        {
            self.unsay(oldest);
        }
    }

    pub(crate) fn unsay(&mut self, id: Uuid) {
        let Some(message) = self.messages.take(id) else { return };
        if self.said.front() == Some(&id) {
            self.said.pop_front();
        } else {
            self.said.retain(|said| *said != id);
        }
        if let Some(space) = self.all.get_mut(message.space) {
            space.messages.retain(|said| *said != id);
        }
    }
}

fn pair(one: Uuid, other: Uuid) -> (Uuid, Uuid) {
    if one < other { (one, other) } else { (other, one) }
}

#[cfg(test)]
mod tests {
    use super::seed::at_first;
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn said(number: u128, space: Uuid) -> Message {
        Message::new(id(number), space, id(1), at_first())
    }

    #[test]
    fn the_oldest_messages_are_forgotten_and_no_more_is_kept_than_there_is_room_for() {
        let mut spaces = Spaces::default();
        let space = spaces.create(Space::group(id(100), "A".into(), id(1), id(7), at_first())).unwrap();
        let many = MOST_MESSAGES as u128 + 50;
        for number in 0..many {
            spaces.say(said(1_000 + number, space));
        }
        assert_eq!(spaces.messages(space).count(), MOST_MESSAGES);
        assert_eq!(spaces.messages(space).next().map(|message| message.id), Some(id(1_000 + many - 1)));
        assert!(spaces.message(id(1_049)).is_none() && spaces.message(id(1_050)).is_some());
        spaces.remove(space);
        assert!(spaces.said.is_empty() && spaces.of(id(1)).next().is_none());
    }

    #[test]
    fn whoever_leaves_last_takes_the_space_along() {
        let mut spaces = Spaces::default();
        let direct = Space::direct(id(100), id(1), id(7), at_first());
        let space = spaces.pair_up(direct, id(2)).unwrap();
        assert_eq!(spaces.between(id(2), id(1)), Some(space));
        spaces.forget(id(1));
        assert_eq!(spaces.get(space).map(|space| space.members.len()), Some(1));
        spaces.forget(id(2));
        assert!(spaces.get(space).is_none() && spaces.between(id(1), id(2)).is_none());
    }
}
