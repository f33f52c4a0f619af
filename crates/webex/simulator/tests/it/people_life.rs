//! How people come, change and go, and what they may call with.

use lanyard_simulator::Options;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World, answer, gateway, text};

/// A write of the REST API.
pub(crate) async fn write(world: &World, method: Method, path: &str, token: &str, body: Value) -> Answer {
    let request = world.http.request(method, world.url(path)).bearer_auth(token).json(&body);
    answer(request.send().await.unwrap()).await
}

/// The id of the first thing of this name in a list.
async fn named(world: &World, path: &str, name: &str) -> String {
    let (_, list) = world.got(path, &world.knows().personal.access_token).await;
    let found = list["items"].as_array().unwrap().iter().find(|item| item["name"] == name).unwrap();
    text(found, "/id")
}

#[tokio::test]
async fn a_person_is_added_signs_in_and_is_gone_with_all_that_they_gave() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let new =
        json!({ "emails": ["Ada.New@people.example"], "firstName": "Ada", "lastName": "New", "department": "Labs" });
    let (status, ada) = write(&world, Method::POST, "/people", &admin, new.clone()).await;
    assert_eq!(status, 200, "{ada}");
    assert_eq!((&ada["emails"], &ada["displayName"]), (&json!(["ada.new@people.example"]), &json!("Ada New")));
    assert_eq!(
        (&ada["invitePending"], &ada["department"], &ada["licenses"]),
        (&json!(true), &json!("Labs"), &json!([]))
    );
    gateway(&write(&world, Method::POST, "/people", &admin, new).await, 409);

    let reply = world.signed_in("ada.new@people.example", "spark:people_read").await;
    let (access, refresh) = (text(&reply, "/access_token"), text(&reply, "/refresh_token"));
    assert_eq!(world.got("/people/me", &access).await.1["id"], ada["id"]);
    let path = format!("/people/{}", text(&ada, "/id"));
    assert_eq!(world.got(&path, &admin).await.1["invitePending"], false, "she has come");

    let (status, _) = write(&world, Method::DELETE, &path, &admin, json!({})).await;
    assert_eq!(status, 204);
    gateway(&world.got(&path, &admin).await, 404);
    assert_eq!(world.status("/people/me", &access).await, 401);
    let app = world.knows().integration.clone();
    let again = [
        ("grant_type", "refresh_token"),
        ("client_id", &*app.client_id),
        ("client_secret", &*app.client_secret),
        ("refresh_token", &*refresh),
    ];
    assert_eq!(world.token_request(&again).await.0, 400);
    gateway(&write(&world, Method::DELETE, &path, &admin, json!({})).await, 404);
}

#[tokio::test]
async fn what_no_person_is_made_of_is_refused() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    for wrong in [
        json!({ "displayName": "No address" }),
        json!({ "emails": ["nowhere"], "displayName": "X" }),
        json!({ "emails": ["x@people.example"] }),
        json!({ "emails": ["x@people.example"], "displayName": "X", "roles": ["king"] }),
        json!({ "emails": ["x@people.example"], "displayName": "X", "locationId": "nowhere" }),
        json!([]),
    ] {
        gateway(&write(&world, Method::POST, "/people", &admin, wrong).await, 400);
    }
    assert_eq!(world.got("/people?email=x@people.example", &admin).await.1["items"], json!([]));
    let someone = world.someone().await;
    let token = text(&world.signed_in(&someone, "spark-admin:people_write spark:people_read").await, "/access_token");
    let good = json!({ "emails": ["x@people.example"], "displayName": "X" });
    gateway(&write(&world, Method::POST, "/people", &token, good).await, 403);
    let me = text(&world.got("/people/me", &token).await.1, "/id");
    gateway(&write(&world, Method::DELETE, &format!("/people/{me}"), &token, json!({})).await, 403);
}

