//! People, licences, roles and locations against Cisco's documents: what is read and what is written.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use lanyard_testkit::left_out;

use super::documents;
use crate::world::{World, text};

#[tokio::test]
async fn what_is_read_and_written_of_people_is_as_ciscos_documents_have_it() {
    let documents = match documents() {
        Ok(documents) => documents,
        Err(why) => return left_out(&why),
    };
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let first = async |path: &str| text(&world.got(path, &admin).await.1, "/items/0/id");
    let (location, role) = (first("/locations").await, first("/roles").await);
    let (_, licences) = world.got("/licenses", &admin).await;
    let licence = |name: &str| {
        let mut all = licences["items"].as_array().unwrap().iter();
        text(all.find(|licence| licence["name"] == name).unwrap(), "/id")
    };
    let (calling, messaging) = (licence("Webex Calling - Professional"), licence("Advanced Messaging"));
    let standard = licence("Webex Calling - Standard");
    let (_, numbers) = world.got("/telephony/config/numbers?available=true", &admin).await;
    let free = numbers["phoneNumbers"].as_array().unwrap().iter().find(|number| number.get("owner").is_none()).unwrap();

    let mut deviating = BTreeSet::new();
    let new = json!({ "emails": ["eve@people.example"], "displayName": "Eve", "firstName": "Eve", "lastName": "E." });
    let request = world.post("/people", &admin, &new);
    deviating.extend(documents.judge("admin", "POST", "/people", request).await);
    let eve = text(&world.got("/people?email=eve@people.example", &admin).await.1, "/items/0/id");
    let line = json!({ "locationId": free["location"]["id"], "phoneNumber": free["phoneNumber"], "extension": "9321" });
    // One that holds, and one of which a part is refused: the number is somebody's.
    for licences in [
        json!([{ "id": calling, "operation": "add", "properties": line }]),
        json!([{ "id": messaging }, { "id": standard, "properties": { "phoneNumber": "+14085550101" } }]),
    ] {
        let order = json!({ "personId": eve, "licenses": licences });
        let patch = world.http.request(Method::PATCH, world.url("/licenses/users")).bearer_auth(&admin).json(&order);
        deviating.extend(documents.judge("admin", "PATCH", "/licenses/users", patch).await);
    }
    for (document, operation, path) in [
        ("admin", "/people/{personId}", format!("/people/{eve}?callingData=true")),
        ("admin", "/people", "/people?callingData=true&max=20".to_owned()),
        ("admin", "/people", format!("/people?locationId={location}")),
        ("admin", "/licenses/{licenseId}", format!("/licenses/{calling}")),
        ("admin", "/licenses/{licenseId}", format!("/licenses/{calling}?includeAssignedTo=user&limit=5")),
        ("admin", "/roles", "/roles".to_owned()),
        ("admin", "/roles/{roleId}", format!("/roles/{role}")),
        ("device", "/locations/{locationId}", format!("/locations/{location}")),
        ("device", "/locations/{locationId}/floors", format!("/locations/{location}/floors")),
        ("calling-subset", "/telephony/config/locations", "/telephony/config/locations".to_owned()),
        ("calling-subset", "/telephony/config/numbers", format!("/telephony/config/numbers?locationId={location}")),
        ("calling-subset", "/telephony/calls/history", "/telephony/calls/history".to_owned()),
        ("meeting", "/admin/recordings", "/admin/recordings".to_owned()),
    ] {
        deviating.extend(documents.judge(document, "GET", operation, world.get(&path, &admin)).await);
    }
    let address =
        json!({ "address1": "1 Lab Street", "city": "Austin", "state": "TX", "postalCode": "78701", "country": "US" });
    let mut pod = json!({ "name": "Pod01", "timeZone": "America/Chicago", "preferredLanguage": "en_us",
        "announcementLanguage": "en_us", "address": address });
    let request = world.post("/locations", &admin, &pod);
    deviating.extend(documents.judge("device", "POST", "/locations", request).await);
    pod["id"] = json!(text(&world.got("/locations?name=Pod01", &admin).await.1, "/items/0/id"));
    let request = world.post("/telephony/config/locations", &admin, &pod);
    deviating.extend(documents.judge("calling-subset", "POST", "/telephony/config/locations", request).await);
    let (_, whole): (_, Value) = world.got(&format!("/people/{eve}?callingData=true"), &admin).await;
    let mut changed = whole.clone();
    changed["displayName"] = json!("Eve Else");
    let url = world.url(&format!("/people/{eve}?callingData=true"));
    let request = world.http.request(Method::PUT, url).bearer_auth(&admin).json(&changed);
    deviating.extend(documents.judge("admin", "PUT", "/people/{personId}", request).await);
    assert!(deviating.is_empty(), "{deviating:#?}");
}
