//! The tables of the job, on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Arc;

use lanyard_home::{KeyAccess, NewHomeKey, Options};
use lanyard_store::Parts;
use lanyard_testkit::{Postgres, left_out};
use lanyard_time::{ManualClock, SystemEntropy};
use lanyard_vault::KeySource;

const PARTS: &[lanyard_store::sql::Migrations] = &[lanyard_devices::MIGRATIONS];

/// Opening compares the tables with the declared schema.
async fn opens(database: Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let parts = || Parts::new(Arc::new(clock.clone()), Arc::new(SystemEntropy));
    let options = || Options {
        keys: KeyAccess { new_home: NewHomeKey::In(KeySource::File), ..KeyAccess::default() },
        store: database.as_deref().map(|database| database.parse().unwrap()),
        parts: PARTS,
        ..Options::default()
    };
    let home = directory.path().join("home");
    for _ in 0..2 {
        let opened = lanyard_home::open_or_create(&home, parts(), options()).await.unwrap();
        assert!(lanyard_devices::watches(&opened.store).await.unwrap().is_empty());
        opened.store.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_tables_are_as_declared_on_sqlite() {
    opens(None).await;
}

#[tokio::test]
async fn the_tables_are_as_declared_on_postgresql() {
    match Postgres::shared() {
        Ok(server) => opens(Some(server.database())).await,
        Err(why) => left_out(why),
    }
}
