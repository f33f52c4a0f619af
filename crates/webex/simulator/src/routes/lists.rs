//! Lists whose content is small: licences, locations, numbers, calls, meetings and what is kept of them.

use axum::Json;
use axum::extract::State;
use lanyard_protocol::PersonType;
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::Caller;
use super::refusal::Refusal;
use crate::organisation::{organisation_id, webex_id};
use crate::webex::Webex;

/// `GET /licenses`.
pub(super) async fn licenses(State(webex): State<Webex>, caller: Caller) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&["spark-admin:licenses_read"])?;
    let people = webex.state().organisation.listed_in(caller.account.organisation).count();
    let items = LICENSES.iter().map(|(name, id, share)| {
        let used = people / share;
        json!({
            "id": webex_id("LICENSE", Uuid::from_u128(*id)),
            "name": name,
            "totalUnits": people + 10,
            "consumedUnits": used,
            "consumedByUsers": used,
            "consumedByWorkspaces": 0,
        })
    });
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// `GET /locations`.
pub(super) async fn locations(caller: Caller) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&["spark-admin:locations_read"])?;
    let items = LOCATIONS.iter().map(|(name, id, zone, city, country)| {
        json!({
            "id": webex_id("LOCATION", Uuid::from_u128(*id)),
            "name": name,
            "orgId": organisation_id(caller.account.organisation),
            "timeZone": zone,
            "preferredLanguage": "en_us",
            "address": { "address1": "1 Main Street", "city": city, "country": country },
        })
    });
    Ok(Json(json!({ "items": items.collect::<Vec<_>>() })))
}

/// `GET /telephony/config/numbers`: a list under a name of its own.
pub(super) async fn numbers(caller: Caller) -> Result<Json<Value>, Refusal> {
    caller.needs_any(&["spark-admin:telephony_config_read"])?;
    let location = json!({ "id": webex_id("LOCATION", Uuid::from_u128(LOCATIONS[0].1)), "name": LOCATIONS[0].0 });
    let numbers = (0..3).map(|number| {
        json!({
            "phoneNumber": format!("+1408555010{number}"),
            "state": "ACTIVE",
            "phoneNumberType": "PRIMARY",
            "mainNumber": number == 0,
            "tollFreeNumber": false,
            "isServiceNumber": false,
            "location": location,
        })
    });
    Ok(Json(json!({ "phoneNumbers": numbers.collect::<Vec<_>>() })))
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

/// Names, ids of the simulator's own, and one of how many people has it.
const LICENSES: [(&str, u128, usize); 5] = [
    ("Webex Calling - Professional", 0x1ce_0001, 4),
    ("Webex Calling - Standard", 0x1ce_0002, 20),
    ("Unified Communication Manager (UCM)", 0x1ce_0003, 2),
    ("Messaging", 0x1ce_0004, 1),
    ("Meeting - Webex Meeting Center", 0x1ce_0005, 3),
];

const LOCATIONS: [(&str, u128, &str, &str, &str); 3] = [
    ("Headquarters", 0x10c_0001, "America/Los_Angeles", "San Jose", "US"),
    ("Europe", 0x10c_0002, "Europe/Zurich", "Bern", "CH"),
    ("Asia", 0x10c_0003, "Asia/Singapore", "Singapore", "SG"),
];
