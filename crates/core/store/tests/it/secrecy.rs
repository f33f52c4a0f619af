//! A value that was moved does not open, and nothing secret shows.

use lanyard_store::{NewCredential, StoreError};
use lanyard_vault::OpenError as VaultError;

use super::world::{World, access, pending};

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
        ("generation = -1", "generation"),
        ("access_lifetime = -1", "access_lifetime"),
        ("obtained_boot = NULL", "obtained_boot"),
        // SQLite alone keeps what is not of the column's type.
        ("scopes = x'ff'", "scopes"),
        ("created_at = 'yesterday'", "created_at"),
        ("name = x'ff'", "name"),
    ] {
        let world = World::new().await;
        if world.database.is_some() && matches!(column, "scopes" | "created_at" | "name") {
            continue;
        }
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
