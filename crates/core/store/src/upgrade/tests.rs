//! A store of version 7 on a server, with rows of that version.

use std::sync::Arc;
use std::time::Duration;

use lanyard_credential::{AppKind, Credential, CredentialId, Kind, RefreshRight, Validity};
use lanyard_protocol::Environment;
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken};
use lanyard_testkit::{Postgres, app, credential, left_out, wait};
use lanyard_time::{Clock as _, ManualClock, SystemEntropy};
use lanyard_vault::{AuditKey, HomeKey, KeySource};

use super::Upgrade;
use crate::engine::translated;
use crate::journal::earlier_chain as chain;
use crate::migration::{KNOWN, scripts};
use crate::{
    AuditVerdict, Database, DatabasePlace, LockedStore, NewApp, NewCredential, NewTokens, OpenDatabaseError, Parts,
    Store, StoreError,
};

/// Puts the rows of a store into the schema of version 7 as that version had them.
fn version_seven(audit_key: &AuditKey, deadline: i64) -> String {
    let scripts: String = scripts().take(7).map(translated).collect();
    let chains = [
        chain(
            audit_key,
            "b host",
            &[
                ("home-created", None, "key x, kept in: file"),
                ("handed-out", Some("acme"), "token, generation 4, 2 times"),
            ],
        ),
        chain(audit_key, "a", &[("renamed", Some("lobby"), "was acme"), ("refused", None, "token: no")]),
    ];
    let audit = chains.concat().replace("x'", "'\\x");
    format!(
        "ALTER SCHEMA lanyard RENAME TO made; CREATE SCHEMA lanyard; SET search_path = lanyard, pg_temp; \
         CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES (7); {scripts}; \
         DO $$ DECLARE t TEXT; c TEXT; BEGIN \
             FOREACH t IN ARRAY ARRAY['home', 'apps', 'credentials', 'clients', 'client_credentials', 'client_list'] LOOP \
                 SELECT string_agg(quote_ident(a.column_name), ', ') INTO c FROM information_schema.columns a \
                     WHERE a.table_schema = 'made' AND a.table_name = t AND EXISTS (SELECT 1 FROM information_schema.columns b \
                         WHERE b.table_schema = 'lanyard' AND b.table_name = t AND b.column_name = a.column_name); \
                 EXECUTE format('INSERT INTO lanyard.%I (%s) SELECT %s FROM made.%I', t, c, c, t); \
             END LOOP; END $$; \
         DROP SCHEMA made CASCADE; {audit} \
         INSERT INTO changes VALUES ('credential/x', 3); UPDATE home SET changed = 3; \
         INSERT INTO leases VALUES ('acme', 'a host', 'a boot', 7, 1, 1, 'a boot', 1); \
         UPDATE credentials SET intent_phase = 'open', intent_generation = generation, intent_spend = 'stored', intent_attempt = 3, \
             intent_host = 'a host', intent_boot = 'a boot', intent_pid = 7, intent_started = 1, intent_deadline_boot = 'a boot', \
             intent_deadline_elapsed = 1, intent_deadline_wall = {deadline} WHERE name = 'acme'"
    )
}

