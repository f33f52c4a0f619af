//! The table `intents`: what is under way for a credential, and what is known of the process that began it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::rotation::Writer;
use lanyard_credential::{CredentialId, Generation, Intent, IntentPhase, Process, Spend};
use lanyard_time::{BootId, BootTime, Moment};

use crate::engine::{Row, Statement, sql};
use crate::presence::Sight;
use crate::write::Tx;
use crate::{Store, StoreError};

/// A process sends nothing any more when so much time has passed since it wrote its intent.
pub const EXCHANGE: Duration = Duration::from_mins(1);

/// So long a process may have a credential to itself without sending a refresh token.
pub const HOLD: Duration = Duration::from_mins(5);

/// A process that cannot be seen is presumed gone so long after its deadline: longer than an exchange takes, though the wall clocks of two
/// machines be a minute apart.
pub const MARGIN: Duration = Duration::from_mins(2);

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) process: Process,
    deadline: Timestamp,
    /// Whether the process has the credential to itself without sending a refresh token.
    pub(crate) held: bool,
    /// The refresh token that may have been spent, if one may.
    pub(crate) intent: Option<Intent>,
}

fn after(now: &Moment, length: Duration) -> Timestamp {
    now.wall.checked_add(length).unwrap_or(Timestamp::MAX)
}

/// When deadlines were first seen that lie further ahead than any can: the wall clock was set back.
#[derive(Debug, Default)]
pub(crate) struct FirstSights(Mutex<HashMap<CredentialId, (Timestamp, BootTime)>>);

impl Entry {
    /// An exchange that begins now.
    pub(crate) fn exchange(intent: Intent, now: &Moment) -> Self {
        Self { process: intent.writer.clone(), deadline: after(now, EXCHANGE), held: false, intent: Some(intent) }
    }

    /// A process that has the credential to itself. Of an earlier exchange the note stays.
    pub(crate) fn held(process: Process, note: Option<Intent>, now: &Moment) -> Self {
        Self { process, deadline: after(now, HOLD), held: true, intent: note }
    }

    /// How far a deadline lies ahead at most.
    const fn length(&self) -> Duration {
        if self.held { HOLD } else { EXCHANGE }
    }

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let process = Process {
            number: row.str("writer")?.into(),
            kernel: BootId::new(row.text("kernel")?),
            pid: row.counter("pid")?,
        };
        let phase = match row.optional_str("phase")? {
            None => None,
            Some("open") => Some(IntentPhase::Open),
            Some("unanswered") => Some(IntentPhase::Unanswered),
            Some("doubted") => Some(IntentPhase::Doubted),
            Some(_) => return Err(row.impossible("phase")),
        };
        let intent = match phase {
            None => None,
            Some(phase) => Some(Intent {
                generation: Generation::new(row.counter("generation")?),
                spend: match row.str("spend")? {
                    "stored" => Spend::Stored,
                    "spare" => Spend::Spare,
                    _ => return Err(row.impossible("spend")),
                },
                attempt: row.counter("attempt")?,
                writer: process.clone(),
                phase,
                presumed: row.flag("presumed")?,
            }),
        };
        Ok(Self { process, deadline: row.timestamp("deadline")?, held: row.flag("held")?, intent })
    }

    /// Puts it into the place of whatever is there.
    pub(crate) async fn store(&self, tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
        let intent = self.intent.as_ref();
        let insert = sql("intents", INSERT)
            .bind(id.to_string())
            .bind(&*self.process.number)
            .bind(self.process.kernel.as_str())
            .bind(self.process.pid)
            .bind(self.deadline)
            .bind(self.held)
            .bind(intent.map(|intent| phase_word(intent.phase)))
            .bind(intent.map(|intent| intent.generation.number()))
            .bind(intent.map(|intent| spend_word(intent.spend)))
            .bind(intent.map(|intent| intent.attempt))
            .bind(intent.is_some_and(|intent| intent.presumed));
        erase(tx, id).await?;
        tx.run(insert).await?;
        Ok(())
    }
}

impl Store {
    /// What is known of the process that wrote an entry. Its own entries are of an earlier run: a process works on a credential once at a
    /// time.
    pub(crate) fn judge_writer(&self, id: CredentialId, entry: &Entry, now: &Moment) -> Writer {
        let passed = |more| self.has_passed(id, entry, more, now);
        match entry.intent.as_ref().map(|intent| intent.phase) {
            Some(IntentPhase::Unanswered) if !entry.held => return Writer::Gone,
            Some(IntentPhase::Doubted) if !entry.held => {
                return if passed(Duration::ZERO) { Writer::Gone } else { Writer::Unknown };
            }
            _ => {}
        }
        if self.inner.presence.is_own(&entry.process) {
            return Writer::Gone;
        }
        match self.inner.presence.look(&entry.process) {
            Sight::Gone => Writer::Gone,
            Sight::Present if passed(Duration::ZERO) => Writer::Overdue,
            Sight::Present => Writer::Present,
            Sight::Unknown if passed(MARGIN) => Writer::Presumed,
            Sight::Unknown => Writer::Unknown,
        }
    }

