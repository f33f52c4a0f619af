//! A store that is moved from its file to a server. Left out where this machine has no PostgreSQL.

use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use lanyard_credential::Granted;
use lanyard_home::{MigrateError, Migrated, NewPlace, OpenError, Options, StoreNamed};
use lanyard_store::{
    About, AuditVerdict, Event, EventKind, JournalRecord, NewCredential, OpenDatabaseError, RelocationError, Store,
    StoreError,
};
use lanyard_testkit::{Postgres, left_out};
use lanyard_vault::KeySource;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};

use crate::child;
use crate::on_sqlite::owned::SECOND;
use crate::world::{World, access, begun, client, parts, pending};

fn server() -> Option<&'static Postgres> {
    Postgres::shared().map_err(left_out).ok()
}

/// A home with rows in every table that a program can fill, and more of them than are read or written at once.
async fn filled() -> World {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let ids = world.many(230).await;
    world.store.insert_client(&client("monitor", Granted::Only([credential.id, ids[3]].into()))).await.unwrap();
    world.store.insert_client(&client("all", Granted::All)).await.unwrap();
    world
        .store
        .insert_credential(&NewCredential { credential: pending("without-tokens"), tokens: None })
        .await
        .unwrap();
    let answered = |number| JournalRecord {
        at: world.now().wall,
        about: About::Home,
        actor: "uid 1".to_owned(),
        event: Event::Answered { means: "it's a \\ \"name\"\n".to_owned(), times: number },
    };
    world.store.append_all(&(1..=620).map(answered).collect::<Vec<_>>()).await.unwrap();
    // A renewal whose process has ended.
    begun(&world.seen_by(world.me()).await, credential.id).await;
    world.tamper("UPDATE intents SET phase = 'unanswered'").await;
    world.tamper("INSERT INTO cursors VALUES ('channel', 3, x'00ff')").await;
    world
}

async fn moved(world: &World, address: &str, options: Options) -> Result<Migrated, MigrateError> {
    let to = NewPlace { address: address.parse().unwrap(), password_file: None, key_source: Some(KeySource::File) };
    lanyard_home::migrate_store(&world.home(), to, "uid 1", parts(&world.clock), options).await
}

/// The store that the home has, by its settings.
async fn opened(world: &World) -> Store {
    lanyard_home::open(&world.home(), parts(&world.clock), Options::default()).await.unwrap().store
}

fn name(address: &str) -> &str {
    address.split(['/', '?']).nth(3).unwrap()
}

/// All rows of all tables of a file, as SQL literals, but for what a move changes.
async fn rows_of_file(path: &Path) -> String {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let columns = "SELECT t.name, group_concat('quote(' || c.name || ')', ' || '','' || ') FROM sqlite_master t, pragma_table_info(t.name) c \
                   WHERE t.type = 'table' AND NOT (t.name = 'home' AND c.name IN ('paused_reason', 'paused_since', 'seal')) \
                   GROUP BY t.name ORDER BY t.name";
    let mut all = String::new();
    for table in sqlx::raw_sql(columns).fetch_all(&mut connection).await.unwrap() {
        let (table, columns): (String, String) = (table.get(0), table.get(1));
        let rows = AssertSqlSafe(format!("SELECT {columns} AS line FROM {table}"));
        let rows = sqlx::raw_sql(rows).fetch_all(&mut connection).await.unwrap();
        let mut lines: Vec<String> = rows.iter().map(|row| row.get("line")).collect();
        lines.sort_unstable();
        for line in &lines {
            writeln!(all, "{table}: {line}").unwrap();
        }
    }
    all
}

