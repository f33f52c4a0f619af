//! The tests of a store on a server. They are left out if this machine has no PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lanyard_credential::rotation::{Decision, Outcome, Writer};
use lanyard_credential::{CredentialId, Generation, Granted};
use lanyard_home::{KeyAccess, NewHomeKey, OpenError, Options};
use lanyard_store::{AuditVerdict, Claim, Commit, EXCHANGE, NewCredential, OpenDatabaseError, Store, StoreError};
use lanyard_testkit::{Postgres, left_out};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::on_postgres::world::{
    World, access, begun, claimed, client, decision, open, parts, pending, seen, stored_refresh,
};

/// A home whose store is on the server; `None` where there is none.
async fn world() -> Option<World> {
    match Postgres::shared() {
        Ok(_) => Some(World::new().await),
        Err(why) => {
            left_out(why);
            None
        }
    }
}

/// Waits a moment for others, and no longer.
fn impatient(world: &World) -> Options {
    Options { busy_timeout: Duration::from_millis(200), ..world.options() }
}

async fn opened(world: &World, options: Options) -> Store {
    lanyard_home::open(&world.home(), parts(&world.clock), options).await.unwrap().store
}

/// A connection past the store.
async fn connection(world: &World) -> PgConnection {
    let options: PgConnectOptions = world.database.as_deref().unwrap().parse().unwrap();
    options.options([("search_path", "lanyard")]).connect().await.unwrap()
}

async fn run(connection: &mut PgConnection, text: &str) {
    sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await.unwrap();
}

async fn bot(store: &Store, world: &World, name: &str) -> CredentialId {
    let new = NewCredential { credential: pending(name), tokens: Some(world.tokens(name)) };
    store.insert_credential(&new).await.unwrap().id
}

#[tokio::test]
async fn a_schema_that_somebody_altered_is_not_opened() {
    let Some(world) = world().await else { return };
    let function = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'";
    for (tampering, undo, named) in [
        (
            &*format!("{function}; CREATE TRIGGER t BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION f()"),
            "DROP FUNCTION f CASCADE",
            &["unknown: function f", "unknown: trigger journal.t"][..],
        ),
        ("CREATE VIEW v AS SELECT 1", "DROP VIEW v", &["unknown: view v"]),
        ("CREATE TABLE x (y BIGINT)", "DROP TABLE x", &["unknown: table x"]),
        (
            "CREATE RULE r AS ON DELETE TO journal DO INSTEAD NOTHING",
            "DROP RULE r ON journal",
            &["unknown: rule journal.r"],
        ),
        ("CREATE POLICY p ON clients USING (false)", "DROP POLICY p ON clients", &["unknown: policy clients.p"]),
        (
            "ALTER TABLE clients ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE clients DISABLE ROW LEVEL SECURITY",
            &["altered: table clients"],
        ),
        (
            "ALTER TABLE clients ADD COLUMN extra TEXT",
            "ALTER TABLE clients DROP COLUMN extra",
            &["altered: table clients"],
        ),
        (
            "CREATE SCHEMA w; CREATE TABLE w.t (client text, credential text, FOREIGN KEY (client, credential) \
             REFERENCES lanyard.client_credentials (client, credential) ON DELETE CASCADE); \
             CREATE TABLE w.n (name text REFERENCES lanyard.credentials (name) ON UPDATE CASCADE)",
            "DROP SCHEMA w CASCADE",
            &["unknown: foreign key w.n.n_name_fkey", "unknown: foreign key w.t.t_client_credential_fkey"],
        ),
        (
            "CREATE FUNCTION f(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1'; \
             CREATE OPERATOR lanyard.+ (LEFTARG = text, RIGHTARG = text, FUNCTION = f)",
            "DROP FUNCTION f CASCADE",
            &["unknown: function f", "unknown: operator lanyard.+(pg_catalog.text,pg_catalog.text)"],
        ),
        ("CREATE COLLATION l FROM \"C\"", "DROP COLLATION l", &["unknown: collation lanyard.l"]),
        (
            "CREATE SCHEMA w; CREATE COLLATION w.\"C\" FROM pg_catalog.\"C\"; \
             ALTER TABLE cursors ALTER COLUMN consumer TYPE text COLLATE w.\"C\"",
            "ALTER TABLE cursors ALTER COLUMN consumer TYPE text COLLATE pg_catalog.\"C\"; DROP SCHEMA w CASCADE",
            &["altered: table cursors"],
        ),
        (
            "CREATE STATISTICS s ON kind, at FROM journal",
            "DROP STATISTICS s",
            &["unknown: statistics object lanyard.s"],
        ),
        (
            "CREATE SCHEMA w; CREATE STATISTICS w.s ON kind, at FROM journal",
            "DROP SCHEMA w CASCADE",
            &["unknown: statistics object w.s"],
        ),
        (
            "CREATE TEXT SEARCH CONFIGURATION c (COPY = pg_catalog.simple)",
            "DROP TEXT SEARCH CONFIGURATION c",
            &["unknown: text search configuration lanyard.c"],
        ),
        (
            "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = pg_catalog.simple)",
            "DROP TEXT SEARCH DICTIONARY d",
            &["unknown: text search dictionary lanyard.d"],
        ),
        ("CREATE DOMAIN d AS text[]", "DROP DOMAIN d", &["unknown: type d"]),
        (
            "CREATE CAST (lanyard.home AS text) WITH INOUT AS IMPLICIT",
            "DROP CAST (lanyard.home AS text)",
            &["unknown: cast lanyard.home AS text"],
        ),
        (
            "DROP INDEX journal_by_time",
            "CREATE INDEX journal_by_time ON journal (at)",
            &["missing: index journal_by_time"],
        ),
        (
            "ALTER TABLE intents DROP CONSTRAINT intents_pkey",
            "ALTER TABLE intents ADD PRIMARY KEY (credential)",
            &["missing: constraint intents.intents_pkey", "missing: index intents_pkey"],
        ),
    ] {
        world.tamper(tampering).await;
        let error = world.opened_with(world.options().keys).await.unwrap_err();
        assert!(
            matches!(&error, OpenError::Database(OpenDatabaseError::ForeignSchema { differences, .. }) if differences == named),
            "{error}"
        );
        world.tamper(undo).await;
        opened(&world, world.options()).await;
    }
    world.tamper("ANALYZE").await;
    opened(&world, world.options()).await;
    // Who may read, and what is copied to other servers, is for the administrator to say.
    world.tamper("ALTER DEFAULT PRIVILEGES IN SCHEMA lanyard GRANT SELECT ON TABLES TO PUBLIC").await;
    world.tamper("CREATE PUBLICATION p FOR TABLE lanyard.home").await;
    opened(&world, world.options()).await;
}

