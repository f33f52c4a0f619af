//! The world of the model: Webex, the row, and the workers that drive the protocol.

use super::Bounds;
use super::mutant::Mutant;
use crate::rotation::{Action, Answer, Decision, Event, Failure, Found, IntentEnd, Snapshot, State, Writer, decide};
use crate::{Generation, IntentPhase, Spend};

/// A refresh token, by its number.
pub(super) type Token = u8;

pub(super) const WORKERS: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) webex: Webex,
    pub(super) row: Row,
    pub(super) workers: [Worker; WORKERS],
    pub(super) left: Bounds,
    pub(super) count: Count,
    /// The refresh tokens that replaced another and whose answer no living process has, a bit for each: the one excuse for a loss.
    pub(super) undelivered: u32,
    /// How often a writer that is there was given no more time: its margin passed, or the deadline that follows a doubted refusal, or a
    /// person took over. Once the generation is replaced, an answer that was overtaken comes back as the spare only.
    pub(super) misjudged: u8,
    /// The row before the last commit, while a failover may bring it back.
    pub(super) earlier: Option<Row>,
    /// A failover took a commit back.
    pub(super) took_back: bool,
    /// The forbidden step that was taken, if any.
    pub(super) wrong: Option<Wrong>,
}

/// A forbidden step that does not show in the world alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wrong {
    /// An intent was closed although an exchange of its token was in doubt, or left open although none was.
    Settled,
    /// A run ended without an answer after having asked once.
    AskedOnce,
    /// A generation was replaced that nobody had asked to be replaced.
    AnotherGeneration,
    /// A token was sent although no intent said so.
    SentWithoutIntent,
    /// Another token was sent than the one that an open intent names.
    AnotherToken,
    /// A grant was given up although a spare was there when the run began.
    SpareNotTried,
    /// A token was sent while another process, in time, was waiting for the answer to the same one.
    SentBesides,
    /// A run that was dropped in a process that lives on is not recovered by that process.
    OwnNotRecovered,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Webex {
    /// The refresh token that works now; `None` once the grant has been ended.
    pub(super) live: Option<Token>,
    /// The token that was replaced last, while its answer is repeated.
    pub(super) repeated: Option<Token>,
    pub(super) newest: Token,
    /// The refresh token of the grant before the last sign-in, while that grant lives.
    pub(super) earlier: Option<Token>,
    /// The tokens of grants before the last sign-in, a bit for each.
    pub(super) of_earlier: u32,
    /// Requests that were sent and are not yet carried out, with the incarnation that waits for the answer, if any.
    pub(super) requests: Vec<(Token, Option<Sender>)>,
    /// Answers on their way.
    pub(super) replies: Vec<(Sender, Answer<Token>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sender {
    pub(super) worker: usize,
    pub(super) incarnation: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) grant: u32,
    pub(super) generation: u32,
    pub(super) token: Token,
    pub(super) spare: Option<Token>,
    pub(super) intent: Option<Note>,
    pub(super) dead: bool,
    /// Whether this generation was ever called dead; a later failure is what is said then.
    pub(super) was_dead: bool,
    pub(super) erased: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Note {
    pub(super) spend: Spend,
    pub(super) attempt: u32,
    pub(super) writer: Sender,
    pub(super) late: Late,
    pub(super) phase: IntentPhase,
    pub(super) presumed: bool,
    pub(super) file: File,
}

/// How much of an intent's time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Late {
    InTime,
    PastDeadline,
    PastMargin,
}

/// The file that other processes find under the number of an intent's writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum File {
    Its,
    Absent,
    /// One that nobody has locked.
    Another,
}

