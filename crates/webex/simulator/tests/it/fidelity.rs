//! Expectations of Webex beyond its documents, from published programs and captures of live replies.

use lanyard_simulator::Options;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::people_life::write;
use crate::world::{World, gateway, text};

/// An administrator's calls.
pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) token: String,
}

impl Office {
    pub(crate) async fn open() -> Self {
        let world = World::start().await;
        let token = world.knows().personal.access_token.clone();
        Self { world, token }
    }

    pub(crate) async fn read(&self, path: &str) -> Value {
        let (status, reply) = self.world.got(path, &self.token).await;
        assert_eq!(status, 200, "{path}: {reply}");
        reply
    }

    pub(crate) async fn write(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        write(&self.world, method, path, &self.token, body).await
    }

    pub(crate) async fn id(&self, path: &str, name: &str) -> String {
        let list = self.read(path).await;
        let mut items = list["items"].as_array().unwrap().iter();
        text(items.find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name} in {list}")), "/id")
    }

    /// The first person of the list for whom `wanted` holds.
    pub(crate) async fn person(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let list = self.read("/people?callingData=true&max=100").await;
        list["items"].as_array().unwrap().iter().find(|person| wanted(person)).unwrap().clone()
    }
}

fn works(person: &Value) -> Option<String> {
    let phones = person["phoneNumbers"].as_array()?;
    Some(text(phones.iter().find(|phone| phone["type"] == "work")?, "/value"))
}

#[tokio::test]
async fn a_person_with_a_work_number_is_enabled_and_disabled_for_calling_as_the_labs_portal_does_it() {
    let office = Office::open().await;
    let calling = office.id("/licenses", "Webex Calling - Professional").await;
    let ucm = office.id("/licenses", "Unified Communication Manager (UCM)").await;
    let place = office.id("/locations", "Headquarters").await;
    let holds = |person: &Value, id: &str| person["licenses"].as_array().unwrap().iter().any(|held| *held == *id);
    let mut person = office.person(|person| person["locationId"].is_null() && holds(person, &ucm)).await;
    let number = works(&person).expect("people without Webex Calling have a work number");
    let path = format!("/people/{}?callingData=true", text(&person, "/id"));

    // The record as it was read, with the licences exchanged and the place set.
    let exchange = |person: &mut Value, from: &str, to: &str| {
        let licences = person["licenses"].as_array_mut().unwrap();
        licences.retain(|held| *held != *from);
        licences.push(json!(to));
    };
    exchange(&mut person, &ucm, &calling);
    person["locationId"] = json!(place);
    let (status, mut enabled) = office.write(Method::PUT, &path, person).await;
    assert_eq!((status.as_u16(), &enabled["locationId"], works(&enabled)), (200, &json!(place), Some(number.clone())));

    // The licence goes while the place is still named.
    exchange(&mut enabled, &calling, &ucm);
    let (status, disabled) = office.write(Method::PUT, &path, enabled).await;
    assert_eq!((status.as_u16(), &disabled["locationId"], works(&disabled)), (200, &Value::Null, Some(number)));
    assert!(holds(&disabled, &ucm) && !holds(&disabled, &calling));
    assert_eq!(office.read(&path).await["locationId"], Value::Null);
}

