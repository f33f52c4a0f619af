//! Homes on a disk: making, opening, refusing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use lanyard_credential::Standing;
use lanyard_home::{HomeError, OpenError, OpenHome, Options};
use lanyard_store::{NewCredential, OpenDatabaseError, Store, StoreError};
use lanyard_time::{ManualClock, SystemEntropy};
use lanyard_vault::key_file::KeyFile;
use lanyard_vault::{HomeKey, KeyLine, KeySource};

use crate::child;
use crate::world::{World, parts, pending};

/// The schema's version that this source tree makes.
const KNOWN: i64 = 12;

fn clock() -> ManualClock {
    ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
}

async fn open_or_create(home: &Path) -> Result<OpenHome, OpenError> {
    lanyard_home::open_or_create(home, parts(&clock()), Options::default()).await
}

async fn open(world: &World) -> Result<Store, OpenError> {
    lanyard_home::open_with_key(&world.home(), &world.key, parts(&world.clock), Options::default()).await
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_home_is_made_once_and_found_again() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let OpenHome { store, key, .. } = open_or_create(&world.home()).await.unwrap();
    assert_eq!(key.id(), world.key.id());
    assert_eq!(store.credentials().await.unwrap(), [credential]);
    let diagnosis = store.diagnosis().await.unwrap();
    assert_eq!((diagnosis.key_id, diagnosis.key_source), (key.id(), KeySource::File));
    assert_eq!(diagnosis.schema_version, KNOWN);
    assert_eq!(store.integrity_check().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_home_under_a_key_that_is_kept_elsewhere_has_no_key_file() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("deep/home");
    let key = HomeKey::generate(&SystemEntropy);
    let create = || lanyard_home::create(&home, &key, KeySource::File, parts(&clock()), Options::default());
    create().await.unwrap();
    create().await.unwrap();
    assert!(!home.join("home.key").exists());
    assert!(matches!(open_or_create(&home).await, Err(OpenError::KeyMissing(_))));
}

#[test]
fn files_are_their_owners_alone_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        child::said(child::spawn("opens_or_makes_the_home", &home, &format!("umask {umask}")));
        assert_eq!(mode(&home), 0o700, "umask {umask}");
        for entry in fs::read_dir(&home).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "umask {umask}: {}", path.display());
        }
    }
}

#[tokio::test]
async fn the_files_beside_an_open_database_are_its_owners_alone() {
    let world = World::new().await;
    world.signed_in().await;
    for name in ["lanyard.db", "lanyard.db-wal", "lanyard.db-shm", "home.key", "home.lock"] {
        assert_eq!(mode(&world.home().join(name)), 0o600, "{name}");
    }
}

#[test]
fn of_many_processes_one_makes_the_home_and_all_use_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    let children: Vec<_> = (0..8).map(|_| child::spawn("opens_or_makes_the_home", &home, ":")).collect();
    let keys: Vec<_> = children.into_iter().flat_map(child::said).collect();
    assert_eq!(keys.len(), 8);
    let key = KeyFile::new(home.join("home.key")).read().unwrap().remove(0);
    assert!(keys.iter().all(|id| *id == key.id().to_string()), "{keys:?}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(async { open_or_create(&home).await.unwrap().store.credentials().await.unwrap() });
    assert_eq!(found.len(), 8);
}

#[tokio::test]
async fn a_crash_while_the_home_is_made_is_healed_by_the_next_call() {
    let directory = tempfile::tempdir().unwrap();
    // After the directory and the lock; after the key; in the middle of the database.
    let home = directory.path().join("home");
    fs::create_dir(&home).unwrap();
    set_mode(&home, 0o700);
    fs::write(home.join("home.lock"), "").unwrap();
    let key = HomeKey::generate(&SystemEntropy);
    KeyFile::new(home.join("home.key")).create(&[KeyLine::Open(key.clone())]).unwrap();
    for name in ["lanyard.db.new", "lanyard.db.new-wal", "lanyard.db.new-journal"] {
        fs::write(home.join(name), "half of a database").unwrap();
    }
    let OpenHome { store, key: found, .. } = open_or_create(&home).await.unwrap();
    assert_eq!(found.id(), key.id());
    assert_eq!(store.audit(10).await.unwrap().len(), 1);
    assert!(!home.join("lanyard.db.new").exists());
}

#[tokio::test]
async fn a_database_without_its_key_never_gets_another() {
    let world = World::new().await;
    fs::rename(world.home().join("home.key"), world.home().join("aside")).unwrap();
    let error = open_or_create(&world.home()).await.unwrap_err();
    assert!(matches!(error, OpenError::KeyMissing(_)), "{error}");
    assert!(error.hint().contains("home.key"), "{}", error.hint());
    assert!(!world.home().join("home.key").exists());
    fs::rename(world.home().join("aside"), world.home().join("home.key")).unwrap();
    assert!(open_or_create(&world.home()).await.is_ok());
}

