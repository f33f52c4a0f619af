//! Where keys are kept: under a passphrase, by a command, in a file that an operator provides.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use lanyard_home::{KeyAccess, KeyError, NewHomeKey, OpenError, Options, PassphraseSource, ReplaceKeyError};
use lanyard_store::NextKey;
use lanyard_time::SystemEntropy;
use lanyard_vault::{HomeKey, KeyLine, KeySource, Passphrase};

use crate::world::{World, access, parts};

fn text(key: &HomeKey) -> String {
    KeyLine::Open(key.clone()).to_text().to_string()
}

fn settings(home: &Path, text: &str) {
    fs::write(home.join("lanyard.toml"), text).unwrap();
    fs::set_permissions(home.join("lanyard.toml"), fs::Permissions::from_mode(0o600)).unwrap();
}

/// A command that prints what a file holds.
fn prints(path: &Path) -> String {
    format!("key_command = [\"cat\", {:?}]\n", path.to_str().unwrap())
}

fn passphrases(directory: &Path, present: &str, new: &str) -> KeyAccess {
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        PassphraseSource::File(path)
    };
    KeyAccess {
        new_home: NewHomeKey::In(KeySource::Passphrase),
        passphrase: file("present", present),
        new_passphrase: file("new", new),
        ..KeyAccess::default()
    }
}

const FIRST: &str = "correct horse battery\n";
const SECOND: &str = "staple of the second kind\n";

#[tokio::test]
async fn a_home_under_a_passphrase_opens_with_it_alone() {
    let beside = tempfile::tempdir().unwrap();
    let world = World::with_keys(passphrases(beside.path(), FIRST, FIRST)).await;
    let ids = world.many(1).await;
    let key = fs::read_to_string(world.home().join("home.key")).unwrap();
    assert!(key.starts_with("lanyard-locked-key-1 ") && key.contains(" m=65536,t=3,p=4 "), "{key}");

    let store = world.opened_with(passphrases(beside.path(), FIRST, "")).await.unwrap();
    assert!(access(&store.store, ids[0]).await.is_some());
    let error = world.opened_with(passphrases(beside.path(), SECOND, "")).await.unwrap_err();
    assert!(matches!(error, OpenError::Key(KeyError::WrongPassphrase(_))), "{error}");
    let error = world.opened_with(KeyAccess::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Key(KeyError::NoPassphrase(_))), "{error}");
    assert!(error.hint().contains("LANYARD_PASSPHRASE_FILE"), "{}", error.hint());
}

