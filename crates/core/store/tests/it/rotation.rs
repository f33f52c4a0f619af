//! Claims, intents, commits: what holds when two are at the same credential.

use lanyard_credential::rotation::{Attempt, Decision, IntentEnd, Outcome, Writer};
use lanyard_credential::{Generation, Grant, IntentPhase, Spend, Standing, TroubleKind};
use lanyard_secret::RefreshToken;
use lanyard_store::{Begun, Claim, Commit, EXCHANGE, Failure, HOLD, MARGIN, RotatedTokens, Store, UnderWay};

use super::world::{World, access, begun, begun_with_spare, claimed, decision, open, seen, stored_refresh};

fn stalled(world: &World, intent: IntentEnd) -> Failure {
    Failure { standing: Standing::Stalled(world.trouble(TroubleKind::OutcomeUnknown)), intent }
}

#[tokio::test]
async fn a_rotation_replaces_the_token_set() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let (view, declared) = begun(&world.store, id).await;
    assert_eq!((view.under_way, view.has_spare), (UnderWay::Nothing, false));
    assert_eq!(declared.token.expose_secret(), "canary-refresh-1");
    world.clock.advance(EXCHANGE / 2);

    let committed = world.store.commit(id, Grant::new(1), &declared.intent, &world.rotated("2")).await.unwrap();

    assert_eq!(committed, Commit::Committed(Generation::new(2)));
    assert_eq!(access(&world.store, id).await, Some((2, "canary-access-2".to_owned())));
    let view = seen(&world.seen_by(world.elsewhere()).await, id).await;
    assert_eq!(view.under_way, UnderWay::Nothing);
    assert_eq!(view.credential.validity, Some(world.validity()));
    assert_eq!(view.credential.last_rotated_at, Some(world.now().wall));
}

#[tokio::test]
async fn what_webex_does_not_send_again_stays_as_it_was() {
    let world = World::new().await;
    let before = world.signed_in().await;
    let (_, declared) = begun(&world.store, before.id).await;
    let answer = RotatedTokens { refresh: None, scopes: None, ..world.rotated("2") };
    world.store.commit(before.id, before.grant, &declared.intent, &answer).await.unwrap();
    let after = world.store.credential_by_id(before.id).await.unwrap().unwrap();
    assert_eq!(after.scopes, before.scopes);
    assert_eq!(stored_refresh(&world.store, before.id).await, "canary-refresh-1");
}

#[tokio::test]
async fn a_claim_keeps_others_out_until_it_is_given_back_or_its_time_is_over() {
    let world = World::new().await;
    for other in [world.seen_by(world.elsewhere()).await, world.seen_by(world.me()).await] {
        let id = world.many(1).await[0];
        claimed(&world.store, id).await;
        world.clock.advance(HOLD / 3);
        assert_eq!(other.claim(id).await.unwrap(), Claim::Held);
        assert!(matches!(seen(&other, id).await.under_way, UnderWay::Held(_)));
        // What another may not give back stays.
        other.release(id).await.unwrap();
        assert_eq!(other.claim(id).await.unwrap(), Claim::Held);
        world.store.release(id).await.unwrap();
        claimed(&other, id).await;
        assert_eq!(world.store.claim(id).await.unwrap(), Claim::Held);
        world.clock.advance(HOLD);
        claimed(&world.store, id).await;
        world.store.remove_credential(id).await.unwrap();
    }
}

#[tokio::test]
async fn the_claim_of_a_process_that_ended_is_free_at_once() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let ended = world.seen_by(world.me()).await;
    claimed(&ended, id).await;
    assert_eq!(world.store.claim(id).await.unwrap(), Claim::Held);
    drop(ended);
    claimed(&world.store, id).await;
}

#[tokio::test]
async fn a_claim_keeps_the_note_of_an_exchange_whose_writer_is_gone() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let ended = world.seen_by(world.me()).await;
    let (_, declared) = begun(&ended, id).await;
    assert_eq!(world.store.claim(id).await.unwrap(), Claim::Held, "its answer may come");
    drop(ended);
    claimed(&world.store, id).await;
    world.store.release(id).await.unwrap();
    let (found, writer) = open(&world.store, id).await.unwrap();
    assert_eq!((found.attempt, found.phase, writer), (declared.intent.attempt, IntentPhase::Unanswered, Writer::Gone));
}