#[tokio::test]
async fn a_put_that_replaces_clears_what_it_leaves_out_and_takes_a_place_only_with_a_calling_licence() {
    let world = World::start().await;
    world.behave(json!({ "put_people": "replace" })).await;
    let admin = world.knows().personal.access_token.clone();
    let calling = named(&world, "/licenses", "Webex Calling - Professional").await;
    let messaging = named(&world, "/licenses", "Advanced Messaging").await;
    let europe = named(&world, "/locations", "Europe").await;
    let new = json!({ "emails": ["b@people.example"], "displayName": "B", "title": "Cook", "licenses": [messaging] });
    let path = format!("/people/{}", text(&write(&world, Method::POST, "/people", &admin, new).await.1, "/id"));
    let put = async |body: Value| write(&world, Method::PUT, &format!("{path}?callingData=true"), &admin, body).await;

    gateway(&put(json!({ "title": "Nameless" })).await, 400);
    gateway(&put(json!({ "displayName": "B", "locationId": europe })).await, 400);
    assert_eq!(world.got(&path, &admin).await.1["title"], "Cook", "a refusal that early changes nothing");

    let full =
        json!({ "displayName": "B", "licenses": [messaging, calling], "locationId": europe, "extension": "7711" });
    let (status, shown) = put(full.clone()).await;
    assert_eq!((status.as_u16(), &shown["title"], &shown["extension"]), (200, &Value::Null, &json!("7711")), "{shown}");
    assert_eq!(shown["phoneNumbers"], json!([{ "type": "work_extension", "value": "827711" }]));
    assert_eq!(shown["locationId"], json!(europe));
    assert_eq!(world.got(&path, &admin).await.1["extension"], Value::Null, "it was not asked for");
    let there = world.got(&format!("/people?locationId={europe}&callingData=true"), &admin).await.1;
    assert!(there["items"].as_array().unwrap().iter().any(|person| person["id"] == shown["id"]));

    let headquarters = named(&world, "/locations", "Headquarters").await;
    let elsewhere = json!({ "displayName": "Renamed", "licenses": [calling], "locationId": headquarters });
    gateway(&put(elsewhere).await, 400);
    let (_, left) = world.got(&format!("{path}?callingData=true"), &admin).await;
    assert_eq!((&left["displayName"], &left["locationId"]), (&json!("Renamed"), &json!(europe)), "half of it was done");

    let (_, bare) = put(json!({ "displayName": "B" })).await;
    assert_eq!(
        (&bare["licenses"], &bare["locationId"], &bare["phoneNumbers"]),
        (&json!([]), &Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn a_line_that_cannot_be_given_is_refused_and_the_person_is_there_all_the_same() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let calling = named(&world, "/licenses", "Webex Calling - Professional").await;
    let wrong = json!({ "emails": ["c@people.example"], "displayName": "C", "licenses": [calling],
        "phoneNumbers": [{ "type": "work", "value": "+15551234567" }] });
    gateway(&write(&world, Method::POST, "/people?callingData=true", &admin, wrong).await, 400);
    let (_, found) = world.got("/people?email=c@people.example", &admin).await;
    assert_eq!(found["items"][0]["licenses"], json!([]));
}

#[tokio::test]
async fn whoever_may_no_longer_sign_in_loses_what_they_gave() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let someone = world.someone().await;
    let access = text(&world.signed_in(&someone, "spark:people_read").await, "/access_token");
    let (_, shown) = world.got(&format!("/people?email={someone}"), &admin).await;
    let path = format!("/people/{}", text(&shown, "/items/0/id"));
    let off = json!({ "displayName": "Off", "loginEnabled": false });
    let (status, shown) = write(&world, Method::PUT, &path, &admin, off).await;
    assert_eq!((status.as_u16(), &shown["loginEnabled"]), (200, &json!(false)));
    assert_eq!(world.status("/people/me", &access).await, 401);
    let everyone = world.got("/people?max=1000", &admin).await.1;
    assert!(everyone["items"].as_array().unwrap().iter().any(|person| person["loginEnabled"] == false));
}

#[tokio::test]
async fn a_partner_manages_the_others_and_nobody_manages_the_partner() {
    let world = World::with(Options { organisations: 3, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    let (_, all) = world.got("/organizations", &admin).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let customer = text(&all, "/items/1/id");
    assert_eq!(world.got(&format!("/organizations/{customer}"), &admin).await.0, 200);
    for (path, key, count) in [
        ("/people", "items", 3),
        ("/locations", "items", 3),
        ("/licenses", "items", 6),
        ("/telephony/config/numbers", "phoneNumbers", 100),
        ("/telephony/config/locations", "locations", 3),
    ] {
        let (own, theirs) =
            (world.got(path, &admin).await, world.got(&format!("{path}?orgId={customer}"), &admin).await);
        assert_eq!(theirs.1[key].as_array().unwrap().len(), count, "{path}: {}", theirs.1);
        assert_ne!(own.1, theirs.1, "{path}");
    }
    let new = json!({ "emails": ["d@customer1.example"], "displayName": "D", "orgId": customer });
    let (status, made) = write(&world, Method::POST, "/people", &admin, new).await;
    assert_eq!((status.as_u16(), &made["orgId"]), (200, &json!(customer)), "{made}");
    assert_eq!(world.status(&format!("/people/{}", text(&made, "/id")), &admin).await, 200);

    let token = text(&world.signed_in("admin@customer1.example", ADMINISTRATIVE).await, "/access_token");
    let (_, theirs) = world.got("/organizations", &token).await;
    assert_eq!(theirs["items"], json!([all["items"][1]]));
    let partner = text(&all, "/items/0/id");
    assert_eq!(world.status(&format!("/organizations/{partner}"), &token).await, StatusCode::NOT_FOUND);
    gateway(&world.got(&format!("/people?orgId={partner}"), &token).await, 403);
    let me = text(&world.got("/people/me", &admin).await.1, "/id");
    gateway(&write(&world, Method::DELETE, &format!("/people/{me}"), &token, json!({})).await, 404);
}

const ADMINISTRATIVE: &str =
    "spark-admin:people_read spark-admin:people_write spark-admin:organizations_read spark:people_read";

#[tokio::test]
async fn a_role_makes_an_administrator_until_it_is_taken_away() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let role = named(&world, "/roles", "Full Administrator").await;
    let someone = world.someone().await;
    let token = text(&world.signed_in(&someone, ADMINISTRATIVE).await, "/access_token");
    let path = format!("/people/{}", text(&world.got("/people/me", &token).await.1, "/id"));
    gateway(&world.got("/people", &token).await, 403);
    for (roles, status) in [(json!([role]), 200), (json!([]), 403)] {
        write(&world, Method::PUT, &path, &admin, json!({ "displayName": "S", "roles": roles })).await;
        assert_eq!(world.status("/people", &token).await, status);
    }
    assert_eq!(world.got(&format!("/people?roles={role}"), &admin).await.1["items"].as_array().unwrap().len(), 1);
}