#[tokio::test]
async fn a_put_keeps_what_it_leaves_out_and_numbers_are_kept_as_they_were_written() {
    let office = Office::open().await;
    let phones = json!([{ "type": "work", "value": "+1 408 526 7209" }, { "type": "mobile", "value": "+14085558888" }]);
    let messaging = office.id("/licenses", "Advanced Messaging").await;
    let new = json!({ "emails": ["k@people.example"], "displayName": "K", "firstName": "Kay", "title": "Cook",
        "phoneNumbers": phones, "licenses": [messaging] });
    let (_, made) = office.write(Method::POST, "/people", new).await;
    assert_eq!(made["phoneNumbers"], phones);
    let path = format!("/people/{}", text(&made, "/id"));
    let (_, shown) = office.write(Method::PUT, &path, json!({ "displayName": "K", "department": "Sales" })).await;
    for (field, expected) in [
        ("title", json!("Cook")),
        ("firstName", json!("Kay")),
        ("department", json!("Sales")),
        ("phoneNumbers", phones),
        ("licenses", json!([messaging])),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    let (_, shown) =
        office.write(Method::PUT, &path, json!({ "displayName": "K", "licenses": [], "phoneNumbers": [] })).await;
    assert_eq!(
        (&shown["licenses"], &shown["phoneNumbers"], &shown["title"]),
        (&json!([]), &Value::Null, &json!("Cook"))
    );
}

#[tokio::test]
async fn ids_flags_and_spellings_are_those_of_live_replies() {
    let office = Office::open().await;
    let decoded = |id: &str| lanyard_protocol::WebexId::decode(id).unwrap().value;
    let organisation = decoded(&office.world.knows().organisation.id);
    for (name, code) in [("Webex Calling - Standard", "BCSTD"), ("Unified Communication Manager (UCM)", "UCPREM")] {
        let value = decoded(&office.id("/licenses", name).await);
        assert!(value.starts_with(&format!("{organisation}:{code}_")), "{value}");
    }
    assert_eq!(decoded(&office.id("/roles", "Full Administrator").await), "id_full_admin");
    let me = office.read("/people/me").await;
    assert_eq!((&me["invitePending"], &me["loginEnabled"]), (&json!(false), &json!(true)));
    let id = text(&me, "/id");
    assert_eq!(office.read(&format!("/people/{}", decoded(&id))).await["id"], me["id"]);
    assert_eq!(office.read(&format!("/people?id={id}")).await["items"][0]["userName"], me["emails"][0]);

    assert_eq!((me.get("timezone"), &me["sipAddresses"][0]["type"]), (None, &json!("cloud-calling")));
    let own = format!("/organizations/{}", office.world.knows().organisation.id);
    assert_eq!(office.read(&own).await.get("xsiDomain"), None);
    let calling = office.read(&format!("{own}?callingData=true")).await;
    let origin = office.world.url("").replace("/v1", "");
    assert!(text(&calling, "/xsiActionsEndpoint").starts_with(&origin), "{calling}");

    let devices = office.read("/devices?max=100").await;
    let mut seen = 0;
    for device in devices["items"].as_array().unwrap() {
        let mac = text(device, "/mac");
        assert_eq!(mac.contains(':'), device["type"] == "roomdesk", "{device}");
        for spelling in [mac.clone(), mac.replace(':', ""), mac.to_lowercase()] {
            let found = office.read(&format!("/devices?mac={spelling}")).await;
            assert_eq!(found["items"][0]["id"], device["id"], "{spelling}");
        }
        seen += 1;
    }
    assert!(seen > 0);

    let numbers = office.read("/telephony/config/numbers?details=true").await;
    let all = numbers["phoneNumbers"].as_array().unwrap().len();
    assert_eq!(numbers["count"]["total"], all);
    let place = office.id("/locations", "Headquarters").await;
    let shown = office.read(&format!("/telephony/config/locations/{place}")).await;
    assert_eq!((&shown["id"], &shown["name"]), (&json!(place), &json!("Headquarters")));
}

#[tokio::test]
async fn a_path_may_end_with_a_slash() {
    let office = Office::open().await;
    for path in ["/people/?max=2", "/people/me/", "/rooms/", "/licenses/", "/devices/?max=1"] {
        office.read(path).await;
    }
    let (status, _) = office.write(Method::POST, "/rooms/", json!({ "title": "Slash" })).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn spark_all_stands_for_a_persons_own_scopes_and_no_administrators() {
    let world = World::start().await;
    let admin = world.knows().admin.email.clone();
    let token = text(&world.signed_in(&admin, "spark:all").await, "/access_token");
    for (path, status) in
        [("/people/me", 200), ("/rooms", 200), ("/people", 403), ("/licenses", 403), ("/meetings", 403)]
    {
        assert_eq!(world.status(path, &token).await, status, "{path}");
    }
}

#[tokio::test]
async fn a_call_for_another_name_is_misdirected() {
    let world = World::start().await;
    let url = world.url("/people/me");
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("rebound.example:{port}"), 421),
        ("127.0.0.1:1".to_owned(), 421),
    ] {
        let token = &world.knows().personal.access_token;
        let reply = world.get("/people/me", token).header("host", &host).send().await.unwrap();
        assert_eq!(reply.status(), status, "{host}");
    }
}

#[tokio::test]
async fn an_organisation_in_a_body_is_one_value() {
    let office = Office::open().await;
    let own = &office.world.knows().organisation.id;
    let order = json!({ "displayName": "W", "orgId": format!("nowhere&orgId={own}") });
    gateway(&office.write(Method::POST, "/workspaces", order).await, 404);
    let order = json!({ "displayName": "W", "orgId": own });
    assert_eq!(office.write(Method::POST, "/workspaces", order).await.0, 201);
}

#[tokio::test]
async fn a_wrong_method_is_told_of_after_a_wrong_token_and_only_where_a_token_is_wanted() {
    let office = Office::open().await;
    gateway(&office.write(Method::DELETE, "/people/me", Value::Null).await, 405);
    for (path, status) in [("/people/me", 401), ("/devices", 401), ("/access_token", 405), ("/authorize", 405)] {
        let reply = write(&office.world, Method::PATCH, path, "made-up", Value::Null).await;
        gateway(&reply, status);
    }
}

#[tokio::test]
async fn a_meeting_licence_of_another_organisation_waits_until_it_is_accepted() {
    let world = World::with(Options { organisations: 2, ..Options::default() }).await;
    let token = world.knows().personal.access_token.clone();
    let office = Office { world, token };
    let meetings = office.id("/licenses", "Meeting - Webex Meeting Center").await;
    let calling = office.id("/licenses", "Webex Calling - Professional").await;
    let order = |licence: &str, operation: &str| json!({ "email": "admin@customer1.example", "licenses": [{ "id": licence, "operation": operation }] });
    let (status, given) = office.write(Method::PATCH, "/licenses/users", order(&meetings, "add")).await;
    assert_eq!((status.as_u16(), &given["pendingLicenses"]), (200, &json!([meetings])), "{given}");
    assert_eq!(given["licenses"], json!([]));
    assert_eq!(office.write(Method::PATCH, "/licenses/users", order(&calling, "add")).await.0, 400);
    let (_, left) = office.write(Method::PATCH, "/licenses/users", order(&meetings, "remove")).await;
    assert_eq!(left["pendingLicenses"], json!([]));
}
