//! The journal's readers, its retention, and what pruning leaves.

use std::time::Duration;

use lanyard_store::{
    AuditVerdict, DEFAULT_RETENTION, Event, EventKind, Fault, Head, JournalRecord, Position, Pruned, StoreError,
    Verified,
};

use super::world::World;

const DAY: Duration = Duration::from_hours(24);

async fn note(world: &World, number: u32) {
    let event = Event::Answered { means: "read".to_owned(), times: number };
    let record =
        JournalRecord { at: world.now().wall, about: lanyard_store::About::Home, actor: "uid 1".to_owned(), event };
    world.store.append(&record).await.unwrap();
}

async fn verified(world: &World, heads: &[Head]) -> Verified {
    match world.store.verify_audit(heads).await.unwrap() {
        AuditVerdict::Intact(verified) => verified,
        broken @ AuditVerdict::Broken { .. } => panic!("{broken:?}"),
    }
}

async fn broken(world: &World) -> (u64, Fault) {
    match world.store.verify_audit(&[]).await.unwrap() {
        AuditVerdict::Broken { number, fault, .. } => (number, fault),
        AuditVerdict::Intact(verified) => panic!("{verified:?}"),
    }
}

async fn end(world: &World) -> Position {
    world.store.journal_end().await.unwrap()
}

/// A journal whose entries 1 to 3 are a year older than 4 and 5, with an hour between the last two.
async fn aged() -> World {
    let world = World::new().await;
    note(&world, 2).await;
    note(&world, 3).await;
    world.clock.advance(366 * DAY);
    note(&world, 4).await;
    world.clock.advance(Duration::from_hours(1));
    note(&world, 5).await;
    world
}

#[tokio::test]
async fn a_reader_goes_on_where_it_stopped_and_two_never_take_the_same_step() {
    let world = World::new().await;
    let other = world.opened().await.store;
    note(&world, 2).await;
    note(&world, 3).await;
    assert_eq!(world.store.cursor("channel").await.unwrap(), None);
    let page = world.store.journal_after(Position::BEGINNING, 2).await.unwrap();
    let numbers: Vec<u64> = page.entries.iter().map(|entry| entry.number).collect();
    assert_eq!((page.follows, numbers, page.position.number), (true, vec![1, 2], 2));
    assert!(world.store.advance("channel", None, page.position).await.unwrap());
    assert!(!other.advance("channel", None, page.position).await.unwrap(), "another was first");
    assert_eq!(other.cursor("channel").await.unwrap(), Some(page.position));

    let rest = other.journal_after(page.position, 10).await.unwrap();
    assert_eq!((rest.entries.len(), rest.position), (1, end(&world).await));
    assert!(other.advance("channel", Some(page.position), rest.position).await.unwrap());
    assert!(!world.store.advance("channel", Some(page.position), rest.position).await.unwrap());
    let nothing = world.store.journal_after(rest.position, 10).await.unwrap();
    assert_eq!((nothing.entries.len(), nothing.position, nothing.follows), (0, rest.position, true));
    let another = Position { number: 2, ..rest.position };
    assert!(!world.store.journal_after(another, 10).await.unwrap().follows, "of another history");
}

#[tokio::test]
async fn the_retention_is_an_entry_and_a_shorter_one_waits_for_a_day() {
    let world = World::new().await;
    let first = world.store.journal_retention().await.unwrap();
    assert_eq!(first.in_force(world.now().wall), Some(DEFAULT_RETENTION));
    let changed = world.store.acting_as("uid 7").keep_journal(Some(30 * DAY)).await.unwrap();
    assert_eq!(changed.in_force(world.now().wall), Some(DEFAULT_RETENTION));
    // Another change in between brings nothing forward.
    world.clock.advance(Duration::from_hours(23));
    world.store.keep_journal(Some(20 * DAY)).await.unwrap();
    world.clock.advance(Duration::from_hours(23));
    let read = world.store.journal_retention().await.unwrap();
    assert_eq!(read.in_force(world.now().wall), Some(DEFAULT_RETENTION));
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(read.in_force(world.now().wall), Some(20 * DAY));
    assert_eq!(world.store.keep_journal(None).await.unwrap().in_force(world.now().wall), None);

    let mut told = world.store.audit(3).await.unwrap();
    let oldest = told.remove(2).record;
    assert_eq!(oldest.actor, "uid 7");
    let text = "entries are kept for 30 days from 2026-01-02T00:00:00Z, instead of for 400 days";
    assert_eq!((oldest.event.kind(), &*oldest.event.to_string()), (EventKind::RetentionChanged, text));
    verified(&world, &[]).await;
}