/// All rows of a database on the server, as text.
fn rows_of_server(server: &Postgres, database: &str) -> String {
    let columns = "SELECT table_name || ' ' || string_agg(CASE data_type \
            WHEN 'bytea' THEN 'COALESCE(''X'''''' || upper(encode(' || column_name || ', ''hex'')) || '''''''', ''NULL'')' \
            WHEN 'boolean' THEN 'COALESCE(CAST(CAST(' || column_name || ' AS INTEGER) AS TEXT), ''NULL'')' \
            WHEN 'text' THEN 'COALESCE('''''''' || replace(' || column_name || ', '''''''', '''''''''''') || '''''''', ''NULL'')' \
            ELSE 'COALESCE(CAST(' || column_name || ' AS TEXT), ''NULL'')' END, ' || '','' || ' ORDER BY ordinal_position) \
        FROM information_schema.columns WHERE table_schema = 'lanyard' AND table_name <> 'schema_version' \
        AND NOT (table_name = 'home' AND column_name IN ('paused_reason', 'paused_since', 'seal')) \
        GROUP BY table_name ORDER BY table_name";
    let mut all = String::new();
    for table in server.query(database, columns).unwrap().lines() {
        let (table, columns) = table.split_once(' ').unwrap();
        // A line feed in a text is no end of a row.
        let rows = format!("SELECT replace({columns}, chr(10), chr(1)) FROM lanyard.{table}");
        let rows = server.query(database, &rows).unwrap();
        let mut lines: Vec<String> = rows.lines().map(|line| line.replace('\u{1}', "\n")).collect();
        lines.sort_unstable();
        for line in &lines {
            writeln!(all, "{table}: {line}").unwrap();
        }
    }
    all
}

/// Without the journal's last entry and its head, which the move itself adds.
fn before_the_move(rows: &str) -> Vec<&str> {
    let added = |line: &&str| line.starts_with("journal_head: ") || line.contains(",'moved',");
    rows.lines().filter(|line| !added(line)).collect()
}

#[tokio::test]
async fn a_store_is_moved_row_by_row_and_the_file_is_never_used_again() {
    let Some(server) = server() else { return };
    let address = server.database();
    let world = filled().await;
    let retention = world.store.keep_journal(None).await.unwrap();
    let id = world.store.credentials().await.unwrap()[0].id;
    let token = access(&world.store, id).await;
    let before = rows_of_file(&world.home().join("lanyard.db")).await;
    let done = moved(&world, &address, Options::default()).await.unwrap();
    let count = |table: &str| done.rows.as_ref().unwrap().iter().find(|rows| rows.0 == table).unwrap().1;
    assert_eq!((count("credentials"), count("apps"), count("clients"), count("client_credentials")), (232, 1, 2, 2));
    assert!(matches!(done.named, Some(StoreNamed::Written(_))), "{:?}", done.named);
    assert!(!world.home().join("lanyard.db").exists());
    assert_eq!(done.old, Some(world.home().join("lanyard.db.moved")));
    let after = rows_of_server(server, name(&address));
    assert_eq!(before_the_move(&before), before_the_move(&after));
    assert!(before.lines().count() > 1000 && before.contains("cursors: "), "{}", before.lines().count());

    let store = opened(&world).await;
    assert_eq!(store.pause().await.unwrap(), None);
    assert_eq!(access(&store, id).await, token);
    assert_eq!(store.journal_retention().await.unwrap(), retention);
    assert!(store.client_list().await.unwrap().refused.is_empty());
    assert!(matches!(store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));
    let last = store.audit(1).await.unwrap().remove(0).record;
    assert_eq!((last.event.kind(), &*last.actor), (EventKind::StoreMoved, "uid 1"));
    assert!(last.event.to_string().ends_with(&address), "{}", last.event);
    store.insert_credential(&NewCredential { credential: pending("later"), tokens: None }).await.unwrap();

    // A process that still has the file open writes nothing more, and nobody resumes the file.
    let refused = world.store.claim(id).await.unwrap_err();
    assert!(matches!(refused, StoreError::Replaced(_) | StoreError::Paused(_)), "{refused}");
    let _ = world.store.close().await;
    std::fs::rename(world.home().join("lanyard.db.moved"), world.home().join("lanyard.db")).unwrap();
    std::fs::remove_file(world.home().join("lanyard.toml")).unwrap();
    let file = world.opened().await.store;
    let refused = file.resume().await.unwrap_err();
    assert!(refused.to_string().contains("it was moved to postgres://"), "{refused}");
    assert!(refused.hint().contains(&format!("lanyard migrate-store '{address}'")), "{}", refused.hint());
    // Moved once more, it is where it was.
    let again = moved(&world, &address, Options::default()).await.unwrap();
    assert_eq!(again.rows, None);
    assert!(opened(&world).await.credential(&"later".parse().unwrap()).await.unwrap().is_some());
    let again = moved(&world, &address, Options::default()).await.unwrap();
    assert_eq!((again.rows, again.named), (None, Some(StoreNamed::Already)));
}

