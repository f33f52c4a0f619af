//! Claims, intents, commits: what holds when two are at the same credential.

use lanyard_credential::{Generation, Grant, IntentPhase, Spend, Standing, TroubleKind};
use lanyard_secret::RefreshToken;
use lanyard_store::{Claim, Commit, Failure, IntentEnd, RotatedTokens, Writer};

use super::world::{EXCHANGE, LEASE, World, access, begun, claimed, stored_refresh};

fn stalled(world: &World, intent: IntentEnd) -> Failure {
    Failure { standing: Standing::Stalled(world.trouble(TroubleKind::OutcomeUnknown)), intent }
}

#[tokio::test]
async fn a_rotation_replaces_the_token_set() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let (view, intent) = begun(&world.store, id, Spend::Stored).await;
    assert_eq!((view.intent, view.has_spare), (None, false));
    let token = world.store.spend(id, &intent).await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "canary-refresh-1");
    world.clock.advance(EXCHANGE / 2);

    let committed = world.store.commit(id, Grant::new(1), &intent, &world.rotated("2")).await.unwrap();

    assert_eq!(committed, Commit::Committed(Generation::new(2)));
    assert_eq!(access(&world.store, id).await, Some((2, "canary-access-2".to_owned())));
    let view = claimed(&world.seen_by(world.elsewhere()).await, id).await;
    assert_eq!(view.intent, None);
    assert_eq!(view.credential.validity, Some(world.validity()));
    assert_eq!(view.credential.last_rotated_at, Some(world.now().wall));
}

#[tokio::test]
async fn what_webex_does_not_send_again_stays_as_it_was() {
    let world = World::new().await;
    let before = world.signed_in().await;
    let (_, intent) = begun(&world.store, before.id, Spend::Stored).await;
    let answer = RotatedTokens { refresh: None, scopes: None, ..world.rotated("2") };
    world.store.commit(before.id, before.grant, &intent, &answer).await.unwrap();
    let after = world.store.credential_by_id(before.id).await.unwrap().unwrap();
    assert_eq!(after.scopes, before.scopes);
    assert_eq!(stored_refresh(&world.store, before.id).await, "canary-refresh-1");
}

#[tokio::test]
async fn a_lease_keeps_others_out_until_it_is_given_back() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    claimed(&world.store, id).await;
    world.clock.advance(LEASE / 3);
    let held = Claim::Held { by: world.me(), left: LEASE.checked_sub(LEASE / 3).unwrap() };
    assert_eq!(other.claim(id, LEASE).await.unwrap(), held);
    // What another may not give back stays.
    other.release(id).await.unwrap();
    assert_eq!(other.claim(id, LEASE).await.unwrap(), held);
    world.store.release(id).await.unwrap();
    claimed(&other, id).await;
}

#[tokio::test]
async fn the_lease_of_a_process_that_ended_is_free_at_once() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    claimed(&world.seen_by(world.ended()).await, id).await;
    claimed(&world.store, id).await;
}

#[tokio::test]
async fn who_lost_the_lease_writes_no_intent() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let credential = world.signed_in().await;
    let intent = async |store: &lanyard_store::Store| {
        let (generation, grant) = (credential.generation, credential.grant);
        store.write_intent(credential.id, generation, grant, None, Spend::Stored, 1, EXCHANGE).await.unwrap()
    };
    assert_eq!(intent(&world.store).await, None);
    claimed(&world.store, credential.id).await;
    world.clock.advance(LEASE);
    claimed(&other, credential.id).await;
    assert_eq!(intent(&world.store).await, None);
    assert!(intent(&other).await.is_some());
}

#[tokio::test]
async fn an_intent_is_written_only_over_what_was_claimed() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let id = credential.id;
    let (_, first) = begun(&world.store, id, Spend::Stored).await;
    let write = async |generation, grant, replaces| {
        world.store.write_intent(id, generation, grant, replaces, Spend::Stored, 2, EXCHANGE).await.unwrap()
    };
    let (generation, grant) = (credential.generation, credential.grant);
    assert_eq!(write(generation, grant, None).await, None);
    assert_eq!(write(generation.next(), grant, Some(&first)).await, None);
    assert_eq!(write(generation, grant.next(), Some(&first)).await, None);
    let second = write(generation, grant, Some(&first)).await.unwrap();
    assert_eq!(second.attempt, 2);
    assert_eq!(write(generation, grant, Some(&first)).await, None);
    // The note that was replaced opens nothing any more.
    assert!(world.store.spend(id, &first).await.unwrap().is_none());
    assert!(world.store.spend(id, &second).await.unwrap().is_some());

    world.store.set_standing(id, &Standing::Disabled).await.unwrap();
    assert_eq!(write(generation, grant, Some(&second)).await, None);
}

