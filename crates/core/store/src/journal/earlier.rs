//! Entries of an earlier version: each writer had a chain of its own, and what happened was a sentence.

use lanyard_credential::Generation;
use lanyard_vault::{AuditKey, Mac};

use super::integer;
use crate::StoreError;
use crate::engine::Row;
use crate::event::{Event, EventKind};

/// The place of an entry in its writer's chain; `None` if it is of the journal itself.
pub(super) fn sequence(row: &Row) -> Result<Option<u64>, StoreError> {
    let sequence = row.optional_integer("sequence")?;
    sequence.map(|sequence| u64::try_from(sequence).map_err(|_| row.impossible("sequence"))).transpose()
}

/// The mac of such an entry after `previous`, the one before it in its chain.
pub(super) fn mac(key: &AuditKey, previous: &Mac, row: &Row) -> Result<Mac, StoreError> {
    let about = row.optional_text("about")?;
    let id = about.as_deref().map(|about| about.strip_prefix("credential/").unwrap_or(about));
    let texts = [
        Some(row.str("writer")?),
        Some(row.str("kind")?),
        id,
        row.optional_str("name")?,
        Some(row.str("actor")?),
        Some(row.str("payload")?),
    ];
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&integer(row, "sequence")?.to_be_bytes());
    out.extend_from_slice(&row.integer("at")?.to_be_bytes());
    super::encode_texts(&mut out, &texts);
    Ok(key.chain(previous, &out))
}

/// The event that the sentence tells of. Hand-outs are read, since their tokens may still be valid.
pub(super) fn event(row: &Row) -> Result<Event, StoreError> {
    let was = EventKind::of(row.str("kind")?).ok_or_else(|| row.impossible("kind"))?;
    let detail = row.text("payload")?;
    if was == EventKind::HandedOut
        && let Some(handed_out) = handed_out(&detail)
    {
        return Ok(handed_out);
    }
    Ok(Event::Earlier { was, detail })
}

/// Reads "token, generation 4", or "token, generation 4, 12 times".
fn handed_out(detail: &str) -> Option<Event> {
    // From the end: the name of a program that was given the token may be anything.
    let (means, rest) = detail.rsplit_once(", generation ")?;
    let (generation, times) = match rest.split_once(", ") {
        None => (rest, 1),
        Some((generation, times)) => (generation, times.strip_suffix(" times")?.parse().ok()?),
    };
    Some(Event::HandedOut { means: means.to_owned(), generation: Generation::new(generation.parse().ok()?), times })
}