/// The check's own statement must not run what it looks for: here an operator that fits better than the system's, gives a constraint
/// the name of another one, and has that other one made again so that it comes later.
#[tokio::test]
async fn an_operator_in_the_schema_takes_no_part_in_the_check() {
    let Some(world) = world().await else { return };
    let tampering = "CREATE SCHEMA m; CREATE TABLE m.calls (n BIGINT); \
         CREATE FUNCTION m.named(a text, b name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO m.calls VALUES (1); \
             RETURN pg_catalog.concat(a, CASE WHEN b = 'hidden' THEN 'client_list_id_check' ELSE b END); END $$; \
         CREATE OPERATOR lanyard.|| (LEFTARG = text, RIGHTARG = name, FUNCTION = m.named); \
         CREATE FUNCTION m.c(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; \
         ALTER TABLE lanyard.client_list ADD CONSTRAINT hidden CHECK (m.c(members)); \
         ALTER TABLE lanyard.client_list DROP CONSTRAINT client_list_id_check; \
         ALTER TABLE lanyard.client_list ADD CONSTRAINT client_list_id_check CHECK (id = 1)";
    world.tamper(tampering).await;
    for _ in 0..2 {
        let error = world.opened_with(world.options().keys).await.unwrap_err();
        let OpenError::Database(OpenDatabaseError::ForeignSchema { differences, .. }) = &error else {
            panic!("{error}")
        };
        let expected =
            ["unknown: constraint client_list.hidden", "unknown: operator lanyard.||(pg_catalog.text,pg_catalog.name)"];
        assert_eq!(differences, &expected);
    }
    let mut connection = connection(&world).await;
    let calls: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM m.calls").fetch_one(&mut connection).await.unwrap();
    assert_eq!(calls, 0);
}