#[tokio::test]
async fn a_store_is_moved_by_one_process_after_the_other_wherever_each_is_killed() {
    let Some(server) = server() else { return };
    for step in ["copied", "committed", "verified", "paused", "resumed", "named", "renamed"] {
        let address = server.database();
        let world = filled().await;
        world.store.close().await.unwrap();
        let before = rows_of_file(&world.home().join("lanyard.db")).await;
        let is_active = async || {
            let schema = "SELECT 1 FROM pg_namespace WHERE nspname = 'lanyard'";
            let there = !server.query(name(&address), schema).unwrap().is_empty()
                && server.query(name(&address), "SELECT paused_since IS NULL FROM lanyard.home").unwrap() == "t";
            let mut here = false;
            for file in ["lanyard.db", "lanyard.db.moved"] {
                let path = world.home().join(file);
                if path.exists() {
                    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
                    let active = sqlx::query_scalar::<_, bool>("SELECT paused_since IS NULL FROM home");
                    here |= active.fetch_one(&mut connection).await.unwrap();
                }
            }
            (here, there)
        };
        let run = |prelude: &str| {
            child::spawn("moves_the_store", &world.home(), &format!("export {}='{address}'; {prelude}", child::TO))
        };
        let killed = run(&format!("export LANYARD_FAILPOINT=move.{step}=kill")).wait_with_output().unwrap();
        assert_eq!(killed.status.signal(), Some(9), "{step}: {killed:?}");
        let (here, there) = is_active().await;
        assert!(!(here && there), "{step}: two stores are active");
        assert_eq!(here, ["copied", "committed", "verified"].contains(&step), "{step}");
        // Nothing but the end of the move makes either of them active.
        if let Ok(open) = lanyard_home::open(&world.home(), parts(&world.clock), Options::default()).await
            && let Err(refused) = open.store.resume().await
        {
            assert!(refused.hint().contains("lanyard migrate-store"), "{step}: {refused}");
        }
        if step == "committed" {
            // The home goes on meanwhile, and what it then has is moved.
            let store = opened(&world).await;
            store.insert_credential(&NewCredential { credential: pending("later"), tokens: None }).await.unwrap();
            store.close().await.unwrap();
        }

        let expected = if here { "copied" } else { "finished" };
        assert_eq!(child::said(run("true")), [expected], "{step}");
        assert_eq!(is_active().await, (false, true), "{step}");
        let after = rows_of_server(server, name(&address));
        if step == "committed" {
            assert!(after.contains("'later'"));
        } else {
            assert_eq!(before_the_move(&before), before_the_move(&after), "{step}");
        }
        let store = opened(&world).await;
        assert!(matches!(store.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)), "{step}");
        let moves = store.audit(1000).await.unwrap();
        let moves = moves.iter().filter(|entry| entry.record.event.kind() == EventKind::StoreMoved).count();
        assert_eq!(moves, 1, "{step}");
        assert_eq!(child::said(run("true")), ["finished"], "{step}");
    }
}

#[tokio::test]
async fn a_store_is_not_moved_while_an_answer_is_awaited_or_where_another_store_is() {
    let Some(server) = server() else { return };
    let address = server.database();
    let world = World::new().await;
    let credential = world.signed_in().await;
    let (_, declared) = begun(&world.store, credential.id).await;
    let refused = moved(&world, &address, Options::default()).await.unwrap_err();
    let MigrateError::Relocation(RelocationError::InFlight(found)) = &refused else { panic!("{refused}") };
    assert_eq!((&*found.credential, found.pid, found.until), ("acme", std::process::id(), None));
    assert_eq!(server.query(name(&address), "SELECT nspname FROM pg_namespace WHERE nspname = 'lanyard'").unwrap(), "");
    // The answer is written, and then the store is moved.
    let grant = credential.grant;
    world.store.commit(credential.id, grant, &declared.intent, &world.rotated("2")).await.unwrap();

    let other = World::new().await;
    moved(&other, &address, Options::default()).await.unwrap();
    let refused = moved(&world, &address, Options::default()).await.unwrap_err();
    assert!(matches!(refused, MigrateError::Relocation(RelocationError::Occupied(_))), "{refused}");
    assert_eq!(access(&world.opened().await.store, credential.id).await.unwrap().1, "canary-access-2");
    let refused = moved(&other, &server.database(), Options::default()).await.unwrap_err();
    assert!(matches!(refused, MigrateError::Elsewhere { .. }), "{refused}");

    let address = server.database();
    let socket = std::os::unix::net::UnixListener::bind(world.home().join("lanyard.sock")).unwrap();
    let refused = moved(&world, &address, Options::default()).await.unwrap_err();
    assert!(matches!(refused, MigrateError::InUse { .. }), "{refused}");
    drop(socket);
    let to = NewPlace { address: address.parse().unwrap(), password_file: None, key_source: None };
    let unsaid = lanyard_home::migrate_store(&world.home(), to, "uid 1", world.me(), Options::default()).await;
    let refused = unsaid.unwrap_err();
    assert!(matches!(refused, MigrateError::KeyNotChosen { .. }), "{refused}");
    assert!(refused.hint().contains("--key-source file"), "{}", refused.hint());
    let options = Options { store: Some(address.parse().unwrap()), ..Options::default() };
    let done = moved(&world, &address, options).await.unwrap();
    assert_eq!(done.named, None);
    assert!(!world.home().join("lanyard.toml").exists());
}

