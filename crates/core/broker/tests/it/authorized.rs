//! Names that were bound to the ids for which a caller was authorised.

use std::time::Duration;

use lanyard_broker::{Clear, Disable, Enable, Error, HandOut, Refresh, Rename, Show, Test};
use lanyard_credential::Standing;
use lanyard_simulator::Options;

use crate::world::{Call as _, World};

#[tokio::test]
async fn a_rename_between_the_check_and_the_deed_leads_to_no_other_credential() {
    let world = World::new(Options::default()).await;
    let all = world.grants(2, Duration::from_hours(1)).await;
    let (mine, other) = (&all[0], &all[1]);
    let name = mine.name.clone();
    let client = world.broker.acting_as("client ci").authorized_for([(name.clone(), mine.id)]);
    assert_eq!(client.call(Show { name: name.clone() }).await.unwrap().credential.id, mine.id);

    // The name goes to another credential.
    let away = Rename { from: name.clone(), to: "away".parse().unwrap() };
    world.broker.call(away).await.unwrap();
    world.broker.call(Rename { from: other.name.clone(), to: name.clone() }).await.unwrap();

    let absent = |error: Error| assert!(matches!(error, Error::NoSuchCredential { .. }), "{error}");
    let expected = None;
    absent(client.call(Show { name: name.clone() }).await.unwrap_err());
    absent(client.call(Clear { name: name.clone(), expected: None }).await.unwrap_err());
    absent(
        client.call(Refresh { name: name.clone(), force: true, take_over: false, expected: None }).await.unwrap_err(),
    );
    let test = Test { name: name.clone(), jobs: Vec::new(), against: None, expected: None };
    absent(client.call(test).await.unwrap_err());
    absent(client.call(Disable { name: name.clone() }).await.unwrap_err());
    world.broker.call(Disable { name: name.clone() }).await.unwrap();
    absent(client.call(Enable { name: name.clone(), expected: None }).await.unwrap_err());
    assert_eq!(world.now(other).await.standing, Standing::Disabled);
    world.broker.call(Enable { name: name.clone(), expected: None }).await.unwrap();
    let hand_out = HandOut { name: name.clone(), min_validity: Duration::ZERO, expected };
    absent(client.call(hand_out).await.unwrap_err());
    // The other names are as they were, and so is the credential.
    assert_eq!(world.broker.call(Show { name }).await.unwrap().credential.id, other.id);
}
