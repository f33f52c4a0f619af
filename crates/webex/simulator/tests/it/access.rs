//! Access to calls, and revocation.

use std::collections::BTreeSet;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;

use crate::world::{World, answer, text};

#[tokio::test]
async fn no_token_a_wrong_one_and_a_missing_scope_are_told_apart() {
    let world = World::start().await;
    let (status, body) = answer(world.http.get(world.url("/people/me")).send().await.unwrap()).await;
    assert_eq!(status, 401);
    assert_eq!(body["message"], "The request requires a valid access token set in the Authorization request header.");
    assert!(body["trackingId"].as_str().unwrap().starts_with("ROUTER_"));
    assert_eq!(world.status("/people/me", "made-up").await, 401);

    let reply = world.signed_in(&world.knows().admin.email, "spark:organizations_read").await;
    let token = text(&reply, "/access_token");
    let (status, body) = answer(world.get("/people/me", &token).send().await.unwrap()).await;
    assert_eq!(status, 403);
    assert!(body["message"].as_str().unwrap().contains("missing required scopes"), "{body}");
    assert_eq!(world.status("/organizations", &token).await, 200);
}

#[tokio::test]
async fn an_administrators_scope_helps_no_one_else() {
    let world = World::start().await;
    let someone = world.someone().await;
    let reply = world.signed_in(&someone, "spark-admin:people_read spark:people_read").await;
    let token = text(&reply, "/access_token");
    assert_eq!(world.status("/people", &token).await, 403);
    assert_eq!(world.status(&format!("/people?email={someone}"), &token).await, 200);
}

#[tokio::test]
async fn what_is_not_there_is_a_404_in_the_gateways_shape() {
    let world = World::start().await;
    let token = world.knows().personal.access_token.clone();
    let organisation = world.knows().organisation.id.clone();
    for path in ["/people/nobody", &format!("/people/{organisation}"), "/lasers", "/organizations/x"] {
        let (status, body) = answer(world.get(path, &token).send().await.unwrap()).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(body["message"], "The requested resource could not be found.", "{path}");
    }
    let put = world.http.put(world.url("/people/me")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(put.status(), 405);
}

#[tokio::test]
async fn a_tracking_id_comes_back() {
    let world = World::start().await;
    let ask = || world.http.get(world.url("/people/me")).header("TrackingID", "LANYARD_1");
    let reply = ask().send().await.unwrap();
    assert_eq!(reply.headers()["trackingid"], "LANYARD_1");
    assert_eq!(answer(reply).await.1["trackingId"], "LANYARD_1");
    world.behave(json!({"double_tracking_id": true})).await;
    assert_eq!(ask().send().await.unwrap().headers()["trackingid"], "LANYARD_1, LANYARD_1");
}

#[tokio::test]
async fn the_organisation_is_seen_by_those_who_may() {
    let world = World::start().await;
    let knows = world.knows().clone();
    let path = format!("/organizations/{}", knows.organisation.id);
    let (status, shown) = answer(world.get(&path, &knows.personal.access_token).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &shown["displayName"]), (200, &json!(knows.organisation.name)));
}

fn revoke(world: &World, secret: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    let url = world.url("").replace("/v1", "/idb/oauth2/v1/revoke");
    let app = &world.knows().integration;
    world.http.post(url).basic_auth(&app.client_id, Some(secret)).form(fields)
}

async fn revoked(world: &World, fields: &[(&str, &str)]) -> StatusCode {
    let secret = world.knows().integration.client_secret.clone();
    revoke(world, &secret, fields).send().await.unwrap().status()
}

#[tokio::test]
async fn revoking_ends_a_token_or_a_whole_grant() {
    let world = World::start().await;
    let admin = world.knows().admin.email.clone();
    let one = world.signed_in(&admin, "spark:people_read").await;
    let two = world.signed_in(&admin, "spark:people_read").await;
    let access = |reply| text(reply, "/access_token");

    assert_eq!(revoke(&world, "wrong", &[("token", "x")]).send().await.unwrap().status(), 401);
    assert_eq!(revoked(&world, &[("token", "unknown")]).await, 200);
    assert_eq!(world.status("/people/me", &access(&one)).await, 200);

    assert_eq!(revoked(&world, &[("token", &access(&one)), ("token_type_hint", "access_token")]).await, 200);
    assert_eq!(world.status("/people/me", &access(&one)).await, 401);
    assert_eq!(world.status("/people/me", &access(&two)).await, 200);

    assert_eq!(revoked(&world, &[("token", &text(&two, "/refresh_token"))]).await, 200);
    assert_eq!(world.status("/people/me", &access(&two)).await, 401);
}

#[tokio::test]
async fn another_apps_tokens_are_not_revoked_and_refresh_tokens_only_where_allowed() {
    let world = World::start().await;
    let foreign = world.knows().service_app.refresh_token.clone();
    assert_eq!(revoked(&world, &[("token", &foreign)]).await, 200);
    assert_eq!(world.refresh(&foreign).await.0, 200);

    world.behave(json!({"revoke_refresh_tokens": false})).await;
    let reply = world.signed_in(&world.knows().admin.email, "spark:people_read").await;
    let secret = world.knows().integration.client_secret.clone();
    let request = revoke(&world, &secret, &[("token", &text(&reply, "/refresh_token"))]);
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &body["error"]), (400, &json!("unsupported_token_type")));
    assert_eq!(world.status("/people/me", &text(&reply, "/access_token")).await, 200);
}

#[tokio::test]
async fn a_seed_decides_who_is_there_and_no_secret() {
    let one = World::start().await;
    let two = World::start().await;
    assert_eq!(one.knows().organisation, two.knows().organisation);
    assert_eq!(one.knows().integration.client_id, two.knows().integration.client_id);
    assert_eq!(one.knows().admin.email, two.knows().admin.email);
    let secrets = |world: &World| {
        let knows = world.knows();
        [
            knows.control_key.clone(),
            knows.admin.password.clone(),
            knows.integration.client_secret.clone(),
            knows.service_app.client_secret.clone(),
            knows.service_app.refresh_token.clone(),
            knows.bot.access_token.clone(),
            knows.personal.access_token.clone(),
        ]
    };
    let different: BTreeSet<_> = secrets(&one).into_iter().chain(secrets(&two)).collect();
    assert_eq!(different.len(), 14);
}
