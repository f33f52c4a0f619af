//! A token that Webex refuses to several callers at once.

use std::time::Duration;

use lanyard_broker::{Test, TokenFinding};
use lanyard_simulator::{Options, RefreshBehaviour};

use crate::world::World;

#[tokio::test]
async fn four_who_are_refused_at_once_cause_one_exchange_and_all_go_on() {
    let world = World::new(Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() }).await;
    // Its access token is one that Webex does not know.
    let credential = world.grant("acme", Duration::from_hours(24)).await;
    let ask = || {
        let name = credential.name.clone();
        world.broker.call(Test { name, jobs: Vec::new(), against: None, expected: None })
    };
    let mut all = std::pin::pin!(async { tokio::join!(ask(), ask(), ask(), ask()) });
    // Those who wait for the one who renews look again after a while.
    let (a, b, c, d) = loop {
        tokio::select! {
            all = &mut all => break all,
            _ = world.refreshes() => world.advance(Duration::from_millis(10)),
        }
    };
    for report in [a, b, c, d] {
        let found = report.unwrap().token;
        assert!(matches!(found, TokenFinding::Accepted | TokenFinding::Renewed), "{found:?}");
    }
    assert_eq!(world.refreshes().await.len(), 1);
    assert_eq!(world.now(&credential).await.generation.number(), 2);
}