#[tokio::test]
async fn another_homes_key_is_told_from_damage() {
    let world = World::new().await;
    let other = HomeKey::generate(&SystemEntropy);
    let error =
        lanyard_home::open_with_key(&world.home(), &other, parts(&world.clock), Options::default()).await.unwrap_err();
    match error {
        OpenError::Database(OpenDatabaseError::ForeignKey { found, expected }) => {
            assert_eq!((found, expected), (other.id(), world.key.id()));
        }
        other => panic!("{other}"),
    }
    world.tamper("UPDATE home SET wrapped_key = zeroblob(89)").await;
    let error = open(&world).await.unwrap_err();
    assert!(matches!(error, OpenError::Database(OpenDatabaseError::Store(StoreError::Sealed(_)))), "{error}");
}

#[tokio::test]
async fn a_damaged_database_is_said_to_be_one() {
    let database = |world: &World| world.home().join("lanyard.db");
    let whole = {
        let world = World::new().await;
        world.store.close().await.unwrap();
        fs::read(database(&world)).unwrap()
    };
    let mut garbled = whole.clone();
    garbled[..16].fill(b'x');
    for (what, bytes) in [
        ("empty", &[][..]),
        ("cut within its header", &whole[..50]),
        ("cut within a page", &whole[..whole.len() / 2 + 7]),
        ("cut between pages", &whole[..8192]),
        ("no database", &garbled),
    ] {
        let world = World::new().await;
        world.store.close().await.unwrap();
        fs::write(database(&world), bytes).unwrap();
        for result in [open(&world).await.map(drop), open_or_create(&world.home()).await.map(drop)] {
            let error = result.expect_err(what);
            assert!(
                matches!(error, OpenError::Database(OpenDatabaseError::Store(StoreError::Damaged(_)))),
                "{what}: {error:?}"
            );
            assert!(error.hint().contains("restore a backup"), "{}", error.hint());
        }
        assert_eq!(fs::read(database(&world)).unwrap(), bytes, "{what}: it was changed");
    }
}

#[tokio::test]
async fn a_newer_store_is_left_alone() {
    let world = World::new().await;
    world.tamper("PRAGMA user_version = 99").await;
    let error = open(&world).await.unwrap_err();
    assert!(matches!(error, OpenError::Database(OpenDatabaseError::Newer { found: 99, known: KNOWN })), "{error}");
}

#[tokio::test]
async fn what_others_can_read_or_write_is_refused() {
    let world = World::new().await;
    for (path, good) in [(world.home(), 0o700), (world.home().join("lanyard.db"), 0o600)] {
        for bad in [0o040, 0o020, 0o004, 0o002] {
            set_mode(&path, good | bad);
            let error = open(&world).await.unwrap_err();
            assert!(
                matches!(&error, OpenError::Home(HomeError::Exposed { path: found, mode }) if *found == path && *mode == good | bad),
                "{error}"
            );
            assert!(error.hint().contains("chmod"), "{}", error.hint());
        }
        set_mode(&path, good);
    }
    // Others may pass through: a socket may be meant for them.
    set_mode(&world.home(), 0o711);
    assert!(open(&world).await.is_ok());
}

#[tokio::test]
async fn what_is_not_there_or_is_something_else_is_refused() {
    let world = World::new().await;
    let database = world.home().join("lanyard.db");
    world.store.close().await.unwrap();
    fs::rename(&database, world.home().join("moved.db")).unwrap();
    assert!(
        matches!(open(&world).await, Err(OpenError::Home(HomeError::Lost { database: path, .. })) if path == database)
    );
    symlink(world.home().join("moved.db"), &database).unwrap();
    assert!(matches!(open(&world).await, Err(OpenError::Home(HomeError::Unexpected(path))) if path == database));
    fs::remove_file(&database).unwrap();

    // A log without its database may hold the last refresh token: nothing is made over it.
    let log = world.home().join("lanyard.db-wal");
    fs::write(&log, "the last commits").unwrap();
    assert!(
        matches!(open_or_create(&world.home()).await, Err(OpenError::Home(HomeError::Orphan(path))) if path == log)
    );
    assert_eq!(fs::read(&log).unwrap(), b"the last commits");
}

