//! The end of a process while operations run whose callers are gone.

use std::time::Duration;

use futures_util::poll;
use lanyard_broker::Test;
use lanyard_protocol::Method;
use lanyard_simulator::Options;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_process_awaits_an_operation_whose_caller_is_gone() {
    let world = World::new(Options::default()).await;
    let bot = world.bot().await;
    let slow = json!({ "path": "/v1/people/me", "action": { "delay_ms": 1000 } });
    world.control(Method::POST, "/faults", Some(slow)).await;
    let test = Test { name: bot.name.clone(), jobs: Vec::new(), against: None, expected: None };
    let mut tested = Box::pin(world.broker.perform(test));
    let is_asked = |record: &Value| record.as_array().unwrap().iter().any(|call| call["path"] == "/v1/people/me");
    loop {
        tokio::select! {
            _ = &mut tested => panic!("Webex takes its time"),
            record = world.control(Method::GET, "/record", None) => if is_asked(&record) { break },
        }
    }
    drop(tested);
    let mut drained = Box::pin(world.broker.drain());
    assert!(poll!(&mut drained).is_pending());
    world.advance(Duration::from_secs(1));
    drained.await;
    assert!(world.now(&bot).await.subject.known().is_some(), "the operation came to its end");
}
