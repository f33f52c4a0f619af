//! Clearing and the queue of tokens to revoke.

use std::time::Duration;

use lanyard_credential::{Credential, Standing};
use lanyard_secret::RefreshToken;
use lanyard_store::{EventKind, PendingRevocation, RevocableToken, RevocationOutcome, Store};

use super::world::{World, access};

fn opened(store: &Store, waiting: &[PendingRevocation]) -> Vec<String> {
    let mut texts: Vec<String> = waiting
        .iter()
        .map(|pending| match store.open_revocation(pending).unwrap() {
            RevocableToken::Access(token) => token.expose_secret().to_owned(),
            RevocableToken::Refresh(token) => token.expose_secret().to_owned(),
        })
        .collect();
    texts.sort();
    texts
}

async fn with_spare(world: &World) -> Credential {
    let credential = world.signed_in().await;
    let spare = RefreshToken::new("canary-spare");
    world.store.keep_spare(credential.id, credential.grant, &spare).await.unwrap();
    credential
}

#[tokio::test]
async fn every_token_waits_to_be_revoked_and_outlives_its_credential() {
    let world = World::new().await;
    let credential = with_spare(&world).await;
    let held = ["canary-access-1", "canary-refresh-1", "canary-spare"];

    let waiting = world.store.begin_clearing(credential.id).await.unwrap().unwrap();
    assert_eq!(opened(&world.store, &waiting), held);
    let found = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Clearing);
    assert!(world.store.finish_clearing(credential.id).await.unwrap());

    // Another process, later.
    let other = world.seen_by(world.elsewhere()).await;
    let waiting = other.pending_revocations().await.unwrap();
    assert_eq!(opened(&other, &waiting), held);
    for pending in &waiting {
        assert_eq!(pending.credential, credential.id);
        assert_eq!(pending.name, credential.name);
        assert_eq!(pending.environment, credential.environment);
        assert_eq!(pending.app, credential.app);
        let patience = pending.give_up_at.duration_since(pending.queued_at);
        assert_eq!(Duration::try_from(patience).unwrap(), Duration::from_hours(7 * 24));
    }
    assert_eq!(access(&other, credential.id).await, None);
}

#[tokio::test]
async fn to_begin_twice_queues_once_and_nothing_stops_it() {
    let world = World::new().await;
    let credential = with_spare(&world).await;
    let first = world.store.begin_clearing(credential.id).await.unwrap().unwrap();
    let again = world.store.begin_clearing(credential.id).await.unwrap().unwrap();
    let ids = |waiting: &[PendingRevocation]| waiting.iter().map(|pending| pending.id).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&again));
    assert!(!world.store.set_standing(credential.id, &Standing::Active).await.unwrap());
    let tokens = world.tokens("2");
    let signed_in = world.store.replace_grant(credential.id, &tokens, &credential.subject, None).await.unwrap();
    assert_eq!(signed_in, None);
}

#[tokio::test]
async fn each_token_ends_its_wait_once_and_the_audit_says_how() {
    let world = World::new().await;
    let credential = with_spare(&world).await;
    let waiting = world.store.begin_clearing(credential.id).await.unwrap().unwrap();
    let outcomes = [
        RevocationOutcome::Revoked,
        RevocationOutcome::NotRevoked("seven days passed".to_owned()),
        RevocationOutcome::RevokedThrough("admin and the Authorizations API".to_owned()),
    ];
    for (pending, outcome) in waiting.iter().zip(&outcomes) {
        assert!(world.store.finish_revocation(pending.id, outcome).await.unwrap());
        assert!(!world.store.finish_revocation(pending.id, outcome).await.unwrap());
    }
    assert!(world.store.pending_revocations().await.unwrap().is_empty());
    let audit = world.store.audit(3).await.unwrap();
    let kinds: Vec<EventKind> = audit.iter().rev().map(|entry| entry.record.event.kind()).collect();
    assert_eq!(kinds, [EventKind::Revoked, EventKind::NotRevoked, EventKind::Revoked]);
}

#[tokio::test]
async fn a_token_that_does_not_open_keeps_nobody_from_clearing_the_others() {
    let world = World::new().await;
    let credential = with_spare(&world).await;
    world.tamper("UPDATE credentials SET refresh_token = zeroblob(80)").await;
    let waiting = world.store.begin_clearing(credential.id).await.unwrap().unwrap();
    assert_eq!(opened(&world.store, &waiting), ["canary-access-1", "canary-spare"]);
    assert!(world.store.audit(1).await.unwrap()[0].record.event.to_string().contains("1 of them do not open"));
    assert!(world.store.finish_clearing(credential.id).await.unwrap());
}
