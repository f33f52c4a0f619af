//! Whether a renewal is under way anywhere, asked before something is done to the store that its process cannot follow: its schema is
//! changed, or it is moved elsewhere.
//!
//! A process that has sent a refresh token must be able to write the answer, which may exist nowhere else. The question is asked within
//! the transaction that makes the change: whatever begins later reads that change in its own transaction, and sends nothing.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::rotation::Writer;
use lanyard_credential::{CredentialId, IntentPhase};
use lanyard_time::{BootId, Moment};

use crate::engine::{Row, Statement, Transaction, sql};
use crate::first_sights::FirstSights;
use crate::intent::{Entry, MARGIN, judge_writer};
use crate::presence::Presence;
use crate::record::unless_unreadable;
use crate::{Parts, StoreError};

/// A renewal whose answer may still have to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The name of its credential, or the id if the credential is gone.
    pub credential: String,
    /// The id of the process that renews it.
    pub pid: u32,
    /// When it is presumed over. `None` if its process is seen to run on this machine: then it lasts as long as that process.
    pub until: Option<Timestamp>,
}

impl InFlight {
    /// The next step.
    pub fn hint(&self) -> String {
        match self.until {
            None => format!("wait until that renewal is done, or stop the process (kill {}), then try again", self.pid),
            Some(until) => format!("that renewal is over by {until:.0} at the latest; try again then"),
        }
    }
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} is renewing the credential {}", self.pid, self.credential.escape_debug())
    }
}

/// A home's view of the processes that use its store.
#[derive(Debug)]
pub(crate) struct Observer {
    presence: Presence,
    first_sights: FirstSights,
    now: Moment,
}

impl Observer {
    /// The view from the home in `directory`, at this moment.
    pub(crate) fn new(directory: &Path, parts: &Parts) -> Self {
        let presence = Presence::new(directory.join("presence"), parts.kernel.clone());
        Self { presence, first_sights: FirstSights::default(), now: parts.clock.now() }
    }