#[tokio::test]
async fn a_retention_that_was_altered_prunes_nothing() {
    for tampering in [
        "UPDATE journal_retention SET keep = 86400000",
        "UPDATE journal_retention SET keep_before = NULL",
        "DELETE FROM journal_retention",
        // As if the journal were of an earlier version, which had no setting.
        "DELETE FROM journal_retention; UPDATE journal_head SET mac = NULL",
    ] {
        let world = aged().await;
        world.clock.advance(100 * DAY);
        world.tamper(tampering).await;
        let entries = world.store.audit(100).await.unwrap().len();
        let altered = |error: StoreError| {
            assert!(matches!(error, StoreError::Altered { table: "journal_retention", .. }), "{tampering}: {error}");
        };
        altered(world.store.prune_journal().await.unwrap_err());
        altered(world.store.journal_retention().await.unwrap_err());
        assert_eq!(world.store.audit(100).await.unwrap().len(), entries, "{tampering}");
        // Its owner sets it again. What was altered is not believed for a moment: nothing is pruned for a day.
        let set = world.store.keep_journal(Some(30 * DAY)).await.unwrap();
        assert_eq!((set.in_force(world.now().wall), set.keep), (None, Some(30 * DAY)), "{tampering}");
        assert_eq!(world.store.journal_retention().await.unwrap(), set);
        assert_eq!(world.store.prune_journal().await.unwrap(), None, "{tampering}");
    }
}

#[tokio::test]
async fn an_entry_beyond_the_end_is_named() {
    let world = aged().await;
    world.store.check_journal().await.unwrap();
    let next = end(&world).await.number + 1;
    let planted = format!(
        "INSERT INTO journal SELECT {next}, at, kind, about, name, actor, writer, sequence, payload, mac FROM journal WHERE number = 1"
    );
    world.tamper(&planted).await;
    let looked = world.store.check_journal().await.unwrap_err();
    let written = world.store.keep_journal(None).await.unwrap_err();
    for error in [looked, written] {
        assert!(matches!(&error, StoreError::Altered { table: "journal", row } if *row == next.to_string()), "{error}");
    }
    // The way that the hint names.
    world.tamper(&format!("DELETE FROM journal WHERE number = {next}")).await;
    world.store.keep_journal(None).await.unwrap();
    verified(&world, &[]).await;
}

#[tokio::test]
async fn old_entries_are_pruned_and_the_rest_verifies_from_the_anchor() {
    let world = aged().await;
    assert_eq!(world.store.prune_journal().await.unwrap(), None, "nothing is old enough");
    let old = Head::from(end(&world).await);
    world.clock.advance(60 * DAY);
    let pruned = world.store.prune_journal().await.unwrap();
    assert_eq!(pruned, Some(Pruned { up_to: 3, entries: 3, more: false }));
    assert_eq!(world.store.prune_journal().await.unwrap(), None);

    let entries = world.store.audit(9).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [6, 5, 4]);
    let Event::JournalPruned { up_to: 3, entries: counts, keep_seconds, previous: None, .. } = &entries[0].record.event
    else {
        panic!("{:?}", entries[0]);
    };
    assert_eq!((counts["home-created"], counts["answered"]), (1, 2));
    assert_eq!(Duration::from_secs(*keep_seconds), DEFAULT_RETENTION);
    let verdict = verified(&world, std::slice::from_ref(&old)).await;
    assert_eq!((verdict.first.unwrap().0, verdict.last.unwrap().0, verdict.older_heads), (4, 6, 0));
    let note = verdict.pruned.unwrap();
    assert_eq!((note.up_to, note.entry, note.at), (3, 6, world.now().wall));

    // Once more: that anchor names this one, and a head from before says nothing any more.
    world.clock.advance(400 * DAY);
    note_and_prune(&world).await;
    let entries = world.store.audit(1).await.unwrap();
    let Event::JournalPruned { up_to: 6, previous: Some(_), .. } = &entries[0].record.event else {
        panic!("{:?}", entries[0]);
    };
    let verdict = verified(&world, &[old]).await;
    assert_eq!((verdict.first.unwrap().0, verdict.older_heads), (7, 1));
}

