//! Tokens are found nowhere but where they were asked for; and a value that was moved does not open.

use std::path::Path;
use std::{fs, io};

use lanyard_credential::Spend;
use lanyard_secret::RefreshToken;
use lanyard_store::{NewCredential, StoreError};
use lanyard_vault::OpenError as VaultError;

use crate::world::{World, access, begun, pending};

fn holds(directory: &Path, needle: &[u8]) -> Vec<String> {
    // A connection that closes takes the log away, and what was in it is in the database now: look again from the start.
    loop {
        if let Some(found) = try_holds(directory, needle) {
            return found;
        }
    }
}

/// `None` when a file went away between the listing and the reading.
fn try_holds(directory: &Path, needle: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            bytes => bytes.unwrap(),
        };
        if bytes.windows(needle.len()).any(|window| window == needle) {
            found.push(path.display().to_string());
        }
    }
    Some(found)
}

#[tokio::test]
async fn no_file_of_the_home_shows_a_token() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    world.store.keep_spare(credential.id, credential.grant, &RefreshToken::new("canary-spare")).await.unwrap();
    let (_, intent) = begun(&world.store, credential.id, Spend::Stored).await;
    world.store.commit(credential.id, credential.grant, &intent, &world.rotated("2")).await.unwrap();
    world.store.begin_clearing(credential.id).await.unwrap();
    // The name is there, so the search looks in the right place.
    assert!(!holds(&world.home(), b"acme").is_empty());
    assert_eq!(holds(&world.home(), b"canary"), [""; 0]);
    world.store.finish_clearing(credential.id).await.unwrap();
    world.store.close().await.unwrap();
    assert_eq!(holds(&world.home(), b"canary"), [""; 0]);
}

#[tokio::test]
async fn what_is_erased_stands_in_no_file_any_more() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    // Another process has the home open, so that closing alone does not empty the log.
    let other = world.seen_by(world.elsewhere()).await;
    let sealed = other.hand_out(&credential.name).await.unwrap().unwrap().access.unwrap();
    assert!(!holds(&world.home(), sealed.as_bytes()).is_empty());
    world.store.remove_credential(credential.id).await.unwrap();
    assert_eq!(holds(&world.home(), sealed.as_bytes()), [""; 0]);
}

#[tokio::test]
async fn a_value_that_was_moved_does_not_open() {
    let moved = [
        "UPDATE credentials SET access_token = refresh_token",
        "UPDATE credentials SET access_token = (SELECT access_token FROM credentials WHERE name = 'other')",
        "UPDATE credentials SET access_token = (SELECT access_token FROM credentials WHERE name = 'other'), \
         wrapped_key = (SELECT wrapped_key FROM credentials WHERE name = 'other')",
        "UPDATE credentials SET generation = generation + 1",
    ];
    for sql in moved {
        let world = World::new().await;
        let credential = world.signed_in().await;
        let other = NewCredential { credential: pending("other"), tokens: Some(world.tokens("other")) };
        world.store.insert_credential(&other).await.unwrap();
        assert!(access(&world.store, credential.id).await.is_some());
        world.tamper(&format!("{sql} WHERE name = 'acme'")).await;
        let error = world.store.access_token(credential.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Sealed(VaultError::Damaged)), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_is_named() {
    for (sql, column) in [
        ("scopes = x'ff'", "scopes"),
        ("generation = -1", "generation"),
        ("access_lifetime = -1", "access_lifetime"),
        ("obtained_boot = NULL", "obtained_boot"),
        ("created_at = 'yesterday'", "created_at"),
        ("name = x'ff'", "name"),
    ] {
        let world = World::new().await;
        let credential = world.signed_in().await;
        world.tamper(&format!("UPDATE credentials SET {sql}")).await;
        match world.store.credential_by_id(credential.id).await.unwrap_err() {
            StoreError::Impossible { table, row, column: found } => {
                assert_eq!((table, found), ("credentials", column));
                assert!(row.ends_with(&credential.id.to_string()), "{row}");
            }
            other => panic!("{sql}: {other}"),
        }
    }
}

#[tokio::test]
async fn nothing_secret_shows_in_debug() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let hand_out = world.store.hand_out(&credential.name).await.unwrap().unwrap();
    let waiting = world.store.begin_clearing(credential.id).await.unwrap().unwrap();
    let opened = world.store.open_revocation(&waiting[0]).unwrap();
    let shown = format!(
        "{:?} {hand_out:?} {waiting:?} {opened:?} {:?} {:?}",
        world.store,
        world.tokens("1"),
        world.rotated("1")
    );
    assert!(!shown.contains("canary"), "{shown}");
}