/// Writes a chain as the earlier version did, for tests.
#[cfg(test)]
pub(crate) fn chain(key: &AuditKey, writer: &str, records: &[(&str, Option<&str>, &str)]) -> String {
    use std::fmt::Write as _;

    let mut previous = Mac::BEGINNING;
    let mut script = String::new();
    for (sequence, (action, name, detail)) in (1_u64..).zip(records) {
        let id = name.map(|_| "00000000-0000-4000-8000-000000000007");
        let mut out = Vec::new();
        out.extend_from_slice(&sequence.to_be_bytes());
        out.extend_from_slice(&(1000_i64 - sequence.cast_signed()).to_be_bytes());
        for text in [Some(writer), Some(*action), id, *name, Some("uid 1"), Some(*detail)] {
            out.extend_from_slice(&text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            out.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        previous = key.chain(&previous, &out);
        let text = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| format!("'{text}'"));
        let (at, id, name) = (1000 - sequence, text(id), text(*name));
        write!(
            script,
            "INSERT INTO audit VALUES ('{writer}', {sequence}, {at}, '{action}', {id}, {name}, 'uid 1', '{detail}', x'{previous}');"
        )
        .unwrap();
    }
    script
}

#[cfg(test)]
mod tests {
    use lanyard_vault::{HomeKey, KeySource};
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

    use super::*;
    use crate::journal::{AuditVerdict, Fault, Head, Verified};
    use crate::{Database, DatabasePlace, LockedStore, Parts, Store, Upgrade};

    const ID: &str = "00000000-0000-4000-8000-000000000007";

    /// The schema before there was a journal.
    const EARLIER: &str = "DROP TABLE journal; DROP TABLE journal_head; DROP TABLE journal_retention; DROP TABLE cursors; ALTER TABLE home ADD COLUMN changed BIGINT NOT NULL DEFAULT 0; \
         CREATE TABLE changes (subject TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL); \
         CREATE TABLE audit (writer TEXT NOT NULL, sequence BIGINT NOT NULL, at BIGINT NOT NULL, action TEXT NOT NULL, \
         credential_id TEXT, credential_name TEXT, actor TEXT NOT NULL, detail TEXT NOT NULL, mac BLOB NOT NULL, \
         PRIMARY KEY (writer, sequence)); PRAGMA user_version = 7; ";

    /// A home whose chains an earlier version wrote, and what writes to its database.
    async fn upgraded(directory: &std::path::Path) -> (Store, impl AsyncFn(String)) {
        let path = directory.join("lanyard.db");
        std::fs::write(&path, "").unwrap();
        let place = DatabasePlace::File(path.clone());
        let database = Database { place, busy_timeout: std::time::Duration::from_secs(10), parts: &[] };
        let parts = Parts::system();
        let key = HomeKey::generate(&*parts.entropy);
        Store::make(&database, &key, (KeySource::File, "a home"), &parts).await.unwrap();
        let open = async || {
            let upgrade = Upgrade { directory, parts: &parts };
            let locked = LockedStore::open(&database, Some(upgrade)).await.unwrap();
            locked.unlock(directory, vec![key.clone()], None, parts.clone()).await.unwrap()
        };
        let store = open().await;
        let audit_key = store.inner.audit_key.clone();
        store.close().await.unwrap();
        let tamper = async move |script: String| {
            let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        };
        let indexes = "CREATE INDEX audit_by_time ON audit (at); CREATE INDEX audit_by_actor ON audit (actor, at); \
                       CREATE INDEX audit_by_credential ON audit (credential_id, action, at);";
        let first = chain(
            &audit_key,
            "b host",
            &[
                ("home-created", None, "key x, kept in: file"),
                ("added", Some("acme"), "bot in commercial"),
                ("handed-out", Some("acme"), "token, generation 4, 2 times"),
            ],
        );
        let second = chain(&audit_key, "a", &[("renamed", Some("lobby"), "was acme"), ("refused", None, "token: no")]);
        let before_intents = include_str!("../../tests/it/fixtures/before-intents.sql");
        tamper(format!("{before_intents} {EARLIER} {indexes} {first} {second}")).await;
        (open().await, tamper)
    }

    async fn verified(store: &Store, heads: &[Head]) -> Verified {
        match store.verify_audit(heads).await.unwrap() {
            AuditVerdict::Intact(verified) => verified,
            broken @ AuditVerdict::Broken { .. } => panic!("{broken:?}"),
        }
    }

    #[tokio::test]
    async fn the_journal_of_an_earlier_version_has_the_first_retention_before_its_first_entry() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = upgraded(directory.path()).await;
        assert_eq!(store.journal_retention().await.unwrap().keep, Some(crate::DEFAULT_RETENTION));
        // Changing it is the first entry.
        let month = std::time::Duration::from_hours(30 * 24);
        let changed = store.keep_journal(Some(month)).await.unwrap();
        assert_eq!((changed.keep, changed.before), (Some(month), Some(crate::DEFAULT_RETENTION)));
        assert_eq!(store.journal_retention().await.unwrap(), changed);
        verified(&store, &[]).await;
    }

    #[tokio::test]
    async fn the_chains_of_an_earlier_version_go_on_in_the_journal() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = upgraded(directory.path()).await;
        let exported = verified(&store, &[]).await.heads;
        let ends: Vec<_> = exported.iter().map(|head| (head.writer.as_deref(), head.number)).collect();
        assert_eq!(ends, [(Some("a"), 2), (Some("b host"), 3)]);

        let entries = store.audit_about(Some(&"acme".parse().unwrap()), None, 9).await.unwrap();
        let told: Vec<_> = entries.iter().map(|entry| (entry.number, entry.record.event.kind())).collect();
        assert_eq!(told, [(4, EventKind::Added), (5, EventKind::HandedOut)]);
        let handed_out = Event::HandedOut { means: "token".to_owned(), generation: Generation::new(4), times: 2 };
        assert_eq!(entries[1].record.event, handed_out);
        let id = ID.parse().unwrap();
        assert_eq!(store.hand_outs_since(id, jiff::Timestamp::UNIX_EPOCH, 9).await.unwrap().len(), 1);
        assert_eq!(store.last(id, EventKind::Added).await.unwrap().unwrap().as_millisecond(), 998);

        for number in 0..2 {
            store.append(&record(number)).await.unwrap();
        }
        let mut entries = store.audit(3).await.unwrap();
        entries.sort_by_key(|entry| entry.number);
        let kinds: Vec<_> = entries.iter().map(|entry| entry.record.event.kind()).collect();
        assert_eq!(kinds, [EventKind::JournalBegun, EventKind::Answered, EventKind::Answered]);
        let whole = verified(&store, &exported).await;
        assert_eq!(whole.heads, [Head::from(store.journal_end().await.unwrap())]);
        assert_eq!((whole.first.map(|first| first.0), whole.last.map(|last| last.0)), (Some(1), Some(8)));
    }

    #[tokio::test]
    async fn entries_of_an_earlier_version_cannot_be_altered_unseen() {
        for (tampering, number, fault) in [
            ("UPDATE journal SET payload = 'token, generation 5' WHERE number = 5", 5, Fault::Altered),
            ("UPDATE journal SET at = 1 WHERE number = 1", 1, Fault::Altered),
            ("UPDATE journal SET about = NULL WHERE number = 4", 4, Fault::Altered),
            ("DELETE FROM journal WHERE number = 3", 3, Fault::Missing),
            ("DELETE FROM journal WHERE number = 1", 1, Fault::Missing),
            // A chain that is whole and ends too soon.
            (
                "DELETE FROM journal WHERE number = 2; UPDATE journal SET number = -number WHERE number > 2; \
                 UPDATE journal SET number = -number - 1 WHERE number < 0; UPDATE journal_head SET number = 6",
                5,
                Fault::Altered,
            ),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let (store, tamper) = upgraded(directory.path()).await;
            store.append(&record(1)).await.unwrap();
            tamper(tampering.to_owned()).await;
            let broken = AuditVerdict::Broken { writer: None, number, fault };
            assert_eq!(store.verify_audit(&[]).await.unwrap(), broken, "{tampering}");
        }
    }

    #[tokio::test]
    async fn entries_of_an_earlier_version_are_pruned_and_what_follows_them_verifies() {
        let directory = tempfile::tempdir().unwrap();
        let (store, tamper) = upgraded(directory.path()).await;
        let exported = verified(&store, &[]).await.heads;
        let two_days = jiff::SignedDuration::from_hours(48);
        store.append(&crate::JournalRecord { at: store.now().wall - two_days, ..record(1) }).await.unwrap();
        let pruned = store.prune_journal().await.unwrap().unwrap();
        assert_eq!((pruned.up_to, pruned.entries), (5, 5));
        let whole = verified(&store, &exported).await;
        assert_eq!((whole.first.map(|first| first.0), whole.last.map(|last| last.0)), (Some(6), Some(8)));
        tamper("DELETE FROM journal WHERE number = 6".to_owned()).await;
        let broken = AuditVerdict::Broken { writer: None, number: 6, fault: Fault::Missing };
        assert_eq!(store.verify_audit(&[]).await.unwrap(), broken);
    }

    fn record(number: u32) -> crate::JournalRecord {
        crate::JournalRecord {
            at: jiff::Timestamp::from_second(5000).unwrap(),
            about: crate::About::Home,
            actor: "uid 1".to_owned(),
            event: Event::Answered { means: "read".to_owned(), times: number },
        }
    }

    #[test]
    fn a_hand_out_is_read_as_it_was_written() {
        let handed = |means: &str, generation, times| {
            Some(Event::HandedOut { means: means.to_owned(), generation: Generation::new(generation), times })
        };
        for (detail, expected) in [
            ("token, generation 4", handed("token", 4, 1)),
            ("token, generation 4, 12 times", handed("token", 4, 12)),
            ("exec a, generation 9, generation 4", handed("exec a, generation 9", 4, 1)),
            ("token", None),
            ("token, generation", None),
            ("token, generation 4, often", None),
            ("token, generation four", None),
        ] {
            let read = handed_out(detail);
            assert_eq!(read, expected, "{detail}");
            assert!(read.is_none_or(|read| read.to_string() == detail), "{detail}");
        }
    }
}