async fn note_and_prune(world: &World) {
    note(world, 9).await;
    world.clock.advance(2 * DAY);
    assert!(world.store.prune_journal().await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_missing_beyond_the_anchor_or_altered_after_it_is_seen() {
    for (tampering, number, fault) in [
        ("DELETE FROM journal WHERE number = 4", 4, Fault::Missing),
        ("UPDATE journal SET actor = 'nobody' WHERE number = 4", 4, Fault::Altered),
        (
            "UPDATE journal SET payload = replace(payload, '\"up_to\":3', '\"up_to\":4') WHERE number = 6",
            6,
            Fault::Altered,
        ),
        ("UPDATE journal_head SET anchor = NULL", 1, Fault::Missing),
        ("UPDATE journal_head SET anchor = 5", 5, Fault::Altered),
        ("DELETE FROM journal WHERE number = 6", 6, Fault::Altered),
        (
            "INSERT INTO journal SELECT 2, at, kind, about, name, actor, writer, sequence, payload, mac FROM journal WHERE number = 5",
            4,
            Fault::Altered,
        ),
    ] {
        let world = aged().await;
        world.clock.advance(60 * DAY);
        world.store.prune_journal().await.unwrap().unwrap();
        world.tamper(tampering).await;
        assert_eq!(broken(&world).await, (number, fault), "{tampering}");
    }
}

#[tokio::test]
async fn what_was_tampered_with_is_not_pruned() {
    let world = aged().await;
    world.clock.advance(60 * DAY);
    world.tamper("UPDATE journal SET actor = 'nobody' WHERE number = 2").await;
    let refused = world.store.prune_journal().await.unwrap_err();
    assert!(matches!(refused, StoreError::Altered { table: "journal", .. }), "{refused}");
    assert_eq!(broken(&world).await, (2, Fault::Altered));
}

#[tokio::test]
async fn an_entry_that_was_pruned_is_told_from_one_that_was_cut_off() {
    let world = aged().await;
    let early = world.store.journal_after(Position::BEGINNING, 2).await.unwrap().position;
    let late = end(&world).await;
    world.clock.advance(60 * DAY);
    world.store.prune_journal().await.unwrap().unwrap();
    let after = world.store.changes(early).await.unwrap();
    assert!(!after.follows && world.store.was_pruned(early).await.unwrap());
    assert!(world.store.changes(late).await.unwrap().follows);
    assert!(!world.store.was_pruned(late).await.unwrap());
    // An anchor that nobody with the key wrote says nothing.
    world.tamper("UPDATE journal SET payload = replace(payload, '\"up_to\":3', '\"up_to\":9') WHERE number = 6").await;
    assert!(!world.store.was_pruned(late).await.unwrap() && !world.store.was_pruned(early).await.unwrap());
}

#[tokio::test]
async fn a_journal_that_was_pruned_whole_was_not_cut_off() {
    let world = aged().await;
    world.store.keep_journal(Some(30 * DAY)).await.unwrap();
    world.clock.advance(60 * DAY);
    let last = end(&world).await;
    let pruned = world.store.prune_journal().await.unwrap().unwrap();
    assert_eq!((pruned.up_to, pruned.entries), (last.number, last.number));
    assert!(world.store.was_pruned(last).await.unwrap());
    assert_eq!(verified(&world, &[]).await.first.unwrap().0, last.number + 1);
    note_and_prune_later(&world).await;
}

/// Otherwise setting the machine's time forward would remove everything.
#[tokio::test]
async fn a_wall_clock_far_ahead_has_nothing_pruned_for_a_day() {
    let world = aged().await;
    world.clock.jump_wall(jiff::SignedDuration::from_hours(500 * 24));
    assert_eq!(world.store.prune_journal().await.unwrap(), None);
    note(&world, 6).await;
    world.clock.advance(Duration::from_mins(24 * 60 - 1));
    assert_eq!(world.store.prune_journal().await.unwrap(), None);
    // A home that was out of use for so long goes on as before after a day.
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(world.store.prune_journal().await.unwrap().map(|pruned| pruned.up_to), Some(5));
}

/// Later prunings go on from such an anchor.
async fn note_and_prune_later(world: &World) {
    note(world, 7).await;
    world.clock.advance(60 * DAY);
    assert!(world.store.prune_journal().await.unwrap().is_some());
    verified(world, &[]).await;
}

#[tokio::test]
async fn a_forged_anchor_has_nothing_pruned() {
    for (number, up_to) in [(4, 4), (4, 3), (5, 4)] {
        let world = aged().await;
        let mac = end(&world).await.mac;
        note(&world, 6).await;
        let payload = format!(
            r#"{{"up_to":{up_to},"mac":"{mac}","entries":{{}},"first":"2025-01-01T00:00:00Z","last":"2025-01-01T00:00:00Z","previous":null,"keep_seconds":1,"chains":[]}}"#
        );
        world
            .tamper(&format!(
                "UPDATE journal SET kind = 'journal-pruned', at = 0, about = NULL, name = NULL, payload = '{payload}' WHERE \
                 number = {number}; DELETE FROM journal WHERE number < {number}; UPDATE journal_head SET anchor = {number}"
            ))
            .await;
        world.clock.advance(60 * DAY);
        let refused = world.store.prune_journal().await.unwrap_err();
        assert!(matches!(refused, StoreError::Altered { table: "journal", .. }), "{number}: {refused}");
        broken(&world).await;
    }
}

#[tokio::test]
async fn an_entry_before_the_first_is_seen() {
    for number in [0, -7] {
        let world = aged().await;
        world
            .tamper(&format!(
                "INSERT INTO journal SELECT {number}, at, kind, about, name, actor, writer, sequence, payload, mac FROM journal WHERE \
                 number = 2"
            ))
            .await;
        assert_eq!(broken(&world).await, (1, Fault::Altered), "{number}");
        // Nor is one believed that claims to be an anchor.
        world
            .tamper(&format!(
                "UPDATE journal SET kind = 'journal-pruned' WHERE number = {number}; UPDATE journal_head SET anchor = {number}"
            ))
            .await;
        let _ =
            world.store.verify_audit(&[]).await.map(|verdict| assert!(matches!(verdict, AuditVerdict::Broken { .. })));
    }
}

#[tokio::test]
async fn a_follower_is_not_told_less_than_was_written() {
    let world = World::new().await;
    let since = end(&world).await;
    let id = world.signed_in().await.id;
    assert!(world.store.changes(since).await.unwrap().credentials.contains(&id));
    for hidden in ["kind = 'answered'", "about = NULL, name = NULL", "kind = 'checked', about = 'credential/x'"] {
        let world = World::new().await;
        let since = end(&world).await;
        world.signed_in().await;
        world.tamper(&format!("UPDATE journal SET {hidden} WHERE kind = 'added'")).await;
        assert!(!world.store.changes(since).await.unwrap().follows, "{hidden}");
    }
    // Nor by an entry that is taken away, or a head that is put back.
    let last = end(&world).await.number;
    world.tamper(&format!("DELETE FROM journal WHERE number = {last}")).await;
    assert!(!world.store.changes(since).await.unwrap().follows);
}