#[tokio::test]
async fn an_intent_is_written_only_over_the_one_that_it_follows() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let id = credential.id;
    let (_, first) = begun(&world.store, id).await;
    let attempt = Attempt { number: 2, ..first.attempt };
    let write = async |generation, grant, replaces| {
        world.store.declare_again(id, (generation, grant), replaces, attempt).await.unwrap()
    };
    let (generation, grant) = (credential.generation, credential.grant);
    assert!(write(generation.next(), grant, &first.intent).await.is_none());
    assert!(write(generation, grant.next(), &first.intent).await.is_none());
    let second = write(generation, grant, &first.intent).await.unwrap();
    assert_eq!((second.intent.attempt, second.token.expose_secret()), (2, "canary-refresh-1"));
    assert!(write(generation, grant, &first.intent).await.is_none());
    // A spare that is not there cannot be announced.
    let spare = Attempt { spend: Spend::Spare, ..attempt };
    assert!(world.store.declare_again(id, (generation, grant), &second.intent, spare).await.unwrap().is_none());

    world.store.set_standing(id, &Standing::Disabled).await.unwrap();
    assert!(write(generation, grant, &second.intent).await.is_none());
}

#[tokio::test]
async fn nothing_is_written_where_nothing_is_decided_or_nothing_can_be_sent() {
    let world = World::new().await;
    let id = world.many(1).await[0];
    world.tamper("UPDATE credentials SET refresh_token = NULL").await;
    let begun = world.store.begin_rotation(id, |view| match decision(view) {
        Decision::Exchange(attempt) => Some(attempt),
        Decision::Stall | Decision::End(_) => None,
    });
    assert!(matches!(begun.await.unwrap(), Begun::Seen(_)));
    assert_eq!(seen(&world.store, id).await.under_way, UnderWay::Nothing);
}

#[tokio::test]
async fn an_open_intent_is_found_with_what_is_known_of_its_writer() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    let (_, declared) = begun(&other, id).await;
    let found = async |store: &Store| {
        let (intent, writer) = open(store, id).await.expect("it stands open");
        assert_eq!((intent.writer, intent.attempt), (declared.intent.writer.clone(), 1));
        (writer, intent.presumed)
    };
    assert_eq!(found(&world.store).await, (Writer::Unknown, false));
    assert_eq!(found(&other).await, (Writer::Gone, false), "its own tasks are asked, not its lock");
    world.clock.advance(EXCHANGE);
    assert_eq!(
        found(&world.store).await,
        (Writer::Unknown, false),
        "an exchange may be under way, and its clock may be late"
    );
    world.clock.advance(MARGIN);
    assert_eq!(found(&world.store).await, (Writer::Presumed, true));
    // That it is only presumed is recorded with the exchange that follows.
    let (_, again) = begun(&world.store, id).await;
    assert!(again.attempt.presumed && again.intent.presumed);
    let last = world.store.audit(1).await.unwrap().remove(0).record.event.to_string();
    assert!(last.contains("cannot be seen and is presumed to have ended"), "{last}");
}

#[tokio::test]
async fn a_writer_that_runs_is_never_gone_however_late() {
    let world = World::new().await;
    let other = world.seen_by(world.me()).await;
    let id = world.signed_in().await.id;
    begun(&other, id).await;
    assert_eq!(open(&world.store, id).await.unwrap().1, Writer::Present);
    world.clock.advance(1000 * EXCHANGE);
    let view = seen(&world.store, id).await;
    assert_eq!(decision(&view), Decision::Stall);
    drop(other);
    assert_eq!(open(&world.store, id).await.unwrap().1, Writer::Gone);
}

#[tokio::test]
async fn the_intent_of_an_earlier_version_has_a_writer_that_is_not_known() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    begun(&world.seen_by(world.me()).await, id).await;
    world.tamper("UPDATE intents SET writer = '', kernel = ''").await;
    assert_eq!(decision(&seen(&world.store, id).await), Decision::End(Outcome::Busy));
    world.clock.advance(EXCHANGE + MARGIN);
    assert_eq!(open(&world.store, id).await.unwrap().1, Writer::Presumed);
}

#[tokio::test]
async fn a_refusal_that_is_doubted_counts_one_deadline_later() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let (_, _) = begun(&world.seen_by(world.elsewhere()).await, id).await;
    world.clock.advance(EXCHANGE + MARGIN);
    let (_, retried) = begun(&world.store, id).await;
    let failure = stalled(&world, IntentEnd::Doubted);
    assert!(world.store.record_failure(id, &retried.intent, &failure).await.unwrap());
    for store in [&world.store, &world.seen_by(world.me()).await] {
        assert_eq!(open(store, id).await.unwrap().1, Writer::Unknown);
    }
    world.clock.advance(EXCHANGE);
    let (_, last) = begun(&world.store, id).await;
    assert!(!last.attempt.presumed && !last.intent.presumed);
}

