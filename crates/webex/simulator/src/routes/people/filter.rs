//! Which people a list shows.

use std::sync::Arc;

use uuid::Uuid;

use super::view::Sight;
use super::{Caller, Form, READ, READ_ALL, Refusal, role_id};
use crate::world::{Account, Directory, person_of};

/// `GET /people` asks for at most so many at once.
const LARGEST_PAGE: usize = 1000;
const USUAL_PAGE: usize = 100;

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
            Self::Email(_) => caller.needs_any(&READ),
            _ if caller.is_bot() => Err(Refusal::Forbidden),
            Self::NameStart(_) | Self::Ids(_) => caller.needs_any(&READ),
            Self::Everyone => caller.needs_any(&READ_ALL),
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
    caller.needs_any(&READ_ALL)?;
    // Where there is no such place there is nobody.
    Ok(Some(directory.location_of(organisation, id).map_or(Uuid::nil(), |location| location.id)))
}

/// Whether somebody has one of the roles asked for.
pub(super) fn has_role(account: &Account, query: &Form) -> bool {
    let mut asked = query.get("roles").into_iter().flat_map(|roles| roles.split(',')).peekable();
    asked.peek().is_none() || asked.any(|role| account.administrator && role.trim_end_matches('=') == role_id())
}

/// Too large a page is clamped in silence.
pub(super) fn page_size(query: &Form) -> Result<usize, Refusal> {
    let largest = match (query.get("locationId"), query.get("callingData")) {
        (Some(_), _) => 50,
        (None, Some("true")) => 100,
        (None, _) => LARGEST_PAGE,
    };
    let size = match query.get("max") {
        None => USUAL_PAGE,
        Some(text) => text.parse().map_err(|_| Refusal::BadRequest("max is a number.".into()))?,
    };
    Ok(size.clamp(1, largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_clamped() {
        let size = |query: &str| page_size(&Form::parse(query.as_bytes()));
        assert_eq!(size(""), Ok(100));
        assert_eq!(size("max=5000"), Ok(1000));
        assert_eq!(size("max=0"), Ok(1));
        assert_eq!(size("max=500&callingData=true"), Ok(100));
        assert!(size("max=many").is_err());
    }
}
