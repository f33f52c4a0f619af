//! Which people a list shows.

use std::sync::Arc;

use uuid::Uuid;

use super::view::Sight;
use super::{Caller, Form, Read, ReadAll, Refusal, role_id};
use crate::routes::extract::Scopes as _;
use crate::world::{Account, Directory, person_of};

/// The documented limit of the parameter `id`.
const MOST_IDS: usize = 85;

/// Which people a list is about.
pub(super) enum Filter {
    Everyone,
    Email(String),
    /// Lower case.
    NameStart(String),
    Ids(Vec<String>),
}

impl Filter {
    pub(super) fn of(query: &Form) -> Result<Self, Refusal> {
        if let Some(email) = query.get("email") {
            return Ok(Self::Email(email.to_owned()));
        }
        if let Some(ids) = query.get("id") {
            let ids: Vec<_> = ids.split(',').map(|id| id.trim().trim_end_matches('=').to_owned()).collect();
            if ids.len() > MOST_IDS {
                return Err(Refusal::BadRequest(format!("id takes at most {MOST_IDS} ids.")));
            }
            return Ok(Self::Ids(ids));
        }
        Ok(query.get("displayName").map_or(Self::Everyone, |start| Self::NameStart(start.to_lowercase())))
    }

    pub(super) fn permitted_to(&self, caller: &Caller) -> Result<(), Refusal> {
        match self {
            Self::Email(_) => caller.needs_any(Read::ANY),
            _ if caller.is_bot() => Err(Refusal::Forbidden),
            Self::NameStart(_) | Self::Ids(_) => caller.needs_any(Read::ANY),
            Self::Everyone => caller.needs_any(ReadAll::ANY),
        }
    }

    /// The fields that a caller sees. A list by id omits those that only an administrator sees.
    pub(super) fn sight(&self, caller: &Caller, query: &Form) -> Sight {
        match self {
            Self::Ids(_) => Sight::by_id(),
            Self::Everyone | Self::Email(_) | Self::NameStart(_) => Sight::of(caller, query),
        }
    }

    /// Whom it fits in an organisation. Addresses and ids are looked up; nothing is walked for them.
    pub(super) fn found<'s>(
        &'s self,
        directory: &'s Directory,
        organisation: Uuid,
    ) -> Box<dyn Iterator<Item = &'s Arc<Account>> + 's> {
        let here = move |account: &&Arc<Account>| account.organisation == organisation;
        match self {
            Self::Everyone => Box::new(directory.listed_in(organisation).filter(|account| account.is_member())),
            Self::Email(email) => Box::new(directory.by_email(email).filter(here).into_iter()),
            Self::NameStart(start) => Box::new(
                directory
                    .listed_in(organisation)
                    .filter(move |account| account.display_name.to_lowercase().starts_with(start)),
            ),
            Self::Ids(ids) => {
                Box::new(ids.iter().filter_map(|id| person_of(id)).filter_map(|id| directory.account(id)).filter(here))
            }
        }
    }

    /// The ids asked for that no one has; none for other filters.
    pub(super) fn not_found(&self, directory: &Directory, organisation: Uuid) -> Vec<&str> {
        let known = |id: &str| {
            person_of(id)
                .and_then(|id| directory.account(id))
                .is_some_and(|account| account.organisation == organisation)
        };
        match self {
            Self::Ids(ids) => ids.iter().map(String::as_str).filter(|id| !known(id)).collect(),
            Self::Everyone | Self::Email(_) | Self::NameStart(_) => Vec::new(),
        }
    }
}

/// The location that `locationId` names; a place is an administrator's question.
pub(super) fn place(
    directory: &Directory,
    caller: &Caller,
    organisation: Uuid,
    query: &Form,
) -> Result<Option<Uuid>, Refusal> {
    let Some(id) = query.get("locationId") else { return Ok(None) };
    caller.needs_any(ReadAll::ANY)?;
    // Where there is no such place there is nobody.
    Ok(Some(directory.location_of(organisation, id).map_or(Uuid::nil(), |location| location.id)))
}

/// Whether somebody has one of the roles asked for.
pub(super) fn has_role(account: &Account, query: &Form) -> bool {
    let mut asked = query.get("roles").into_iter().flat_map(|roles| roles.split(',')).peekable();
    asked.peek().is_none() || asked.any(|role| account.administrator && role.trim_end_matches('=') == role_id())
}

/// How many people a page holds at most, if fewer than usual.
pub(super) fn largest_page(query: &Form) -> usize {
    match (query.get("locationId"), query.get("callingData")) {
        (Some(_), _) => 50,
        (None, Some("true")) => 100,
        (None, _) => usize::MAX,
    }
}
