//! How many calls a minute an account may make.

use std::time::Duration;

use reqwest::Response;
use serde_json::json;

use crate::world::{World, text};

#[tokio::test]
async fn one_call_too_many_waits_for_the_next_minute() {
    let world = World::start().await;
    let knows = world.knows().clone();
    world.behave(json!({ "requests_per_minute": 3 })).await;
    world.pass(Duration::from_secs(20));
    let ask = async |path: &str, token: &str| -> Response { world.get(path, token).send().await.unwrap() };
    for _ in 0..3 {
        assert_eq!(ask("/people/me", &knows.bot.access_token).await.status(), 200);
    }
    let refused = ask("/people/me", &knows.bot.access_token).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "40");
    assert_eq!(refused.headers()["content-type"], "text/html");
    assert!(refused.headers().contains_key("trackingid"));
    let body = refused.text().await.unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&body).is_err(), "{body}");

    // The count is the account's, whichever token it uses, and the API's.
    let fresh = world.done(&format!("/bots/{}/regenerate", knows.bot.email), json!({})).await;
    let fresh = text(&fresh, "/access_token");
    assert_eq!(ask("/people/me", &fresh).await.status(), 429);
    assert_eq!(ask("/devices", &fresh).await.status(), 200);
    assert_eq!(ask("/people/me", &knows.personal.access_token).await.status(), 200);

    world.pass(Duration::from_secs(39));
    assert_eq!(ask("/people/me", &fresh).await.headers()["retry-after"], "1");
    world.pass(Duration::from_secs(1));
    assert_eq!(ask("/people/me", &fresh).await.status(), 200);
    world.behave(json!({ "requests_per_minute": 0 })).await;
    for _ in 0..10 {
        assert_eq!(ask("/people/me", &fresh).await.status(), 200);
    }
}

#[tokio::test]
async fn a_made_up_token_is_refused_as_such_and_counts_for_nobody() {
    let world = World::start().await;
    world.behave(json!({ "requests_per_minute": 1 })).await;
    for _ in 0..5 {
        assert_eq!(world.status("/people/me", "made-up").await, 401);
    }
    assert_eq!(world.status("/people/me", &world.knows().bot.access_token).await, 200);
}
