//! One account: a person, a bot or a machine account.

use jiff::Timestamp;
use lanyard_protocol::{PersonId, PersonType};
use uuid::Uuid;

use super::webex_id;

/// Someone whom a token can act as.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    /// The organisation that it belongs to.
    pub(crate) organisation: Uuid,
    pub(crate) kind: PersonType,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) display_name: String,
    pub(crate) email: String,
    pub(crate) title: Option<String>,
    /// Whether somebody can sign in as it: persons can, guests and machines cannot.
    pub(crate) signs_in: bool,
    /// Whether the person is a full administrator.
    pub(crate) administrator: bool,
    pub(crate) created: Timestamp,
}

impl Account {
    /// An account that no one signs in to.
    pub(crate) fn machine(
        id: Uuid,
        organisation: Uuid,
        kind: PersonType,
        name: &str,
        email: String,
        created: Timestamp,
    ) -> Self {
        Self {
            id,
            organisation,
            kind,
            first_name: None,
            last_name: None,
            display_name: name.to_owned(),
            email,
            title: None,
            signs_in: false,
            administrator: false,
            created,
        }
    }

    pub(crate) fn is_bot(&self) -> bool {
        self.kind == PersonType::Bot
    }

    /// The id as Webex writes it.
    pub(crate) fn webex_id(&self) -> PersonId {
        PersonId::new(webex_id("PEOPLE", self.id))
    }
}