#[tokio::test]
async fn an_open_intent_is_found_with_what_is_known_of_its_writer() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    let (_, written) = begun(&other, id, Spend::Stored).await;
    other.release(id).await.unwrap();
    let found = async |store: &lanyard_store::Store| {
        let view = claimed(store, id).await;
        store.release(id).await.unwrap();
        let (intent, writer) = view.intent.expect("it stands open");
        assert_eq!(intent, written);
        writer
    };
    assert_eq!(found(&world.store).await, Writer::Present);
    assert_eq!(found(&other).await, Writer::Me);
    world.clock.advance(EXCHANGE);
    assert_eq!(found(&world.store).await, Writer::Gone);
}

#[tokio::test]
async fn a_late_answer_is_overtaken_and_its_refresh_token_becomes_the_spare() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    let (_, late) = begun(&other, id, Spend::Stored).await;
    world.clock.advance(LEASE.max(EXCHANGE));
    let (view, intent) = begun(&world.store, id, Spend::Stored).await;
    assert_eq!(view.intent.unwrap().1, Writer::Gone);
    assert_eq!(intent.attempt, 2);
    let grant = Grant::new(1);
    let committed = world.store.commit(id, grant, &intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(Generation::new(2)));

    let answer = world.rotated("late");
    let overtaken = Commit::Overtaken { generation: Generation::new(2), same_grant: true };
    assert_eq!(other.commit(id, grant, &late, &answer).await.unwrap(), overtaken);
    assert_eq!(access(&world.store, id).await, Some((2, "canary-access-2".to_owned())));
    assert!(other.keep_spare(id, grant, answer.refresh.as_ref().unwrap()).await.unwrap());

    // The spare is spent where the stored one is dead, and where Webex sends no other it takes its place.
    let (view, intent) = begun(&world.store, id, Spend::Spare).await;
    assert!(view.has_spare);
    let spent = world.store.spend(id, &intent).await.unwrap().unwrap();
    assert_eq!(spent.expose_secret(), "canary-refresh-late");
    let answer = RotatedTokens { refresh: None, ..world.rotated("3") };
    world.store.commit(id, grant, &intent, &answer).await.unwrap();
    assert_eq!(stored_refresh(&world.store, id).await, "canary-refresh-late");
    assert!(!claimed(&world.store, id).await.has_spare);
}

#[tokio::test]
async fn a_grant_is_not_called_dead_while_a_spare_is_untried() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (id, grant) = (credential.id, credential.grant);
    let spare = RefreshToken::new("canary-spare");
    let dead = |world: &World| Failure {
        standing: Standing::NeedsLogin(world.trouble(TroubleKind::DeadGrant)),
        intent: IntentEnd::Close,
    };
    // It came after the exchange of the stored token began, and before that ended.
    let (_, intent) = begun(&world.store, id, Spend::Stored).await;
    assert!(world.store.keep_spare(id, grant, &spare).await.unwrap());
    assert!(!world.store.record_failure(id, &intent, &dead(&world)).await.unwrap());
    let view = claimed(&world.store, id).await;
    assert_eq!((view.credential.standing, view.has_spare), (Standing::Active, true));
    // The spare is dead, too.
    let (_, intent) = begun(&world.store, id, Spend::Spare).await;
    assert!(world.store.record_failure(id, &intent, &dead(&world)).await.unwrap());
    assert_eq!(claimed(&world.store, id).await.credential.standing, dead(&world).standing);
    // One that comes later may be the token that lives.
    assert!(world.store.keep_spare(id, grant, &spare).await.unwrap());
    assert_eq!(claimed(&world.store, id).await.credential.standing, Standing::Active);
}

#[tokio::test]
async fn a_newer_spare_replaces_an_older_one() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    for text in ["canary-a", "canary-b"] {
        let token = RefreshToken::new(text);
        assert!(world.store.keep_spare(credential.id, credential.grant, &token).await.unwrap());
    }
    let (_, intent) = begun(&world.store, credential.id, Spend::Spare).await;
    let token = world.store.spend(credential.id, &intent).await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "canary-b");
}