#[tokio::test]
async fn a_schema_of_another_version_is_left_alone() {
    let Some(world) = world().await else { return };
    let id = bot(&world.store, &world, "bot").await;
    world.tamper("UPDATE schema_version SET version = version + 1").await;
    // Neither does a process begin a renewal that had the store open already.
    for refused in [world.store.claim(id).await.map(drop), world.store.begin_rotation(id, |_| None).await.map(drop)] {
        assert!(matches!(refused, Err(StoreError::Upgraded { .. })), "{refused:?}");
    }
    let error = world.opened_with(world.options().keys).await.unwrap_err();
    assert!(matches!(error, OpenError::Database(OpenDatabaseError::Newer { .. })), "{error}");
    world.tamper("UPDATE schema_version SET version = 2").await;
    let error = world.opened_with(world.options().keys).await.unwrap_err();
    assert!(matches!(error, OpenError::Database(OpenDatabaseError::Older { found: 2, .. })), "{error}");
}

#[tokio::test]
async fn a_store_is_not_made_before_someone_chose_where_its_key_is_kept() {
    let Ok(server) = Postgres::shared() else { return left_out("PostgreSQL's server is not installed") };
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    let options = |new_home| Options {
        keys: KeyAccess { new_home, ..KeyAccess::default() },
        store: Some(server.database().parse().unwrap()),
        ..Options::default()
    };
    for unsaid in [NewHomeKey::File, NewHomeKey::Best] {
        let made = lanyard_home::open_or_create(&home, lanyard_store::Parts::system(), options(unsaid)).await;
        let error = made.unwrap_err();
        assert!(matches!(error, OpenError::NoKeySource(_)) && error.hint().contains("key_source"), "{error}");
        assert!(!home.join("home.key").exists());
    }
    let opened = lanyard_home::open(&home, lanyard_store::Parts::system(), options(NewHomeKey::File)).await;
    assert!(matches!(opened.unwrap_err(), OpenError::Database(OpenDatabaseError::NoStore(_))));
}

#[tokio::test]
async fn the_key_of_a_store_on_a_server_is_replaced_and_a_password_is_read_from_a_file() {
    if let Err(why) = Postgres::shared() {
        return left_out(why);
    }
    let keys = KeyAccess { new_home: NewHomeKey::In(lanyard_vault::KeySource::File), ..KeyAccess::default() };
    let world = World::with_keys(keys).await;
    let id = bot(&world.store, &world, "bot").await;
    let other = world.opened().await;
    let replaced = world.open.replace_key(None).await.unwrap();
    // A process that had the old key finds the new one.
    assert_eq!(access(&other.store, id).await.unwrap().1, "canary-access-bot");
    bot(&other.store, &world, "later").await;
    let password = world.file("password", "hunter2\n");
    let store = opened(&world, Options { store_password_file: Some(password), ..world.options() }).await;
    assert_eq!(store.home_keys().await.unwrap().key, replaced.new);
    assert!(!format!("{store:?}").contains("hunter2"));

    let missing = Some(world.home().join("no-such-file"));
    let options = Options { store_password_file: missing, ..world.options() };
    let error = lanyard_home::open(&world.home(), parts(&world.clock), options).await.unwrap_err();
    assert!(error.to_string().contains("no-such-file"), "{error}");
}

