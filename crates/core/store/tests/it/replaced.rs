//! A database that is moved, removed or replaced while a process has it open.

use std::fs;
use std::path::{Path, PathBuf};

use lanyard_credential::rotation::Decision;
use lanyard_credential::{CredentialId, Generation, Grant};
use lanyard_store::{Commit, StoreError};

use crate::world::{World, access, begun, claimed, decision, stored_refresh};

fn database(world: &World) -> PathBuf {
    world.home().join("lanyard.db")
}

/// The path of a file that `SQLite` keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    path.with_file_name(format!("{}{suffix}", path.file_name().unwrap().to_str().unwrap()))
}

/// Moves the database and all that belongs to it to another name.
fn move_away(world: &World) -> PathBuf {
    let (from, to) = (database(world), world.home().join("moved.db"));
    for suffix in ["", "-wal", "-shm"] {
        fs::rename(beside(&from, suffix), beside(&to, suffix)).unwrap();
    }
    to
}

/// Puts everything back, by its own name.
fn move_back(world: &World) {
    let (from, to) = (world.home().join("moved.db"), database(world));
    for suffix in ["", "-wal", "-shm"] {
        fs::rename(beside(&from, suffix), beside(&to, suffix)).unwrap();
    }
}

fn is_replaced<T>(done: &Result<T, StoreError>) -> bool {
    matches!(done, Err(StoreError::Replaced(_)))
}

/// Whether everything that begins something is refused.
async fn is_noticed(world: &World, id: CredentialId) -> bool {
    is_replaced(&world.store.changes(lanyard_store::Position::BEGINNING).await)
        && is_replaced(&world.store.claim(id).await)
        && is_replaced(&world.store.credentials().await)
}

#[tokio::test]
async fn nothing_is_spent_from_a_database_that_was_removed() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    claimed(&world.store, id).await;
    fs::remove_file(database(&world)).unwrap();
    let declared = world.store.begin_rotation(id, |view| match decision(view) {
        Decision::Exchange(attempt) => Some(attempt),
        Decision::Stall | Decision::End(_) => None,
    });
    let declared = declared.await;
    assert!(is_replaced(&declared), "a refresh token would be spent, and its answer written where nobody finds it");
    assert!(is_noticed(&world, id).await);
}

#[tokio::test]
async fn a_database_that_another_was_put_in_the_place_of_is_noticed() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let copy = world.home().join("copy.db");
    world.open.backup(&copy).await.unwrap();
    assert!(!is_noticed(&world, id).await);
    world.store.release(id).await.unwrap();
    fs::rename(&copy, database(&world)).unwrap();
    assert!(is_noticed(&world, id).await);
}

#[tokio::test]
async fn a_log_that_was_taken_away_is_noticed() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    assert!(!is_noticed(&world, id).await);
    fs::remove_file(beside(&database(&world), "-wal")).unwrap();
    assert!(is_noticed(&world, id).await, "what was committed last stood in it");
}

#[tokio::test]
async fn a_store_that_was_closed_meanwhile_does_not_take_another_database_for_its_own() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let copy = world.home().join("copy.db");
    world.open.backup(&copy).await.unwrap();
    world.store.close().await.unwrap();
    fs::rename(&copy, database(&world)).unwrap();
    assert!(is_noticed(&world, id).await);
}

#[tokio::test]
async fn a_log_that_went_with_the_last_connection_is_missed_by_nobody() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    world.store.close().await.unwrap();
    assert!(!beside(&database(&world), "-wal").exists());
    assert!(!is_noticed(&world, id).await);
}

#[tokio::test]
async fn an_answer_goes_with_the_database_that_says_that_it_was_asked_for() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    let (_, declared) = begun(&world.store, id).await;
    move_away(&world);
    let committed = world.store.commit(id, Grant::new(1), &declared.intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(Generation::new(2)));
    assert!(is_noticed(&world, id).await);
    move_back(&world);
    assert_eq!(access(&world.store, id).await, Some((2, "canary-access-2".to_owned())));
    world.store.release(id).await.unwrap();
    assert_eq!(stored_refresh(&world.store, id).await, "canary-refresh-2");
}
