//! The refresh grant over the wire.

use std::time::Duration;

use lanyard_simulator::{Options, RefreshBehaviour};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, text};

fn rotating(refresh: RefreshBehaviour) -> Options {
    Options { refresh, ..Options::default() }
}

fn first(world: &World) -> String {
    world.knows().service_app.refresh_token.clone()
}

#[tokio::test]
async fn keep_gives_the_same_refresh_token_and_leaves_old_access_tokens_alone() {
    let world = World::start().await;
    let token = first(&world);
    let (_, one) = world.refresh(&token).await;
    world.pass(Duration::from_hours(24));
    let (status, two) = world.refresh(&token).await;
    assert_eq!(status, 200);
    assert_eq!(two["refresh_token"], json!(token));
    assert_eq!(two["refresh_token_expires_in"], 7_775_999);
    for reply in [&one, &two] {
        assert_eq!(world.status("/people/me", &text(reply, "/access_token")).await, 200);
    }
    world.pass(Duration::from_hours(13 * 24));
    assert_eq!(world.status("/people/me", &text(&one, "/access_token")).await, 401);
    assert_eq!(world.status("/people/me", &text(&two, "/access_token")).await, 200);
}

#[tokio::test]
async fn rotate_repeats_the_same_reply_with_what_is_left_of_it() {
    let world = World::with(rotating(RefreshBehaviour::Rotate)).await;
    let token = first(&world);
    let (_, reply) = world.refresh(&token).await;
    world.pass(Duration::from_secs(59));
    let (status, again) = world.refresh(&token).await;
    assert_eq!(status, 200);
    for field in ["access_token", "refresh_token", "scope"] {
        assert_eq!(again[field], reply[field], "{field}");
    }
    assert_eq!(again["expires_in"], 1_209_599 - 59);
    assert_eq!(again["refresh_token_expires_in"], 7_775_999 - 59);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.refresh(&token).await.0, 400);
    assert_eq!(world.refresh(&text(&reply, "/refresh_token")).await.0, 200);
}

#[tokio::test]
async fn rotate_strict_ends_the_spent_token_and_says_so_as_it_is_told_to() {
    let world = World::with(rotating(RefreshBehaviour::RotateStrict)).await;
    let token = first(&world);
    assert_eq!(world.refresh(&token).await.0, 200);
    let (status, reply) = world.refresh(&token).await;
    assert_eq!((status.as_u16(), &reply["error"]), (400, &json!("invalid_request")));
    assert_eq!(reply["error_description"], "The refresh token provided is expired, revoked, malformed, or invalid.");
    assert!(reply["trackingID"].is_string());
    world.behave(json!({"dead_grant_status": 401, "dead_grant_error": "invalid_grant"})).await;
    let (status, reply) = world.refresh(&token).await;
    assert_eq!((status.as_u16(), &reply["error"]), (401, &json!("invalid_grant")));
}

#[tokio::test]
async fn behaviour_changes_while_it_runs() {
    let world = World::start().await;
    let token = first(&world);
    world
        .behave(
            json!({"refresh": "rotate", "repeat_window_ms": 0, "scope_in_reply": false, "access_token_ttl_ms": 60_000}),
        )
        .await;
    let (_, reply) = world.refresh(&token).await;
    assert_ne!(reply["refresh_token"], json!(token));
    assert_eq!(reply.get("scope"), None);
    assert_eq!(reply["expires_in"], 60);
    assert_eq!(world.refresh(&token).await.0, 400, "no window, no repetition");
}

#[tokio::test]
async fn a_no_op_refresh_changes_neither_value_nor_expiry() {
    let world =
        World::with(Options { noop_refresh_window: Some(Duration::from_hours(24)), ..Options::default() }).await;
    let token = first(&world);
    let (_, one) = world.refresh(&token).await;
    world.pass(Duration::from_secs(20));
    let (_, two) = world.refresh(&token).await;
    assert_eq!(two["access_token"], one["access_token"]);
    assert_eq!(two["refresh_token_expires_in"], 7_775_999 - 20);
}

#[tokio::test]
async fn a_refresh_token_dies_of_age_and_at_the_control_planes_word() {
    let world = World::start().await;
    let token = first(&world);
    let admin = world.knows().admin.email.clone();
    let person = world.signed_in(&admin, "spark:people_read").await;
    let client = world.knows().integration.client_id.clone();
    let (_, ended) = world.control(Method::POST, "/grants/revoke", json!({"client_id": client})).await;
    assert_eq!(ended["ended"], 1);
    assert_eq!(world.status("/people/me", &text(&person, "/access_token")).await, 401);
    assert_eq!(world.refresh(&token).await.0, 200, "a service app survives people");
    world.pass(Duration::from_secs(7_775_999));
    assert_eq!(world.refresh(&token).await.0, 400);
}

#[tokio::test]
async fn an_account_holds_750_live_access_tokens_and_no_more() {
    let world = World::start().await;
    let token = first(&world);
    for _ in 0..750 {
        assert_eq!(world.refresh(&token).await.0, 200);
    }
    let (status, reply) = world.refresh(&token).await;
    assert_eq!(status, 403, "{reply}");
    assert!(reply.get("access_token").is_none());
    world.pass(Duration::from_secs(1_209_599));
    assert_eq!(world.refresh(&token).await.0, 200, "those that ran out do not count");
}

#[tokio::test]
async fn grants_can_be_looked_at() {
    let world = World::start().await;
    let token = first(&world);
    world.refresh(&token).await;
    world.refresh(&token).await;
    let (_, grants) = world.control(Method::GET, "/grants", json!({})).await;
    let client = json!(world.knows().service_app.client_id);
    let grant = grants.as_array().unwrap().iter().find(|grant| grant["client_id"] == client).unwrap();
    assert_eq!((&grant["refreshed"], &grant["live_access_tokens"]), (&json!(2), &json!(2)));
    assert_eq!(grant["refresh_token_fingerprint"].as_str().map(str::len), Some(12));
    assert!(!grants.to_string().contains(&token));

    let fingerprint = grant["refresh_token_fingerprint"].clone();
    let which = json!({"refresh_token_fingerprint": fingerprint});
    let (_, revoked) = world.control(Method::POST, "/access_tokens/revoke", which.clone()).await;
    assert_eq!(revoked["revoked"], 2);
    assert_eq!(world.refresh(&token).await.0, 200, "the grant lives on");
    world.control(Method::POST, "/grants/revoke", which).await;
    assert_eq!(world.refresh(&token).await.0, 400);
    let (status, _) = world.control(Method::POST, "/grants/revoke", Value::Object(serde_json::Map::default())).await;
    assert_eq!(status, 400, "nothing named, nothing ended");
}

#[tokio::test]
async fn a_replaced_secret_is_wrong_at_once() {
    let world = World::start().await;
    let token = first(&world);
    let path = format!("/clients/{}/secret", world.knows().service_app.client_id);
    let (status, _) = world.control(Method::POST, &path, json!({})).await;
    assert_eq!(status, 200);
    let (status, reply) = world.refresh(&token).await;
    assert_eq!((status.as_u16(), &reply["error"]), (401, &json!("invalid_client")));
}