#[tokio::test]
async fn the_files_of_processes_that_have_ended_are_removed_once_no_intent_names_them() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let ended = world.seen_by(world.me()).await;
    let (_, declared) = begun(&ended, id).await;
    let file = world.home().join("presence").join(&*declared.intent.writer.number);
    world.store.tidy_presence().await;
    drop(ended);
    world.store.tidy_presence().await;
    assert!(file.exists(), "an intent names it");
    begun(&world.store, id).await;
    world.store.tidy_presence().await;
    assert!(!file.exists());
    assert_eq!(std::fs::read_dir(world.home().join("presence")).unwrap().count(), 1, "its own is locked");
}

#[tokio::test]
async fn a_late_answer_is_overtaken_and_its_refresh_token_becomes_the_spare() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    let (_, late) = begun(&other, id).await;
    world.clock.advance(EXCHANGE + MARGIN);
    let (_, declared) = begun(&world.store, id).await;
    assert_eq!(declared.intent.attempt, 2);
    let grant = Grant::new(1);
    let committed = world.store.commit(id, grant, &declared.intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(Generation::new(2)));

    // A commit whose answer was lost is repeated, and is no other's.
    let committed = world.store.commit(id, grant, &declared.intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(Generation::new(2)));
    let written = world.store.audit(100).await.unwrap();
    let kind = |entry: &lanyard_store::JournalEntry| entry.record.event.kind();
    assert_eq!(written.iter().filter(|entry| kind(entry) == lanyard_store::EventKind::Rotated).count(), 1);

    let answer = world.rotated("late");
    let overtaken = Commit::Overtaken { generation: Generation::new(2), same_grant: true };
    assert_eq!(other.commit(id, grant, &late.intent, &answer).await.unwrap(), overtaken);
    assert_eq!(access(&world.store, id).await, Some((2, "canary-access-2".to_owned())));
    for _ in 0..2 {
        assert!(other.keep_spare(id, grant, answer.refresh.as_ref().unwrap()).await.unwrap());
    }
    let written = world.store.audit(100).await.unwrap();
    assert_eq!(written.iter().filter(|entry| kind(entry) == lanyard_store::EventKind::SpareKept).count(), 1);

    // The spare is spent where the stored one is dead, and where Webex sends no other it takes its place.
    let (view, declared) = begun_with_spare(&world.store, id).await;
    assert!(view.has_spare);
    assert_eq!(declared.token.expose_secret(), "canary-refresh-late");
    let answer = RotatedTokens { refresh: None, ..world.rotated("3") };
    world.store.commit(id, grant, &declared.intent, &answer).await.unwrap();
    assert!(!seen(&world.store, id).await.has_spare);
    assert_eq!(stored_refresh(&world.store, id).await, "canary-refresh-late");
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
    let (_, declared) = begun(&world.store, id).await;
    assert!(world.store.keep_spare(id, grant, &spare).await.unwrap());
    assert!(!world.store.record_failure(id, &declared.intent, &dead(&world)).await.unwrap());
    let view = seen(&world.store, id).await;
    assert_eq!((view.credential.standing, view.has_spare), (Standing::Active, true));
    // The next attempt is anyone's. The spare is dead, too.
    let (_, declared) = begun_with_spare(&world.seen_by(world.me()).await, id).await;
    assert!(world.store.record_failure(id, &declared.intent, &dead(&world)).await.unwrap());
    assert_eq!(seen(&world.store, id).await.credential.standing, dead(&world).standing);
    // One that comes later may be the token that lives.
    assert!(world.store.keep_spare(id, grant, &spare).await.unwrap());
    assert_eq!(seen(&world.store, id).await.credential.standing, Standing::Active);
}

#[tokio::test]
async fn a_newer_spare_replaces_an_older_one() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    for text in ["canary-a", "canary-b"] {
        let token = RefreshToken::new(text);
        assert!(world.store.keep_spare(credential.id, credential.grant, &token).await.unwrap());
    }
    let (_, declared) = begun_with_spare(&world.store, credential.id).await;
    assert_eq!(declared.token.expose_secret(), "canary-b");
}

#[tokio::test]
async fn an_answer_of_an_earlier_grant_is_told_apart() {
    let world = World::new().await;
    let old = world.signed_in().await;
    let (_, late) = begun(&world.store, old.id).await;
    let tokens = world.tokens("2");
    world.store.replace_grant(old.id, &tokens, &old.subject, None).await.unwrap().unwrap();
    let overtaken = Commit::Overtaken { generation: Generation::new(2), same_grant: false };
    let committed = world.store.commit(old.id, old.grant, &late.intent, &world.rotated("late")).await.unwrap();
    assert_eq!(committed, overtaken);
}

