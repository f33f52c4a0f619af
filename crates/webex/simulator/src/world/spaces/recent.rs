//! Attachments of messages, kept for a while: files that were sent, and inputs to cards.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::Spaces;

/// A file that came with a message.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) name: String,
    /// Its media type.
    pub(crate) kind: String,
    pub(crate) content: Bytes,
}

/// A person's input to a card.
#[derive(Clone, Debug)]
pub(crate) struct CardAction {
    pub(crate) id: Uuid,
    pub(crate) message: Uuid,
    pub(crate) space: Uuid,
    pub(crate) account: Uuid,
    pub(crate) inputs: Value,
    pub(crate) created: Timestamp,
}

/// The latest of each; older ones are forgotten.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// By id, with the space that each was sent to.
    files: VecDeque<(Uuid, Uuid, Upload)>,
    actions: VecDeque<CardAction>,
}

/// A request has at most a megabyte, so these take at most 100.
const MOST_FILES: usize = 100;
const MOST_ACTIONS: usize = 1_000;

impl Spaces {
    pub(crate) fn keep(&mut self, id: Uuid, space: Uuid, file: Upload) {
        self.recent.files.push_back((id, space, file));
        if self.recent.files.len() > MOST_FILES {
            self.recent.files.pop_front();
        }
    }

    /// A file, and the space that it was sent to.
    pub(crate) fn file(&self, id: Uuid) -> Option<(Uuid, &Upload)> {
        self.recent.files.iter().find(|(known, ..)| *known == id).map(|(_, space, file)| (*space, file))
    }

    pub(crate) fn act(&mut self, action: CardAction) {
        self.recent.actions.push_back(action);
        if self.recent.actions.len() > MOST_ACTIONS {
            self.recent.actions.pop_front();
        }
    }

    pub(crate) fn action(&self, id: Uuid) -> Option<&CardAction> {
        self.recent.actions.iter().find(|action| action.id == id)
    }
}
