//! A token that Webex refuses to several callers at once.

use std::time::Duration;

use lanyard_broker::{IssueToken, Test, TokenFinding};
use lanyard_client::CallOptions;
use lanyard_credential::{Credential, Generation};
use lanyard_simulator::{Options, RefreshBehaviour};

use crate::world::{Call as _, World};

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

/// The token that an owner's process gets for its own calls, after Webex refused this generation.
async fn issued(world: &World, credential: &Credential, refused: Option<u32>) -> Option<u32> {
    let (name, refused) = (credential.name.clone(), refused.map(Generation::new));
    let call = IssueToken { name, expected: None, refused, means: "a job".to_owned() };
    world.broker.call(call).await.unwrap().map(|token| token.generation.number())
}

#[tokio::test]
async fn calls_with_a_refused_token_share_one_renewal_in_this_process_and_another() {
    let world = World::new(Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() }).await;
    // Its access token is one that Webex does not know.
    let credential = world.grant("acme", Duration::from_hours(24)).await;
    let api = world.broker.tokens_of(&credential.name).client();
    let once = CallOptions::once();
    assert_eq!(issued(&world, &credential, None).await, Some(1));
    let (a, b, c) = tokio::join!(api.me(&once), api.me(&once), issued(&world, &credential, Some(1)));
    assert_eq!((a.is_ok(), b.is_ok(), c), (true, true, Some(2)));
    assert_eq!(world.refreshes().await.len(), 1);
    // Another process reports the first one late, and gets the current one.
    assert_eq!(issued(&world, &credential, Some(1)).await, Some(2));
    // Webex accepts the second one elsewhere, so that the call itself was refused.
    assert_eq!(issued(&world, &credential, Some(2)).await, None);
    assert_eq!(world.refreshes().await.len(), 1);
}
