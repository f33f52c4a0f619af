//! The Authorizations API, and when a token ends.

use serde_json::{Value, json};

use crate::world::{World, gateway, text};

async fn entries(world: &World, email: &str) -> Vec<Value> {
    let admin = world.knows().personal.access_token.clone();
    let (status, list) = world.got(&format!("/authorizations?personEmail={email}"), &admin).await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().unwrap().clone()
}

fn of_type<'e>(entries: &'e [Value], kind: &'e str) -> impl Iterator<Item = String> + 'e {
    entries.iter().filter(move |entry| entry["type"] == kind).map(|entry| text(entry, "/id"))
}

#[tokio::test]
async fn a_persons_entries_say_which_app_holds_what_since_when() {
    let world = World::start().await;
    let someone = world.someone().await;
    assert!(entries(&world, &someone).await.is_empty());
    world.signed_in(&someone, "spark:people_read").await;
    let found = entries(&world, &someone).await;
    let app = &world.knows().integration;
    let kinds: Vec<_> = found.iter().map(|entry| entry["type"].clone()).collect();
    assert_eq!(kinds, ["refresh", "access"]);
    for entry in &found {
        assert_eq!(
            (&entry["clientId"], &entry["created"]),
            (&json!(app.client_id), &json!("2026-03-02T08:00:00.000Z"))
        );
    }
    let admin = world.knows().personal.access_token.clone();
    let by_id = format!("/authorizations?personId={}", text(&found[0], "/personId"));
    assert_eq!(world.got(&by_id, &admin).await.1["items"], json!(found));
    let own = entries(&world, &world.knows().admin.email).await;
    assert!(own.is_empty(), "a personal token belongs to no app: {own:?}");
}

#[tokio::test]
async fn a_deleted_refresh_entry_takes_its_access_tokens_along_and_an_access_entry_goes_alone() {
    let world = World::start().await;
    let (admin, someone) = (world.knows().personal.access_token.clone(), world.someone().await);
    let one = world.signed_in(&someone, "spark:people_read").await;
    let two = world.signed_in(&someone, "spark:people_read").await;
    let works = async |reply: &Value| world.status("/people/me", &text(reply, "/access_token")).await == 200;

    let found = entries(&world, &someone).await;
    let refresh = of_type(&found, "refresh").next().unwrap();
    assert_eq!(world.deleted(&format!("/authorizations/{refresh}"), &admin).await.0, 204);
    assert!(!works(&one).await && works(&two).await);
    let left = entries(&world, &someone).await;
    assert_eq!((of_type(&left, "refresh").count(), of_type(&left, "access").count()), (1, 1));
    gateway(&world.deleted(&format!("/authorizations/{refresh}"), &admin).await, 404);

    let access = of_type(&left, "access").next().unwrap();
    assert_eq!(world.deleted(&format!("/authorizations/{access}="), &admin).await.0, 204);
    assert!(!works(&two).await);
    let app = &world.knows().integration;
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", &app.client_id),
        ("client_secret", &app.client_secret),
        ("refresh_token", &text(&two, "/refresh_token")),
    ];
    let reply = world.http.post(world.url("/access_token")).form(&fields).send().await.unwrap();
    assert_eq!(reply.status(), 200, "the grant lives on");
}

#[tokio::test]
async fn an_app_can_be_ended_for_the_whole_organisation() {
    let world = World::start().await;
    let (admin, someone) = (world.knows().personal.access_token.clone(), world.someone().await);
    let theirs = world.signed_in(&someone, "spark:people_read").await;
    let own = world.signed_in(&world.knows().admin.email, "spark:people_read").await;
    let machine = world.machine().await;
    let client = world.knows().integration.client_id.clone();
    gateway(&world.deleted("/authorizations", &admin).await, 400);
    let elsewhere = format!("/authorizations?clientId={client}&orgId={}", world.knows().service_app.application_id);
    gateway(&world.deleted(&elsewhere, &admin).await, 400);
    let path = format!("/authorizations?clientId={client}&orgId={}", world.knows().organisation.id);
    assert_eq!(world.deleted(&path, &admin).await.0, 204);
    for reply in [&theirs, &own] {
        assert_eq!(world.status("/people/me", &text(reply, "/access_token")).await, 401);
    }
    assert_eq!(world.status("/people/me", &machine).await, 200, "another app's tokens live on");
    assert_eq!(world.status("/people/me", &admin).await, 200);
}

#[tokio::test]
async fn it_is_for_administrators_with_the_scopes() {
    let world = World::start().await;
    let (admin, someone) = (world.knows().admin.email.clone(), world.someone().await);
    let path = format!("/authorizations?personEmail={someone}");
    let token = async |email: &str, scope: &str| text(&world.signed_in(email, scope).await, "/access_token");
    gateway(&world.got(&path, "made-up").await, 401);
    gateway(&world.got(&path, &world.knows().bot.access_token).await, 403);
    gateway(&world.got(&path, &token(&someone, "identity:tokens_read").await).await, 403);
    gateway(&world.got(&path, &token(&admin, "spark:people_read").await).await, 403);
    let reader = token(&admin, "identity:tokens_read").await;
    let (status, list) = world.got(&path, &reader).await;
    assert_eq!(status, 200);
    let one = format!("/authorizations/{}", text(&list, "/items/0/id"));
    gateway(&world.deleted(&one, &reader).await, 403);
    let client = &world.knows().integration.client_id;
    gateway(&world.deleted(&format!("/authorizations?clientId={client}"), &reader).await, 403);
    assert_eq!(world.deleted(&one, &token(&admin, "identity:tokens_write").await).await.0, 204);
    gateway(&world.got("/authorizations", &reader).await, 400);
    gateway(&world.got("/authorizations?personEmail=nobody@nowhere.example", &reader).await, 404);
}

#[tokio::test]
async fn a_token_is_told_its_end_in_milliseconds_as_far_as_its_kind_may_ask() {
    let world = World::start().await;
    let knows = world.knows().clone();
    let integration = text(&world.signed_in(&knows.admin.email, "spark:people_read").await, "/access_token");
    let expiry = async |token: &str| world.got("/authorizations/tokenExpiry", token).await;
    // 2026-03-02T08:00:00Z
    let now = 1_772_438_400_000_u64;
    assert_eq!(expiry(&knows.personal.access_token).await.1, json!({ "exp": now + 43_199_000 }));
    assert_eq!(expiry(&integration).await.1, json!({ "exp": now + 1_209_599_000 }));
    assert_eq!(expiry(&knows.bot.access_token).await.1, json!({ "exp": now + 876_000 * 3_600_000 }));
    gateway(&expiry("made-up").await, 401);

    world.behave(json!({ "token_expiry_for": "personal" })).await;
    assert_eq!(expiry(&knows.personal.access_token).await.0, 200);
    gateway(&expiry(&integration).await, 403);
    gateway(&expiry(&knows.bot.access_token).await, 403);
    world.behave(json!({ "token_expiry_for": "none" })).await;
    gateway(&expiry(&knows.personal.access_token).await, 403);
}
