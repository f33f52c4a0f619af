//! Lists whose content is small: licences, locations, numbers, calls, meetings and what is kept of them.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use lanyard_protocol::PersonType;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::cursor::Cursor;
use super::form::Form;
use super::list::Slice;
use super::refusal::Refusal;
use crate::webex::Webex;
use crate::world::{organisation_id, webex_id};

/// `GET /licenses`; never paged.
pub(super) async fn licenses(State(webex): State<Webex>, caller: Caller) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&["spark-admin:licenses_read"])?;
    let people = webex.state().directory.listed_in(caller.account.organisation).count();
    let items = units(people).zip(LICENSES).map(|((name, total, used), (_, number, _))| {
        json!({
            "id": own_id("LICENSE", &caller, number),
            "name": name,
            "totalUnits": total,
            "consumedUnits": used,
            "consumedByUsers": used,
            "consumedByWorkspaces": 0,
        })
    });
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// The licences of an organisation of that many people: names, how many units there are, how many are used.
pub(super) fn units(people: usize) -> impl Iterator<Item = (&'static str, usize, usize)> {
    LICENSES.iter().map(move |(name, _, share)| (*name, people + 10, people / share))
}

/// The reference's largest page of locations, and its usual one.
const MOST_LOCATIONS: usize = 500;

/// `GET /locations`, by `name` or by `id`.
pub(super) async fn locations(
    State(webex): State<Webex>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Refusal> {
    caller.needs_any(&["spark-admin:locations_read"])?;
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let size = match query.get("max") {
        None => MOST_LOCATIONS,
        Some(text) => text.parse().map_err(|_| Refusal::BadRequest("max is a number.".into()))?,
    };
    let cursor = Cursor::of(&query)?;
    let found = LOCATIONS.iter().filter(|location| {
        query.get("name").is_none_or(|name| name.eq_ignore_ascii_case(location.name))
            && query.get("id").is_none_or(|id| id.trim_end_matches('=') == location.id(&caller))
    });
    let empty_pages = webex.state().behaviour.empty_pages;
    let (page, next) = cursor.page(found, size.clamp(1, MOST_LOCATIONS), empty_pages);
    let items: Vec<_> = page.into_iter().map(|location| location.view(&caller)).collect();
    let mut response = Json(json!({ "items": items })).into_response();
    if let Some(link) = next.and_then(|next| next.link(&webex, "/locations", &query).parse().ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// The reference's default and largest page of numbers.
const MOST_NUMBERS: usize = 2000;

/// `GET /telephony/config/numbers`: a list under a name of its own, by `locationId` or by `phoneNumber`.
pub(super) async fn numbers(
    State(webex): State<Webex>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Refusal> {
    caller.needs_any(&["spark-admin:telephony_config_read"])?;
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let slice = Slice::of(&query, MOST_NUMBERS, MOST_NUMBERS)?;
    let text = |number: usize| format!("+1408555010{number}");
    let location = &LOCATIONS[0];
    let found = (0..3).filter(|number| {
        query.get("locationId").is_none_or(|id| id.trim_end_matches('=') == location.id(&caller))
            && query.get("phoneNumber").is_none_or(|wanted| wanted == text(*number))
    });
    let show = |number| {
        json!({
            "phoneNumber": text(number),
            "state": "ACTIVE",
            "phoneNumberType": "PRIMARY",
            "mainNumber": number == 0,
            "includedTelephonyTypes": "PSTN_NUMBER",
            "tollFreeNumber": false,
            "isServiceNumber": false,
            "isReservedNumber": false,
            "location": { "id": location.id(&caller), "name": location.name },
        })
    };
    Ok(slice.page(&webex, ("/telephony/config/numbers", "phoneNumbers"), &query, false, found, show))
}

/// `GET /telephony/calls`: for a person's own token only.
pub(super) async fn calls(caller: Caller) -> Result<Json<Value>, Refusal> {
    if caller.account.kind != PersonType::Person {
        return Err(Refusal::BadRequest("Target user not authorized".to_owned()));
    }
    caller.needs_any(&["spark:calls_read"])?;
    Ok(Json(json!({ "items": [] })))
}

/// `GET /meetings`: nobody has met yet.
pub(super) async fn meetings(caller: Caller) -> Result<Json<Value>, Refusal> {
    nothing(&caller, &["meeting:schedules_read", "meeting:admin_schedule_read"])
}

/// `GET /recordings`.
pub(super) async fn recordings(caller: Caller) -> Result<Json<Value>, Refusal> {
    nothing(&caller, &["meeting:recordings_read", "meeting:admin_recordings_read"])
}

/// `GET /meetingTranscripts`.
pub(super) async fn transcripts(caller: Caller) -> Result<Json<Value>, Refusal> {
    nothing(&caller, &["meeting:transcripts_read", "meeting:admin_transcripts_read"])
}

fn nothing(caller: &Caller, scopes: &[&str]) -> Result<Json<Value>, Refusal> {
    if caller.is_bot() {
        return Err(Refusal::Forbidden);
    }
    caller.needs_any(scopes)?;
    Ok(Json(json!({ "items": [] })))
}

/// An id of the simulator's own; each organisation has its own.
fn own_id(kind: &str, caller: &Caller, number: u128) -> String {
    webex_id(kind, Uuid::from_u128(caller.account.organisation.as_u128() ^ number))
}

/// Names, numbers to make ids of, and one of how many people has it.
const LICENSES: [(&str, u128, usize); 5] = [
    ("Webex Calling - Professional", 0x1ce_0001, 4),
    ("Webex Calling - Standard", 0x1ce_0002, 20),
    ("Unified Communication Manager (UCM)", 0x1ce_0003, 2),
    ("Messaging", 0x1ce_0004, 1),
    ("Meeting - Webex Meeting Center", 0x1ce_0005, 3),
];

struct Location {
    number: u128,
    name: &'static str,
    zone: &'static str,
    city: &'static str,
    postal_code: &'static str,
    country: &'static str,
    /// Texts, as the reference's example has them.
    latitude: &'static str,
    longitude: &'static str,
}

impl Location {
    fn id(&self, caller: &Caller) -> String {
        own_id("LOCATION", caller, self.number)
    }

    fn view(&self, caller: &Caller) -> Value {
        json!({
            "id": self.id(caller),
            "name": self.name,
            "orgId": organisation_id(caller.account.organisation),
            "timeZone": self.zone,
            "preferredLanguage": "en_us",
            "address": {
                "address1": "1 Main Street",
                "city": self.city,
                "postalCode": self.postal_code,
                "country": self.country,
            },
            "latitude": self.latitude,
            "longitude": self.longitude,
        })
    }
}

const LOCATIONS: [Location; 3] = [
    Location {
        number: 0x10c_0001,
        name: "Headquarters",
        zone: "America/Los_Angeles",
        city: "San Jose",
        postal_code: "95134",
        country: "US",
        latitude: "37.335480",
        longitude: "-121.893028",
    },
    Location {
        number: 0x10c_0002,
        name: "Europe",
        zone: "Europe/Zurich",
        city: "Bern",
        postal_code: "3011",
        country: "CH",
        latitude: "46.947976",
        longitude: "7.447447",
    },
    Location {
        number: 0x10c_0003,
        name: "Asia",
        zone: "Asia/Singapore",
        city: "Singapore",
        postal_code: "048581",
        country: "SG",
        latitude: "1.352083",
        longitude: "103.819836",
    },
];
