//! Grants that are had through another credential, without a person.

use std::fmt;
use std::str::FromStr;

use lanyard_protocol::OrgId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::CredentialId;

/// How a credential gets a grant through another credential: the first one, and another whenever the grant ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mint {
    /// Whose access token asks for it.
    pub via: CredentialId,
    /// The kind of grant to ask for.
    pub order: Order,
}

/// The kind of grant that is asked for through another credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// The tokens of a service app in one organisation (`POST /applications/{id}/token`); an administrator there must have
    /// authorised the app.
    ServiceApp {
        /// The organisation.
        organisation: OrgId,
    },
    /// The token of a guest (`POST /guests/token`). It has no refresh token: each renewal mints a new one.
    Guest {
        /// Whom the issuer calls so: the same subject is the same guest.
        subject: GuestSubject,
        /// The name that others see.
        display_name: String,
    },
}

/// The issuer's own name for a guest.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct GuestSubject(Box<str>);

/// A text that cannot name a guest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a guest's subject has 1 to {LONGEST} printable characters")]
pub struct GuestSubjectError;

/// Webex documents no bound; a subject is a name and not a text.
const LONGEST: usize = 200;

impl GuestSubject {
    /// The subject as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GuestSubject {
    type Err = GuestSubjectError;

    fn from_str(text: &str) -> Result<Self, GuestSubjectError> {
        let fits = !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(GuestSubjectError) }
    }
}

lanyard_protocol::serde_as_text!(GuestSubject);

impl fmt::Display for GuestSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for GuestSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_name() {
        assert!("visitor 17, Foyer".parse::<GuestSubject>().is_ok());
        for odd in ["", "  ", "a\nb", &"x".repeat(201)] {
            assert_eq!(odd.parse::<GuestSubject>(), Err(GuestSubjectError), "{odd:?}");
        }
    }
}
