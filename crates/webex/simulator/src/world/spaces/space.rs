//! One space, its members and its messages.

use std::collections::VecDeque;

use jiff::Timestamp;
use uuid::Uuid;

#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) id: Uuid,
    /// A space of two has none: each sees the other's name.
    pub(crate) title: Option<String>,
    pub(crate) creator: Uuid,
    /// The organisation that owns it.
    pub(crate) organisation: Uuid,
    /// Whether only moderators let somebody in.
    pub(crate) locked: bool,
    pub(crate) announcements_only: bool,
    pub(crate) description: Option<String>,
    /// The team that it belongs to.
    pub(crate) team: Option<Uuid>,
    pub(crate) created: Timestamp,
    pub(crate) last_activity: Timestamp,
    pub(crate) members: Vec<Member>,
    pub(crate) tabs: Vec<Tab>,
    pub(super) messages: VecDeque<Uuid>,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) account: Uuid,
    pub(crate) moderator: bool,
    pub(crate) hidden: bool,
    pub(crate) created: Timestamp,
}

/// An address that a space shows beside its messages.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) creator: Uuid,
    pub(crate) created: Timestamp,
}

impl Space {
    /// A space for any number, without members yet.
    pub(crate) fn group(id: Uuid, title: String, creator: Uuid, organisation: Uuid, now: Timestamp) -> Self {
        Self { title: Some(title), ..Self::direct(id, creator, organisation, now) }
    }

    /// A space for two, without members yet.
    pub(crate) fn direct(id: Uuid, creator: Uuid, organisation: Uuid, now: Timestamp) -> Self {
        Self {
            id,
            title: None,
            creator,
            organisation,
            locked: false,
            announcements_only: false,
            description: None,
            team: None,
            created: now,
            last_activity: now,
            members: Vec::new(),
            tabs: Vec::new(),
            messages: VecDeque::new(),
        }
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.title.is_none()
    }

    /// Webex's word for it.
    pub(crate) fn kind(&self) -> &'static str {
        if self.is_direct() { "direct" } else { "group" }
    }

    pub(crate) fn member(&self, account: Uuid) -> Option<&Member> {
        self.members.iter().find(|member| member.account == account)
    }

    pub(crate) fn member_mut(&mut self, account: Uuid) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.account == account)
    }

    /// Whether somebody may change it and who is in it: anybody who is, unless it is locked.
    pub(crate) fn is_run_by(&self, account: Uuid) -> bool {
        self.member(account).is_some_and(|member| member.moderator || !self.locked)
    }

    /// The accounts of its members.
    pub(crate) fn accounts(&self) -> Vec<Uuid> {
        self.members.iter().map(|member| member.account).collect()
    }
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: Uuid,
    pub(crate) space: Uuid,
    pub(crate) author: Uuid,
    /// The one that it answers.
    pub(crate) parent: Option<Uuid>,
    pub(crate) text: String,
    pub(crate) markdown: Option<String>,
    pub(crate) html: Option<String>,
    pub(crate) files: Vec<String>,
    /// Cards, as they were written.
    pub(crate) attachments: Vec<serde_json::Value>,
    pub(crate) mentioned: Vec<Uuid>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Option<Timestamp>,
    pub(crate) edits: u32,
}

impl Message {
    /// With nothing in it.
    pub(crate) fn new(id: Uuid, space: Uuid, author: Uuid, now: Timestamp) -> Self {
        Self {
            id,
            space,
            author,
            parent: None,
            text: String::new(),
            markdown: None,
            html: None,
            files: Vec::new(),
            attachments: Vec::new(),
            mentioned: Vec::new(),
            created: now,
            updated: None,
            edits: 0,
        }
    }
}
