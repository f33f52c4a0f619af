//! The journal's chain.

use lanyard_store::{About, AuditVerdict, Event, EventKind, Fault, Head, JournalRecord, Verified};

use super::world::{World, begun};

async fn rotated(world: &World) {
    let credential = world.signed_in().await;
    let (_, declared) = begun(&world.store, credential.id).await;
    world.store.commit(credential.id, credential.grant, &declared.intent, &world.rotated("2")).await.unwrap();
}

async fn head(world: &World) -> Head {
    world.store.journal_end().await.unwrap().into()
}

async fn verified(world: &World, heads: &[Head]) -> Verified {
    match world.store.verify_audit(heads).await.unwrap() {
        AuditVerdict::Intact(verified) => verified,
        broken @ AuditVerdict::Broken { .. } => panic!("{broken:?}"),
    }
}

async fn broken(world: &World, heads: &[Head]) -> (u64, Fault) {
    match world.store.verify_audit(heads).await.unwrap() {
        AuditVerdict::Broken { number, fault, writer: None } => (number, fault),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_change_is_recorded_with_who_did_it() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let helpdesk = world.store.acting_as("uid 1000, helpdesk");
    helpdesk.rename_credential(credential.id, &"renamed".parse().unwrap()).await.unwrap();
    let record = JournalRecord {
        at: world.now().wall,
        about: About::Credential(credential.id, "renamed".parse().unwrap()),
        actor: "uid 1001, cron".to_owned(),
        event: Event::HandedOut { means: "exec \"a\"\n\u{0}".to_owned(), generation: credential.generation, times: 7 },
    };
    world.store.append(&record).await.unwrap();

    let entries = world.store.audit(2).await.unwrap();
    assert_eq!(entries[0].record, record);
    assert_eq!(entries[1].record.event, Event::Renamed { was: "acme".to_owned() });
    assert_eq!(entries[1].record.actor, "uid 1000, helpdesk");
    let all = world.store.audit_since(jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    let kinds: Vec<EventKind> = all.iter().map(|entry| entry.record.event.kind()).collect();
    let expected =
        [EventKind::HomeCreated, EventKind::AppAdded, EventKind::Added, EventKind::Renamed, EventKind::HandedOut];
    assert_eq!(kinds, expected);
    let numbers: Vec<u64> = all.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert!(matches!(all[1].record.about, About::App(_)), "{:?}", all[1].record);
    verified(&world, &[]).await;
}

#[tokio::test]
async fn a_journal_that_nobody_touched_is_intact_and_says_what_it_covers() {
    let world = World::new().await;
    let exported = head(&world).await;
    rotated(&world).await;
    let verified = verified(&world, &[exported]).await;
    let now = world.now().wall;
    assert_eq!((verified.first, verified.last), (Some((1, now)), Some((5, now))));
    assert_eq!(verified.heads, [head(&world).await]);
}

#[tokio::test]
async fn all_writers_append_to_one_chain() {
    let world = World::new().await;
    let credential = world.signed_in().await;
    let other = world.seen_by(world.elsewhere()).await;
    other.rename_credential(credential.id, &"renamed".parse().unwrap()).await.unwrap();
    world.store.rename_credential(credential.id, &"again".parse().unwrap()).await.unwrap();
    let entries = world.store.audit(2).await.unwrap();
    assert_eq!((entries[1].number, &*entries[1].writer, entries[0].number), (4, "elsewhere", 5));
    assert_ne!(entries[0].writer, "elsewhere");
    assert_eq!(verified(&world, &[]).await.heads, [head(&world).await]);
}

#[tokio::test]
async fn every_way_to_alter_the_chain_is_seen_at_its_place() {
    let altered = [
        ("UPDATE journal SET at = at + 1 WHERE number = 3", 3, Fault::Altered),
        ("UPDATE journal SET kind = 'revoked' WHERE number = 3", 3, Fault::Altered),
        ("UPDATE journal SET actor = 'nobody' WHERE number = 2", 2, Fault::Altered),
        ("UPDATE journal SET writer = 'nobody' WHERE number = 2", 2, Fault::Altered),
        ("UPDATE journal SET payload = payload || ' ' WHERE number = 4", 4, Fault::Altered),
        ("UPDATE journal SET name = 'other' WHERE number = 3", 3, Fault::Altered),
        ("UPDATE journal SET about = NULL WHERE number = 3", 3, Fault::Altered),
        ("UPDATE journal SET about = '' WHERE number = 1", 1, Fault::Altered),
        ("UPDATE journal SET mac = zeroblob(32) WHERE number = 3", 3, Fault::Altered),
        ("UPDATE journal SET mac = zeroblob(31) WHERE number = 3", 3, Fault::Altered),
        // As if an earlier version had written it.
        ("UPDATE journal SET sequence = 1 WHERE number = 1", 1, Fault::Altered),
        ("UPDATE journal SET sequence = 3 WHERE number = 3", 3, Fault::Altered),
        ("DELETE FROM journal WHERE number = 1", 1, Fault::Missing),
        ("DELETE FROM journal WHERE number = 3", 3, Fault::Missing),
        ("DELETE FROM journal WHERE number = 5", 5, Fault::Cut),
        ("UPDATE journal_head SET number = 4, mac = (SELECT mac FROM journal WHERE number = 4)", 5, Fault::Altered),
        ("UPDATE journal_head SET mac = zeroblob(32)", 5, Fault::Altered),
        (
            "UPDATE journal SET number = -1 WHERE number = 2; UPDATE journal SET number = 2 WHERE number = 3; \
             UPDATE journal SET number = 3 WHERE number = -1",
            2,
            Fault::Altered,
        ),
        (
            "DELETE FROM journal WHERE number = 2; UPDATE journal SET number = 2 WHERE number = 3; \
             UPDATE journal SET number = 3 WHERE number = 4; UPDATE journal SET number = 4 WHERE number = 5; \
             UPDATE journal_head SET number = 4",
            2,
            Fault::Altered,
        ),
        (
            "UPDATE journal SET actor = actor || substr(payload, 1, 1), payload = substr(payload, 2) WHERE number = 3",
            3,
            Fault::Altered,
        ),
    ];
    for (sql, place, expected) in altered {
        let world = World::new().await;
        rotated(&world).await;
        world.tamper(sql).await;
        assert_eq!(broken(&world, &[]).await, (place, expected), "{sql}");
    }
}

#[tokio::test]
async fn a_journal_that_was_cut_with_its_end_shows_against_an_exported_head_alone() {
    let world = World::new().await;
    rotated(&world).await;
    let exported = head(&world).await;
    let cut = "DELETE FROM journal WHERE number = 5; \
               UPDATE journal_head SET number = 4, mac = (SELECT mac FROM journal WHERE number = 4)";
    world.tamper(cut).await;
    verified(&world, &[]).await;
    assert_eq!(broken(&world, std::slice::from_ref(&exported)).await, (5, Fault::Cut));

    // Written on from there, the journal is long enough again, and is another.
    let credential = &world.store.credentials().await.unwrap()[0];
    world.store.rename_credential(credential.id, &"another".parse().unwrap()).await.unwrap();
    verified(&world, &[]).await;
    assert_eq!(broken(&world, &[exported]).await, (5, Fault::Altered));
}

#[tokio::test]
async fn a_journal_without_the_entry_of_the_homes_creation_is_broken() {
    for delete in [
        "DELETE FROM journal; UPDATE journal_head SET number = 0, mac = NULL",
        "DELETE FROM journal; UPDATE journal_head SET number = 2, mac = NULL",
        "DELETE FROM journal",
    ] {
        let world = World::new().await;
        let credential = world.signed_in().await;
        world.tamper(delete).await;
        // Written on, it has a first entry again.
        let _ = world.store.rename_credential(credential.id, &"renamed".parse().unwrap()).await;
        assert!(matches!(broken(&world, &[]).await, (1, Fault::Missing | Fault::Altered)), "{delete}");
    }
}
