//! A person as Webex shows them.

use lanyard_protocol::{Person, WebexId};
use serde::Serialize;

use super::{Caller, Form, ReadAll};
use crate::routes::extract::Scopes as _;
use crate::world::{Account, Directory, Phone, Profile, date, location_id, organisation_id};

/// How much somebody sees of a person.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::routes) struct Sight {
    /// Whether to show the fields for administrators: licences.
    administrative: bool,
    /// The line, which is shown when it is asked for.
    calling: bool,
    /// The name to sign in with; a list by id has it [C: live tests of `wxc_sdk`].
    user_name: bool,
}

impl Sight {
    /// The fields of a list by id.
    pub(super) fn by_id() -> Self {
        Self { user_name: true, ..Self::default() }
    }

    pub(super) fn of(caller: &Caller, query: &Form) -> Self {
        let administrative = caller.has_any(ReadAll::ANY);
        Self { administrative, calling: administrative && query.get("callingData") == Some("true"), user_name: false }
    }
}

/// A person, with the fields of the reference that the protocol crate does not have.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    /// Left out where there are none [L].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phone_numbers: Vec<Phone>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sip_addresses: Vec<SipAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<String>,
    roles: Vec<String>,
    licenses: Vec<String>,
    created: String,
    last_modified: String,
    status: &'static str,
    /// Both are texts in the reference; captures of live replies have truth values [L], and a typed client decodes nothing else [C].
    invite_pending: bool,
    login_enabled: bool,
}

impl View {
    pub(super) fn of(directory: &Directory, account: &Account, sight: Sight) -> Self {
        let name = account.first_name.as_ref().unwrap_or(&account.display_name);
        let calling = account.calling.as_ref().filter(|_| sight.calling);
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
            user_name: sight.user_name.then(|| account.email.clone()),
            phone_numbers: phones(directory, account, sight),
            sip_addresses: sip_addresses(account),
            extension: calling.and_then(|calling| calling.extension.clone()),
            location_id: calling.map(|calling| location_id(calling.location)),
            roles: if account.administrator { vec![role_id()] } else { Vec::new() },
            licenses: if sight.administrative {
                account.licences.iter().map(|licence| licence.id(account.organisation)).collect()
            } else {
                Vec::new()
            },
            created: date(account.created),
            last_modified: date(account.modified),
            status: if account.invited { "pending" } else { "active" },
            invite_pending: account.invited,
            login_enabled: account.signs_in,
        }
    }
}

/// An address to call a person at.
#[derive(Serialize)]
struct SipAddress {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
    primary: bool,
}

/// Those that every member has: for calls, and of the personal room.
fn sip_addresses(account: &Account) -> Vec<SipAddress> {
    let Some((local, domain)) = account.email.split_once('@').filter(|_| account.is_member()) else {
        return Vec::new();
    };
    let site = domain.split('.').next().unwrap_or(domain);
    let address = |kind, service: &str| SipAddress {
        kind,
        value: format!("{local}@{site}.{service}.webex.example"),
        primary: kind == "cloud-calling",
    };
    vec![address("cloud-calling", "calls"), address("personal-room", "rooms")]
}

/// The numbers in the directory, and for a line the number and the extension as others dial it, behind the location's prefix. A line's
/// number replaces the directory's work number while the person has it.
fn phones(directory: &Directory, account: &Account, sight: Sight) -> Vec<Phone> {
    let Some(calling) = account.calling.as_ref().filter(|_| sight.calling) else {
        return if sight.administrative { account.phones.clone() } else { Vec::new() };
    };
    let place = directory.location(account.organisation, calling.location);
    let prefix = place.map_or("", |location| location.routing_prefix());
    let phone = |kind: &str, value, primary| Phone { kind: kind.to_owned(), value, primary };
    let number = calling.number.clone().map(|value| phone("work", value, Some(true)));
    let dialled = calling.extension.as_ref().map(|extension| format!("{prefix}{extension}"));
    let extension = dialled.map(|value| phone("work_extension", value, None));
    let others = account.phones.iter().filter(|phone| number.is_none() || phone.kind != "work").cloned();
    let others: Vec<_> = others.collect();
    number.into_iter().chain(others).chain(extension).collect()
}

/// The id of the role of a full administrator, as a live capture has it [L]; the reference's examples hold a UUID.
pub(in crate::routes) fn role_id() -> String {
    WebexId { cluster: "us".into(), kind: "ROLE".into(), value: "id_full_admin".into() }.encode()
}
