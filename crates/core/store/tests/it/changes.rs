//! Following the journal, and the tokens that a broker holds by it.

use lanyard_credential::{CredentialId, Renewal, Standing};
use lanyard_store::{HeldToken, Position, Shared, Store};

use super::world::{World, begun};

async fn held(store: &Store) -> Vec<HeldToken> {
    let mut all = Vec::new();
    store.held_tokens_of_all(&mut Shared::default(), |token| all.push(token)).await.unwrap();
    all
}

#[tokio::test]
async fn another_process_learns_what_was_changed_and_nothing_else() {
    let world = World::new().await;
    let other = world.opened().await;
    let nothing = other.store.changes(Position::BEGINNING).await.unwrap();
    assert_eq!((nothing.credentials.len(), nothing.clients, nothing.follows), (0, false, true));

    let acme = world.signed_in().await;
    let first = other.store.changes(nothing.position).await.unwrap();
    assert_eq!(first.credentials, [acme.id]);
    assert_eq!(other.store.changes(first.position).await.unwrap().credentials, [] as [CredentialId; 0]);

    // Twice changed, once told.
    assert!(world.store.set_standing(acme.id, &Standing::Disabled).await.unwrap());
    assert!(world.store.set_standing(acme.id, &Standing::Active).await.unwrap());
    let second = other.store.changes(first.position).await.unwrap();
    assert_eq!(second.credentials, [acme.id]);
    assert!(second.position.number > first.position.number + 1);

    // What only spends or records leaves the credential as it was.
    world.store.claim(acme.id).await.unwrap();
    world.store.release(acme.id).await.unwrap();
    assert_eq!(other.store.changes(second.position).await.unwrap().position, second.position);

    assert!(world.store.remove_credential(acme.id).await.unwrap());
    let third = other.store.changes(second.position).await.unwrap();
    assert_eq!(third.credentials, [acme.id]);
    assert!(other.store.held_token(acme.id, &mut Shared::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_rotation_is_a_change_and_brings_the_next_token() {
    let world = World::new().await;
    let acme = world.signed_in().await;
    let before = world.store.changes(Position::BEGINNING).await.unwrap();
    let old = held(&world.store).await.remove(0);
    let (view, declared) = begun(&world.store, acme.id).await;
    let begun = world.store.changes(before.position).await.unwrap();
    assert_eq!(begun.credentials, [] as [CredentialId; 0], "an intent changes nothing yet");
    world.store.commit(acme.id, view.credential.grant, &declared.intent, &world.rotated("second")).await.unwrap();
    let after = world.store.changes(before.position).await.unwrap();
    assert_eq!(after.credentials, [acme.id]);
    let new = world.store.held_token(acme.id, &mut Shared::default()).await.unwrap().unwrap();
    assert_eq!(new.generation, old.generation.next());
    // What was read before still opens: it is another token, and as good as it was.
    let opened = |token: &HeldToken| world.store.open_held(token).unwrap().unwrap().expose_secret().to_owned();
    assert_ne!(opened(&old), opened(&new));
    assert_eq!((new.renewal, new.hands_out, new.is_there()), (Renewal::Rotate, true, true));
}

#[tokio::test]
async fn a_token_that_may_not_be_handed_out_is_held_and_says_so() {
    let world = World::new().await;
    let acme = world.signed_in().await;
    world.store.set_standing(acme.id, &Standing::Disabled).await.unwrap();
    let token = held(&world.store).await.remove(0);
    assert!(!token.hands_out);
    assert_eq!(
        format!("{token:?}"),
        format!("HeldToken {{ name: {:?}, generation: {:?}, .. }}", acme.name, acme.generation)
    );
}

#[tokio::test]
async fn a_history_that_does_not_hold_what_was_seen_is_told_from_one_that_goes_on() {
    let world = World::new().await;
    let acme = world.signed_in().await;
    let kept = world.store.journal_end().await.unwrap();
    let rename = async |name: &str| {
        world.store.rename_credential(acme.id, &name.parse().unwrap()).await.unwrap();
        world.store.journal_end().await.unwrap()
    };
    let seen = rename("seen").await;
    assert!(world.store.changes(kept).await.unwrap().follows);

    // A database from before that, as after a failover that lost it: with fewer entries, with as many others, and with more.
    let number = seen.number;
    let back = format!(
        "DELETE FROM journal WHERE number = {number}; UPDATE journal_head SET number = {}, \
         mac = (SELECT mac FROM journal WHERE number = {}) WHERE id = 1",
        kept.number, kept.number
    );
    world.tamper(&back).await;
    for next in [None, Some("another"), Some("more")] {
        let position = match next {
            None => kept,
            Some(name) => rename(name).await,
        };
        let changes = world.store.changes(seen).await.unwrap();
        assert_eq!((changes.follows, changes.position), (false, position), "{next:?}");
        assert!(world.store.changes(kept).await.unwrap().follows);
    }
    world.tamper("DELETE FROM journal").await;
    assert!(!world.store.changes(kept).await.unwrap().follows);
}
