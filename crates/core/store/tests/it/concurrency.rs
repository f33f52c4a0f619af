//! Many at once, each with connections of its own: nothing is lost, nothing is done twice.

use lanyard_credential::Generation;
use lanyard_credential::rotation::Decision;
use lanyard_store::{AuditVerdict, Begun, Commit, Parts};
use lanyard_time::BootId;

use super::world::{World, decision};

const WRITERS: u32 = 16;
const ROUNDS: u32 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_update_of_sixteen_writers_is_lost() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let mut tasks = Vec::new();
    for _ in 0..WRITERS {
        let store = world.seen_by(world.me()).await;
        let (tokens, subject, id) = (world.tokens("n"), credential.subject.clone(), credential.id);
        tasks.push(tokio::spawn(async move {
            for _ in 0..ROUNDS {
                store.replace_grant(id, &tokens, &subject, None).await.unwrap().unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let found = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    assert_eq!(found.generation, Generation::new(1 + WRITERS * ROUNDS));
    let verdict = world.store.verify_audit(&[]).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Intact(_)), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_rotate_at_once_one_does() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (id, generation, grant) = (credential.id, credential.generation, credential.grant);
    let mut tasks = Vec::new();
    for number in 0..WRITERS {
        let host = format!("host-{number}").into();
        // Every other one is on another machine.
        let kernel = if number % 2 == 0 { world.me().kernel } else { BootId::new(format!("kernel-{number}")) };
        let store = world.seen_by(Parts { host, kernel, ..world.me() }).await;
        let answer = world.rotated(&format!("of-{number}"));
        tasks.push(tokio::spawn(async move {
            let begun = store.begin_rotation(id, |view| match decision(view) {
                Decision::Exchange(attempt) if view.credential.generation == generation => Some(attempt),
                _ => None,
            });
            let Begun::Declared(_, declared) = begun.await.unwrap() else {
                return 0;
            };
            let committed = store.commit(id, grant, &declared.intent, &answer).await.unwrap();
            assert_eq!(committed, Commit::Committed(generation.next()));
            1
        }));
    }
    let mut rotated = 0;
    for task in tasks {
        rotated += task.await.unwrap();
    }
    assert_eq!(rotated, 1);
    let found = world.store.credential_by_id(id).await.unwrap().unwrap();
    assert_eq!(found.generation, generation.next());
}

/// The effect of a caller that is dropped in the middle of a write.
#[tokio::test]
async fn a_write_that_is_given_up_half_way_is_undone_and_blocks_nobody() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let mut interrupted = 0;
    for polls in 1..40 {
        let tokens = world.tokens("given-up");
        let write = world.store.replace_grant(credential.id, &tokens, &credential.subject, None);
        let mut write = std::pin::pin!(write);
        let mut left = polls;
        // Polled so many times and then dropped.
        let finished = std::future::poll_fn(|context| {
            left -= 1;
            match write.as_mut().poll(context) {
                std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
                std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
                std::task::Poll::Pending => std::task::Poll::Pending,
            }
        });
        match finished.await {
            Some(done) => drop(done.unwrap()),
            None => interrupted += 1,
        }
    }
    assert!(interrupted >= 5, "only {interrupted} writes were given up");
    let before = world.store.credential_by_id(credential.id).await.unwrap().unwrap();
    let tokens = world.tokens("last");
    let generation = world.store.replace_grant(credential.id, &tokens, &credential.subject, None).await.unwrap();
    assert_eq!(generation, Some(before.generation.next()));
    // The newest token opens: no half of a write stands beside another's half.
    assert_eq!(super::world::access(&world.store, credential.id).await.unwrap().1, "canary-access-last");
    let verdict = world.store.verify_audit(&[]).await.unwrap();
    assert!(matches!(verdict, AuditVerdict::Intact(_)), "{verdict:?}");
}
