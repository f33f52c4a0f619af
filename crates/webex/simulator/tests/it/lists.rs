//! Lists: whole with every size of page, and never more than was asked for.

use std::collections::HashSet;

use lanyard_simulator::Options;
use reqwest::header::LINK;
use serde_json::{Value, json};

use crate::world::{World, answer, gateway, text};

/// Follows the links of a list to its end.
pub(crate) async fn every_page(world: &World, path: &str, key: &str, token: &str) -> Vec<Vec<Value>> {
    let mut url = Some(world.url(path));
    let mut pages = Vec::new();
    while let Some(next) = url {
        let reply = world.http.get(next).bearer_auth(token).send().await.unwrap();
        url = reply.headers().get(LINK).map(|link| {
            let (address, relation) = link.to_str().unwrap().split_once(">; ").unwrap();
            assert_eq!(relation, r#"rel="next""#);
            address.strip_prefix('<').unwrap().to_owned()
        });
        assert!(url.as_ref().is_none_or(|url| url.starts_with(&world.knows().base_url)), "{url:?}");
        let (status, body) = answer(reply).await;
        assert_eq!(status, 200, "{body}");
        pages.push(body[key].as_array().unwrap().clone());
        assert!(pages.len() < 1000, "{path} does not end");
    }
    pages
}

#[tokio::test]
async fn a_list_is_whole_with_every_size_of_page() {
    let world = World::with(Options { devices: 37, people: 23, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    for (path, key, id) in [
        ("/devices", "items", "/id"),
        ("/workspaces", "items", "/id"),
        ("/people", "items", "/id"),
        ("/locations", "items", "/id"),
        ("/telephony/config/numbers", "phoneNumbers", "/phoneNumber"),
    ] {
        let whole = every_page(&world, path, key, &admin).await;
        assert_eq!(whole.len(), 1, "{path}");
        for max in [1, 2, 3, 5, 7, 10, 36, 37, 38, 1000, 1_000_000] {
            let pages = every_page(&world, &format!("{path}?max={max}"), key, &admin).await;
            let (last, full) = pages.split_last().unwrap();
            assert!(full.iter().all(|page| page.len() == max) && last.len() <= max && !last.is_empty(), "{path} {max}");
            assert_eq!(pages.concat(), whole[0], "{path} {max}");
        }
        let ids: HashSet<_> = whole[0].iter().map(|item| item.pointer(id).unwrap_or(&item["extension"])).collect();
        assert_eq!(ids.len(), whole[0].len(), "{path}");
        assert_eq!(every_page(&world, &format!("{path}?max=0"), key, &admin).await[0].len(), 1, "{path}");
        gateway(&world.got(&format!("{path}?max=many"), &admin).await, 400);
    }
    assert_eq!(world.got("/devices?start=5000", &admin).await.1["items"], json!([]));
}

#[tokio::test]
async fn a_page_keeps_the_filters_and_some_pages_may_be_empty() {
    let world = World::with(Options { devices: 120, ..Options::default() }).await;
    let admin = world.knows().personal.access_token.clone();
    let pages = every_page(&world, "/devices?type=phone&max=4", "items", &admin).await;
    assert!(pages.len() > 2 && pages.iter().flatten().all(|device| device["type"] == "phone"));
    world.behave(json!({ "empty_pages": true })).await;
    for (path, total) in [("/people?max=100", 250), ("/locations?max=1", 3)] {
        let pages = every_page(&world, path, "items", &admin).await;
        assert_eq!(pages.iter().filter(|page| page.is_empty()).count(), 2, "{path}");
        assert_eq!(pages.concat().len(), total, "{path}");
    }
    gateway(&world.got("/locations?cursor=made-up", &admin).await, 400);
}

#[tokio::test]
async fn an_id_on_another_page_is_not_missing() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let (_, people) = world.got("/people?max=3", &admin).await;
    let ids: Vec<_> = people["items"].as_array().unwrap().iter().map(|person| text(person, "/id")).collect();
    let (_, found) = world.got(&format!("/people?id={},bm9ib2R5&max=1", ids.join(",")), &admin).await;
    assert_eq!((found["items"].as_array().unwrap().len(), &found["notFoundIds"]), (1, &json!(["bm9ib2R5"])));
}

#[tokio::test]
async fn small_lists_have_their_filters() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let (_, all) = world.got("/locations", &admin).await;
    let europe = &all["items"][1];
    assert_eq!(world.got("/locations?name=europe", &admin).await.1["items"], json!([europe]));
    let id = text(europe, "/id");
    assert_eq!(world.got(&format!("/locations?id={id}"), &admin).await.1["items"], json!([europe]));
    let (_, numbers) = world.got("/telephony/config/numbers?phoneNumber=%2B14085550101", &admin).await;
    assert_eq!(numbers["phoneNumbers"].as_array().unwrap().len(), 1);
    let (_, numbers) = world.got(&format!("/telephony/config/numbers?locationId={id}"), &admin).await;
    let numbers = numbers["phoneNumbers"].as_array().unwrap();
    assert!(!numbers.is_empty() && numbers.iter().all(|number| number["phoneNumber"].is_null()), "extensions alone");
    let free = world.got("/telephony/config/numbers?available=true", &admin).await.1;
    let taken = world.got("/telephony/config/numbers?numberType=NUMBER&ownerType=PEOPLE", &admin).await.1;
    let count = |list: &Value| list["phoneNumbers"].as_array().unwrap().len();
    assert_eq!((count(&free), count(&taken)), (50, 50));
    let (_, licences) = world.got("/licenses", &admin).await;
    let names: Vec<_> = licences["items"].as_array().unwrap().iter().map(|licence| text(licence, "/name")).collect();
    assert!(names.contains(&"Webex Calling - Professional".to_owned()), "{names:?}");
    assert!(names.contains(&"Unified Communication Manager (UCM)".to_owned()), "{names:?}");
}

#[tokio::test]
async fn calls_are_a_persons_own_and_meetings_nobodys_bot() {
    let world = World::start().await;
    let knows = world.knows().clone();
    let own = text(&world.signed_in(&knows.admin.email, "spark:calls_read").await, "/access_token");
    assert_eq!(world.got("/telephony/calls", &own).await.1, json!({ "items": [] }));
    let scopeless = text(&world.signed_in(&knows.admin.email, "spark:people_read").await, "/access_token");
    gateway(&world.got("/telephony/calls", &scopeless).await, 403);
    for token in [&world.machine().await, &knows.bot.access_token] {
        assert_eq!(gateway(&world.got("/telephony/calls", token).await, 400), "Target user not authorized");
    }
    for (path, user, admin) in [
        ("/meetings", "meeting:schedules_read", "meeting:admin_schedule_read"),
        ("/recordings", "meeting:recordings_read", "meeting:admin_recordings_read"),
        ("/meetingTranscripts", "meeting:transcripts_read", "meeting:admin_transcripts_read"),
    ] {
        gateway(&world.got(path, &knows.bot.access_token).await, 403);
        gateway(&world.got(path, &scopeless).await, 403);
        let someone = world.someone().await;
        for (email, scope, status) in [(&someone, user, 200), (&knows.admin.email, admin, 200), (&someone, admin, 403)]
        {
            let token = text(&world.signed_in(email, scope).await, "/access_token");
            assert_eq!(world.status(path, &token).await, status, "{path} {scope}");
        }
    }
}
