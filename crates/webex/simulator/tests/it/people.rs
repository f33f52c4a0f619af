//! Listing people.

use std::collections::BTreeSet;

use lanyard_protocol::{Page, Person, PersonType, next_link};
use reqwest::StatusCode;
use serde_json::json;

use crate::world::{World, answer};

/// Every page from `path` on, by the protocol's own reading of links.
async fn pages(world: &World, path: &str, token: &str) -> Vec<Vec<Person>> {
    let mut pages = Vec::new();
    let mut next = Some(world.url(path));
    while let Some(url) = next {
        let reply = world.http.get(&url).bearer_auth(token).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        next = next_link(&url.parse().unwrap(), reply.headers()).unwrap().map(|link| link.expose().to_string());
        let page: Page<Person> = serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap();
        pages.push(page.items);
    }
    pages
}

fn sizes(pages: &[Vec<Person>]) -> Vec<usize> {
    pages.iter().map(Vec::len).collect()
}

#[tokio::test]
async fn everyone_is_listed_once_page_by_page() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let all = pages(&world, "/people", &token).await;
    assert_eq!(sizes(&all), [100, 100, 50]);
    let ids: BTreeSet<_> = all.iter().flatten().map(|person| person.id.clone()).collect();
    assert_eq!(ids.len(), 250);
    assert!(all.iter().flatten().all(|person| person.person_type == PersonType::Person));
    assert_eq!(sizes(&pages(&world, "/people?max=125", &token).await), [125, 125]);
    assert_eq!(sizes(&pages(&world, "/people?max=9999", &token).await), [250]);
}

#[tokio::test]
async fn empty_pages_lead_on() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let whole = pages(&world, "/people", &token).await.concat();
    world.behave(json!({"empty_pages": true})).await;
    let all = pages(&world, "/people", &token).await;
    assert_eq!(sizes(&all), [100, 0, 100, 0, 50]);
    assert_eq!(all.concat(), whole);
}

#[tokio::test]
async fn people_are_found_by_address_name_and_id() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let everyone = pages(&world, "/people", &token).await.concat();
    let someone = &everyone[17];
    let by_email = pages(&world, &format!("/people?email={}", someone.emails[0]), &token).await.concat();
    assert_eq!(by_email, std::slice::from_ref(someone));
    let by_id = format!("/people?id={},{}", someone.id, "bm9ib2R5");
    let (_, by_id) = answer(world.get(&by_id, &token).send().await.unwrap()).await;
    assert_eq!(by_id["items"][0]["id"], json!(someone.id));
    assert_eq!(by_id["notFoundIds"], json!(["bm9ib2R5"]));
    let start: String = someone.display_name.chars().take(3).collect::<String>().to_lowercase();
    let request = world.get("/people", &token).query(&[("displayName", &start)]);
    let found: Page<Person> = request.send().await.unwrap().json().await.unwrap();
    assert!(found.items.contains(someone));
    assert!(found.items.iter().all(|person| person.display_name.to_lowercase().starts_with(&start)));
    assert_eq!(world.status(&format!("/people/{}", someone.id), &token).await, 200);
    assert_eq!(world.status("/people?max=many", &token).await, 400);
    assert_eq!(world.status("/people?cursor=made-up", &token).await, 400);
}

#[tokio::test]
async fn a_bot_knows_itself_and_looks_people_up_by_address_only() {
    let world = World::start().await;
    let token = world.knows().bot.access_token.clone();
    let (_, me) = answer(world.get("/people/me", &token).send().await.unwrap()).await;
    assert_eq!((&me["type"], &me["emails"][0]), (&json!("bot"), &json!(world.knows().bot.email)));
    let admin = &world.knows().admin.email;
    assert_eq!(world.status(&format!("/people?email={admin}"), &token).await, StatusCode::OK);
    assert_eq!(world.status("/people", &token).await, StatusCode::FORBIDDEN);
    assert_eq!(world.status("/people?displayName=a", &token).await, StatusCode::FORBIDDEN);
}
