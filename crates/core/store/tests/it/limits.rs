//! The limits that Webex sets, shared by all processes of a store.

use std::time::Duration;

use lanyard_credential::rotation::IntentEnd;
use lanyard_credential::{
    Credential, CredentialId, Mint, Order, Standing, Subject, SubjectIdentity, Trouble, TroubleKind,
};
use lanyard_protocol::{PersonId, PersonType};
use lanyard_store::{Failure, LONGEST_LIMIT, LimitNews, NewCredential, Store};

use super::world::{World, begun, claimed, new_app, pending, seen};

/// How far the clock of a server may move on during a test.
const SLOW: Duration = Duration::from_mins(2);
const TEN: Duration = Duration::from_mins(10);

fn person(id: &str) -> Subject {
    Subject::Known(SubjectIdentity {
        id: PersonId::new(id),
        account: PersonType::Person,
        display_name: id.to_owned(),
        email: None,
    })
}

/// Adds a credential like `like`, that acts as `subject`.
async fn add(world: &World, name: &str, like: &Credential, subject: &str) -> CredentialId {
    let credential = Credential { app: like.app, subject: person(subject), ..pending(name) };
    let new = NewCredential { credential, tokens: Some(world.tokens(name)) };
    world.store.insert_credential(&new).await.unwrap().id
}

/// Has Webex answer a rotation with a limit that holds for so long.
async fn limit(world: &World, id: CredentialId, pause: Duration) {
    let (_, declared) = begun(&world.store, id).await;
    let trouble = Trouble { pause, ..world.trouble(TroubleKind::Limited) };
    let failure = Failure { standing: Standing::Stalled(trouble), intent: IntentEnd::Close };
    assert!(world.store.record_failure(id, &declared.intent, &failure).await.unwrap());
}

async fn limited(store: &Store, id: CredentialId) -> Option<Duration> {
    seen(store, id).await.limited
}

/// Whether a limit holds for about so long.
fn is_about(left: Option<Duration>, expected: Duration) -> bool {
    left.is_some_and(|left| left <= expected && left + SLOW > expected)
}

#[tokio::test]
async fn a_limit_holds_for_its_subject_and_app_in_every_process_until_it_has_passed() {
    let world = World::new().await;
    let portal = world.signed_in().await;
    let app = new_app("other");
    world.store.insert_app(&app).await.unwrap();
    let elsewhere = Credential { app: Some(app.app.id), ..portal.clone() };
    let first = add(&world, "first", &portal, "anna").await;
    let second = add(&world, "second", &portal, "anna").await;
    let of_another_person = add(&world, "third", &portal, "bert").await;
    let of_another_app = add(&world, "fourth", &elsewhere, "anna").await;
    let other = world.seen_by(world.elsewhere()).await;
    limit(&world, first, TEN).await;
    for store in [&world.store, &other] {
        assert!(is_about(limited(store, first).await, TEN));
        assert!(is_about(limited(store, second).await, TEN));
        for id in [of_another_person, of_another_app, portal.id] {
            assert_eq!(limited(store, id).await, None);
        }
    }
    world.tamper("UPDATE pauses SET until = 1").await;
    assert_eq!(limited(&other, second).await, None);
}

#[tokio::test]
async fn the_longer_limit_counts_and_none_longer_than_an_hour() {
    let world = World::new().await;
    let portal = world.signed_in().await;
    let first = add(&world, "first", &portal, "anna").await;
    let second = add(&world, "second", &portal, "anna").await;
    limit(&world, first, TEN).await;
    limit(&world, second, Duration::from_secs(1)).await;
    assert!(is_about(limited(&world.store, first).await, TEN));
    limit(&world, second, 5 * LONGEST_LIMIT).await;
    assert!(is_about(limited(&world.store, first).await, LONGEST_LIMIT));
}

#[tokio::test]
async fn a_row_beyond_the_longest_limit_is_ignored_and_replaced() {
    let world = World::new().await;
    let portal = world.signed_in().await;
    let first = add(&world, "first", &portal, "anna").await;
    let other = add(&world, "other", &portal, "bert").await;
    for id in [first, other] {
        limit(&world, id, TEN).await;
    }
    for until in ["9223372036854775807", "-9223372036854775808", "32503680000000"] {
        world.tamper(&format!("UPDATE pauses SET until = {until}")).await;
        assert_eq!(limited(&world.store, first).await, None, "{until}");
    }
    limit(&world, first, TEN).await;
    assert!(is_about(limited(&world.store, first).await, TEN));
    // What limits nothing was removed: no earlier time brings it back.
    world.tamper("UPDATE pauses SET until = until + 60000").await;
    assert_eq!(limited(&world.store, other).await, None);
    assert!(is_about(limited(&world.store, first).await, TEN + Duration::from_mins(1)));
}

#[tokio::test]
async fn a_renewal_that_succeeds_ends_the_limit() {
    let world = World::new().await;
    let portal = world.signed_in().await;
    let first = add(&world, "first", &portal, "anna").await;
    let other = add(&world, "other", &portal, "bert").await;
    for id in [first, other] {
        limit(&world, id, TEN).await;
    }
    world.store.lift_limit(first).await.unwrap();
    assert_eq!(limited(&world.store, first).await, None);
    assert!(is_about(limited(&world.store, other).await, TEN));
}

#[tokio::test]
async fn a_limit_on_an_issuer_holds_for_all_its_guests_and_not_for_itself() {
    let world = World::new().await;
    let portal = world.signed_in().await;
    let issuer = add(&world, "issuer", &portal, "anna").await;
    let guest = async |name: &str| {
        let order = Order::Guest { subject: format!("guest-{name}").parse().unwrap(), display_name: name.to_owned() };
        let mint = Some(Mint { via: issuer, order });
        let new = NewCredential { credential: Credential { mint, ..pending(name) }, tokens: None };
        world.store.insert_credential(&new).await.unwrap().id
    };
    let (carl, dora) = (guest("carl").await, guest("dora").await);
    assert_eq!(claimed(&world.store, carl).await.limited, None);
    world.store.release_noting(carl, LimitNews::Holds(TEN)).await.unwrap();
    let other = world.seen_by(world.elsewhere()).await;
    for id in [carl, dora] {
        assert!(is_about(claimed(&other, id).await.limited, TEN));
        other.release(id).await.unwrap();
    }
    assert_eq!(limited(&world.store, issuer).await, None);
    claimed(&other, dora).await;
    other.release_noting(dora, LimitNews::Over).await.unwrap();
    assert_eq!(claimed(&world.store, carl).await.limited, None);
}
