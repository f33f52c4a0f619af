//! Licences: who has them, giving and taking.

use reqwest::Method;
use serde_json::{Value, json};

use crate::lists::every_page;
use crate::people_life::write;
use crate::world::{Answer, World, text};

/// The licences by name (of two with one name the first), the locations, and somebody without a line.
struct Office {
    world: World,
    admin: String,
    email: String,
}

impl Office {
    async fn open() -> Self {
        let world = World::start().await;
        let admin = world.knows().personal.access_token.clone();
        let new = json!({ "emails": ["eve@people.example"], "displayName": "Eve" });
        write(&world, Method::POST, "/people", &admin, new).await;
        Self { world, admin, email: "eve@people.example".to_owned() }
    }

    async fn list(&self, path: &str, name: &str) -> Vec<Value> {
        let (_, list) = self.world.got(path, &self.admin).await;
        list["items"].as_array().unwrap().iter().filter(|item| item["name"] == name).cloned().collect()
    }

    async fn licence(&self, name: &str) -> String {
        text(&self.list("/licenses", name).await[0], "/id")
    }

    async fn consumed(&self, id: &str) -> u64 {
        let (_, shown) = self.world.got(&format!("/licenses/{id}"), &self.admin).await;
        assert_eq!(shown["consumedUnits"], shown["consumedByUsers"]);
        shown["consumedUnits"].as_u64().unwrap()
    }

    async fn patch(&self, licences: Value) -> Answer {
        let order = json!({ "email": self.email, "licenses": licences });
        write(&self.world, Method::PATCH, "/licenses/users", &self.admin, order).await
    }

    async fn line(&self) -> Value {
        let (_, found) = self.world.got(&format!("/people?email={}&callingData=true", self.email), &self.admin).await;
        let person = &found["items"][0];
        json!([person["phoneNumbers"], person["extension"], person["locationId"]])
    }
}

/// A 400 that says which rule was broken.
#[track_caller]
fn coded((status, body): &Answer, code: u64) {
    assert_eq!((status.as_u16(), &body["errors"][0]["errorCode"]), (400, &json!(code)), "{body}");
    assert!(body["message"].is_string() && text(body, "/trackingId").starts_with("ROUTER_"), "{body}");
}

#[tokio::test]
async fn calling_is_given_counted_and_taken_with_all_that_came_with_it() {
    let office = Office::open().await;
    let calling = office.licence("Webex Calling - Professional").await;
    let before = office.consumed(&calling).await;
    let add = json!([{ "id": calling, "operation": "add",
        "properties": { "phoneNumber": "14085550170", "extension": "7170" } }]);
    for _ in 0..2 {
        let (status, reply) = office.patch(add.clone()).await;
        assert_eq!((status.as_u16(), &reply["licenses"]), (200, &json!([calling])), "{reply}");
        assert_eq!(office.consumed(&calling).await, before + 1, "again it changes nothing");
    }
    let headquarters = text(&office.list("/locations", "Headquarters").await[0], "/id");
    let number = json!({ "type": "work", "value": "+14085550170", "primary": true });
    let extension = json!({ "type": "work_extension", "value": "817170" });
    assert_eq!(office.line().await, json!([[number, extension], "7170", headquarters]));
    let (_, listed) = office.world.got("/telephony/config/numbers?phoneNumber=%2B14085550170", &office.admin).await;
    assert_eq!(listed["phoneNumbers"][0]["owner"]["type"], "PEOPLE");
    assert_eq!(listed["phoneNumbers"][0]["esn"], "817170");

    let (status, reply) = office.patch(json!([{ "id": calling, "operation": "remove" }])).await;
    assert_eq!((status.as_u16(), &reply["licenses"]), (200, &json!([])));
    assert_eq!(office.line().await, json!([null, null, null]));
    assert_eq!(office.consumed(&calling).await, before);
    let (_, listed) = office.world.got("/telephony/config/numbers?phoneNumber=%2B14085550170", &office.admin).await;
    assert_eq!(listed["phoneNumbers"][0]["owner"], Value::Null);
}