#[tokio::test]
async fn an_offered_key_is_looked_for_without_asking_a_person() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let ask = || {
        ASKED.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Passphrase::new(FIRST)))
    };
    let beside = tempfile::tempdir().unwrap();
    let world = World::with_keys(passphrases(beside.path(), FIRST, FIRST)).await;
    let asking = KeyAccess { passphrase: PassphraseSource::Ask(ask), ..KeyAccess::default() };
    let store = world.opened_with(asking).await.unwrap().store;
    assert_eq!(ASKED.load(Ordering::Relaxed), 1, "to open the home");
    let mut keys = store.home_keys().await.unwrap();
    let id = HomeKey::generate(&SystemEntropy).id();
    for id in [keys.key, id] {
        keys.offered = Some(NextKey { id, source: KeySource::Passphrase, since: world.now().wall });
        assert_eq!(store.fetch_next_key(&keys).await.is_ok(), id == keys.key, "{id}");
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_short_passphrase_makes_no_home() {
    let directory = tempfile::tempdir().unwrap();
    let keys = passphrases(directory.path(), "short", "short");
    let clock = lanyard_time::ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let options = Options { keys, ..Options::default() };
    let home = directory.path().join("home");
    let error = lanyard_home::open_or_create(&home, parts(&clock), options).await.unwrap_err();
    assert!(matches!(error, OpenError::Key(KeyError::Passphrase(_))), "{error}");
    assert!(!home.join("home.key").exists());
}

#[tokio::test]
async fn while_a_passphrase_is_changed_either_opens_the_home_and_afterwards_the_new_one() {
    let beside = tempfile::tempdir().unwrap();
    let world = World::with_keys(passphrases(beside.path(), FIRST, FIRST)).await;
    let ids = world.many(60).await;
    // A row that does not open stops the replacement in its middle.
    world.tamper("UPDATE credentials SET wrapped_key = zeroblob(10) WHERE name = 'bot-7'").await;
    let store = world.opened_with(passphrases(beside.path(), FIRST, SECOND)).await.unwrap();
    let stopped = store.replace_key(Some(KeySource::Passphrase)).await.unwrap_err();
    assert!(matches!(stopped, ReplaceKeyError::Damaged(_)), "{stopped}");

    for passphrase in [FIRST, SECOND] {
        let store = world.opened_with(passphrases(beside.path(), passphrase, "")).await.unwrap();
        assert_eq!(access(&store.store, ids[1]).await.unwrap().1, "canary-access-1");
        store.store.replace_grant(ids[2], &world.tokens("2"), &crate::world::pending("x").subject, None).await.unwrap();
    }
    let store = world.opened_with(passphrases(beside.path(), SECOND, "")).await.unwrap();
    store.store.remove_credential(ids[7]).await.unwrap();
    store.replace_key(None).await.unwrap();
    assert!(world.opened_with(passphrases(beside.path(), SECOND, "")).await.is_ok());
    assert!(world.opened_with(passphrases(beside.path(), FIRST, "")).await.is_err());
    let key = fs::read_to_string(world.home().join("home.key")).unwrap();
    assert_eq!(key.lines().count(), 1);
}

#[tokio::test]
async fn a_key_moves_from_a_file_under_a_passphrase_and_back() {
    let world = World::new().await;
    let ids = world.many(1).await;
    let beside = tempfile::tempdir().unwrap();
    let keys = || passphrases(beside.path(), FIRST, FIRST);
    world.opened_with(keys()).await.unwrap().replace_key(Some(KeySource::Passphrase)).await.unwrap();
    assert!(world.opened_with(KeyAccess::default()).await.is_err());
    let store = world.opened_with(keys()).await.unwrap();
    assert_eq!(store.key_status().await.unwrap().place.source, KeySource::Passphrase);
    // Without a new passphrase the present one stays.
    store.replace_key(None).await.unwrap();
    let store = world.opened_with(keys()).await.unwrap();
    store.replace_key(Some(KeySource::File)).await.unwrap();
    assert_eq!(access(&world.opened().await.store, ids[0]).await.unwrap().1, "canary-access-0");
}

#[tokio::test]
async fn a_command_delivers_the_key_of_a_home_and_the_next_one() {
    let beside = tempfile::tempdir().unwrap();
    let [first, second, third] = [(); 3].map(|()| HomeKey::generate(&SystemEntropy));
    let delivered = beside.path().join("keys");
    fs::write(&delivered, text(&first)).unwrap();
    let lines = format!("key_source = \"command\"\n{}", prints(&delivered));
    let world = World::prepared(KeyAccess::default(), |home| settings(home, &lines)).await;
    let ids = world.many(2).await;
    assert_eq!(world.key.id(), first.id());
    assert!(!world.home().join("home.key").exists());

    let store = world.opened().await;
    let error = store.replace_key(None).await.unwrap_err();
    assert!(matches!(error, ReplaceKeyError::Key(KeyError::NoOther { .. })), "{error}");
    assert!(error.hint().contains("lanyard key generate"), "{}", error.hint());
    fs::write(&delivered, [&first, &second, &third].map(text).concat()).unwrap();
    let error = store.replace_key(None).await.unwrap_err();
    assert!(matches!(error, ReplaceKeyError::Key(KeyError::Several { .. })), "{error}");
    fs::write(&delivered, [&first, &second].map(text).concat()).unwrap();
    assert_eq!(store.replace_key(None).await.unwrap().new, second.id());
    fs::write(&delivered, text(&second)).unwrap();
    assert_eq!(access(&world.opened().await.store, ids[1]).await.unwrap().1, "canary-access-1");
    let status = world.opened().await.key_status().await.unwrap();
    assert_eq!(status.place.to_string(), "what cat prints");
    assert_eq!(status.to_remove, None, "what an operator provides is not ours to remove");
}

#[tokio::test]
async fn a_key_file_that_an_operator_names_comes_before_the_homes_own_place() {
    let world = World::new().await;
    let ids = world.many(1).await;
    // The key was moved out of the home.
    let key = world.file("secret.key", &fs::read_to_string(world.home().join("home.key")).unwrap());
    fs::remove_file(world.home().join("home.key")).unwrap();
    let named = || KeyAccess { key_file: Some(key.clone()), ..KeyAccess::default() };
    assert!(matches!(world.opened_with(KeyAccess::default()).await, Err(OpenError::KeyMissing(_))));
    let store = world.opened_with(named()).await.unwrap();
    assert_eq!(access(&store.store, ids[0]).await.unwrap().1, "canary-access-0");

    // The next key is delivered beside it.
    let next = HomeKey::generate(&SystemEntropy);
    let both = fs::read_to_string(&key).unwrap() + &text(&next);
    fs::write(&key, both).unwrap();
    store.replace_key(None).await.unwrap();
    fs::write(&key, text(&next)).unwrap();
    assert!(world.opened_with(named()).await.is_ok());
    let error = world.opened_with(KeyAccess::default()).await.unwrap_err();
    assert!(matches!(error, OpenError::Key(KeyError::NoKeyFileNamed)), "{error}");
}

#[tokio::test]
async fn a_new_home_takes_the_key_file_that_is_named() {
    let beside = tempfile::tempdir().unwrap();
    let key = HomeKey::generate(&SystemEntropy);
    let path = beside.path().join("secret.key");
    let keys = KeyAccess { key_file: Some(path.clone()), new_home: NewHomeKey::Best, ..KeyAccess::default() };
    let clock = lanyard_time::ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let options = Options { keys: keys.clone(), ..Options::default() };
    let home = beside.path().join("home");
    let error = lanyard_home::open_or_create(&home, parts(&clock), options).await.unwrap_err();
    assert!(error.to_string().contains("secret.key"), "{error}");

    fs::write(&path, text(&key)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let world = World::with_keys(keys).await;
    assert_eq!(world.key.id(), key.id());
    assert!(!world.home().join("home.key").exists());
}

#[tokio::test]
async fn another_target_waits_until_the_one_under_way_is_reached() {
    let beside = tempfile::tempdir().unwrap();
    let world = World::new().await;
    let ids = world.many(1).await;
    world.tamper("UPDATE credentials SET wrapped_key = zeroblob(10)").await;
    let store = world.opened_with(passphrases(beside.path(), FIRST, FIRST)).await.unwrap();
    store.replace_key(None).await.unwrap_err();
    let error = store.replace_key(Some(KeySource::Passphrase)).await.unwrap_err();
    assert!(matches!(error, ReplaceKeyError::OtherTarget(KeySource::File)), "{error}");
    store.store.remove_credential(ids[0]).await.unwrap();
    store.replace_key(Some(KeySource::File)).await.unwrap();
}
