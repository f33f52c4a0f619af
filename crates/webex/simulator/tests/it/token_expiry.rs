//! The expiry that a token's holder can read.

use std::time::Duration;

use lanyard_time::Clock as _;
use serde_json::json;

use crate::world::{World, text};

const PATH: &str = "/authorizations/tokenExpiry";

#[tokio::test]
async fn every_token_is_told_the_moment_of_its_end() {
    let world = World::start().await;
    let start = world.clock.now().wall.as_millisecond();
    world.pass(Duration::from_mins(5));
    let reply = world.signed_in(&world.knows().admin.email, "spark:people_read").await;
    let life = |seconds: i64| seconds * 1000;
    let ends = [
        (world.knows().personal.access_token.clone(), start + life(43_199)),
        (world.knows().bot.access_token.clone(), start + life(876_000 * 3600)),
        (text(&reply, "/access_token"), start + life(300 + 1_209_599)),
    ];
    for (token, end) in ends {
        assert_eq!(world.read(PATH, &token).await, (reqwest::StatusCode::OK, json!({"exp": end})));
    }
    assert_eq!(world.status(PATH, "made-up").await, 401);
}

#[tokio::test]
async fn which_kinds_are_told_can_be_chosen() {
    let world = World::start().await;
    let (personal, bot) = (world.knows().personal.access_token.clone(), world.knows().bot.access_token.clone());
    let machine = world.machine_token().await;
    for (word, told) in [("none", [403, 403, 403]), ("personal", [200, 403, 403]), ("all", [200, 200, 200])] {
        world.behave(json!({"token_expiry_for": word})).await;
        for (token, status) in [&personal, &bot, &machine].into_iter().zip(told) {
            assert_eq!(world.status(PATH, token).await, status, "{word}");
        }
    }
}