#[tokio::test]
async fn an_answer_for_a_disabled_credential_is_kept_and_it_stays_disabled() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (_, declared) = begun(&world.store, credential.id).await;
    world.store.set_standing(credential.id, &Standing::Disabled).await.unwrap();
    let committed =
        world.store.commit(credential.id, credential.grant, &declared.intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(Generation::new(2)));
    let found = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    assert_eq!(found.standing, Standing::Disabled);
}

#[tokio::test]
async fn an_answer_for_what_is_being_cleared_or_erased_is_not_kept() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (id, grant) = (credential.id, credential.grant);
    let (_, declared) = begun(&world.store, id).await;
    let intent = declared.intent;
    world.store.begin_clearing(id).await.unwrap();
    let answer = world.rotated("2");
    assert_eq!(world.store.commit(id, grant, &intent, &answer).await.unwrap(), Commit::Erased);
    assert!(!world.store.keep_spare(id, grant, answer.refresh.as_ref().unwrap()).await.unwrap());
    let failure = stalled(&world, IntentEnd::Close);
    assert!(!world.store.record_failure(id, &intent, &failure).await.unwrap());
    assert!(matches!(world.store.claim(id).await.unwrap(), Claim::Erased));
    world.store.finish_clearing(id).await.unwrap();
    assert_eq!(world.store.commit(id, grant, &intent, &answer).await.unwrap(), Commit::Erased);
    assert!(matches!(world.store.claim(id).await.unwrap(), Claim::Erased));
}

#[tokio::test]
async fn a_failure_is_written_where_its_intent_stands() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    let (_, first) = begun(&world.store, id).await;
    let failure = stalled(&world, IntentEnd::Unanswered);
    assert!(world.store.record_failure(id, &first.intent, &failure).await.unwrap());

    // Nobody waits for the deadline of a process that said itself that no answer comes.
    let (found, writer) = open(&other, id).await.unwrap();
    assert_eq!((found.phase, writer), (IntentPhase::Unanswered, Writer::Gone));
    assert_eq!(seen(&other, id).await.credential.standing, failure.standing);

    let (_, second) = begun(&other, id).await;
    assert!(!world.store.record_failure(id, &first.intent, &failure).await.unwrap());
    let closed = stalled(&world, IntentEnd::Close);
    assert!(other.record_failure(id, &second.intent, &closed).await.unwrap());
    assert_eq!(open(&world.store, id).await, None);
}

#[tokio::test]
async fn that_a_process_is_stuck_is_written_beside_its_intent() {
    let world = World::new().await;
    let other = world.seen_by(world.me()).await;
    let id = world.signed_in().await.id;
    let (_, stuck) = begun(&other, id).await;
    let failure = stalled(&world, IntentEnd::Leave);
    assert!(world.store.record_failure(id, &stuck.intent, &failure).await.unwrap());
    let view = seen(&world.store, id).await;
    assert_eq!(view.credential.standing, failure.standing);
    assert_eq!(view.under_way, UnderWay::Exchange(stuck.intent.clone(), Writer::Present));
    // It goes on, and all is well.
    let committed = other.commit(id, Grant::new(1), &stuck.intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(Generation::new(2)));
    assert_eq!(seen(&world.store, id).await.credential.standing, Standing::Active);
}

#[tokio::test]
async fn a_rotation_is_abandoned_once_its_process_is_gone() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for name in ["running", "dropped", "ended", "elsewhere"] {
        let new =
            lanyard_store::NewCredential { credential: super::world::pending(name), tokens: Some(world.tokens(name)) };
        ids.push(world.store.insert_credential(&new).await.unwrap().id);
    }
    let (ended, elsewhere) = (world.seen_by(world.me()).await, world.seen_by(world.elsewhere()).await);
    for (id, store) in ids.iter().zip([&world.store, &world.store, &ended, &elsewhere]) {
        begun(store, *id).await;
    }
    let abandoned = async || {
        let mut abandoned = world.store.abandoned_rotations(|id| id == ids[0]).await.unwrap();
        abandoned.sort_by_key(|id| ids.iter().position(|known| known == id));
        abandoned
    };
    // What no task of its own process works on is that process's to recover.
    assert_eq!(abandoned().await, [ids[1]]);
    drop(ended);
    assert_eq!(abandoned().await, [ids[1], ids[2]]);
    // On another machine it is only presumed, when its time is over.
    world.clock.advance(EXCHANGE + MARGIN);
    assert_eq!(abandoned().await, ids[1..]);
    world.store.remove_credential(ids[2]).await.unwrap();
    assert_eq!(abandoned().await, [ids[1], ids[3]]);
}
