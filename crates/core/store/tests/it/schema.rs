//! Databases of earlier versions, and those that somebody altered.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;

use lanyard_credential::rotation::Writer;
use lanyard_home::OpenError;
use lanyard_store::{ClientList, EXCHANGE, EventKind, MARGIN, OpenDatabaseError, Refusal, StoreError};

use crate::child;
use crate::world::{World, open};

fn told(list: &ClientList) -> (Vec<&str>, Vec<(&str, Refusal)>) {
    let counting = list.clients.iter().map(|found| found.client.name.as_str()).collect();
    (counting, list.refused.iter().map(|refused| (refused.name.as_str(), refused.refusal)).collect())
}

/// A world with the home that the first version left behind.
pub(crate) async fn home_of_first_version() -> World {
    let world = World::new().await;
    world.store.close().await.unwrap();
    for name in ["lanyard.db", "lanyard.db-wal", "lanyard.db-shm", "home.key"] {
        let _ = fs::remove_file(world.home().join(name));
    }
    for (name, text) in [("lanyard.db", ""), ("home.key", include_str!("fixtures/home-0.1.0.key"))] {
        fs::write(world.home().join(name), text).unwrap();
        fs::set_permissions(world.home().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    world.tamper(include_str!("fixtures/home-0.1.0.sql")).await;
    world
}

/// Turns the journal back into what there was before it.
const EARLIER: &str = "DROP TABLE journal; DROP TABLE journal_head; DROP TABLE journal_retention; DROP TABLE cursors; ALTER TABLE home ADD COLUMN changed BIGINT NOT NULL DEFAULT 0; \
     CREATE TABLE changes (subject TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL); \
     CREATE TABLE audit (writer TEXT NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL, action TEXT NOT NULL, credential_id TEXT, \
     credential_name TEXT, actor TEXT NOT NULL, detail TEXT NOT NULL, mac BLOB NOT NULL, PRIMARY KEY (writer, sequence)); \
     CREATE INDEX audit_by_credential ON audit (credential_id, action, at);";

/// Undoes what the last version did to the tables of those before it.
const BEFORE_INTENTS: &str = include_str!("fixtures/before-intents.sql");

/// A process of an earlier version wrote it; nothing more is known of that process. A newer schema would not let it write its answer.
#[tokio::test]
async fn a_schema_is_not_upgraded_before_the_writer_of_an_open_intent_is_presumed_gone() {
    let world = home_of_first_version().await;
    let wall = world.now().wall.as_millisecond() + 60_000;
    world
        .tamper(&format!(
            "UPDATE credentials SET intent_phase = 'open', intent_generation = generation, intent_spend = 'stored', \
             intent_attempt = 3, intent_host = 'h', intent_boot = 'b', intent_pid = 7, intent_started = 1, \
             intent_deadline_boot = 'b', intent_deadline_elapsed = 1, intent_deadline_wall = {wall}"
        ))
        .await;
    let error = world.opened_with(lanyard_home::KeyAccess::default()).await.unwrap_err();
    assert!(
        matches!(&error, OpenError::Database(OpenDatabaseError::InFlight(found)) if (&*found.credential, found.pid) == ("lobby", 7)),
        "{error}"
    );
    assert!(error.hint().contains("2026-01-01T00:03:00Z"), "{}", error.hint());
    assert_eq!(version(&world).await, 1);
    world.clock.advance(EXCHANGE + MARGIN);
    let store = world.opened().await.store;
    let all = store.credentials().await.unwrap();
    let (intent, writer) = open(&store, all[0].id).await.unwrap();
    assert_eq!((intent.attempt, intent.writer.pid, writer), (3, 7, Writer::Presumed));
}

#[tokio::test]
async fn the_clients_of_an_earlier_version_are_adopted_once() {
    let world = home_of_first_version().await;
    for script in [
        include_str!("../../src/migrations/0002_mint.sql"),
        include_str!("../../src/migrations/0003_keys.sql"),
        include_str!("../../src/migrations/0004_changes.sql"),
        include_str!("../../src/migrations/0005_clients.sql"),
    ] {
        world.tamper(script).await;
    }
    let insert = |name: &str, digit: char| {
        let id: String = std::iter::repeat_n(digit, 32).collect();
        format!(
            "INSERT INTO clients (id, name, capabilities, all_credentials, created_at, key_hash) \
             VALUES ('{id}', '{name}', 'token', 1, 1, zeroblob(32))"
        )
    };
    world.tamper(&format!("PRAGMA user_version = 5; {}", insert("old", 'a'))).await;
    for _ in 0..2 {
        let list = world.opened().await.store.client_list().await.unwrap();
        assert_eq!(told(&list), (vec!["old"], vec![]));
    }
    let audit = world.opened().await.store.audit(100).await.unwrap();
    let adopted: Vec<_> = audit.iter().filter(|entry| entry.record.event.kind() == EventKind::ClientsAdopted).collect();
    assert_eq!(adopted.len(), 1);
    assert_eq!(adopted[0].record.event.to_string(), "old");

    // Turning the version back has nobody else adopted.
    let back = "DROP TABLE client_list; DROP INDEX audit_by_credential; ALTER TABLE apps DROP COLUMN seal; \
                ALTER TABLE credentials DROP COLUMN seal; ALTER TABLE home DROP COLUMN seal; PRAGMA user_version = 5;";
    world.tamper(&format!("{BEFORE_INTENTS} {EARLIER} {back} {}", insert("mallory", 'b'))).await;
    let opened = world.opened_with(lanyard_home::KeyAccess::default()).await;
    assert!(matches!(opened, Err(OpenError::Database(OpenDatabaseError::Store(StoreError::Altered { .. })))));
}

#[tokio::test]
async fn the_rows_of_an_earlier_version_are_sealed_once() {
    let world = home_of_first_version().await;
    for _ in 0..2 {
        let store = world.opened().await;
        assert!(store.store.unreadable_credentials().await.unwrap().is_empty());
        assert!(store.store.unreadable_apps().await.unwrap().is_empty());
        assert!(!store.store.credentials().await.unwrap().is_empty() && !store.store.apps().await.unwrap().is_empty());
    }
    let audit = world.opened().await.store.audit(100).await.unwrap();
    let sealed: Vec<_> = audit.iter().filter(|entry| entry.record.event.kind() == EventKind::RowsSealed).collect();
    assert_eq!(sealed.len(), 1);
    let names = sealed[0].record.event.to_string();
    assert!(names.contains("lobby"), "{names}");

    // Turning the version back has nothing sealed again.
    world.tamper(EARLIER).await;
    world.tamper("UPDATE credentials SET kind = 'personal', seal = NULL; ALTER TABLE apps DROP COLUMN seal").await;
    world.tamper(BEFORE_INTENTS).await;
    world
        .tamper("ALTER TABLE credentials DROP COLUMN seal; ALTER TABLE home DROP COLUMN seal; PRAGMA user_version = 6")
        .await;
    let opened = world.opened_with(lanyard_home::KeyAccess::default()).await;
    assert!(matches!(opened, Err(OpenError::Database(OpenDatabaseError::Store(StoreError::Altered { .. })))));
}

/// A broker of an earlier version knows nothing of what a newer schema demands of each row.
#[tokio::test]
async fn a_file_is_brought_up_to_date_only_when_no_broker_runs_in_its_home() {
    let world = home_of_first_version().await;
    let socket = std::os::unix::net::UnixListener::bind(world.home().join("lanyard.sock")).unwrap();
    let error = world.opened_with(lanyard_home::KeyAccess::default()).await.unwrap_err();
    assert!(matches!(&error, OpenError::InUse { .. }), "{error}");
    assert!(error.hint().contains("lanyard.sock"), "{}", error.hint());
    assert_eq!(version(&world).await, 1);
    // A socket that was left behind is nobody.
    drop(socket);
    world.opened().await;
    assert!(version(&world).await > 1);
}

/// Killed before or after the commit of any step, it is continued by the next process.
#[tokio::test]
async fn an_upgrade_that_was_killed_is_continued() {
    let world = home_of_first_version().await;
    for (step, reached) in [
        ("2.uncommitted", 1),
        ("2", 2),
        ("5", 5),
        ("7.uncommitted", 6),
        ("8.uncommitted", 7),
        ("8", 8),
        ("9.uncommitted", 8),
        ("9", 9),
    ] {
        let prelude = format!("export LANYARD_FAILPOINT=upgrade.{step}=kill");
        let killed = child::spawn("opens_or_makes_the_home", &world.home(), &prelude).wait_with_output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "{step}: {killed:?}");
        assert_eq!(version(&world).await, reached, "{step}");
    }
    let store = world.opened().await.store;
    assert!(store.unreadable_credentials().await.unwrap().is_empty());
    assert!(store.unreadable_apps().await.unwrap().is_empty());
    assert_eq!(store.credentials().await.unwrap()[0].name.as_str(), "lobby");
    store.insert_app(&crate::world::new_app("later")).await.unwrap();
}

/// Every write of an earlier version for a renewal fails in this version's schema.
#[tokio::test]
async fn an_earlier_version_declares_and_commits_nothing_in_this_schema() {
    let world = World::new().await;
    world.many(1).await;
    let mut connection = world.connection().await;
    for statement in [
        "UPDATE credentials SET intent_phase = 'open'",
        "INSERT INTO leases (name) VALUES ('x')",
        "INSERT INTO audit (writer) VALUES ('x')",
        "UPDATE home SET changed = changed + 1",
    ] {
        assert!(sqlx::raw_sql(statement).execute(&mut connection).await.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn a_process_writes_nothing_into_a_schema_that_is_newer_than_it() {
    let world = World::new().await;
    let id = world.many(1).await[0];
    let known = version(&world).await;
    world.tamper("PRAGMA user_version = 99").await;
    let refused = world.store.insert_app(&crate::world::new_app("later")).await.unwrap_err();
    assert!(
        matches!(refused, lanyard_store::NameError::Store(StoreError::Upgraded { found: 99, known: k }) if k == known),
        "{refused}"
    );
    for refused in [world.store.claim(id).await.map(drop), world.store.begin_rotation(id, |_| None).await.map(drop)] {
        assert!(matches!(refused, Err(StoreError::Upgraded { found: 99, .. })), "{refused:?}");
    }
    world.tamper(&format!("PRAGMA user_version = {known}")).await;
    world.store.insert_app(&crate::world::new_app("later")).await.unwrap();
}

async fn version(world: &World) -> i64 {
    sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut world.connection().await).await.unwrap()
}

#[tokio::test]
async fn a_schema_that_somebody_altered_is_not_opened() {
    let world = World::new().await;
    for (tampering, undo, named) in [
        (
            "CREATE TRIGGER t AFTER INSERT ON journal BEGIN DELETE FROM journal; END",
            "DROP TRIGGER t",
            "unknown: trigger t",
        ),
        ("CREATE VIEW v AS SELECT 1", "DROP VIEW v", "unknown: view v"),
        ("CREATE TABLE x (y)", "DROP TABLE x", "unknown: table x"),
        (
            "DROP INDEX journal_by_time",
            "CREATE INDEX journal_by_time ON journal (at)",
            "missing: index journal_by_time",
        ),
    ] {
        world.tamper(tampering).await;
        let error = world.opened_with(lanyard_home::KeyAccess::default()).await.unwrap_err();
        assert!(
            matches!(&error, OpenError::Database(OpenDatabaseError::ForeignSchema { differences, .. }) if differences == &[named]),
            "{error}"
        );
        assert!(error.hint().contains("lanyard restore"));
        world.tamper(undo).await;
        world.opened().await;
    }
    // Statistics are nobody's harm.
    world.tamper("ANALYZE").await;
    world.opened().await;
}
