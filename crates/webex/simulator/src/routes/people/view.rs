//! A person as Webex shows them.

use jiff::Timestamp;
use lanyard_protocol::Person;
use serde::Serialize;
use uuid::Uuid;

use super::{Caller, Form, READ_ALL};
use crate::world::{Account, Profile, location, organisation_id, webex_id};

/// How much somebody sees of a person.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::routes) struct Sight {
    /// What an administrator sees beyond the others: licences.
    administrative: bool,
    /// The line, which is shown when it is asked for.
    calling: bool,
}

impl Sight {
    pub(super) fn of(caller: &Caller, query: &Form) -> Self {
        let administrative = caller.has_any(&READ_ALL);
        Self { administrative, calling: administrative && query.get("callingData") == Some("true") }
    }
}

/// What the reference has beyond the fields that the protocol knows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct View {
    #[serde(flatten)]
    person: Person,
    #[serde(flatten)]
    profile: Profile,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    nick_name: String,
    phone_numbers: Vec<Phone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    roles: Vec<String>,
    licenses: Vec<String>,
    created: String,
    last_modified: String,
    timezone: &'static str,
    status: &'static str,
    /// Texts both, in the reference and in its examples.
    invite_pending: &'static str,
    login_enabled: &'static str,
}

#[derive(Serialize)]
struct Phone {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary: Option<bool>,
}

impl View {
    pub(super) fn of(account: &Account, sight: Sight) -> Self {
        let name = account.first_name.as_ref().unwrap_or(&account.display_name);
        let word = |flag| if flag { "true" } else { "false" };
        let calling = account.calling.as_ref().filter(|_| sight.calling);
        let place = calling.and_then(|calling| location(calling.location));
        Self {
            person: Person {
                id: account.webex_id(),
                emails: vec![account.email.clone()],
                display_name: account.display_name.clone(),
                org_id: Some(organisation_id(account.organisation)),
                person_type: account.kind.clone(),
            },
            profile: account.profile.clone(),
            first_name: account.first_name.clone(),
            last_name: account.last_name.clone(),
            nick_name: name.clone(),
            phone_numbers: if sight.calling { phones(account) } else { Vec::new() },
            extension: calling.and_then(|calling| calling.extension.clone()),
            location_id: place.map(|place| place.id(account.organisation)),
            roles: if account.administrator { vec![role_id()] } else { Vec::new() },
            licenses: if sight.administrative {
                account.licences.iter().map(|licence| licence.id(account.organisation)).collect()
            } else {
                Vec::new()
            },
            created: date(account.created),
            last_modified: date(account.modified),
            timezone: "Etc/UTC",
            status: if account.invited { "pending" } else { "active" },
            invite_pending: word(account.invited),
            login_enabled: word(account.signs_in),
        }
    }
}

/// The number, and the extension as others dial it: behind the location's prefix.
fn phones(account: &Account) -> Vec<Phone> {
    let Some(calling) = &account.calling else { return Vec::new() };
    let prefix = location(calling.location).map_or("", |location| location.routing_prefix);
    let number = calling.number.clone().map(|value| Phone { kind: "work", value, primary: Some(true) });
    let dialled = calling.extension.as_ref().map(|extension| format!("{prefix}{extension}"));
    let extension = dialled.map(|value| Phone { kind: "work_extension", value, primary: None });
    number.into_iter().chain(extension).collect()
}

/// The id of the role of a full administrator; the simulator's own.
pub(in crate::routes) fn role_id() -> String {
    webex_id("ROLE", FULL_ADMINISTRATOR)
}

const FULL_ADMINISTRATOR: Uuid = Uuid::from_u128(0x96ab_c2aa_3dcc_41e5_a152_fe34_819c_dc9a);

/// A time as Webex writes it: UTC with milliseconds.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_milliseconds() {
        assert_eq!(date(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
