//! The table `intents`: what is under way for a credential, and what is known of the process that began it.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::rotation::Writer;
use lanyard_credential::{CredentialId, Generation, Intent, IntentPhase, Process, Spend};
use lanyard_time::{BootId, Moment};

use crate::engine::{Row, Statement, sql};
use crate::first_sights::FirstSights;
use crate::holder;
use crate::presence::{Presence, Sight};
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

impl Entry {
    /// An exchange that begins now.
    pub(crate) fn exchange(intent: Intent, now: &Moment) -> Self {
        Self { process: intent.writer.clone(), deadline: after(now, EXCHANGE), held: false, intent: Some(intent) }
    }

    /// A process that has the credential to itself. Of an earlier exchange the note stays.
    pub(crate) fn held(process: Process, note: Option<Intent>, now: &Moment) -> Self {
        Self { process, deadline: after(now, HOLD), held: true, intent: note }
    }

    /// When its process stops sending, by the wall clock.
    pub(crate) const fn deadline(&self) -> Timestamp {
        self.deadline
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
    /// Judges the process that wrote an entry.
    pub(crate) fn judge_writer(&self, id: CredentialId, entry: &Entry, now: &Moment) -> Writer {
        judge_writer((&self.inner.presence, &self.inner.first_sights), id, entry, now)
    }

    /// Whether so much `more` time than its deadline allows has passed for an entry.
    pub(crate) fn has_passed(&self, id: CredentialId, entry: &Entry, more: Duration, now: &Moment) -> bool {
        has_passed(&self.inner.first_sights, id, entry, more, now)
    }
}

/// Judges the process that wrote an entry, by the home's files and by the clocks. The process's own entries are of an earlier
/// run: a process works on a credential once at a time.
pub(crate) fn judge_writer(
    (presence, sights): (&Presence, &FirstSights),
    id: CredentialId,
    entry: &Entry,
    now: &Moment,
) -> Writer {
    let passed = |more| has_passed(sights, id, entry, more, now);
    match entry.intent.as_ref().map(|intent| intent.phase) {
        Some(IntentPhase::Unanswered) if !entry.held => return Writer::Gone,
        Some(IntentPhase::Doubted) if !entry.held => {
            return if passed(Duration::ZERO) { Writer::Gone } else { Writer::Unknown };
        }
        _ => {}
    }
    if presence.is_own(&entry.process) {
        return Writer::Gone;
    }
    match presence.look(&entry.process) {
        Sight::Gone => Writer::Gone,
        Sight::Present if passed(Duration::ZERO) => Writer::Overdue,
        Sight::Present => Writer::Present,
        Sight::Unknown if passed(MARGIN) => Writer::Presumed,
        Sight::Unknown => Writer::Unknown,
    }
}

fn has_passed(sights: &FirstSights, id: CredentialId, entry: &Entry, more: Duration, now: &Moment) -> bool {
    let seen = sights.time_since(id, entry.deadline, entry.length(), now);
    now.wall >= entry.deadline.checked_add(more).unwrap_or(Timestamp::MAX)
        || seen.is_some_and(|seen| seen >= entry.length() + more)
}

impl Store {
    /// Removes the presence files of processes that have ended, except those that an intent or a claim on work still names: their absence would say nothing.
    /// Best effort: what fails is done another time.
    pub async fn tidy_presence(&self) {
        if let Err(error) = self.remove_presence_files().await {
            tracing::debug!(%error, "the files of processes that have ended were not removed");
        }
    }

    async fn remove_presence_files(&self) -> Result<(), StoreError> {
        let presence = &self.inner.presence;
        let others = presence.others();
        if others.is_empty() {
            return Ok(());
        }
        // A file that is named is not locked either: others who look at it would take its process for one that lives.
        let named = self.named().await?;
        let unnamed = others.into_iter().filter(|number| !named.contains(number));
        let inherited: Vec<_> = unnamed.filter_map(|number| Some((presence.inherit(&number)?, number))).collect();
        if inherited.is_empty() {
            return Ok(());
        }
        // A process that has ended writes no more: what names it now was written before.
        let named = self.named().await?;
        for (file, number) in inherited.iter().filter(|(_, number)| !named.contains(number)) {
            presence.remove(file, number);
        }
        Ok(())
    }

    /// The numbers that intents and claims on work name.
    async fn named(&self) -> Result<HashSet<String>, StoreError> {
        let mut rows = self.engine().rows(sql("intents", "SELECT credential AS id, writer FROM intents")).await?;
        rows.extend(
            self.engine().rows(sql("work", "SELECT id, holder AS writer FROM work WHERE holder IS NOT NULL")).await?,
        );
        rows.iter().map(|row| Ok(holder::number(row.str("writer")?).to_owned())).collect()
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
