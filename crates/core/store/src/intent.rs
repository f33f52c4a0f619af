//! Intents in a credential's row.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::{Generation, Intent, IntentPhase, Spend};
use lanyard_time::{BootId, BootTime, Moment, Presence, ProcessIdentity};

use crate::StoreError;
use crate::engine::{Row, Value};
use crate::record::nanoseconds;

/// How far the wall clocks of machines that share a store may be apart.
const SKEW: Duration = Duration::from_mins(1);

/// What is known of whoever wrote an intent, at the moment of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writer {
    /// This very process.
    Me,
    /// It is there, or cannot be told to be gone: its answer may still come.
    Present,
    /// It has surely ended, has given up, or its time is over: its answer comes no more.
    Gone,
}

/// An intent as it is stored: with its deadline on the wall clock too, for machines that do not tell their boots apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredIntent {
    pub(crate) intent: Intent,
    deadline_wall: Timestamp,
}

impl StoredIntent {
    /// An intent of `me` that lasts from `now` for `length`.
    pub(crate) fn new(
        (generation, spend, attempt): (Generation, Spend, u32),
        me: &ProcessIdentity,
        now: &Moment,
        length: Duration,
    ) -> Self {
        Self {
            intent: Intent {
                generation,
                spend,
                attempt,
                writer: me.clone(),
                deadline: BootTime { boot: now.boot.boot.clone(), elapsed: now.boot.elapsed.saturating_add(length) },
                phase: IntentPhase::Open,
            },
            deadline_wall: now.wall.checked_add(length).unwrap_or(Timestamp::MAX),
        }
    }

    /// What is known of the writer. A process of this host is judged by whether it is there, whatever the time: one that is stopped
    /// goes on some day. A process that cannot be judged is believed gone when its deadline has passed. In a store that machines share, a
    /// deadline of another boot may be another machine's, and only the wall clock tells.
    pub(crate) fn judge(&self, me: &ProcessIdentity, now: &Moment, shared: bool) -> Writer {
        if self.intent.phase == IntentPhase::Unanswered {
            return Writer::Gone;
        }
        if self.intent.writer == *me {
            return Writer::Me;
        }
        match presence(me, &self.intent.writer, shared) {
            Presence::Gone => Writer::Gone,
            Presence::Unknown if self.deadline_has_passed(now, shared) => Writer::Gone,
            Presence::Alive | Presence::Unknown => Writer::Present,
        }
    }

    fn deadline_has_passed(&self, now: &Moment, shared: bool) -> bool {
        let deadline = &self.intent.deadline;
        if deadline.boot.same_boot(&now.boot.boot) {
            return now.boot.elapsed >= deadline.elapsed;
        }
        if shared {
            let until = self.deadline_wall.checked_add(SKEW).unwrap_or(Timestamp::MAX);
            return now.wall >= until;
        }
        // A database file is used by one machine at a time: what ran in an earlier boot has ended with it.
        let known = |boot: &BootId| !boot.as_str().is_empty();
        (known(&deadline.boot) && known(&now.boot.boot)) || now.wall >= self.deadline_wall
    }

    /// Reads the `intent_` columns.
    pub(crate) fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let phase = match row.optional_text("intent_phase")?.as_deref() {
            None => return Ok(None),
            Some("open") => IntentPhase::Open,
            Some("unanswered") => IntentPhase::Unanswered,
            Some(_) => return Err(row.impossible("intent_phase")),
        };
        let spend = match row.text("intent_spend")?.as_str() {
            "stored" => Spend::Stored,
            "spare" => Spend::Spare,
            _ => return Err(row.impossible("intent_spend")),
        };
        Ok(Some(Self {
            intent: Intent {
                generation: Generation::new(row.counter("intent_generation")?),
                spend,
                attempt: row.counter("intent_attempt")?,
                writer: ProcessIdentity {
                    host: row.text("intent_host")?.into(),
                    boot: BootId::new(row.text("intent_boot")?),
                    pid: row.counter("intent_pid")?,
                    started: row.integer("intent_started")?.cast_unsigned(),
                },
                deadline: row.boot_time("intent_deadline_boot", "intent_deadline_elapsed")?,
                phase,
            },
            deadline_wall: row.timestamp("intent_deadline_wall")?,
        }))
    }

    /// The values of the `intent_` columns, in the table's order.
    pub(crate) fn values(&self) -> [Value; 11] {
        let Intent { generation, spend, attempt, writer, deadline, phase } = &self.intent;
        [
            phase_word(*phase).into(),
            generation.number().into(),
            spend_word(*spend).into(),
            (*attempt).into(),
            (&*writer.host).into(),
            writer.boot.as_str().into(),
            writer.pid.into(),
            writer.started.into(),
            deadline.boot.as_str().into(),
            nanoseconds(deadline),
            self.deadline_wall.into(),
        ]
    }
}

