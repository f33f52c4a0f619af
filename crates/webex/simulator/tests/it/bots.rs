//! Bots, and passwords that change.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, text};

#[tokio::test]
async fn a_new_bot_has_a_token_and_is_a_bot() {
    let world = World::start().await;
    let (status, bot) = world.control(Method::POST, "/bots", json!({"name": "Door Bell"})).await;
    assert_eq!(status, 201, "{bot}");
    let email = text(&bot, "/email");
    assert!(email.starts_with("doorbell-") && email.ends_with("@webex.bot"), "{email}");
    let (_, me) = world.read("/people/me", &text(&bot, "/access_token")).await;
    assert_eq!((&me["type"], &me["id"], &me["emails"][0]), (&json!("bot"), &bot["id"], &bot["email"]));
    assert_eq!(me["displayName"], "Door Bell");

    let (_, namesake) = world.control(Method::POST, "/bots", json!({"name": "Door Bell"})).await;
    assert!(bot["id"] != namesake["id"] && bot["email"] != namesake["email"], "{namesake}");
}

#[tokio::test]
async fn regenerating_kills_the_old_token_at_once_and_only_that_bots() {
    let world = World::start().await;
    let (_, other) = world.control(Method::POST, "/bots", json!({"name": "Other"})).await;
    let bot = world.knows().bot.clone();
    let (_, fresh) = world.control(Method::POST, &format!("/bots/{}/regenerate", bot.email), json!({})).await;
    assert_eq!(world.status("/people/me", &bot.access_token).await, 401);
    assert_eq!(world.status("/people/me", &text(&fresh, "/access_token")).await, 200);
    assert_eq!(world.status("/people/me", &text(&other, "/access_token")).await, 200);
    let person = format!("/bots/{}/regenerate", world.knows().admin.email);
    assert_eq!(world.control(Method::POST, &person, json!({})).await.0, 404, "a person is no bot");
}

#[tokio::test]
async fn a_changed_password_ends_what_that_person_gave_and_nothing_else() {
    let world = World::start().await;
    let someone = world.someone().await;
    let theirs = world.signed_in(&someone, "spark:people_read").await;
    let admins = world.signed_in(&world.knows().admin.email, "spark:people_read").await;
    let machine = world.machine_token().await;
    let (status, _) = world.control(Method::POST, &change(&world.knows().admin.email), json!({})).await;
    assert_eq!(status, 200);

    assert_eq!(world.status("/people/me", &text(&admins, "/access_token")).await, 401);
    assert_eq!(world.status("/people/me", &world.knows().personal.access_token).await, 401);
    let refresh = text(&admins, "/refresh_token");
    let app = &world.knows().integration;
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", &app.client_id),
        ("client_secret", &app.client_secret),
        ("refresh_token", refresh.as_str()),
    ];
    assert_eq!(world.token_request(&fields).await.0, 400);
    for token in [text(&theirs, "/access_token"), machine, world.knows().bot.access_token.clone()] {
        assert_eq!(world.status("/people/me", &token).await, 200);
    }
}

#[tokio::test]
async fn only_people_have_passwords() {
    let world = World::start().await;
    for email in [&world.knows().bot.email, "nobody@example.com"] {
        assert_eq!(world.control(Method::POST, &change(email), json!({})).await.0, 404, "{email}");
    }
    assert_eq!(world.status("/people/me", &world.knows().bot.access_token).await, 200);
}

fn change(email: &str) -> String {
    format!("/people/{email}/change-password")
}
