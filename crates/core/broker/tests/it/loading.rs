//! A broker that has not read all of its credentials yet.

use std::time::Duration;

use lanyard_broker::{Clear, FindWebex, ListNames, Rename, Taken};
use lanyard_simulator::Options;

use crate::world::{Call as _, World};

#[tokio::test]
async fn a_credential_that_is_not_in_memory_yet_is_read_alone() {
    let world = World::new(Options::default()).await;
    world.grants(5, Duration::from_hours(24)).await;
    let hand_outs = world.opened().await;
    assert_eq!((hand_outs.is_loaded(), hand_outs.len()), (false, 5));
    let now = hand_outs.now();
    assert!(matches!(hand_outs.take("grant-3", Duration::ZERO, &now), Ok(Taken::Unknown)));
    hand_outs.know("grant-3", |_| true).await.unwrap();
    hand_outs.know("nobody", |_| true).await.unwrap();
    assert!(matches!(hand_outs.take("grant-3", Duration::ZERO, &now), Ok(Taken::Good(_))));
    assert_eq!(hand_outs.names(9).count, 1);
    // No call treats that as the complete list.
    let broker = world.broker.clone().remembering(hand_outs.clone());
    let found = broker.call(FindWebex { name: "grant-4".parse().unwrap() }).await.unwrap();
    assert_eq!(found, Some(world.environment()));
    let all = async { broker.call(ListNames { limit: 9 }).await.unwrap().count };
    let (count, loaded) = tokio::join!(all, hand_outs.load());
    loaded.unwrap();
    assert_eq!((count, hand_outs.is_loaded()), (5, true));
}

#[tokio::test]
async fn a_credential_that_a_caller_may_not_know_is_not_read_for_it() {
    let world = World::new(Options::default()).await;
    let [mine, other] = world.grants(2, Duration::from_hours(24)).await.try_into().unwrap();
    let hand_outs = world.opened().await;
    for name in [mine.name.as_str(), other.name.as_str(), "nobody"] {
        hand_outs.know(name, |id| id == mine.id).await.unwrap();
        assert_eq!(hand_outs.find(name).is_some(), name == mine.name.as_str(), "{name}");
    }
}

#[tokio::test]
async fn a_change_that_is_learned_while_everything_is_read_is_the_newer_one() {
    let world = World::new(Options::default()).await;
    let [kept, renamed, cleared] = world.grants(3, Duration::from_hours(24)).await.try_into().unwrap();
    let hand_outs = world.opened().await;
    let read = hand_outs.read().await.unwrap();
    let name = "renamed".parse().unwrap();
    world.broker.call(Rename { from: renamed.name.clone(), to: name }).await.unwrap();
    world.broker.call(Clear { name: cleared.name.clone(), expected: None }).await.unwrap();
    hand_outs.catch_up().await.unwrap();
    hand_outs.add(read).await;
    let is_known = |name: &str| hand_outs.find(name).is_some();
    let known = [kept.name.as_str(), "renamed", renamed.name.as_str(), cleared.name.as_str()].map(is_known);
    assert_eq!(known, [true, true, false, false]);
    assert_eq!(hand_outs.len(), 2);
}
