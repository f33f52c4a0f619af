//! The control plane itself, the clock, and starting and stopping.

use std::sync::Arc;
use std::time::Duration;

use lanyard_simulator::{Options, Simulator, StartError};
use lanyard_time::{SystemClock, SystemEntropy};
use reqwest::Method;
use serde_json::json;

use crate::world::{World, answer};

#[tokio::test]
async fn without_the_key_there_is_no_control() {
    let world = World::start().await;
    let url = format!("{}/record", world.knows().control_url);
    let bare = world.http.get(&url).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    let other = world.http.get(&url).bearer_auth(&world.knows().bot.access_token);
    assert_eq!(other.send().await.unwrap().status(), 401);
    assert_eq!(world.control(Method::GET, "/record", json!({})).await.0, 200);
}

#[tokio::test]
async fn the_clock_moves_with_the_given_one_and_by_the_control_plane() {
    let world = World::start().await;
    world.pass(Duration::from_mins(1));
    let (_, moved) = world.control(Method::POST, "/clock", json!({"advance_ms": 43_200_000})).await;
    assert_eq!(moved["now"], "2026-03-02T20:01:00Z");
    let personal = world.knows().personal.access_token.clone();
    let reply = world.get("/people/me", &personal).send().await.unwrap();
    assert_eq!(reply.headers()["date"], "Mon, 02 Mar 2026 20:01:00 GMT");
    assert_eq!(reply.status(), 401, "a personal token lives twelve hours");
    assert_eq!(world.status("/people/me", &world.knows().bot.access_token).await, 200);
    world.clock.jump_wall(jiff::SignedDuration::from_hours(-48));
    let (_, still) = world.control(Method::GET, "/clock", json!({})).await;
    assert_eq!(still["now"], "2026-03-02T20:01:00Z", "a remote server does not notice a local clock's jump");
}

#[tokio::test]
async fn a_cleared_record_goes_on_counting() {
    let world = World::start().await;
    world.status("/people/me", "x").await;
    assert_eq!(world.control(Method::DELETE, "/record", json!({})).await.0, 204);
    world.status("/people/me", "x").await;
    let record = world.record().await;
    assert_eq!(record.len(), 1);
    assert_eq!((&record[0]["sequence"], &record[0]["path"]), (&json!(1), &json!("/v1/people/me")));
}

#[tokio::test]
async fn a_simulator_stays_on_this_machine_unless_told_otherwise() {
    let start = |allow_remote| {
        let options = Options { listen: "0.0.0.0:0".parse().unwrap(), allow_remote, ..Options::default() };
        Simulator::start(options, Arc::new(SystemClock::new()), Arc::new(SystemEntropy))
    };
    assert!(matches!(start(false).await, Err(StartError::NotLoopback(_))));
    let remote = start(true).await.unwrap();
    assert!(remote.description().base_url.starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn stopping_closes_the_door() {
    let world = World::start().await;
    let url = world.url("/people/me");
    assert_eq!(world.http.get(&url).send().await.unwrap().status(), 401);
    world.simulator.stop().await;
    assert!(world.http.get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_description_is_one_line_and_its_debug_tells_no_secret() {
    let world = World::start().await;
    let line = serde_json::to_string(world.knows()).unwrap();
    assert!(!line.contains('\n'));
    assert_eq!(&serde_json::from_str::<lanyard_simulator::Description>(&line).unwrap(), world.knows());
    let shown = format!("{:?}", world.knows());
    assert!(!shown.contains(&world.knows().control_key) && !shown.contains("_PF84_"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_clients_at_once_are_all_served() {
    let world = World::start().await;
    let requests: Vec<_> = (0..200)
        .map(|_| {
            let request = world.get("/people/me", &world.knows().bot.access_token);
            tokio::spawn(async move { answer(request.send().await.unwrap()).await.0 })
        })
        .collect();
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    let record = world.record().await;
    assert_eq!(record.len(), 200);
    assert!(record.iter().all(|entry| entry["reply_sent"] == json!(true)));
}