#[tokio::test]
async fn homes_that_make_a_store_at_once_make_one() {
    let Ok(server) = Postgres::shared() else { return left_out("PostgreSQL's server is not installed") };
    let address = server.database();
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    lanyard_vault::key_file::KeyFile::new(&key)
        .create(&[lanyard_vault::KeyLine::Open(lanyard_vault::HomeKey::generate(&lanyard_time::SystemEntropy))])
        .unwrap();
    let mut tasks = Vec::new();
    for number in 0..4 {
        let keys = KeyAccess { key_file: Some(key.clone()), new_home: NewHomeKey::Best, ..KeyAccess::default() };
        let options = Options { keys, store: Some(address.parse().unwrap()), ..Options::default() };
        let home = directory.path().join(number.to_string());
        tasks.push(tokio::spawn(async move {
            let store =
                lanyard_home::open_or_create(&home, lanyard_store::Parts::system(), options).await.unwrap().store;
            let new = NewCredential { credential: pending(&format!("of-{number}")), tokens: None };
            store.insert_credential(&new).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    // A machine that is new has no home yet.
    let keys = KeyAccess { key_file: Some(key), ..KeyAccess::default() };
    let options = Options { keys, store: Some(address.parse().unwrap()), ..Options::default() };
    let home = directory.path().join("new");
    let store = lanyard_home::open(&home, lanyard_store::Parts::system(), options).await.unwrap().store;
    assert_eq!(store.credentials().await.unwrap().len(), 4);
    assert!(matches!(store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    // The port of a listener that is gone again.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("postgres://lanyard@127.0.0.1:{port}/lanyard");
    let options = Options { store: Some(address.parse().unwrap()), ..Options::default() };
    let opened =
        lanyard_home::open_or_create(&directory.path().join("home"), lanyard_store::Parts::system(), options).await;
    let error = opened.unwrap_err();
    let OpenError::Database(OpenDatabaseError::Store(store @ StoreError::Unreachable { .. })) = &error else {
        panic!("{error}")
    };
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(store.is_transient() && !store.is_undecided());
}

#[tokio::test]
async fn writes_about_one_credential_do_not_wait_for_those_about_another() {
    let Some(world) = world().await else { return };
    let (first, second) = (bot(&world.store, &world, "first").await, bot(&world.store, &world, "second").await);
    let store = opened(&world, impatient(&world)).await;
    let mut other = connection(&world).await;
    run(&mut other, &format!("BEGIN; SELECT id FROM credentials WHERE id = '{first}' FOR UPDATE")).await;
    claimed(&store, second).await;
    let error = store.claim(first).await.unwrap_err();
    assert!(matches!(error, StoreError::Busy), "{error}");
    // What reaches everything waits for whoever is in the middle of something.
    run(&mut other, "ROLLBACK; BEGIN; LOCK TABLE schema_version IN ROW SHARE MODE").await;
    let error = store.insert_credential(&NewCredential { credential: pending("x"), tokens: None }).await.unwrap_err();
    assert!(error.to_string().contains("busy"), "{error}");
    claimed(&store, first).await;
    run(&mut other, "ROLLBACK").await;
    bot(&store, &world, "x").await;
}

/// Makes the first `times` transactions that write to the journal fail with a code, as late as at their commit.
async fn failing(world: &World, times: u32, code: &str, action: &str) {
    let sql = format!(
        "CREATE SEQUENCE times; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('lanyard.times') <= {times} THEN {action} RAISE EXCEPTION 'made to fail' USING ERRCODE = '{code}'; END IF; \
         RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION fail()"
    );
    world.tamper(&sql).await;
}

#[tokio::test]
async fn a_transaction_that_others_got_in_the_way_of_runs_again() {
    for code in ["40001", "40P01"] {
        let Some(world) = world().await else { return };
        failing(&world, 3, code, "").await;
        let id = bot(&world.store, &world, "first").await;
        assert_eq!(access(&world.store, id).await.unwrap().1, "canary-access-first");
        assert_eq!(world.store.credentials().await.unwrap().len(), 1);
    }
    let Some(world) = world().await else { return };
    failing(&world, 1000, "40001", "").await;
    let new = NewCredential { credential: pending("never"), tokens: None };
    let error = world.store.insert_credential(&new).await.unwrap_err();
    assert!(error.to_string().contains("at the same time"), "{error}");
    assert!(world.store.credentials().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_commit_without_an_answer_is_undecided_and_is_not_repeated() {
    let Some(world) = world().await else { return };
    failing(&world, 1, "40001", "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5);").await;
    let id = CredentialId::random(&lanyard_time::SystemEntropy);
    let record = lanyard_store::JournalRecord {
        at: world.now().wall,
        about: lanyard_store::About::Credential(id, "x".parse().unwrap()),
        actor: "test".to_owned(),
        event: lanyard_store::Event::Answered { means: String::new(), times: 1 },
    };
    let error = world.store.append(&record).await.unwrap_err();
    assert!(matches!(error, StoreError::Undecided(_)) && error.is_undecided(), "{error}");
    // The next one has a connection of its own.
    bot(&world.store, &world, "next").await;
}

#[tokio::test]
async fn machines_that_share_a_store_respect_each_others_intents() {
    let Some(world) = world().await else { return };
    let credential = world.signed_in().await;
    let me = world.seen_by(world.me()).await;
    let (generation, grant) = (credential.generation, credential.grant);
    let (_, declared) = begun(&me, credential.id).await;
    // Another machine, up for another time.
    world.clock.reboot("another machine");
    let there = world.seen_by(world.elsewhere()).await;
    assert_eq!(there.claim(credential.id).await.unwrap(), Claim::Held);
    world.clock.advance(EXCHANGE);
    assert_eq!(decision(&seen(&there, credential.id).await), Decision::End(Outcome::Busy), "its clock may be late");
    assert_eq!(open(&there, credential.id).await.unwrap().1, Writer::Unknown);
    // Its answer comes late, and is kept.
    let committed = me.commit(credential.id, grant, &declared.intent, &world.rotated("2")).await.unwrap();
    assert_eq!(committed, Commit::Committed(generation.next()));
    assert_eq!(stored_refresh(&there, credential.id).await, "canary-refresh-2");
}

/// Two homes of one store on one machine: neither sees the other's files, and a file that is missing is no sign that its process has ended.
#[tokio::test]
async fn homes_that_share_a_store_do_not_take_each_others_processes_for_gone() {
    let Some(world) = world().await else { return };
    let credential = world.signed_in().await;
    let (_, declared) = begun(&world.store, credential.id).await;
    let number = &*declared.intent.writer.number;
    std::fs::rename(world.home().join("presence").join(number), world.home().join("in-another-home")).unwrap();
    let there = world.seen_by(world.me()).await;
    assert_eq!(open(&there, credential.id).await.unwrap().1, Writer::Unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_dies_under_load_loses_nothing_that_was_acknowledged() {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => return left_out(&why),
    };
    let directory = tempfile::tempdir().unwrap();
    let keys = KeyAccess { new_home: NewHomeKey::In(lanyard_vault::KeySource::File), ..KeyAccess::default() };
    let options = Options { keys, store: Some(server.database().parse().unwrap()), ..Options::default() };
    let home = directory.path().join("home");
    let store = lanyard_home::open_or_create(&home, lanyard_store::Parts::system(), options).await.unwrap().store;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let some_more = || {
        let before = done.load(Ordering::Relaxed);
        while done.load(Ordering::Relaxed) < before + 20 {
            lanyard_testkit::wait(Duration::from_millis(5));
        }
    };
    let mut tasks = Vec::new();
    for number in 0..6 {
        let (store, stop, done) = (store.clone(), Arc::clone(&stop), Arc::clone(&done));
        let new = NewCredential { credential: pending(&format!("n-{number}")), tokens: None };
        let credential = store.insert_credential(&new).await.unwrap();
        tasks.push(tokio::spawn(async move {
            let (mut acknowledged, mut failures, mut undecided) = (credential.generation, 0, 0);
            while !stop.load(Ordering::Relaxed) {
                let tokens = lanyard_store::NewTokens {
                    access: Some(lanyard_secret::AccessToken::new("canary")),
                    refresh: None,
                    validity: lanyard_credential::Validity {
                        obtained: lanyard_time::Clock::now(&lanyard_time::SystemClock::new()),
                        access: None,
                        refresh: lanyard_credential::RefreshRight::None,
                    },
                    scopes: None,
                };
                match store.replace_grant(credential.id, &tokens, &credential.subject, None).await {
                    Ok(generation) => {
                        acknowledged = generation.unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => {
                        failures += 1;
                        undecided += u32::from(error.is_undecided());
                        assert!(error.is_transient(), "{error:?}");
                        tokio::task::yield_now().await;
                    }
                }
            }
            (credential.id, acknowledged, failures, undecided)
        }));
    }
    for _ in 0..3 {
        tokio::task::block_in_place(|| {
            some_more();
            server.kill();
            server.start_again();
        });
    }
    tokio::task::block_in_place(some_more);
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        let (id, acknowledged, failures, undecided) = task.await.unwrap();
        let found = store.credential_by_id(id).await.unwrap().unwrap().generation;
        assert!(found >= acknowledged, "{found} < {acknowledged}");
        assert!(found.number() - acknowledged.number() <= undecided, "{found}, {acknowledged}, {undecided}");
        assert!(acknowledged > Generation::new(1) && failures > 0, "it was under load, and the server was away");
    }
    assert!(matches!(store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));
}

#[tokio::test]
async fn a_row_cannot_be_altered_between_the_look_at_it_and_its_new_seal() {
    let Some(world) = world().await else { return };
    let lobby = bot(&world.store, &world, "lobby").await;
    let only = |name: &str| client(name, Granted::Only([lobby].into()));
    world.store.insert_client(&only("one")).await.unwrap();
    // A lock that any program may take has the store wait in the middle: the new client refers to this row.
    let mut waits = connection(&world).await;
    run(&mut waits, &format!("BEGIN; SELECT id FROM credentials WHERE id = '{lobby}' FOR UPDATE")).await;
    let (store, new) = (world.store.clone(), only("two"));
    let adding = tokio::spawn(async move { store.insert_client(&new).await });
    let mut writer = connection(&world).await;
    let stalled =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(stalled).fetch_one(&mut writer).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    for alteration in [
        "UPDATE clients SET all_credentials = true",
        "INSERT INTO client_credentials SELECT id, 'x' FROM clients",
        "UPDATE credentials SET name = 'x'",
        "UPDATE apps SET client_id = 'x'",
        "UPDATE home SET home_id = 'x'",
    ] {
        let attempt = format!("SET lock_timeout = 100; SET search_path = lanyard; {alteration}");
        let error = sqlx::raw_sql(AssertSqlSafe(attempt)).execute(&mut writer).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("55P03"), "{alteration}: {error}");
    }
    run(&mut waits, "ROLLBACK").await;
    adding.await.unwrap().unwrap();
    let list = world.store.client_list().await.unwrap();
    assert!(list.refused.is_empty() && list.clients.len() == 2);
    assert!(list.clients.iter().all(|found| found.client.credentials == Granted::Only([lobby].into())));
}

#[tokio::test]
async fn settings_of_the_role_change_nothing() {
    let Some(world) = world().await else { return };
    let database = world.database.as_deref().unwrap().parse::<PgConnectOptions>().unwrap();
    let database = database.get_database().unwrap().to_owned();
    let settings = [
        "search_path = pg_catalog",
        "quote_all_identifiers = on",
        "standard_conforming_strings = off",
        "bytea_output = escape",
        "DateStyle = 'German'",
        "IntervalStyle = sql_standard",
        "extra_float_digits = -15",
        "TimeZone = 'Asia/Tokyo'",
        "transform_null_equals = on",
        "default_transaction_read_only = on",
        "default_transaction_isolation = serializable",
        "default_transaction_deferrable = on",
        "row_security = off",
        "session_replication_role = replica",
        "client_encoding = LATIN1",
    ];
    let all = settings.map(|setting| format!("ALTER ROLE lanyard IN DATABASE {database} SET {setting}"));
    world.tamper(&all.join("; ")).await;
    let store = opened(&world, world.options()).await;
    let id = bot(&store, &world, "one").await;
    assert!(access(&store, id).await.is_some());
    assert!(matches!(store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));
}

#[tokio::test]
async fn a_role_without_rights_is_told_the_statement_that_grants_them() {
    let Some(world) = world().await else { return };
    let address = world.database.as_deref().unwrap();
    let options = || Options { store: Some(address.replace("lanyard@", "plain@").parse().unwrap()), ..world.options() };
    let opened = async || lanyard_home::open(&world.home(), parts(&world.clock), options()).await;
    world.tamper(&made_role("plain")).await;
    let error = opened().await.unwrap_err();
    assert!(error.to_string().contains("no USAGE on the schema lanyard"), "{error}");
    let hint = error.hint();
    let statements = hint.split_once(": ").unwrap().1;
    assert!(statements.contains("GRANT USAGE") && statements.contains(" TO plain"), "{hint}");
    world.tamper("GRANT USAGE ON SCHEMA lanyard TO plain").await;
    let error = opened().await.unwrap_err();
    assert!(error.to_string().contains("schema_version") && error.hint() == hint, "{error}");
    world.tamper(statements).await;
    bot(&opened().await.unwrap().store, &world, "one").await;
    // A new store needs another right.
    world.tamper("DROP SCHEMA lanyard CASCADE").await;
    let home = tempfile::tempdir().unwrap();
    let made = lanyard_home::open_or_create(&home.path().join("home"), parts(&world.clock), options()).await;
    let hint = made.unwrap_err().hint();
    assert!(hint.contains("GRANT CREATE ON DATABASE") && hint.ends_with(" TO plain"), "{hint}");
}

#[tokio::test]
async fn nothing_is_read_of_a_schema_in_which_others_could_have_put_code() {
    let Some(world) = world().await else { return };
    // The owner of the database, and roles that own nothing.
    let database = world.database.as_deref().unwrap().parse::<PgConnectOptions>().unwrap();
    let database = database.get_database().unwrap().to_owned();
    world.tamper(&format!("DROP SCHEMA lanyard CASCADE; {}; {}", made_role("plain"), made_role("squatter"))).await;
    world.tamper(&format!("GRANT CREATE ON DATABASE {database} TO plain; CREATE SCHEMA traps")).await;
    let trap = "CREATE FUNCTION traps.f() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN \
                EXECUTE 'CREATE TABLE IF NOT EXISTS traps.sprung (a int)'; RETURN 0; END $$; GRANT ALL ON SCHEMA traps TO PUBLIC";
    world.tamper(trap).await;
    let view = "CREATE VIEW lanyard.schema_version AS SELECT traps.f() AS version; GRANT SELECT ON lanyard.schema_version TO PUBLIC";
    let address = world.database.as_deref().unwrap().replace("lanyard@", "plain@");
    let options = || Options { store: Some(address.parse().unwrap()), ..world.options() };
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("home");
    for (made, said) in [
        (
            format!("CREATE SCHEMA lanyard AUTHORIZATION squatter; {view}"),
            "the schema lanyard belongs to the role squatter",
        ),
        ("CREATE SCHEMA lanyard AUTHORIZATION squatter".to_owned(), "the schema lanyard belongs to the role squatter"),
        (format!("CREATE SCHEMA lanyard AUTHORIZATION plain; {view}"), "lanyard.schema_version is not a table"),
        (
            format!(
                "CREATE SCHEMA lanyard AUTHORIZATION plain; {view}; ALTER VIEW lanyard.schema_version OWNER TO squatter"
            ),
            "lanyard.schema_version belongs to another role",
        ),
        (
            "CREATE SCHEMA lanyard AUTHORIZATION plain; GRANT CREATE ON SCHEMA lanyard TO squatter".to_owned(),
            "the role squatter may create things in the schema lanyard",
        ),
        (
            "CREATE SCHEMA lanyard AUTHORIZATION squatter; \
             CREATE FUNCTION lanyard.s(text, name) RETURNS text LANGUAGE sql AS 'SELECT CAST(traps.f() AS text)'; \
             CREATE AGGREGATE lanyard.min(name) (SFUNC = lanyard.s, STYPE = text)"
                .to_owned(),
            "the schema lanyard belongs to the role squatter",
        ),
        (
            "CREATE SCHEMA lanyard AUTHORIZATION plain; \
             CREATE FUNCTION lanyard.f(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT traps.f() = 0'; \
             CREATE OPERATOR lanyard.= (LEFTARG = name, RIGHTARG = text, FUNCTION = lanyard.f); \
             ALTER FUNCTION lanyard.f(name, text) OWNER TO squatter"
                .to_owned(),
            "lanyard.f belongs to another role",
        ),
        (
            "CREATE SCHEMA lanyard AUTHORIZATION plain; CREATE TABLE lanyard.schema_version (version bigint); \
             ALTER TABLE lanyard.schema_version OWNER TO squatter"
                .to_owned(),
            "lanyard.schema_version belongs to another role",
        ),
    ] {
        world.tamper(&format!("{made}; GRANT USAGE ON SCHEMA lanyard TO PUBLIC")).await;
        for made in [true, false] {
            let opened = if made {
                lanyard_home::open_or_create(&path, parts(&world.clock), options()).await.map(drop)
            } else {
                lanyard_home::open(&path, parts(&world.clock), options()).await.map(drop)
            };
            let error = opened.expect_err(said);
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.hint().contains("DROP SCHEMA lanyard"), "{}", error.hint());
        }
        world.tamper("DROP SCHEMA lanyard CASCADE").await;
    }
    // Were it there, this would fail: the function ran.
    run(&mut connection(&world).await, "CREATE TABLE traps.sprung (a int)").await;
}

#[tokio::test]
async fn a_role_without_rights_cannot_stop_those_who_write() {
    let Some(world) = world().await else { return };
    let store = opened(&world, world.options()).await;
    let mut other = connection(&world).await;
    run(&mut other, "SELECT pg_advisory_lock(k) FROM (VALUES (7809644696442135552), (0), (1)) AS keys (k)").await;
    bot(&store, &world, "one").await;
    store.keep_journal(None).await.unwrap();
}

fn made_role(name: &str) -> String {
    format!("DO $$ BEGIN CREATE ROLE {name} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
}