/// What `me` can tell of another process. Machines that share a store may call themselves the same, as clones do: another boot is then no
/// sign of an earlier one.
pub(crate) fn presence(me: &ProcessIdentity, other: &ProcessIdentity, shared: bool) -> Presence {
    match me.judge(other) {
        Presence::Gone if shared && !me.boot.same_boot(&other.boot) => Presence::Unknown,
        presence => presence,
    }
}

/// Whether both are the same note: of the same writer about the same exchange. Its phase may have changed meanwhile.
pub(crate) fn is_same(a: &Intent, b: &Intent) -> bool {
    a.generation == b.generation && a.spend == b.spend && a.attempt == b.attempt && a.writer == b.writer
}

pub(crate) const fn phase_word(phase: IntentPhase) -> &'static str {
    match phase {
        IntentPhase::Open => "open",
        IntentPhase::Unanswered => "unanswered",
    }
}

const fn spend_word(spend: Spend) -> &'static str {
    match spend {
        Spend::Stored => "stored",
        Spend::Spare => "spare",
    }
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock, ManualClock};

    use super::*;

    const LENGTH: Duration = Duration::from_mins(1);

    fn clock() -> ManualClock {
        ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn me(clock: &ManualClock) -> ProcessIdentity {
        ProcessIdentity::current(clock.now().boot.boot)
    }

    fn elsewhere(clock: &ManualClock) -> ProcessIdentity {
        ProcessIdentity { host: "elsewhere".into(), ..me(clock) }
    }

    fn by(writer: &ProcessIdentity, clock: &ManualClock) -> StoredIntent {
        StoredIntent::new((Generation::new(1), Spend::Stored, 1), writer, &clock.now(), LENGTH)
    }

    #[test]
    fn a_writer_that_cannot_be_judged_has_until_its_deadline() {
        let clock = clock();
        let intent = by(&elsewhere(&clock), &clock);
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Present);
        clock.advance(LENGTH.checked_sub(Duration::from_nanos(1)).unwrap());
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Present);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Gone);
    }

    #[test]
    fn a_process_of_this_host_is_present_while_it_is_there_however_late() {
        let clock = clock();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        // Which process it is does not matter here: another one that lives.
        let living = ProcessIdentity { pid: child.id(), started: started(child.id()), ..me(&clock) };
        let intent = by(&living, &clock);
        clock.advance(100 * LENGTH);
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Present);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Gone);
    }

    #[cfg(target_os = "linux")]
    fn started(pid: u32) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap().parse().unwrap()
    }

    #[test]
    fn what_was_written_in_an_earlier_boot_is_over() {
        let clock = clock();
        let (elsewhere, mine) = (by(&elsewhere(&clock), &clock), by(&me(&clock), &clock));
        clock.reboot("next");
        assert_eq!(elsewhere.judge(&me(&clock), &clock.now(), false), Writer::Gone);
        assert_eq!(mine.judge(&me(&clock), &clock.now(), false), Writer::Gone);
    }

    #[test]
    fn in_a_shared_store_another_boot_may_be_another_machine_of_the_same_name() {
        let clock = clock();
        let clone = by(&me(&clock), &clock);
        clock.reboot("of-the-other-machine");
        assert_eq!(clone.judge(&me(&clock), &clock.now(), false), Writer::Gone);
        assert_eq!(clone.judge(&me(&clock), &clock.now(), true), Writer::Present);
    }

    #[test]
    fn my_own_is_mine_until_i_said_that_no_answer_comes() {
        let clock = clock();
        let mut intent = by(&me(&clock), &clock);
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Me);
        intent.intent.phase = IntentPhase::Unanswered;
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Gone);
    }

    #[test]
    fn a_writer_on_another_machine_has_until_its_deadline_by_any_clock() {
        let clock = clock();
        let intent = by(&elsewhere(&clock), &clock);
        clock.reboot("another machine");
        let judge = || intent.judge(&me(&clock), &clock.now(), true);
        assert_eq!(judge(), Writer::Present);
        clock.advance(LENGTH);
        assert_eq!(judge(), Writer::Present, "the other clock may be late");
        clock.advance(SKEW);
        assert_eq!(judge(), Writer::Gone);
    }

    #[test]
    fn without_boots_the_wall_clock_decides() {
        let clock = clock();
        clock.reboot("");
        let intent = by(&elsewhere(&clock), &clock);
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Present);
        clock.advance(LENGTH);
        assert_eq!(intent.judge(&me(&clock), &clock.now(), false), Writer::Gone);
    }
}