/// Their rows too are made by code, which may have run in the copy already.
#[tokio::test]
async fn the_tables_of_parts_are_moved_too() {
    let Some(server) = server() else { return };
    let address = server.database();
    let world = World::new().await;
    world.store.close().await.unwrap();
    let options = || Options { parts: &SECOND, ..Options::default() };
    let open = async || lanyard_home::open(&world.home(), parts(&world.clock), options()).await.unwrap().store;
    open().await.close().await.unwrap();
    world
        .tamper("INSERT INTO shelf_items VALUES ('urn', 3, NULL, FALSE); DELETE FROM shelf_items WHERE id = 'vase'")
        .await;
    let before = rows_of_file(&world.home().join("lanyard.db")).await;
    let done = moved(&world, &address, options()).await.unwrap();
    assert!(done.rows.unwrap().contains(&("shelf_items", 1)));
    let after = rows_of_server(server, name(&address));
    assert_eq!(before_the_move(&before), before_the_move(&after));
    assert!(after.contains("shelf_items: 'urn',3,NULL,0"), "{after}");
    assert!(matches!(open().await.verify_audit(&[]).await.unwrap(), AuditVerdict::Intact(_)));
}

/// A writer to the database on the server alters the copy before it is in use.
#[tokio::test]
async fn a_copy_that_is_not_what_was_written_is_not_used() {
    let Some(server) = server() else { return };
    let address = server.database();
    let world = filled().await;
    world.store.close().await.unwrap();
    // A trigger alters what is copied.
    let trigger = "CREATE SCHEMA w; CREATE FUNCTION w.f() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF to_regclass('lanyard.intents') IS NOT NULL AND to_regprocedure('w.g()') IS NULL THEN \
            CREATE FUNCTION w.g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = ''x''; RETURN NEW; END'; \
            CREATE TRIGGER t BEFORE INSERT ON lanyard.apps FOR EACH ROW EXECUTE FUNCTION w.g(); \
        END IF; END $$; \
        CREATE EVENT TRIGGER e ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION w.f()";
    server.query(name(&address), trigger).unwrap();
    let refused = moved(&world, &address, Options::default()).await.unwrap_err();
    assert!(matches!(&refused, MigrateError::Relocation(RelocationError::Differs { table: "apps", .. })), "{refused}");
    assert_eq!(opened(&world).await.pause().await.unwrap(), None);
    assert_eq!(server.query(name(&address), "SELECT nspname FROM pg_namespace WHERE nspname = 'lanyard'").unwrap(), "");

    // A store that was moved, and dropped afterwards.
    server.query(name(&address), "DROP EVENT TRIGGER e").unwrap();
    moved(&world, &address, Options::default()).await.unwrap();
    server.query(name(&address), "DROP SCHEMA lanyard CASCADE").unwrap();
    std::fs::rename(world.home().join("lanyard.db.moved"), world.home().join("lanyard.db")).unwrap();
    let refused = moved(&world, &address, Options::default()).await.unwrap_err();
    assert!(matches!(&refused, MigrateError::Relocation(RelocationError::Lost { .. })), "{refused}");
    std::fs::remove_file(world.home().join("lanyard.db")).unwrap();
    let refused = moved(&world, &address, Options::default()).await.unwrap_err();
    assert!(matches!(&refused, MigrateError::Open(OpenError::Database(OpenDatabaseError::NoStore(_)))), "{refused}");
}
