//! People register for meetings and webinars.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fidelity::Office;
use crate::lists::every_page;
use crate::meetings::{invalid, office_of_a_host, review};
use crate::world::text;

fn person(number: usize) -> Value {
    json!({ "firstName": "Pat", "lastName": format!("No. {number}"), "email": format!("pat{number}@people.example") })
}

/// A meeting with this form, and the path of its registrants.
async fn open(office: &Office, form: Value) -> String {
    let mut meeting = review();
    meeting["registration"] = form;
    let (status, made) = office.write(Method::POST, "/meetings", meeting).await;
    assert_eq!(status, 200, "{made}");
    format!("/meetings/{}/registrants", text(&made, "/id"))
}

#[tokio::test]
async fn people_register_are_listed_and_removed() {
    let office = office_of_a_host().await;
    let path = open(&office, json!({ "autoAcceptRequest": true, "maxRegisterNum": 3 })).await;
    let (status, first) = office.write(Method::POST, &path, person(1)).await;
    assert_eq!((status.as_u16(), &first["status"], &first["firstName"]), (200, &json!("approved"), &json!("Pat")));
    assert_eq!(office.write(Method::POST, &path, person(1)).await.0, 409);
    office.world.pass(std::time::Duration::from_hours(24));
    for number in [2, 3] {
        assert_eq!(office.write(Method::POST, &path, person(number)).await.0, 200);
    }
    assert!(invalid(&office.write(Method::POST, &path, person(4)).await).contains("maximum"));

    let one = format!("{path}/{}", text(&first, "/id"));
    assert_eq!(office.read(&one).await, first);
    let found = async |query: &str| office.read(&format!("{path}?{query}")).await["items"].as_array().unwrap().len();
    for (query, count) in [
        ("", 3),
        ("email=PAT2@people.example", 1),
        ("registrationTimeFrom=2026-03-03", 2),
        ("registrationTimeTo=2026-03-03", 1),
        ("registrationTimeFrom=2026-02-01&registrationTimeTo=2026-02-20", 0),
    ] {
        assert_eq!(found(query).await, count, "{query}");
    }
    let pages = every_page(&office.world, &format!("{path}?max=2"), "items", &office.token).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(office.write(Method::DELETE, &one, Value::Null).await.0, 204);
    assert_eq!(office.write(Method::DELETE, &one, Value::Null).await.0, 404);
    assert_eq!(office.write(Method::POST, &path, person(4)).await.0, 200, "there is room again");
}

#[tokio::test]
async fn the_host_decides_who_may_come_unless_the_form_does() {
    let office = Office::open().await;
    let path = open(&office, json!({ "requireJobTitle": true })).await;
    assert!(invalid(&office.write(Method::POST, &path, person(1)).await).contains("jobTitle"));
    let mut order = person(1);
    order["jobTitle"] = json!("Cook");
    let (_, made) = office.write(Method::POST, &path, order).await;
    assert_eq!((&made["status"], &made["jobTitle"]), (&json!("pending"), &json!("Cook")));
    let one = format!("{path}/{}", text(&made, "/id"));
    for (deed, status) in [("approve", "approved"), ("reject", "rejected")] {
        let batch = json!({ "registrants": [{ "id": made["id"] }] });
        assert_eq!(office.write(Method::POST, &format!("{path}/{deed}"), batch).await.0, 204);
        assert_eq!(office.read(&one).await["status"], status);
    }
    let batch = json!({ "registrants": [{ "id": made["id"] }, { "id": "nobody" }] });
    assert_eq!(office.write(Method::POST, &format!("{path}/approve"), batch).await.0, 404);
    assert_eq!(office.read(&one).await["status"], "rejected", "all or none");
}

#[tokio::test]
async fn a_form_comes_and_goes_and_without_one_nobody_registers() {
    let office = Office::open().await;
    let (_, made) = office.write(Method::POST, "/meetings", review()).await;
    let id = text(&made, "/id");
    let (form, path) = (format!("/meetings/{id}/registration"), format!("/meetings/{id}/registrants"));
    let refused = "Registration is not supported for this meeting series.";
    assert_eq!(invalid(&office.write(Method::POST, &path, person(1)).await), refused);
    assert_eq!(office.world.status(&form, &office.token).await, 404);
    let (status, shown) = office.write(Method::PUT, &form, json!({ "requireFax": true })).await;
    assert_eq!((status.as_u16(), &shown["requireFax"], &shown["requireEmail"]), (200, &json!(true), &json!(true)));
    assert_eq!(office.read(&form).await, shown);
    assert!(office.read(&format!("/meetings/{id}")).await["registerLink"].is_string());
    assert_eq!(office.write(Method::DELETE, &form, Value::Null).await.0, 204);
    assert_eq!(invalid(&office.write(Method::POST, &path, person(1)).await), refused);

    let mut series = review();
    series["recurrence"] = json!("FREQ=DAILY;COUNT=2");
    series["registration"] = json!({});
    assert!(invalid(&office.write(Method::POST, "/meetings", series).await).contains("recurring"));
    // Only those who have part in a meeting see who else has.
    let someone = office.world.someone().await;
    let token = text(&office.world.signed_in(&someone, "meeting:schedules_read").await, "/access_token");
    assert_eq!(office.world.status(&path, &token).await, 404);
}
