//! Copies of the store, and homes out of them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lanyard_credential::Standing;
use lanyard_home::{BackupError, OpenHome, Options, RestoreError, Restored};
use lanyard_store::{NewCredential, StoreError};
use lanyard_time::SystemEntropy;
use lanyard_vault::{HomeKey, KeyLine};

use crate::world::{World, access, parts, pending};

async fn restore(world: &World, home: &str, file: &Path, key: Option<&Path>) -> Result<Restored, RestoreError> {
    let home = world.home().with_file_name(home);
    lanyard_home::restore(&home, file, key, parts(&world.clock), Options::default()).await
}

async fn backed_up() -> (World, PathBuf, PathBuf) {
    let world = World::new().await;
    world.signed_in().await;
    let (file, key) = (world.home().with_file_name("copy"), world.home().join("home.key"));
    world.opened().await.backup(&file).await.unwrap();
    (world, file, key)
}

#[tokio::test]
async fn a_copy_made_in_the_middle_of_writing_is_whole_and_its_owners_alone() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let writer = world.opened().await;
    let store = world.opened().await;
    let file = world.home().with_file_name("copy");
    let (backup, ()) = tokio::join!(store.backup(&file), async {
        for number in 0..20 {
            let new = NewCredential { credential: pending(&format!("late-{number}")), tokens: None };
            writer.store.insert_credential(&new).await.unwrap();
        }
    });
    let backup = backup.unwrap();
    assert_eq!(backup.key, world.key.id());
    assert!(backup.key_place.to_string().ends_with("home.key"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&file).unwrap().len(), backup.bytes);
    assert!(store.store.audit(50).await.unwrap().iter().any(|entry| entry.record.event.kind().as_str() == "backed-up"));
    let beside = fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 2, "the home and the copy, and nothing unfinished");

    let restored = restore(&world, "second", &file, Some(&world.home().join("home.key"))).await.unwrap();
    assert!(restored.home.store.credential_by_id(credential.id).await.unwrap().is_some());
    assert_eq!(restored.home.store.integrity_check().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_copy_is_made_over_nothing() {
    let world = World::new().await;
    let store = world.opened().await;
    let file = world.file("copy", "precious");
    assert!(matches!(store.backup(&file).await, Err(BackupError::Exists(_))));
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let link = world.home().with_file_name("link");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    assert!(matches!(store.backup(&link).await, Err(BackupError::Exists(_))));
    let error = store.backup(&world.home().with_file_name("no/such/copy")).await.unwrap_err();
    assert!(error.hint().contains("no/such"), "{error}");
}

#[tokio::test]
async fn no_copy_is_made_while_the_key_is_replaced() {
    let world = World::new().await;
    world.many(1).await;
    world.tamper("UPDATE credentials SET wrapped_key = zeroblob(10)").await;
    let store = world.opened().await;
    store.replace_key(None).await.unwrap_err();
    let file = world.home().with_file_name("copy");
    let error = store.backup(&file).await.unwrap_err();
    assert!(matches!(error, BackupError::KeyInMotion), "{error}");
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_restored_home_keeps_still_until_it_is_told_to_go_on() {
    let (world, file, key) = backed_up().await;
    let Restored { home: OpenHome { store, .. }, key: id } =
        restore(&world, "second", &file, Some(&key)).await.unwrap();
    assert_eq!(id, world.key.id());
    let home = store.home().to_owned();
    let credential = store.credentials().await.unwrap().remove(0);
    let refused = |error: StoreError| {
        assert!(matches!(&error, StoreError::Paused(pause) if pause.reason.contains("copy")), "{error}");
        assert!(error.hint().contains("lanyard restore --resume"), "{}", error.hint());
    };
    let another = lanyard_home::open(&home, parts(&world.clock), Options::default()).await.unwrap().store;
    for store in [&store, &another] {
        refused(store.access_token(credential.id).await.unwrap_err());
        refused(store.claim(credential.id).await.unwrap_err());
        refused(store.set_standing(credential.id, &Standing::Disabled).await.unwrap_err());
        refused(store.app_secret(credential.app.unwrap()).await.unwrap_err());
        assert_eq!(store.audit(1).await.unwrap()[0].record.event.kind().as_str(), "restored");
        assert!(access(&store.inspecting(), credential.id).await.is_some(), "it can be looked at");
    }
    assert!(store.resume().await.unwrap());
    assert!(!store.resume().await.unwrap());
    for store in [&store, &another] {
        assert!(access(store, credential.id).await.is_some());
        assert!(store.set_standing(credential.id, &Standing::Active).await.unwrap());
    }
}

#[tokio::test]
async fn a_copy_that_is_put_into_place_by_hand_keeps_still_too() {
    let (world, file, _) = backed_up().await;
    world.store.close().await.unwrap();
    for name in ["lanyard.db", "lanyard.db-wal", "lanyard.db-shm"] {
        let _ = fs::remove_file(world.home().join(name));
    }
    fs::copy(&file, world.home().join("lanyard.db")).unwrap();
    let store = world.opened().await;
    let credential = store.store.credentials().await.unwrap().remove(0);
    assert!(matches!(store.store.access_token(credential.id).await, Err(StoreError::Paused(_))));
}

#[tokio::test]
async fn a_damaged_cut_foreign_or_newer_copy_is_refused_and_leaves_nothing() {
    let (world, file, key) = backed_up().await;
    let whole = fs::read(&file).unwrap();
    let mut garbled = whole.clone();
    // Within a page that holds rows, where only a look at all of it finds the damage.
    garbled[4096..4096 + 64].fill(0xff);
    let empty = world.home().with_file_name("foreign");
    std::process::Command::new("sqlite3")
        .arg(&empty)
        .arg("CREATE TABLE home (id); PRAGMA user_version = 1")
        .status()
        .unwrap();
    let newer = world.home().with_file_name("newer");
    fs::write(&newer, &whole).unwrap();
    std::process::Command::new("sqlite3").arg(&newer).arg("PRAGMA user_version = 99").status().unwrap();
    for (what, bytes, said) in [
        ("cut", whole[..whole.len() / 2].to_vec(), "is damaged"),
        ("cut in its header", whole[..60].to_vec(), "is damaged"),
        ("garbled", garbled, "is damaged"),
        ("no database", b"not a database at all\n".repeat(400), "is damaged"),
        ("empty", Vec::new(), "not one of lanyard's"),
        ("foreign", fs::read(&empty).unwrap(), "not one of lanyard's"),
        ("newer", fs::read(&newer).unwrap(), "has version 99"),
    ] {
        let copy = world.home().with_file_name("given");
        fs::write(&copy, bytes).unwrap();
        let error = restore(&world, "second", &copy, Some(&key)).await.expect_err(what);
        assert!(error.to_string().contains(said), "{what}: {error}");
        assert!(!world.home().with_file_name("second").exists(), "{what}");
    }
}

#[tokio::test]
async fn a_copy_opens_with_the_key_that_it_was_made_under_and_no_other() {
    let (world, file, key) = backed_up().await;
    let error = restore(&world, "second", &file, None).await.unwrap_err();
    assert!(matches!(error, RestoreError::NoKey { .. }) && error.hint().contains("--key-file"), "{error}");
    let other = KeyLine::Open(HomeKey::generate(&SystemEntropy)).to_text().to_string();
    let other = world.file("other.key", &other);
    let error = restore(&world, "second", &file, Some(&other)).await.unwrap_err();
    assert!(matches!(&error, RestoreError::OtherKey { expected, .. } if *expected == world.key.id()), "{error}");
    assert!(!world.home().with_file_name("second").exists());

    // The key may lie in the home already.
    let second = world.home().with_file_name("second");
    fs::create_dir(&second).unwrap();
    fs::set_permissions(&second, fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(&key, second.join("home.key")).unwrap();
    restore(&world, "second", &file, None).await.unwrap();
    let error = restore(&world, "second", &file, None).await.unwrap_err();
    assert!(matches!(error, RestoreError::HomeExists(_)), "{error}");
    assert!(matches!(restore(&world, "home", &file, None).await, Err(RestoreError::HomeExists(_))));
}

#[tokio::test]
async fn a_store_in_use_is_no_copy() {
    let world = World::new().await;
    world.signed_in().await;
    let error = restore(&world, "second", &world.home().join("lanyard.db"), None).await.unwrap_err();
    assert!(matches!(error, RestoreError::InUse(_)), "{error}");
    // Copied by hand while its key was being replaced.
    world.tamper("UPDATE home SET next_key_id = key_id, next_key_source = 'file', next_key_since = 0").await;
    crate::keys::reseal_home(&world, "home.key").await;
    world.store.close().await.unwrap();
    world.tamper("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let copied = world.home().with_file_name("copied");
    fs::copy(world.home().join("lanyard.db"), &copied).unwrap();
    let key = world.home().join("home.key");
    let error = restore(&world, "second", &copied, Some(&key)).await.unwrap_err();
    assert!(matches!(error, RestoreError::InUse(_)), "{error}");
    assert!(!world.home().with_file_name("second").exists());
    let error = restore(&world, "second", &world.home().with_file_name("none"), None).await.unwrap_err();
    assert!(matches!(error, RestoreError::Unreadable { .. }), "{error}");
}

/// An unfinished copy is never beside a log: `SQLite` would read a log that another user put there into the copy.
#[tokio::test]
async fn a_copy_appears_in_a_shared_directory_when_it_is_complete_and_never_beside_a_log() {
    let world = World::new().await;
    world.many(20).await;
    let shared = tempfile::tempdir().unwrap();
    let target = shared.path().join("b.db");
    for suffix in ["-wal", "-shm", "-journal"] {
        let log = shared.path().join(format!("b.db{suffix}"));
        fs::write(&log, "pages").unwrap();
        let error = world.open.backup(&target).await.unwrap_err();
        assert!(matches!(&error, lanyard_home::BackupError::Exists(path) if *path == log), "{error}");
        fs::remove_file(&log).unwrap();
    }
    let mut backup = Box::pin(world.open.backup(&target));
    let mut seen = Vec::new();
    let made = std::future::poll_fn(|context| {
        let polled = std::future::Future::poll(backup.as_mut(), context);
        let names = fs::read_dir(shared.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        seen.push(names.collect::<Vec<_>>());
        polled
    });
    made.await.unwrap();
    assert!(seen.len() > 3 && seen[0].is_empty(), "{seen:?}");
    assert!(seen.iter().flatten().all(|name| name == "b.db"), "{seen:?}");
    let unfinished = fs::read_dir(world.home()).unwrap();
    assert!(!unfinished.into_iter().any(|entry| entry.unwrap().file_name().to_string_lossy().contains("unfinished")));
}

#[tokio::test]
async fn what_a_killed_backup_left_goes_with_the_next_removal() {
    let world = World::new().await;
    let ids = world.many(2).await;
    let left = world.home().join("backup.4711.unfinished");
    let held = world.home().join("backup.4712.unfinished");
    for path in [&left, &held] {
        fs::write(path, "a copy").unwrap();
        fs::write(path.with_extension("unfinished-wal"), "its log").unwrap();
    }
    let lock = fs::File::open(&held).unwrap();
    lock.lock().unwrap();
    assert!(world.store.remove_credential(ids[0]).await.unwrap());
    assert!(!left.exists() && !left.with_extension("unfinished-wal").exists());
    assert!(held.exists(), "its process lives");
    drop(lock);
    world.open.backup(&world.home().join("copy")).await.unwrap();
    assert!(!held.exists() && !held.with_extension("unfinished-wal").exists());
}
