//! One message.

use jiff::Timestamp;
use uuid::Uuid;

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