#[tokio::test]
async fn an_answer_of_an_earlier_grant_is_told_apart() {
    let world = World::new().await;
    let old = world.signed_in().await;
    let (_, late) = begun(&world.store, old.id, Spend::Stored).await;
    let tokens = world.tokens("2");
    world.store.replace_grant(old.id, &tokens, &old.subject, None).await.unwrap().unwrap();
    let overtaken = Commit::Overtaken { generation: Generation::new(2), same_grant: false };
    let committed = world.store.commit(old.id, old.grant, &late, &world.rotated("late")).await.unwrap();
    assert_eq!(committed, overtaken);
}

#[tokio::test]
async fn an_answer_for_a_disabled_credential_is_kept_and_it_stays_disabled() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (_, intent) = begun(&world.store, credential.id, Spend::Stored).await;
    world.store.set_standing(credential.id, &Standing::Disabled).await.unwrap();
    let committed = world.store.commit(credential.id, credential.grant, &intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(Generation::new(2)));
    let found = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Disabled);
}

#[tokio::test]
async fn an_answer_for_what_is_being_cleared_or_erased_is_not_kept() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (id, grant) = (credential.id, credential.grant);
    let (_, intent) = begun(&world.store, id, Spend::Stored).await;
    world.store.begin_clearing(id).await.unwrap();
    let answer = world.rotated("2");
    assert_eq!(world.store.commit(id, grant, &intent, &answer).await.unwrap(), Commit::Erased);
    assert!(!world.store.keep_spare(id, grant, answer.refresh.as_ref().unwrap()).await.unwrap());
    let failure = stalled(&world, IntentEnd::Close);
    assert!(!world.store.record_failure(id, &intent, &failure).await.unwrap());
    assert!(matches!(world.store.claim(id, LEASE).await.unwrap(), Claim::Erased));
    world.store.finish_clearing(id).await.unwrap();
    assert_eq!(world.store.commit(id, grant, &intent, &answer).await.unwrap(), Commit::Erased);
    assert!(matches!(world.store.claim(id, LEASE).await.unwrap(), Claim::Erased));
}

#[tokio::test]
async fn a_failure_is_written_where_its_intent_stands_and_gives_the_lease_back() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    let (_, intent) = begun(&world.store, id, Spend::Stored).await;
    let failure = stalled(&world, IntentEnd::Unanswered);
    assert!(world.store.record_failure(id, &intent, &failure).await.unwrap());

    // Nobody waits for the deadline of one who said himself that no answer comes.
    let view = claimed(&other, id).await;
    assert_eq!(view.credential.standing, failure.standing);
    let (found, writer) = view.intent.unwrap();
    assert_eq!((found.phase, writer), (IntentPhase::Unanswered, Writer::Gone));
    assert!(world.store.spend(id, &intent).await.unwrap().is_none());

    let (_, second) = begun(&other, id, Spend::Stored).await;
    assert!(!world.store.record_failure(id, &intent, &failure).await.unwrap());
    let closed = stalled(&world, IntentEnd::Close);
    assert!(other.record_failure(id, &second, &closed).await.unwrap());
    assert_eq!(claimed(&world.store, id).await.intent, None);
}

#[tokio::test]
async fn a_rotation_is_abandoned_once_its_process_is_surely_gone() {
    let world = World::new().await;
    let ids = world.many(3).await;
    let (alive, gone, elsewhere) = (world.store.clone(), world.ended(), world.elsewhere());
    for (id, store) in ids.iter().zip([alive, world.seen_by(gone).await, world.seen_by(elsewhere).await]) {
        let view = claimed(&store, *id).await;
        let credential = &view.credential;
        let (generation, grant) = (credential.generation, credential.grant);
        let declared = store.write_intent(*id, generation, grant, None, Spend::Stored, 1, EXCHANGE).await.unwrap();
        assert!(declared.is_some());
    }
    assert_eq!(world.store.abandoned_rotations().await.unwrap(), [ids[1]]);
    // Of another host it is only believed, when its time is over.
    world.clock.advance(LEASE);
    let mut abandoned = world.store.abandoned_rotations().await.unwrap();
    abandoned.sort();
    let mut expected = [ids[1], ids[2]];
    expected.sort();
    assert_eq!(abandoned, expected);
    world.store.remove_credential(ids[1]).await.unwrap();
    assert_eq!(world.store.abandoned_rotations().await.unwrap(), [ids[2]]);
}