#[tokio::test]
async fn a_write_that_fails_takes_nothing_along() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let stop = "CREATE TRIGGER stop BEFORE UPDATE ON credentials BEGIN SELECT RAISE(ABORT, 'no'); END";
    world.tamper(stop).await;
    let error = world.store.set_standing(credential.id, &Standing::Disabled).await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
    let found = world.store.hand_out(&credential.name).await.unwrap().unwrap();
    assert!(world.store.open_access(&found).unwrap().is_some());
    world.tamper("DROP TRIGGER stop").await;
    assert!(world.store.set_standing(credential.id, &Standing::Disabled).await.unwrap());
}

#[tokio::test]
async fn a_home_that_cannot_be_written_says_so() {
    if rustix::process::geteuid().is_root() {
        // No permission bits stop root.
        return;
    }
    let world = World::new().await;
    let credential = world.signed_in().await;
    world.store.close().await.unwrap();
    set_mode(&world.home().join("lanyard.db"), 0o400);
    set_mode(&world.home(), 0o500);
    let error = match open(&world).await {
        Ok(store) => store.set_standing(credential.id, &Standing::Disabled).await.unwrap_err(),
        Err(OpenError::Database(OpenDatabaseError::Store(error))) => error,
        Err(other) => panic!("{other}"),
    };
    set_mode(&world.home(), 0o700);
    assert!(matches!(error, StoreError::ReadOnly), "{error}");
}

#[test]
fn what_a_full_disk_refused_did_not_happen_and_what_was_acknowledged_did() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    // 1 MiB for any one file, in units of 512 bytes; the signal that goes with it is ignored.
    let child = child::spawn("adds_credentials_until_it_fails", &home, "trap '' XFSZ; ulimit -f 2048");
    let acknowledged = child::said(child);
    assert!(acknowledged.len() > 5, "{acknowledged:?}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let OpenHome { store, key: _, .. } = open_or_create(&home).await.unwrap();
        let mut found: Vec<String> = store.credentials().await.unwrap().iter().map(|c| c.name.to_string()).collect();
        found.sort_by_key(std::string::String::len);
        let mut acknowledged = acknowledged;
        acknowledged.sort_by_key(std::string::String::len);
        assert_eq!(found, acknowledged);
        assert_eq!(store.integrity_check().await.unwrap(), [""; 0]);
        let more = NewCredential { credential: pending("with-space-again"), tokens: None };
        store.insert_credential(&more).await.unwrap();
    });
}

#[tokio::test]
async fn who_waits_too_long_is_told_that_the_store_is_busy() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let options = Options { busy_timeout: std::time::Duration::ZERO, ..Options::default() };
    let impatient = lanyard_home::open_with_key(&world.home(), &world.key, parts(&world.clock), options).await.unwrap();
    let mut blocker = world.connection().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut blocker).await.unwrap();
    let error = impatient.set_standing(credential.id, &Standing::Disabled).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy) && error.is_transient(), "{error}");
    // Reading waits for nobody.
    assert!(impatient.hand_out(&credential.name).await.unwrap().is_some());
    sqlx::raw_sql("ROLLBACK").execute(&mut blocker).await.unwrap();
    assert!(impatient.set_standing(credential.id, &Standing::Disabled).await.unwrap());
}

#[tokio::test]
async fn a_key_without_its_database_begins_no_new_home() {
    let world = World::new().await;
    world.store.close().await.unwrap();
    let key = fs::read(world.home().join("home.key")).unwrap();
    fs::remove_file(world.home().join("lanyard.db")).unwrap();
    let error = open_or_create(&world.home()).await.unwrap_err();
    assert!(matches!(error, OpenError::Home(HomeError::Lost { .. })), "{error}");
    let error = open(&world).await.unwrap_err();
    assert!(matches!(error, OpenError::Home(HomeError::Lost { .. })), "{error}");
    assert!(!world.home().join("lanyard.db").exists());
    assert_eq!(fs::read(world.home().join("home.key")).unwrap(), key);
    // A home that was about to be made is made.
    fs::write(world.home().join("lanyard.db.new"), "").unwrap();
    open_or_create(&world.home()).await.unwrap();
    assert_eq!(fs::read(world.home().join("home.key")).unwrap(), key);
}

#[tokio::test]
async fn an_empty_directory_of_ones_own_is_closed_to_others_and_one_with_files_is_refused() {
    for (name, file, accepted) in [("empty", None, true), ("full", Some("a file"), false)] {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join(name);
        fs::create_dir(&home).unwrap();
        if let Some(file) = file {
            fs::write(home.join(file), "").unwrap();
        }
        set_mode(&home, 0o777);
        let opened = open_or_create(&home).await;
        assert_eq!(opened.is_ok(), accepted, "{name}");
        let mode = fs::metadata(&home).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if accepted { 0o700 } else { 0o777 }, "{name}");
    }
}