    /// Whether so much `more` time than its deadline allows has passed for an entry.
    pub(crate) fn has_passed(&self, id: CredentialId, entry: &Entry, more: Duration, now: &Moment) -> bool {
        let seen = self.inner.first_sights.time_since(id, entry, now);
        now.wall >= entry.deadline.checked_add(more).unwrap_or(Timestamp::MAX)
            || seen.is_some_and(|seen| seen >= entry.length() + more)
    }
}

impl FirstSights {
    /// How long ago the deadline of an entry was first seen further ahead than any can lie.
    fn time_since(&self, id: CredentialId, entry: &Entry, now: &Moment) -> Option<Duration> {
        let ahead = Duration::try_from(entry.deadline.duration_since(now.wall)).unwrap_or_default();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match seen.get(&id) {
            Some((deadline, at)) if *deadline == entry.deadline => now.boot.since(at),
            _ if ahead > entry.length() => {
                seen.insert(id, (entry.deadline, now.boot.clone()));
                Some(Duration::ZERO)
            }
            _ => {
                seen.remove(&id);
                None
            }
        }
    }
}

/// The entry of a credential, to be read.
pub(crate) fn select(id: CredentialId) -> Statement {
    sql("intents", "SELECT * FROM intents WHERE credential = $1").bind(id.to_string())
}

/// Erases the entry of a credential, whosever it is.
pub(crate) async fn erase(tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
    tx.run(sql("intents", "DELETE FROM intents WHERE credential = $1").bind(id.to_string())).await?;
    Ok(())
}

/// Whether both are the same note: of the same writer about the same exchange. Its phase may have changed meanwhile.
pub(crate) fn is_same(a: &Intent, b: &Intent) -> bool {
    a.generation == b.generation && a.spend == b.spend && a.attempt == b.attempt && a.writer == b.writer
}

const fn phase_word(phase: IntentPhase) -> &'static str {
    match phase {
        IntentPhase::Open => "open",
        IntentPhase::Unanswered => "unanswered",
        IntentPhase::Doubted => "doubted",
    }
}

const fn spend_word(spend: Spend) -> &'static str {
    match spend {
        Spend::Stored => "stored",
        Spend::Spare => "spare",
    }
}

const INSERT: &str = "INSERT INTO intents (credential, writer, kernel, pid, deadline, held, phase, generation, spend, \
     attempt, presumed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: &str, boot: &str, elapsed: u64) -> Moment {
        let boot = BootTime { boot: BootId::new(boot), elapsed: Duration::from_secs(elapsed) };
        Moment { wall: wall.parse().unwrap(), boot }
    }

    #[test]
    fn a_deadline_that_no_clock_could_set_is_counted_from_when_it_was_first_seen() {
        let seen = FirstSights::default();
        let id = CredentialId::random(&lanyard_time::SystemEntropy);
        let process = Process { number: "".into(), kernel: BootId::unknown(), pid: 1 };
        let entry = |deadline: &str| {
            let held = Entry::held(process.clone(), None, &at("2026-01-01T00:00:00Z", "a", 0));
            Entry { deadline: deadline.parse().unwrap(), held: false, ..held }
        };
        let since = |deadline, now: &Moment| seen.time_since(id, &entry(deadline), now).map(|since| since.as_secs());
        let june = "2026-06-01T00:00:00Z";
        // Within an exchange's time there is nothing to count.
        assert_eq!(since(june, &at("2026-05-31T23:59:30Z", "a", 10)), None);
        // The clock was set back, and goes on being wrong.
        assert_eq!(since(june, &at("2026-01-01T00:00:00Z", "b", 10)), Some(0));
        assert_eq!(since(june, &at("2026-01-01T00:00:20Z", "b", 30)), Some(20));
        assert_eq!(since(june, &at("2025-01-01T00:00:00Z", "b", 80)), Some(70));
        // Another intent is counted from its own first sight.
        assert_eq!(since("2026-07-01T00:00:00Z", &at("2026-01-01T00:02:00Z", "b", 90)), Some(0));
    }
}
