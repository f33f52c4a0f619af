//! The Authorizations API: which tokens apps hold for a person, and ending them.

use lanyard_protocol::WebexId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, text};

const PEOPLE: &str = "spark:people_read";

/// The entries for a person's tokens, as the administrator sees them.
async fn entries(world: &World, email: &str) -> Vec<Value> {
    let path = format!("/authorizations?personEmail={email}");
    let (status, list) = world.read(&path, &world.knows().personal.access_token).await;
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().unwrap().clone()
}

fn kinds(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["type"].as_str().unwrap()).collect()
}

async fn delete(world: &World, path: &str, token: &str) -> StatusCode {
    world.http.delete(world.url(path)).bearer_auth(token).send().await.unwrap().status()
}

#[tokio::test]
async fn an_administrator_sees_a_persons_tokens_by_address_and_by_id() {
    let world = World::start().await;
    let someone = world.someone().await;
    assert_eq!(entries(&world, &someone).await, Vec::<Value>::new());
    let reply = world.signed_in(&someone, PEOPLE).await;
    let (_, me) = world.read("/people/me", &text(&reply, "/access_token")).await;

    let found = entries(&world, &someone).await;
    assert_eq!(kinds(&found), ["refresh", "access"]);
    for entry in &found {
        assert_eq!(WebexId::decode(&text(entry, "/id")).unwrap().kind, "AUTHORIZATION");
        assert_eq!(WebexId::decode(&text(entry, "/applicationId")).unwrap().kind, "APPLICATION");
        assert_eq!(entry["clientId"], world.knows().integration.client_id);
        assert_eq!((&entry["applicationName"], &entry["personId"]), (&json!("Lanyard Integration"), &me["id"]));
        assert_eq!(entry["created"], "2026-03-02T08:00:00.000Z");
    }
    assert_ne!(found[0]["id"], found[1]["id"]);
    let path = format!("/authorizations?personId={}", text(&me, "/id"));
    let (_, by_id) = world.read(&path, &world.knows().personal.access_token).await;
    assert_eq!(by_id["items"], json!(found));
}

#[tokio::test]
async fn it_takes_a_person_a_scope_and_an_administrator() {
    let world = World::start().await;
    let (admin, someone) = (world.knows().admin.email.clone(), world.someone().await);
    let personal = world.knows().personal.access_token.clone();
    let path = format!("/authorizations?personEmail={someone}");
    assert_eq!(world.status("/authorizations", &personal).await, 400);
    assert_eq!(world.status("/authorizations?personEmail=nobody@example.com", &personal).await, 404);

    let scopes = "identity:tokens_read identity:tokens_write";
    for (who, scope, status) in [(&admin, PEOPLE, 403), (&someone, scopes, 403), (&admin, scopes, 200)] {
        let token = text(&world.signed_in(who, scope).await, "/access_token");
        assert_eq!(world.status(&path, &token).await, status, "{who} {scope}");
    }
    let id = text(&entries(&world, &someone).await[0], "/id");
    let reader = text(&world.signed_in(&admin, "identity:tokens_read").await, "/access_token");
    assert_eq!(delete(&world, &format!("/authorizations/{id}"), &reader).await, 403, "reading is not writing");
    assert_eq!(delete(&world, &format!("/authorizations/{id}"), &world.knows().bot.access_token).await, 403);
}

#[tokio::test]
async fn deleting_an_access_token_leaves_the_grant_and_deleting_a_refresh_token_ends_all_of_it() {
    let world = World::start().await;
    let (someone, personal) = (world.someone().await, world.knows().personal.access_token.clone());
    let gone = world.signed_in(&someone, PEOPLE).await;
    let path = format!("/authorizations/{}", text(&entries(&world, &someone).await[1], "/id"));
    assert_eq!(delete(&world, &path, &personal).await, 204);
    assert_eq!(world.status("/people/me", &text(&gone, "/access_token")).await, 401);
    assert_eq!(kinds(&entries(&world, &someone).await), ["refresh"]);
    assert_eq!(delete(&world, &path, &personal).await, 404, "it is gone");

    let (status, renewed) = refresh(&world, &gone).await;
    assert_eq!(status, 200, "{renewed}");
    let path = format!("/authorizations/{}", text(&entries(&world, &someone).await[0], "/id"));
    assert_eq!(delete(&world, &path, &personal).await, 204);
    assert_eq!(world.status("/people/me", &text(&renewed, "/access_token")).await, 401);
    assert_eq!(refresh(&world, &renewed).await.0, 400);
    assert_eq!(entries(&world, &someone).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_app_is_ended_for_a_whole_organisation_and_no_other_app_with_it() {
    let world = World::start().await;
    let (someone, personal) = (world.someone().await, world.knows().personal.access_token.clone());
    let machine = world.machine_token().await;
    let admin = world.knows().admin.email.clone();
    let given = [world.signed_in(&someone, PEOPLE).await, world.signed_in(&admin, PEOPLE).await];
    let (client, home) = (&world.knows().integration.client_id, &world.knows().organisation.id);
    assert_eq!(delete(&world, "/authorizations", &personal).await, 400, "everything is hardly meant");

    let path = format!("/authorizations?clientId={client}&orgId={home}");
    assert_eq!(delete(&world, &path, &personal).await, 204);
    for reply in &given {
        assert_eq!(world.status("/people/me", &text(reply, "/access_token")).await, 401);
    }
    for token in [&personal, &machine, &world.knows().bot.access_token] {
        assert_eq!(world.status("/people/me", token).await, 200);
    }
}

#[tokio::test]
async fn another_organisations_tokens_are_out_of_reach() {
    let options = lanyard_simulator::Options { organisations: 2, ..Default::default() };
    let world = World::with(options).await;
    let personal = world.knows().personal.access_token.clone();
    let (_, all) = world.control(Method::GET, "/organisations", json!({})).await;
    let stranger = text(&all[1], "/admin/email");
    let theirs = world.signed_in(&stranger, "spark:people_read identity:tokens_read").await;
    let theirs = text(&theirs, "/access_token");
    let path = format!("/authorizations?personEmail={stranger}");
    assert_eq!(world.status(&path, &personal).await, 404);
    let (_, own) = world.read(&path, &theirs).await;
    let entry = format!("/authorizations/{}", text(&own["items"][0], "/id"));
    assert_eq!(delete(&world, &entry, &personal).await, 404);
    let client = &world.knows().integration.client_id;
    let path = format!("/authorizations?clientId={client}&orgId={}", text(&all[1], "/id"));
    assert_eq!(delete(&world, &path, &personal).await, 403);
    assert_eq!(world.status("/people/me", &theirs).await, 200);
}

async fn refresh(world: &World, reply: &Value) -> (StatusCode, Value) {
    let (app, token) = (&world.knows().integration, text(reply, "/refresh_token"));
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", &app.client_id),
        ("client_secret", &app.client_secret),
        ("refresh_token", token.as_str()),
    ];
    world.token_request(&fields).await
}
