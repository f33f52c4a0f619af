//! The files of a home show no token.

use std::path::Path;
use std::{fs, io};

use lanyard_secret::RefreshToken;

use crate::world::{World, begun};

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
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                found.extend(try_holds(&path, needle)?);
                continue;
            }
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
    let (_, declared) = begun(&world.store, credential.id).await;
    world.store.commit(credential.id, credential.grant, &declared.intent, &world.rotated("2")).await.unwrap();
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