impl Note {
    /// Whether both are about the same exchange.
    pub(super) fn is(self, other: Self) -> bool {
        (self.spend, self.attempt, self.writer) == (other.spend, other.attempt, other.writer)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Worker {
    pub(super) incarnation: u8,
    pub(super) run: Option<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and any of them may go with any other")]
pub(super) struct Run {
    pub(super) state: State<Token>,
    pub(super) action: Action,
    /// Whether a person takes over.
    pub(super) takes_over: bool,
    /// The generation that the run is to replace.
    pub(super) target: u32,
    /// The row as this run read or last wrote it.
    pub(super) generation: u32,
    pub(super) grant: u32,
    pub(super) found: Option<Note>,
    /// Whether a spare was there when the row was read.
    pub(super) spare: bool,
    /// Whether an earlier process that sent the same token was only presumed gone.
    pub(super) presumed: bool,
    /// The refresh token that goes with the intent, read in the same transaction.
    pub(super) token: Token,
    /// Whether the request is under way.
    pub(super) sent: bool,
    /// Whether an earlier exchange of the same token has an outcome that the run does not know.
    pub(super) doubt: bool,
}

/// Counts of finished steps, for comparison with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Count {
    pub(super) exchanges: u8,
    pub(super) rotations: u8,
    /// Exchanges that the store tells of otherwise: repeated ones, failed ones, overtaken ones.
    pub(super) recorded: u8,
}

/// Workers 0 and 1 share a host.
pub(super) const fn same_host(a: usize, b: usize) -> bool {
    (a < 2) == (b < 2)
}

impl World {
    pub(super) fn is_current(&self, sender: Sender) -> bool {
        self.workers[sender.worker].incarnation == sender.incarnation
    }

    pub(super) fn me(&self, worker: usize) -> Sender {
        Sender { worker, incarnation: self.workers[worker].incarnation }
    }

    /// Judges the writer of an intent as `worker` sees it, and whether a writer before it was only presumed gone.
    pub(super) fn judge(&self, worker: usize, note: Note, mutant: Option<Mutant>) -> (Writer, bool) {
        let me = self.me(worker);
        match note.phase {
            IntentPhase::Unanswered => return (Writer::Gone, note.presumed),
            IntentPhase::Doubted if note.late == Late::InTime => return (Writer::Unknown, note.presumed),
            IntentPhase::Doubted => return (Writer::Gone, false),
            IntentPhase::Open => {}
        }
        let is_own = note.writer == me;
        let seen = match (is_own, same_host(worker, note.writer.worker), note.file) {
            (true, ..) if mutant == Some(Mutant::OwnNumberLookedUp) => Writer::Present,
            (true, ..) => Writer::Gone,
            _ if mutant == Some(Mutant::PresenceMisjudged) => Writer::Gone,
            (_, false, _) if mutant == Some(Mutant::OtherKernelsLocksLookedAt) => Writer::Gone,
            (_, true, File::Absent) if mutant == Some(Mutant::AbsenceIsGone) => Writer::Gone,
            (_, true, File::Another) if mutant == Some(Mutant::InodeNotCompared) => Writer::Gone,
            (_, false, _) | (_, _, File::Absent | File::Another) => Writer::Unknown,
            (_, true, File::Its) if self.is_current(note.writer) => Writer::Present,
            (_, true, File::Its) => Writer::Gone,
        };
        let presumed_at = if mutant == Some(Mutant::MarginLeftOut) { Late::PastDeadline } else { Late::PastMargin };
        let writer = match seen {
            Writer::Present if note.late > Late::InTime && mutant == Some(Mutant::LateIsGone) => Writer::Gone,
            Writer::Present if note.late > Late::InTime => Writer::Overdue,
            Writer::Unknown if note.late >= presumed_at && mutant == Some(Mutant::PresumptionForgotten) => Writer::Gone,
            Writer::Unknown if note.late >= presumed_at => Writer::Presumed,
            seen => seen,
        };
        (writer, note.presumed)
    }

    /// Performs what the worker's run asks for. `None` where the action only waits.
    pub(super) fn perform(&mut self, worker: usize, fails: bool, mutant: Option<Mutant>) -> Option<Event<Token>> {
        let me = self.me(worker);
        let run = self.workers[worker].run.clone()?;
        if fails {
            return Some(Event::StoreFailed);
        }
        Some(match run.action {
            Action::Begin => self.read(worker, mutant)?,
            Action::Declare { spend, attempt, presumed } => {
                self.declare(worker, &run, (spend, attempt, presumed), mutant)?
            }
            Action::Exchange { .. } => {
                if run.found.is_none_or(|note| note.writer != me) {
                    self.wrong = Some(Wrong::SentWithoutIntent);
                }
                if self.misjudged == 0 && !self.took_back && self.is_awaited(worker, run.token) {
                    self.wrong = Some(Wrong::SentBesides);
                }
                self.webex.requests.push((run.token, Some(me)));
                self.count.exchanges += 1;
                self.workers[worker].run.as_mut()?.sent = true;
                return None;
            }
            Action::Commit | Action::CommitAgain => self.commit(&run, mutant)?,
            Action::KeepSpare | Action::KeepSpareAgain => {
                if self.row.erased || self.row.grant != run.grant {
                    return Some(Event::Superseded);
                }
                if mutant != Some(Mutant::NoSpare) {
                    self.row.spare = run.state.reply().copied();
                    self.row.dead &= mutant == Some(Mutant::SpareRevivesNothing);
                }
                self.count.recorded += 1;
                Event::Done
            }
            Action::Record { failure, intent } => self.record(&run, (failure, intent), mutant),
            Action::Discard | Action::Nothing => Event::Done,
        })
    }

    /// Whether another worker is waiting for the answer to `token`.
    fn is_awaited(&self, worker: usize, token: Token) -> bool {
        let awaits = |run: &Run| run.sent && run.token == token && matches!(run.action, Action::Exchange { .. });
        self.workers.iter().enumerate().any(|(other, it)| other != worker && it.run.as_ref().is_some_and(awaits))
    }

    /// Reads the row and decides, and writes the intent where that says so.
    fn read(&mut self, worker: usize, mutant: Option<Mutant>) -> Option<Event<Token>> {
        if self.row.erased {
            return Some(Event::Erased);
        }
        let found = self.row.intent;
        let intent = found.map(|note| {
            let (writer, presumed) = self.judge(worker, note, mutant);
            Found { spend: note.spend, attempt: note.attempt, writer, presumed }
        });
        let mut snapshot = Snapshot {
            generation: Generation::new(self.row.generation),
            intent,
            spare: self.row.spare.is_some(),
            rotates: true,
        };
        let (generation, grant, spare) = (self.row.generation, self.row.grant, self.row.spare.is_some());
        let me = self.me(worker);
        let run = self.workers[worker].run.as_mut()?;
        (run.generation, run.grant, run.found, run.spare) = (generation, grant, found, spare);
        if let Some(mutant) = mutant {
            mutant.reads(run, &mut snapshot);
        }
        let decision = decide(Generation::new(run.target), &snapshot, run.takes_over);
        let late = intent.is_some_and(|found| matches!(found.writer, Writer::Overdue | Writer::Unknown));
        match decision {
            Decision::Exchange(attempt) => {
                run.doubt = found.is_some();
                self.misjudged += u8::from(late);
                if found.is_some_and(|note| note.spend != attempt.spend) {
                    self.wrong = Some(Wrong::AnotherToken);
                }
                self.write(worker, found, (attempt.spend, attempt.number, attempt.presumed))?;
            }
            Decision::End(_) | Decision::Stall => {
                let is_own = |note: Note| note.writer == me && note.phase == IntentPhase::Open;
                if found.is_some_and(is_own) && self.row.generation == run.target {
                    self.wrong = Some(Wrong::OwnNotRecovered);
                }
            }
        }
        Some(Event::Decided(decision))
    }

    fn declare(
        &mut self,
        worker: usize,
        run: &Run,
        what: (Spend, u32, bool),
        mutant: Option<Mutant>,
    ) -> Option<Event<Token>> {
        let stands = self.row.intent.zip(run.found).is_some_and(|(note, own)| note.is(own));
        let unchanged = self.row.generation == run.generation
            && self.row.grant == run.grant
            && (stands || mutant == Some(Mutant::IntentUnguarded));
        if !unchanged || self.row.erased {
            return Some(Event::Superseded);
        }
        if run.doubt && run.found.is_some_and(|note| note.spend != what.0) && !run.presumed {
            self.wrong = Some(Wrong::AnotherToken);
        }
        self.write(worker, self.row.intent, what)?;
        Some(Event::Declared)
    }

    /// Writes an intent in place of the one that is there.
    fn write(
        &mut self,
        worker: usize,
        found: Option<Note>,
        (spend, attempt, presumed): (Spend, u32, bool),
    ) -> Option<()> {
        self.count.recorded += u8::from(found.is_some());
        let (writer, phase) = (self.me(worker), IntentPhase::Open);
        let note = Note { spend, attempt, writer, late: Late::InTime, phase, presumed, file: File::Its };
        self.row.intent = Some(note);
        let token = match spend {
            Spend::Stored => self.row.token,
            Spend::Spare => self.row.spare?,
        };
        let run = self.workers[worker].run.as_mut()?;
        (run.found, run.token, run.presumed) = (Some(note), token, presumed);
        Some(())
    }

    fn commit(&mut self, run: &Run, mutant: Option<Mutant>) -> Option<Event<Token>> {
        let reply = *run.state.reply()?;
        if self.row.erased {
            return Some(Event::Erased);
        }
        let fenced = mutant != Some(Mutant::CommitWithoutFence);
        if fenced && (self.row.generation, self.row.grant) != (run.generation, run.grant) {
            // The very answer that stands in the row, which another exchange of the same token brought: Webex repeated it.
            if self.row.grant == run.grant && self.row.token == reply && reply != run.token {
                return Some(Event::Committed);
            }
            return Some(Event::Overtaken { same_grant: self.row.grant == run.grant });
        }
        if run.generation != run.target {
            self.wrong = Some(Wrong::AnotherGeneration);
        }
        self.count.rotations += 1;
        self.misjudged += u8::from(self.misjudged > 0);
        self.earlier = (self.left.failovers > 0).then(|| self.row.clone());
        self.row = Row {
            grant: self.row.grant,
            erased: false,
            generation: self.row.generation + 1,
            token: reply,
            spare: None,
            intent: None,
            dead: false,
            was_dead: false,
        };
        Some(Event::Committed)
    }

    fn record(&mut self, run: &Run, (failure, end): (Failure, IntentEnd), mutant: Option<Mutant>) -> Event<Token> {
        let stands = self.row.intent.zip(run.found).is_some_and(|(note, own)| note.is(own));
        let mine = (self.row.generation == run.generation || mutant == Some(Mutant::FailureUnguarded))
            && (stands || matches!(mutant, Some(Mutant::FailureOverAnotherIntent | Mutant::FailureUnguarded)));
        if failure == Failure::Overdue {
            return if mine { Event::Done } else { Event::Superseded };
        }
        if !mine || self.row.erased {
            self.count.recorded += 1;
            return Event::Superseded;
        }
        let is_stored = run.found.is_some_and(|note| note.spend == Spend::Stored);
        let gives_up = matches!(failure, Failure::DeadGrant | Failure::Doubted);
        if gives_up && is_stored && run.spare {
            self.wrong = Some(Wrong::SpareNotTried);
        }
        let untried = is_stored && self.row.spare.is_some();
        if failure == Failure::DeadGrant && untried && mutant != Some(Mutant::NewSpareIgnored) {
            self.count.recorded += 1;
            if let Some(note) = &mut self.row.intent {
                note.phase = IntentPhase::Unanswered;
            }
            return Event::Superseded;
        }
        let right = match failure {
            Failure::DeadGrant => IntentEnd::Close,
            Failure::Doubted => IntentEnd::Doubted,
            _ if run.doubt => IntentEnd::Unanswered,
            _ => IntentEnd::Close,
        };
        if end != right {
            self.wrong = Some(Wrong::Settled);
        }
        if failure == Failure::Unknown && run.found.is_some_and(|note| note.attempt < 2) {
            self.wrong = Some(Wrong::AskedOnce);
        }
        self.row.dead = failure == Failure::DeadGrant;
        self.row.was_dead |= self.row.dead;
        match (&mut self.row.intent, end) {
            (Some(note), IntentEnd::Unanswered) => note.phase = IntentPhase::Unanswered,
            (Some(note), IntentEnd::Doubted) => (note.phase, note.late) = (IntentPhase::Doubted, Late::InTime),
            _ => {
                self.row.intent = None;
                self.count.recorded += 1;
            }
        }
        Event::Done
    }

    pub(super) fn tell(&mut self, worker: usize, event: Event<Token>, mutant: Option<Mutant>) {
        let Some(mut run) = self.workers[worker].run.take() else {
            return;
        };
        match event {
            Event::Answered(Answer::Unknown) => run.doubt = true,
            Event::Answered(Answer::Dead) => run.doubt = run.presumed,
            _ => {}
        }
        let is_unknown = event == Event::Answered(Answer::Unknown);
        let (state, action) = match mutant {
            None => run.state.step(event),
            Some(mutant) => {
                let Some(event) = mutant.hears(&run, event) else { return };
                let (state, action) = run.state.step(event);
                mutant.does(state, action, is_unknown)
            }
        };
        if matches!(state, State::Finished(_)) {
            return;
        }
        // A run reads the row once; what it wrote itself it knows.
        run.sent = false;
        run.state = state;
        run.action = action;
        self.workers[worker].run = Some(run);
    }
}
