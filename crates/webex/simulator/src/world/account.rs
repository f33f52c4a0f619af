//! One account: a person, a bot or a machine account.

use jiff::Timestamp;
use lanyard_protocol::{PersonId, PersonType, WebexId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::licences::{Licence, LicenceSet};
use super::webex_id;

/// Someone whom a token can act as.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    /// The organisation that it belongs to.
    pub(crate) organisation: Uuid,
    pub(crate) kind: PersonType,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) display_name: String,
    /// Lower case.
    pub(crate) email: String,
    /// The fields that an administrator writes about the person and Webex only stores.
    pub(crate) profile: Profile,
    /// Telephone numbers that the directory has, whether or not the person uses Webex Calling.
    pub(crate) phones: Vec<Phone>,
    /// Whether somebody can sign in as it: persons can unless that was taken from them; guests and machines cannot.
    pub(crate) signs_in: bool,
    /// Whether it is somebody without an account, whom a service app brought.
    pub(crate) guest: bool,
    /// Whether the person was invited and has not been seen yet.
    pub(crate) invited: bool,
    /// Whether the person is a full administrator.
    pub(crate) administrator: bool,
    pub(crate) licences: LicenceSet,
    /// There with a licence for Webex Calling.
    pub(crate) calling: Option<Calling>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

/// The fields of a person that Webex stores as they were written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) department: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manager_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avatar: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) addresses: Option<Vec<Address>>,
}

impl Profile {
    /// This one, with the other's values in place of those that are missing.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            title: self.title.or(other.title),
            department: self.department.or(other.department),
            manager: self.manager.or(other.manager),
            manager_id: self.manager_id.or(other.manager_id),
            avatar: self.avatar.or(other.avatar),
            addresses: self.addresses.or(other.addresses),
        }
    }
}

/// A telephone number as a call writes it: `work`, `mobile`, `fax`, ….
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Phone {
    #[serde(rename = "type", default = "work")]
    pub(crate) kind: String,
    pub(crate) value: String,
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) primary: Option<bool>,
}

fn work() -> String {
    "work".to_owned()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Address {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(rename = "streetAddress", skip_serializing_if = "Option::is_none")]
    street: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<String>,
}

/// A person's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calling {
    pub(crate) licence: Licence,
    /// A location of the account's organisation.
    pub(crate) location: Uuid,
    /// As E.164 has it.
    pub(crate) number: Option<String>,
    pub(crate) extension: Option<String>,
}

impl Account {
    /// A person, with nothing that an administrator gives.
    pub(crate) fn person(
        id: Uuid,
        organisation: Uuid,
        (first, last): (&str, &str),
        email: String,
        created: Timestamp,
    ) -> Self {
        Self {
            first_name: Some(first.to_owned()),
            last_name: Some(last.to_owned()),
            signs_in: true,
            ..Self::machine(id, organisation, PersonType::Person, &format!("{first} {last}"), email, created)
        }
    }

    /// Somebody without an account, whom a service app brought.
    pub(crate) fn guest(id: Uuid, organisation: Uuid, name: &str, email: String, created: Timestamp) -> Self {
        Self { guest: true, ..Self::machine(id, organisation, PersonType::Person, name, email, created) }
    }

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
            profile: Profile::default(),
            phones: Vec::new(),
            signs_in: false,
            guest: false,
            invited: false,
            administrator: false,
            licences: LicenceSet::default(),
            calling: None,
            created,
            modified: created,
        }
    }

    pub(crate) fn is_bot(&self) -> bool {
        self.kind == PersonType::Bot
    }

    /// Whether it is a person of the organisation, and neither a guest nor a machine.
    pub(crate) fn is_member(&self) -> bool {
        self.kind == PersonType::Person && !self.guest
    }

    /// The id as Webex writes it.
    pub(crate) fn webex_id(&self) -> PersonId {
        PersonId::new(webex_id("PEOPLE", self.id))
    }
}

/// An e-mail address in lower case, if the text is one.
pub(crate) fn address(text: &str) -> Option<String> {
    let email = text.trim().to_ascii_lowercase();
    let (local, domain) = email.split_once('@')?;
    (!local.is_empty() && domain.contains('.') && !email.contains(' ')).then_some(email)
}

/// The account that a Webex id names. Webex accepts the UUID inside it as well [C: live tests of `wxc_sdk`].
pub(crate) fn person_of(id: &str) -> Option<Uuid> {
    match WebexId::decode(id) {
        Ok(id) => id.value.parse().ok().filter(|_| id.kind == "PEOPLE"),
        Err(_) => id.parse().ok(),
    }
}
