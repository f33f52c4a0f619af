//! `PATCH /licenses/users`: giving and taking licences.

use std::sync::Arc;

use axum::Json;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Refusal;
use crate::routes::extract::{Body, Permitted, scopes};
use crate::routes::refusal::Reply;
use crate::webex::Webex;
use crate::world::{Account, Assignment, Directory, GrantError, Licence, LineError, organisation_id, person_of};

scopes! {
    Write = "spark-admin:people_write";
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Order {
    email: Option<String>,
    person_id: Option<String>,
    org_id: Option<String>,
    #[serde(default)]
    licenses: Vec<Item>,
    site_urls: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default)]
    operation: Operation,
    properties: Option<Properties>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    #[default]
    Add,
    Remove,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    location_id: Option<String>,
    phone_number: Option<String>,
    extension: Option<String>,
}

/// An item that is understood.
struct Change {
    licence: Licence,
    id: String,
    operation: Operation,
    properties: Option<Properties>,
    location: Option<Uuid>,
}

/// All of it is done, or some (206), or nothing, and then the first reason is told.
pub(in crate::routes) async fn assign(
    webex: Webex,
    caller: Permitted<Write>,
    Body(order): Body<Order>,
) -> Reply<(StatusCode, Json<Value>)> {
    let now = webex.now();
    let mut state = webex.state();
    let organisation = caller.reach_organisation(&state, order.org_id.as_deref())?;
    if order.site_urls.iter().flatten().next().is_some() {
        let message = "Request contains invalid attendee siteUrls: the organization has no sites";
        return Err(coded("Invalid site URL", 400_216, message.to_owned()));
    }
    let directory = &mut state.directory;
    let found = match (&order.person_id, &order.email) {
        (Some(id), _) => person_of(id).and_then(|id| directory.account(id)),
        (None, Some(email)) => directory.by_email(email),
        (None, None) => return Err(Refusal::BadRequest("personId or email is required.".to_owned())),
    };
    let account = Arc::clone(found.filter(|account| account.is_member()).ok_or(Refusal::NotFound)?);
    let id = account.id;
    let changes = understand(directory, order.licenses, organisation)?;
    if account.organisation != organisation {
        return offer(directory, &account, organisation, &changes);
    }

    let mut refused = Vec::new();
    // What is taken away makes room for what is given.
    let (taken, given): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.operation == Operation::Remove);
    for change in &taken {
        directory.take(id, change.licence, now);
    }
    for change in &given {
        if let Err(refusal) = give(directory, id, change, now) {
            refused.push(refusal);
        }
    }
    let done = changes.len() - refused.len();
    match refused.into_iter().next() {
        Some(refusal) if done == 0 => Err(refusal),
        first => {
            let status = if first.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
            Ok((status, Json(view(directory, id)?)))
        }
    }
}

/// Reads all items before anything is done.
fn understand(directory: &Directory, items: Vec<Item>, organisation: Uuid) -> Result<Vec<Change>, Refusal> {
    let unknown: Vec<_> = items.iter().filter(|item| Licence::of(organisation, &item.id).is_none()).collect();
    if !unknown.is_empty() {
        let ids: Vec<_> = unknown.iter().map(|item| item.id.as_str()).collect();
        let description = format!("License not recognized {}", ids.join(","));
        return Err(coded("License not recognized", 400_000, description));
    }
    let mut changes = Vec::new();
    for Item { id, operation, properties } in items {
        let Some(licence) = Licence::of(organisation, &id) else { continue };
        let place = properties.as_ref().and_then(|properties| properties.location_id.as_deref());
        let location =
            place.map(|place| directory.location_of(organisation, place).ok_or_else(no_location)).transpose()?;
        let location = location.map(|location| location.id);
        changes.push(Change { licence, id, operation, properties, location });
    }
    let calling = changes.iter().filter(|change| change.operation == Operation::Add && change.licence.is_calling());
    let calling: Vec<_> = calling.collect();
    if let [first, second, ..] = calling.as_slice()
        && first.licence.kind() != second.licence.kind()
    {
        let description = format!(
            "User cannot have both Webex Calling Professional and Standard License together. The following license(s) could \
             not be applied as requested: {},{}",
            first.id, second.id
        );
        return Err(coded("License conflict", 400_404, description));
    }
    Ok(changes)
}

fn give(directory: &mut Directory, id: Uuid, change: &Change, now: Timestamp) -> Result<(), Refusal> {
    let properties = change.properties.as_ref();
    let said = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let wanted = Assignment {
        licence: change.licence,
        number: said(properties.and_then(|properties| properties.phone_number.as_ref())),
        extension: said(properties.and_then(|properties| properties.extension.as_ref())),
        location: change.location,
    };
    let licence = &change.id;
    directory.give(id, &wanted, now).map_err(|error| match error {
        GrantError::Downgrade => coded(
            "License assignment failed",
            400_112,
            format!(
                "Changing a user's Webex Calling license from Professional to Standard is not allowed. The following \
                 license(s) could not be applied as requested: {licence}"
            ),
        ),
        GrantError::Line(LineError::Missing) => coded(
            "License properties missing",
            400_411,
            format!(
                "Each Webex Calling license should contain its own calling properties. The following license(s) do not have \
                 properties: {licence}"
            ),
        ),
        // For these the reference has no number of its own.
        GrantError::Line(LineError::NoLocation) => no_location(),
        GrantError::Nobody | GrantError::Exhausted | GrantError::Line(_) => {
            coded("License assignment failed", 400, error.to_string())
        }
    })
}

/// Offers licences to a person of another organisation. They are pending until the person accepts them, and only licences for meetings
/// can be offered (the reference's words).
fn offer(
    directory: &mut Directory,
    account: &Account,
    organisation: Uuid,
    changes: &[Change],
) -> Reply<(StatusCode, Json<Value>)> {
    if let Some(refused) = changes.iter().find(|change| change.licence != Licence::MEETINGS) {
        let description = format!(
            "Only meeting licenses can be assigned to users outside the organization. The following license(s) could not be \
             applied as requested: {}",
            refused.id
        );
        return Err(coded("License assignment failed", 400, description));
    }
    let mut pending = Vec::new();
    for change in changes {
        let offered = directory.offer(organisation, account.id, change.licence, change.operation == Operation::Add);
        pending = offered.iter().map(|licence| licence.id(organisation)).collect();
    }
    let shown = json!({
        "orgId": organisation_id(account.organisation),
        "personId": account.webex_id(),
        "email": account.email,
        "licenses": [],
        "siteUrls": [],
        "pendingLicenses": pending,
        "pendingSiteUrls": [],
    });
    Ok((StatusCode::OK, Json(shown)))
}

fn view(directory: &Directory, id: Uuid) -> Result<Value, Refusal> {
    let account = directory.account(id).ok_or(Refusal::NotFound)?;
    let licences: Vec<_> = account.licences.iter().map(|licence| licence.id(account.organisation)).collect();
    Ok(json!({
        "orgId": organisation_id(account.organisation),
        "personId": account.webex_id(),
        "email": account.email,
        "licenses": licences,
        "siteUrls": [],
    }))
}

fn no_location() -> Refusal {
    coded("Unable to find location", 400, "Unable to find location.".to_owned())
}

fn coded(message: &'static str, code: u32, description: String) -> Refusal {
    Refusal::Coded { message, code, description }
}
