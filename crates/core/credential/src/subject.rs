//! The account that a token acts as.

use lanyard_protocol::{OrgId, PersonId, PersonType};
use serde::{Deserialize, Serialize};

/// The Webex identity behind a token, as far as Webex told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// `/people/me` answered.
    Known(SubjectIdentity),
    /// It did not; the sentence says why.
    Unknown(String),
}

/// The account, as `/people/me` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectIdentity {
    /// The account's id.
    pub id: PersonId,
    /// Person, bot or machine account.
    pub account: PersonType,
    /// The name to show.
    pub display_name: String,
    /// The first address, where there is one.
    pub email: Option<String>,
}

impl Subject {
    /// The identity, where it is known.
    pub fn known(&self) -> Option<&SubjectIdentity> {
        match self {
            Self::Known(identity) => Some(identity),
            Self::Unknown(_) => None,
        }
    }

    /// Combines this subject with the result of asking Webex again. The account behind a token set cannot change, so a result without an
    /// account, or with another one, is ignored.
    #[must_use]
    pub fn learned(&self, seen: Self) -> Self {
        match (self, seen) {
            (Self::Known(earlier), Self::Known(seen)) if earlier.id == seen.id => Self::Known(seen),
            (Self::Known(earlier), _) => Self::Known(earlier.clone()),
            (Self::Unknown(_), seen) => seen,
        }
    }
}

/// The organisation that a subject belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Its id.
    pub id: OrgId,
    /// Its name, where a scope let it be read.
    pub name: Option<String>,
}
