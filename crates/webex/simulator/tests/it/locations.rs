//! Locations are made, enabled for Webex Calling, given numbers, and removed.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fidelity::Office;
use crate::world::{gateway, text};

/// A new location, with the fields that the reference requires.
fn pod(name: &str) -> Value {
    json!({
        "name": name,
        "timeZone": "America/Chicago",
        "preferredLanguage": "en_us",
        "announcementLanguage": "fr_fr",
        "address": { "address1": "1 Lab Street", "city": "Austin", "state": "TX", "postalCode": "78701", "country": "US" },
        "notes": "Lab",
    })
}

async fn make(office: &Office, name: &str) -> String {
    let (status, made) = office.write(Method::POST, "/locations", pod(name)).await;
    assert_eq!(status, 201, "{made}");
    text(&made, "/id")
}

async fn enable(office: &Office, id: &str, name: &str) {
    let mut order = pod(name);
    order["id"] = json!(id);
    let (status, reply) = office.write(Method::POST, "/telephony/config/locations", order).await;
    assert_eq!((status.as_u16(), &reply["id"]), (201, &json!(id)), "{reply}");
}

#[tokio::test]
async fn a_location_is_made_changed_and_removed() {
    let office = Office::open().await;
    let id = make(&office, "Pod01").await;
    let path = format!("/locations/{id}");
    let shown = office.read(&path).await;
    for (field, expected) in [("name", json!("Pod01")), ("timeZone", json!("America/Chicago")), ("notes", json!("Lab"))]
    {
        assert_eq!(shown[field], expected, "{field}");
    }
    assert_eq!((&shown["address"]["state"], shown.get("latitude")), (&json!("TX"), None));
    assert_eq!(office.read("/locations?name=pod0").await["items"], json!([shown]));
    gateway(&office.write(Method::POST, "/locations", pod("Pod01")).await, 409);
    gateway(&office.write(Method::PUT, &path, json!({ "name": "Europe" })).await, 409);

    let (status, _) = office.write(Method::PUT, &path, json!({ "name": "Pod 1", "timeZone": "Asia/Tokyo" })).await;
    assert_eq!(status, 204);
    let changed = office.read(&path).await;
    assert_eq!((&changed["name"], &changed["timeZone"]), (&json!("Pod 1"), &json!("Asia/Tokyo")));
    assert_eq!(changed["address"], shown["address"]);

    assert_eq!(office.write(Method::DELETE, &path, Value::Null).await.0, 204);
    gateway(&office.world.got(&path, &office.token).await, 404);
    let headquarters = office.id("/locations", "Headquarters").await;
    gateway(&office.write(Method::DELETE, &format!("/locations/{headquarters}"), Value::Null).await, 409);
}

#[tokio::test]
async fn what_is_no_location_is_refused() {
    let office = Office::open().await;
    for field in ["name", "timeZone", "preferredLanguage", "announcementLanguage", "address"] {
        let mut wrong = pod("Pod01");
        wrong.as_object_mut().unwrap().remove(field);
        let reason = gateway(&office.write(Method::POST, "/locations", wrong).await, 400);
        assert!(reason.contains(field), "{reason}");
    }
    let mut wrong = pod("Pod01");
    wrong["address"]["country"] = json!("USA");
    gateway(&office.write(Method::POST, "/locations", wrong).await, 400);
    let read_only = office.world.signed_in(&office.world.knows().admin.email, "spark-admin:locations_read").await;
    gateway(&office.world.tell("/locations", &text(&read_only, "/access_token"), pod("Pod01")).await, 403);
}

#[tokio::test]
async fn a_person_is_enabled_at_a_new_location_once_it_has_calling_and_numbers() {
    let office = Office::open().await;
    let id = make(&office, "Pod01").await;
    let calling = office.id("/licenses", "Webex Calling - Professional").await;
    let person = office.person(|person| person["locationId"].is_null()).await;
    let number = "+14085550220";
    let order = json!({ "personId": person["id"], "licenses": [{ "id": calling,
        "properties": { "locationId": id, "phoneNumber": number } }] });
    let give = async || office.write(Method::PATCH, "/licenses/users", order.clone()).await;
    let numbers = format!("/telephony/config/locations/{id}/numbers");
    let add = json!({ "phoneNumbers": [number, "+14085550221"] });

    gateway(&office.world.got(&format!("/telephony/config/locations/{id}"), &office.token).await, 404);
    gateway(&office.write(Method::POST, &numbers, add.clone()).await, 400);
    enable(&office, &id, "Pod01").await;
    let shown = office.read(&format!("/telephony/config/locations/{id}")).await;
    assert_eq!((&shown["announcementLanguage"], shown.get("routingPrefix")), (&json!("fr_fr"), None));
    assert_ne!(give().await.0, 200, "the location has no such number");
    assert_eq!(office.write(Method::POST, &numbers, add).await.0, 201);
    assert_eq!(give().await.0, 200);
    let path = format!("/people/{}?callingData=true", text(&person, "/id"));
    assert_eq!(office.read(&path).await["locationId"], json!(id));

    let list = office.read(&format!("/telephony/config/numbers?locationId={id}")).await;
    let owned: Vec<_> = list["phoneNumbers"].as_array().unwrap().iter().map(|line| line["owner"].is_object()).collect();
    assert_eq!(owned, [true, false]);
    let free = json!({ "phoneNumbers": ["+14085550221"], "action": "DEACTIVATE" });
    assert_eq!(office.write(Method::PUT, &numbers, free.clone()).await.0, 204);
    let inactive = office.read("/telephony/config/numbers?state=INACTIVE").await;
    assert_eq!(inactive["phoneNumbers"][0]["phoneNumber"], "+14085550221");
    gateway(&office.write(Method::DELETE, &numbers, json!({ "phoneNumbers": [number] })).await, 400);
    assert_eq!(office.write(Method::DELETE, &numbers, free).await.0, 204);
}