#[tokio::test]
async fn of_several_licences_some_may_be_given() {
    let office = Office::open().await;
    let calling = office.licence("Webex Calling - Professional").await;
    let messaging = office.licence("Advanced Messaging").await;
    let taken = json!({ "phoneNumber": "+14085550101" });
    let both = json!([{ "id": messaging }, { "id": calling, "properties": taken }]);
    let (status, reply) = office.patch(both).await;
    assert_eq!((status.as_u16(), &reply["licenses"]), (206, &json!([messaging])), "{reply}");
    coded(&office.patch(json!([{ "id": calling, "properties": taken }])).await, 400);
}

#[tokio::test]
async fn every_rule_has_its_number() {
    let office = Office::open().await;
    let professional = office.licence("Webex Calling - Professional").await;
    let standard = office.licence("Webex Calling - Standard").await;
    let europe = text(&office.list("/locations", "Europe").await[0], "/id");
    let line = |extension: &str| json!({ "locationId": europe, "extension": extension });
    coded(
        &office.patch(json!([{ "id": "bm9uZQ" }, { "id": professional, "properties": line("7001") }])).await,
        400_000,
    );
    coded(&office.patch(json!([{ "id": professional }])).await, 400_411);
    coded(&office.patch(json!([{ "id": professional, "properties": { "extension": "7001" } }])).await, 400);
    let nowhere = json!({ "locationId": "bm93aGVyZQ", "extension": "7001" });
    coded(&office.patch(json!([{ "id": professional, "properties": nowhere }])).await, 400);
    let two =
        json!([{ "id": professional, "properties": line("7001") }, { "id": standard, "properties": line("7002") }]);
    coded(&office.patch(two).await, 400_404);
    assert_eq!(office.line().await, json!([null, null, null]), "nothing of that was done");
    for (id, status) in [(&standard, 200), (&professional, 200), (&standard, 400)] {
        let reply = office.patch(json!([{ "id": id, "properties": line("7001") }])).await;
        assert_eq!(reply.0.as_u16(), status, "{reply:?}");
        if status == 400 {
            coded(&reply, 400_112);
        }
    }
    let order = json!({ "email": "nobody@people.example", "licenses": [] });
    let (status, _) = write(&office.world, Method::PATCH, "/licenses/users", &office.admin, order).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn units_run_out_and_only_an_id_tells_two_licences_of_one_name_apart() {
    let mut office = Office::open().await;
    let offers = office.list("/licenses", "Webex Calling - Professional").await;
    assert_eq!(offers.len(), 2);
    assert_ne!(offers[0]["subscriptionId"], offers[1]["subscriptionId"]);
    let (id, units) = (text(&offers[1], "/id"), offers[1]["totalUnits"].as_u64().unwrap());
    let europe = text(&office.list("/locations", "Europe").await[0], "/id");
    for number in 0..=units {
        office.email = format!("f{number}@people.example");
        let new = json!({ "emails": [office.email], "displayName": "F" });
        write(&office.world, Method::POST, "/people", &office.admin, new).await;
        let line = json!({ "locationId": europe, "extension": format!("72{number}") });
        let reply = office.patch(json!([{ "id": id, "properties": line }])).await;
        assert_eq!(reply.0.as_u16(), if number < units { 200 } else { 400 }, "{reply:?}");
    }
    assert_eq!(office.consumed(&id).await, units);
}

#[tokio::test]
async fn those_who_have_a_licence_are_listed_page_by_page() {
    let office = Office::open().await;
    let ucm = office.licence("Unified Communication Manager (UCM)").await;
    let path = format!("/licenses/{ucm}?includeAssignedTo=user&limit=40");
    let pages = every_page(&office.world, &path, "users", &office.admin).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [40, 40, 40, 5]);
    assert_eq!(office.consumed(&ucm).await, 125);
}

#[tokio::test]
async fn a_service_app_may_do_it_and_nobody_else_without_the_scope() {
    let office = Office::open().await;
    let messaging = office.licence("Advanced Messaging").await;
    let order = json!({ "email": office.email, "licenses": [{ "id": messaging }] });
    let machine = office.world.machine().await;
    let patch = async |token: &str| {
        write(&office.world, Method::PATCH, "/licenses/users", token, order.clone()).await.0.as_u16()
    };
    assert_eq!(patch(&machine).await, 200);
    assert_eq!(patch(&office.world.knows().bot.access_token).await, 403);
    let reader = office.world.signed_in(&office.world.knows().admin.email, "spark-admin:licenses_read").await;
    assert_eq!(patch(&text(&reader, "/access_token")).await, 403);
}