async fn fill(store: &Store, clock: &ManualClock) -> CredentialId {
    let environment = Environment::at("http://127.0.0.1:7000/v1").unwrap();
    let app = NewApp {
        app: app("desk", AppKind::Integration, &environment),
        client_secret: ClientSecret::new("canary-client-secret"),
    };
    store.insert_app(&app).await.unwrap();
    let mut ids = Vec::new();
    for name in ["acme", "lobby"] {
        let credential = Credential { app: Some(app.app.id), ..credential(name, Kind::Integration, &environment) };
        let tokens = NewTokens {
            access: Some(AccessToken::new(format!("canary-access-{name}"))),
            refresh: Some(RefreshToken::new(format!("canary-refresh-{name}"))),
            validity: Validity { obtained: clock.now(), access: None, refresh: RefreshRight::Lasting(None) },
            scopes: None,
        };
        let new = NewCredential { credential, tokens: Some(tokens) };
        ids.push(store.insert_credential(&new).await.unwrap().id);
    }
    ids[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filled_store_of_version_seven_on_a_server_is_upgraded_whatever_interrupts_it() {
    let server = match Postgres::shared() {
        Ok(server) => server,
        Err(why) => return left_out(why),
    };
    let address = server.database();
    let name = address.split(['/', '?']).nth(3).unwrap();
    let query = |text: &str| server.query(name, &format!("SET search_path = lanyard; {text}")).unwrap();
    let place = DatabasePlace::Server { address: address.parse().unwrap(), password_file: None };
    let database = Database { place, busy_timeout: Duration::from_secs(10), parts: &[] };
    let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let parts = Parts::new(Arc::new(clock.clone()), Arc::new(SystemEntropy));
    let directory = tempfile::tempdir().unwrap();
    let key = HomeKey::generate(&SystemEntropy);
    Store::make(&database, &key, (KeySource::File, "a home"), &parts).await.unwrap();
    let open = async || {
        let upgrade = Upgrade { directory: directory.path(), parts: &parts };
        let locked = LockedStore::open(&database, Some(upgrade)).await?;
        locked.unlock(directory.path(), vec![key.clone()], None, parts.clone()).await
    };
    let store = open().await.unwrap();
    let acme = fill(&store, &clock).await;
    let audit_key = store.inner.audit_key.clone();
    store.close().await.unwrap();
    let deadline = clock.now().wall.as_millisecond() + 60_000;
    server.query(name, &version_seven(&audit_key, deadline)).unwrap();

    // Its writer may still have an answer to write.
    let refused = open().await.unwrap_err();
    assert!(matches!(&refused, OpenDatabaseError::InFlight(found) if found.credential == "acme"), "{refused}");
    assert_eq!(query("SELECT version FROM schema_version"), "7");
    clock.advance(Duration::from_mins(3));

    // The server ends the session in the middle of a step: here it waits for a table that another session has locked.
    let sessions = |which: &str| {
        let of_this = format!("FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()");
        loop {
            let pid = query(&format!("SELECT pid {of_this} AND {which}"));
            if !pid.is_empty() {
                return pid;
            }
            wait(Duration::from_millis(20));
        }
    };
    let locker = std::thread::scope(|scope| {
        let locker = scope.spawn(|| query("BEGIN; LOCK TABLE audit; SELECT pg_sleep(60)"));
        let sleeping = sessions("query LIKE '%pg_sleep%' AND wait_event = 'PgSleep'");
        let interrupted = tokio::task::block_in_place(|| {
            let opening = tokio::runtime::Handle::current();
            let ending = scope.spawn(|| {
                let waiting = sessions("wait_event_type = 'Lock'");
                query(&format!("SELECT pg_terminate_backend({waiting})"));
            });
            let interrupted = opening.block_on(open()).unwrap_err();
            ending.join().unwrap();
            interrupted
        });
        assert!(matches!(&interrupted, OpenDatabaseError::Store(StoreError::Unreachable { .. })), "{interrupted:?}");
        assert_eq!(query("SELECT version FROM schema_version"), "7");
        server.query(name, &format!("SELECT pg_terminate_backend({sleeping})")).unwrap();
        locker.join()
    });
    assert!(locker.is_err(), "its session was ended");

    let store = open().await.unwrap();
    assert_eq!(query("SELECT version FROM schema_version"), KNOWN.to_string());
    assert!(store.unreadable_credentials().await.unwrap().is_empty());
    assert!(store.unreadable_apps().await.unwrap().is_empty());
    let (_, token) = store.access_token(acme).await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "canary-access-acme");
    assert_eq!(store.abandoned_rotations(|_| false).await.unwrap(), [acme]);
    for entries in [4, 6] {
        let AuditVerdict::Intact(verified) = store.verify_audit(&[]).await.unwrap() else { panic!("it is intact") };
        assert_eq!(verified.last.unwrap().0, entries);
        // The first entry of this version, after the one that names the earlier chains.
        store.acting_as("uid 1").record_backup(std::path::Path::new("x")).await.unwrap();
    }
}
