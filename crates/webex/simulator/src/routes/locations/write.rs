//! Calls that change locations.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Location, Refusal};
use crate::random;
use crate::routes::extract::{Body, Permitted, scopes};
use crate::routes::refusal::Reply;
use crate::webex::Webex;
use crate::world::Address;

scopes! {
    Write = "spark-admin:locations_write";
}

/// The longest name (the reference's words).
const LONGEST_NAME: usize = 256;

/// A location as a call describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Wish {
    pub(super) id: Option<String>,
    name: Option<String>,
    time_zone: Option<String>,
    preferred_language: Option<String>,
    pub(super) announcement_language: Option<String>,
    address: Option<Address>,
    latitude: Option<String>,
    longitude: Option<String>,
    notes: Option<String>,
}

impl Wish {
    /// Refuses a call that leaves out what the reference requires of a new location.
    pub(super) fn whole(&self) -> Result<(), Refusal> {
        let address = self.address.clone().unwrap_or_default();
        let required = [
            ("name", &self.name),
            ("timeZone", &self.time_zone),
            ("preferredLanguage", &self.preferred_language),
            ("announcementLanguage", &self.announcement_language),
            ("address.address1", &address.address1),
            ("address.city", &address.city),
            ("address.state", &address.state),
            ("address.postalCode", &address.postal_code),
            ("address.country", &address.country),
        ];
        let missing = required.iter().find(|(_, value)| value.as_ref().is_none_or(|text| text.trim().is_empty()));
        match missing {
            // Webex accepts an address without a state where the country has none [?].
            Some((field, _)) if *field != "address.state" => Err(Refusal::BadRequest(format!("{field} is required."))),
            _ => self.check(),
        }
    }

    /// Refuses values that cannot be.
    fn check(&self) -> Result<(), Refusal> {
        if self.name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > LONGEST_NAME) {
            return Err(Refusal::BadRequest(format!("name has 1 to {LONGEST_NAME} characters.")));
        }
        let country = self.address.as_ref().and_then(|address| address.country.as_deref());
        if country.is_some_and(|code| code.len() != 2 || !code.bytes().all(|letter| letter.is_ascii_alphabetic())) {
            return Err(Refusal::BadRequest("address.country is an ISO 3166 code of two letters.".to_owned()));
        }
        Ok(())
    }
}

/// `POST /locations`. Webex Calling is enabled at it by a call of its own.
pub(in crate::routes) async fn create(
    webex: Webex,
    caller: Permitted<Write>,
    Body(wish): Body<Wish>,
) -> Reply<(StatusCode, Json<Value>)> {
    wish.whole()?;
    let id = random::uuid(&*webex.setting().entropy);
    let mut state = webex.state();
    let organisation = caller.reach(&state)?;
    let name = wish.name.unwrap_or_default();
    if state.directory.has_location_named(organisation, &name, None) {
        return Err(taken());
    }
    let location = Location {
        id,
        name,
        zone: wish.time_zone.unwrap_or_default(),
        address: wish.address.unwrap_or_default(),
        latitude: wish.latitude,
        longitude: wish.longitude,
        notes: wish.notes,
        calling: None,
    };
    let shown = json!({ "id": location.webex_id() });
    state.directory.add_location(organisation, location);
    Ok((StatusCode::CREATED, Json(shown)))
}

/// `PUT /locations/{id}`; what it leaves out stays.
pub(in crate::routes) async fn update(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
    Body(wish): Body<Wish>,
) -> Reply<StatusCode> {
    wish.check()?;
    let mut state = webex.state();
    let organisation = caller.reach(&state)?;
    let id = state.directory.location_of(organisation, &id).ok_or(Refusal::NotFound)?.id;
    if wish.name.as_ref().is_some_and(|name| state.directory.has_location_named(organisation, name, Some(id))) {
        return Err(taken());
    }
    let location = state.directory.location_mut(organisation, id).ok_or(Refusal::NotFound)?;
    if let Some(name) = wish.name {
        location.name = name;
    }
    if let Some(zone) = wish.time_zone {
        location.zone = zone;
    }
    if let Some(address) = wish.address {
        location.address = address;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /locations/{id}`. One with Webex Calling stays (the reference's words), and so does one with workspaces.
pub(in crate::routes) async fn delete(
    webex: Webex,
    caller: Permitted<Write>,
    Path(id): Path<String>,
) -> Reply<StatusCode> {
    let mut state = webex.state();
    let organisation = caller.reach(&state)?;
    let location = state.directory.location_of(organisation, &id).ok_or(Refusal::NotFound)?;
    if location.calling.is_some() {
        return Err(Refusal::Gateway(StatusCode::CONFLICT, "The location is enabled for Webex Calling."));
    }
    let (id, name) = (location.id, location.webex_id());
    if state.rooms.workspaces().any(|workspace| workspace.location.as_ref() == Some(&name)) {
        return Err(Refusal::Gateway(StatusCode::CONFLICT, "The location has workspaces."));
    }
    state.directory.remove_location(organisation, id);
    Ok(StatusCode::NO_CONTENT)
}

fn taken() -> Refusal {
    Refusal::Gateway(StatusCode::CONFLICT, "A location with this name already exists.")
}
