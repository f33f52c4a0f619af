//! Tables that belong to another part of Lanyard than the store.

use lanyard_home::{OpenError, Options};
use lanyard_store::sql::{Migrations, OwnedSchema, Row, Step, Tx, sql};
use lanyard_store::{About, Event, EventKind, OpenDatabaseError, StoreError};

use super::world::{World, parts};

const MAKE: Step = Step::Script(
    "CREATE TABLE shelf_items (id TEXT NOT NULL PRIMARY KEY, weight BIGINT NOT NULL, photo BLOB, fragile BOOLEAN NOT NULL); \
     CREATE INDEX shelf_items_by_weight ON shelf_items (weight);",
);

const FILL: Step = Step::Code(|tx: &mut Tx| {
    Box::pin(async move {
        let insert = sql("shelf_items", "INSERT INTO shelf_items (id, weight, photo, fragile) VALUES ($1, $2, $3, $4)");
        tx.run(insert.bind("vase").bind(12_u32).bind(&b"\0v"[..]).bind(true)).await?;
        tx.record(About::Home, Event::Answered { means: "shelf".to_owned(), times: 1 });
        Ok(())
    })
});

const FAIL: Step = Step::Code(|tx: &mut Tx| {
    Box::pin(async move {
        tx.run(sql("shelf_items", "DELETE FROM shelf_items")).await?;
        Err(StoreError::Full)
    })
});

const SCHEMA: OwnedSchema = OwnedSchema {
    sqlite: "index shelf_items_by_weight: CREATE INDEX shelf_items_by_weight ON shelf_items (weight)\n\
             index sqlite_autoindex_shelf_items_1: \n\
             table shelf_items: CREATE TABLE shelf_items (id TEXT NOT NULL PRIMARY KEY, weight BIGINT NOT NULL, photo BLOB, fragile \
             BOOLEAN NOT NULL)",
    postgres: "constraint shelf_items.shelf_items_pkey: PRIMARY KEY (id)\n\
               index shelf_items_by_weight: CREATE INDEX shelf_items_by_weight ON lanyard.shelf_items USING btree (weight)\n\
               index shelf_items_pkey: CREATE UNIQUE INDEX shelf_items_pkey ON lanyard.shelf_items USING btree (id)\n\
               table shelf_items: id text COLLATE C NOT NULL, weight bigint NOT NULL, photo bytea, fragile boolean NOT NULL",
};

static FIRST: [Migrations; 1] = [Migrations { owner: "shelf", steps: &[MAKE], schema: SCHEMA }];
pub(crate) static SECOND: [Migrations; 1] = [Migrations { owner: "shelf", steps: &[MAKE, FILL], schema: SCHEMA }];
static FAILING: [Migrations; 1] = [Migrations { owner: "shelf", steps: &[MAKE, FILL, FAIL], schema: SCHEMA }];

async fn open(world: &World, owned: &'static [Migrations]) -> Result<lanyard_home::OpenHome, OpenError> {
    let options = Options { parts: owned, upgrades_server: true, ..world.options() };
    lanyard_home::open(&world.home(), parts(&world.clock), options).await
}

async fn items(store: &lanyard_store::Store) -> Vec<(String, i64, bool)> {
    let rows = store.read(sql("shelf_items", "SELECT id, weight, fragile FROM shelf_items ORDER BY id")).await.unwrap();
    let item = |row: &Row| (row.text("id").unwrap(), row.integer("weight").unwrap(), row.flag("fragile").unwrap());
    rows.iter().map(item).collect()
}

fn differences(opened: Result<lanyard_home::OpenHome, OpenError>) -> Vec<String> {
    match opened {
        Err(OpenError::Database(OpenDatabaseError::ForeignSchema { differences, .. })) => differences,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_parts_tables_are_made_step_by_step_and_once() {
    let world = World::new().await;
    let made = open(&world, &FIRST).await.unwrap();
    assert_eq!(items(&made.store).await, []);
    // A step that fails leaves the version before it, and what was there.
    let failed = open(&world, &FAILING).await.unwrap_err();
    assert!(matches!(failed, OpenError::Database(OpenDatabaseError::Store(StoreError::Full))), "{failed}");
    for _ in 0..2 {
        let filled = open(&world, &SECOND).await.unwrap();
        assert_eq!(items(&filled.store).await, [("vase".to_owned(), 12, true)]);
    }
    let answered = world.store.audit(9).await.unwrap();
    let answered = answered.iter().filter(|entry| entry.record.event.kind() == EventKind::Answered);
    assert_eq!(answered.count(), 1, "the step's event is recorded with it");

    let older = open(&world, &FIRST).await.unwrap_err();
    assert_eq!(older.to_string(), "the tables of shelf have version 2, and this lanyard needs version 1");
}

#[tokio::test]
async fn a_part_writes_in_one_transaction_with_its_events() {
    let world = World::new().await;
    let store = open(&world, &SECOND).await.unwrap().store;
    let update =
        |weight: u32| sql("shelf_items", "UPDATE shelf_items SET weight = $2 WHERE id = $1").bind("vase").bind(weight);
    let touched = store
        .write(|mut tx| async move {
            let touched = tx.run(update(7)).await?;
            tx.record(About::Home, Event::Answered { means: "weighed".to_owned(), times: 1 });
            tx.commit::<_, StoreError>(touched).await
        })
        .await;
    assert_eq!((touched.unwrap(), items(&store).await[0].1), (1, 7));
    assert_eq!(store.audit(1).await.unwrap()[0].record.event.to_string(), "weighed");
    let refused: Result<(), StoreError> = store
        .write(|mut tx| async move {
            tx.run(update(8)).await?;
            tx.refuse(StoreError::Busy).await
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(items(&store).await[0].1, 7);
}

#[tokio::test]
async fn what_a_part_did_not_make_is_refused() {
    let world = World::new().await;
    open(&world, &SECOND).await.unwrap();
    // Tables of a part that this program does not know.
    let unknown = differences(open(&world, &[]).await);
    assert!(unknown.contains(&"unknown: table shelf_items".to_owned()), "{unknown:?}");
    for (tampering, object) in [
        ("CREATE INDEX shelf_more ON shelf_items (fragile)", "unknown: index shelf_more"),
        ("DROP INDEX shelf_items_by_weight", "missing: index shelf_items_by_weight"),
        ("CREATE TABLE other_items (id BIGINT)", "unknown: table other_items"),
        ("CREATE VIEW shelf AS SELECT 1 AS one", "unknown: view shelf"),
    ] {
        world.tamper(tampering).await;
        let found = differences(open(&world, &SECOND).await);
        assert!(found.contains(&object.to_owned()), "{tampering}: {found:?}");
        world
            .tamper("DROP VIEW IF EXISTS shelf; DROP TABLE IF EXISTS other_items; DROP INDEX IF EXISTS shelf_more")
            .await;
        world.tamper("CREATE INDEX IF NOT EXISTS shelf_items_by_weight ON shelf_items (weight)").await;
    }
    let store = open(&world, &SECOND).await.unwrap().store;
    let schema = store.owned_schema("shelf").await.unwrap();
    assert!([SCHEMA.sqlite, SCHEMA.postgres].contains(&&*schema), "{schema}");
}