    /// A renewal that is under way in a store with the schema `version`, if one is.
    pub(crate) async fn in_flight(
        &self,
        transaction: &mut Transaction,
        version: i64,
    ) -> Result<Option<InFlight>, StoreError> {
        let has_presence = version >= PRESENCE;
        let select = if has_presence { SELECT } else { SELECT_EARLIER };
        for row in transaction.rows(sql("intents", select)).await? {
            let judged = if has_presence { self.judge(&row) } else { self.judge_earlier(&row) };
            // A row that cannot be read is nobody's answer: its process could not write there either.
            if let Some(Some(found)) = unless_unreadable(judged)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A renewal that a process of another home has under way, if one is. `rows` are those of [`intents`]; those of the writers that are
    /// `known` do not count.
    pub(crate) fn unseen(&self, rows: &[Row], known: impl Fn(&str) -> bool) -> Result<Option<InFlight>, StoreError> {
        for row in rows {
            let unknown = unless_unreadable(self.judge(row))?.flatten().filter(|found| found.until.is_some());
            if let Some(found) = unknown.filter(|_| !row.str("writer").is_ok_and(&known)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn judge(&self, row: &Row) -> Result<Option<InFlight>, StoreError> {
        let entry = Entry::read(row)?;
        let id: CredentialId = row.parsed("credential")?;
        // Without its credential an answer has no place, whoever waits for it.
        let Some(credential) = row.optional_text("name")? else { return Ok(None) };
        let found = |until| Ok(Some(InFlight { credential, pid: entry.process.pid, until }));
        if entry.intent.as_ref().is_none_or(|intent| intent.phase == IntentPhase::Unanswered) {
            return Ok(None);
        }
        match judge_writer((&self.presence, &self.first_sights), id, &entry, &self.now) {
            Writer::Gone | Writer::Presumed => Ok(None),
            Writer::Present | Writer::Overdue => found(None),
            Writer::Unknown => found(Some(after_margin(entry.deadline()))),
        }
    }

    /// Nothing is known of the processes of an earlier version but their deadlines.
    fn judge_earlier(&self, row: &Row) -> Result<Option<InFlight>, StoreError> {
        let until = after_margin(row.timestamp("intent_deadline_wall")?);
        let boot = BootId::new(row.text("intent_deadline_boot")?);
        let elapsed = u64::try_from(row.integer("intent_deadline_elapsed")?).unwrap_or(0);
        let elapsed = Duration::from_nanos(elapsed).saturating_add(MARGIN);
        let has_passed =
            self.now.wall >= until || (self.now.boot.boot.same_boot(&boot) && self.now.boot.elapsed >= elapsed);
        if has_passed {
            return Ok(None);
        }
        Ok(Some(InFlight { credential: row.text("name")?, pid: row.counter("intent_pid")?, until: Some(until) }))
    }
}

/// The intents, with the names of their credentials.
pub(crate) fn intents() -> Statement {
    sql("intents", SELECT)
}

fn after_margin(deadline: Timestamp) -> Timestamp {
    deadline.checked_add(MARGIN).unwrap_or(Timestamp::MAX)
}

/// The first version of the schema whose intents name the file that their process keeps locked.
const PRESENCE: i64 = 9;

const SELECT: &str = "SELECT intents.*, credentials.name AS name FROM intents LEFT JOIN credentials \
     ON credentials.id = intents.credential WHERE phase IS NOT NULL ORDER BY credential";
const SELECT_EARLIER: &str = "SELECT id, name, intent_pid, intent_deadline_wall, intent_deadline_boot, intent_deadline_elapsed \
     FROM credentials WHERE intent_phase = 'open' ORDER BY id";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lanyard_time::{ManualClock, SystemEntropy};
    use lanyard_vault::{HomeKey, KeySource};

    use super::*;
    use crate::engine::Reach;
    use crate::migration::KNOWN;
    use crate::{Database, DatabasePlace, Store};

    const ID: &str = "00000000-0000-4000-8000-000000000007";

    #[tokio::test]
    async fn a_renewal_is_in_flight_until_its_process_is_gone_or_presumed_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lanyard.db");
        std::fs::write(&path, "").unwrap();
        let database = Database { place: DatabasePlace::File(path), busy_timeout: Duration::from_secs(10), parts: &[] };
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let mut parts = Parts::new(Arc::new(clock.clone()), Arc::new(SystemEntropy));
        parts.kernel = BootId::new("this kernel");
        let key = HomeKey::generate(&SystemEntropy);
        Store::make(&database, &key, (KeySource::File, "a home"), &parts).await.unwrap();
        let engine = database.engine();
        let run = async |text: &'static str| {
            let mut write = engine.write(Reach::Home).await.unwrap();
            write.run(sql("intents", text)).await.unwrap();
            write.commit().await.unwrap();
        };
        let in_flight = async || {
            let mut write = engine.write(Reach::Home).await.unwrap();
            let found = Observer::new(directory.path(), &parts).in_flight(&mut write, KNOWN).await.unwrap();
            write.abandon().await.unwrap();
            found
        };
        assert_eq!(in_flight().await, None);

        let other = Presence::new(directory.path().join("presence"), parts.kernel.clone());
        let process = other.announce(&SystemEntropy);
        let mut write = engine.write(Reach::Home).await.unwrap();
        let insert = "INSERT INTO intents (credential, writer, kernel, pid, deadline, held, phase, generation, spend, attempt, presumed) \
                      VALUES ($1, $2, $3, 4711, 0, FALSE, 'open', 1, 'stored', 1, FALSE)";
        let insert = sql("intents", insert).bind(ID).bind(&*process.number).bind(process.kernel.as_str());
        write.run(insert).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(in_flight().await, None, "an answer without its credential has no place");
        run("INSERT INTO credentials (id, name, kind, environment, standing, grant_number, generation, created_at, labels) \
             SELECT credential, 'acme', 'integration', 'x', 'active', 1, 1, 0, '{}' FROM intents")
        .await;
        // However late it is.
        let found = in_flight().await.unwrap();
        assert_eq!(found, InFlight { credential: "acme".to_owned(), pid: 4711, until: None });
        assert!(found.hint().contains("kill 4711"), "{}", found.hint());
        run("UPDATE intents SET phase = 'unanswered'").await;
        assert_eq!(in_flight().await, None, "no answer comes");
        run("UPDATE intents SET phase = 'open'").await;
        assert!(in_flight().await.is_some());
        drop(other);
        assert_eq!(in_flight().await, None, "its process has ended");

        // A process that cannot be seen.
        run("UPDATE intents SET kernel = 'another kernel', deadline = 1767225660000").await;
        let until = "2026-01-01T00:03:00Z".parse().unwrap();
        let found = in_flight().await.unwrap();
        assert_eq!(found.until, Some(until));
        assert!(found.hint().contains("2026-01-01T00:03:00Z"), "{}", found.hint());
        clock.advance(Duration::from_mins(3));
        assert_eq!(in_flight().await, None);
    }
}
