//! The world of the model: Webex, the row, and the workers that drive the protocol.

use super::Bounds;
use super::mutant::Mutant;
use crate::rotation::{Action, Answer, Event, Failure, Found, Snapshot, State, Writer};
use crate::{Generation, Grant, Spend};

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
    /// A deadline passed while its writer was still there.
    pub(super) overslept: bool,
    /// The row before the last commit, while a failover may bring it back.
    pub(super) earlier: Option<Row>,
    /// A failover took a commit back.
    pub(super) took_back: bool,
    /// What was done that may never be done.
    pub(super) wrong: Option<Wrong>,
}

/// What a step did that the world alone does not show.
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
    pub(super) lease: Option<Sender>,
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
    pub(super) overdue: bool,
    pub(super) unanswered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Worker {
    pub(super) incarnation: u8,
    pub(super) run: Option<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) state: State<Token>,
    pub(super) action: Action,
    /// The generation that the run is to replace.
    pub(super) target: u32,
    /// The row as this run claimed or last wrote it.
    pub(super) generation: u32,
    pub(super) grant: u32,
    pub(super) found: Option<Note>,
    /// Whether a spare was there at the claim.
    pub(super) spare: bool,
    /// The refresh token that goes with the intent, read in the same transaction.
    pub(super) token: Token,
    /// Whether the request is under way.
    pub(super) sent: bool,
    /// Whether an earlier exchange of the same token has an outcome that the run does not know.
    pub(super) doubt: bool,
}

/// What was done, to be held against each other.
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

    /// What `worker` can tell about the writer of an intent.
    pub(super) fn judge(&self, worker: usize, note: Note, mutant: Option<Mutant>) -> Writer {
        if mutant == Some(Mutant::PresenceMisjudged) && note.writer != self.me(worker) {
            return Writer::Gone;
        }
        let gone = note.unanswered
            || note.writer == self.me(worker)
            || if same_host(worker, note.writer.worker) { !self.is_current(note.writer) } else { note.overdue };
        if gone { Writer::Gone } else { Writer::Present }
    }

    /// Performs what the worker's run asks for. `None` where the action only waits.
    pub(super) fn perform(&mut self, worker: usize, fails: bool, mutant: Option<Mutant>) -> Option<Event<Token>> {
        let me = self.me(worker);
        let run = self.workers[worker].run.clone()?;
        if fails {
            return Some(Event::StoreFailed);
        }
        Some(match run.action {
            Action::Claim => self.claim(worker, mutant)?,
            Action::Declare { spend, attempt } => self.declare(worker, &run, (spend, attempt), mutant)?,
            Action::Exchange { .. } => {
                if run.found.is_none_or(|note| note.writer != me) {
                    self.wrong = Some(Wrong::SentWithoutIntent);
                }
                self.webex.requests.push((run.token, Some(me)));
                self.count.exchanges += 1;
                self.workers[worker].run.as_mut()?.sent = true;
                return None;
            }
            Action::Commit | Action::CommitAgain => self.commit(me, &run, mutant)?,
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
            Action::Record { failure, settled } => self.record(me, &run, (failure, settled), mutant),
            Action::Release => {
                self.give_back(me);
                Event::Done
            }
            Action::Discard | Action::Nothing => Event::Done,
        })
    }

    fn claim(&mut self, worker: usize, mutant: Option<Mutant>) -> Option<Event<Token>> {
        let me = self.me(worker);
        if self.row.erased {
            return Some(Event::Erased);
        }
        if self
            .row
            .lease
            .is_some_and(|holder| holder != me && (self.is_current(holder) || !same_host(worker, holder.worker)))
        {
            return Some(Event::Held);
        }
        self.row.lease = Some(me);
        let run = self.workers[worker].run.as_mut()?;
        run.generation = self.row.generation;
        run.grant = self.row.grant;
        run.found = self.row.intent;
        run.doubt = run.found.is_some();
        run.spare = self.row.spare.is_some();
        let intent = self.row.intent.map(|note| Found {
            spend: note.spend,
            attempt: note.attempt,
            writer: self.judge(worker, note, mutant),
        });
        Some(Event::Claimed(Snapshot {
            generation: Generation::new(self.row.generation),
            grant: Grant::new(self.row.grant),
            intent,
            spare: self.row.spare.is_some(),
            rotates: true,
        }))
    }

    fn declare(
        &mut self,
        worker: usize,
        run: &Run,
        (spend, attempt): (Spend, u32),
        mutant: Option<Mutant>,
    ) -> Option<Event<Token>> {
        let me = self.me(worker);
        let unchanged = self.row.generation == run.generation
            && self.row.grant == run.grant
            && (self.row.intent == run.found || mutant == Some(Mutant::IntentUnguarded))
            && (self.row.lease == Some(me) || mutant == Some(Mutant::IntentUnguarded));
        if !unchanged || self.row.erased {
            return Some(Event::Superseded);
        }
        if self.row.intent.is_some() {
            self.count.recorded += 1;
        }
        if run.doubt && run.found.is_some_and(|note| note.spend != spend) {
            self.wrong = Some(Wrong::AnotherToken);
        }
        let note = Note { spend, attempt, writer: me, overdue: false, unanswered: false };
        self.row.intent = Some(note);
        let token = match spend {
            Spend::Stored => self.row.token,
            Spend::Spare => self.row.spare?,
        };
        let run = self.workers[worker].run.as_mut()?;
        run.found = Some(note);
        run.token = token;
        Some(Event::Declared)
    }

    fn commit(&mut self, me: Sender, run: &Run, mutant: Option<Mutant>) -> Option<Event<Token>> {
        let reply = *run.state.reply()?;
        if self.row.erased {
            return Some(Event::Erased);
        }
        let fenced = mutant != Some(Mutant::CommitWithoutFence);
        if fenced && (self.row.generation, self.row.grant) != (run.generation, run.grant) {
            return Some(Event::Overtaken { same_grant: self.row.grant == run.grant });
        }
        if run.generation != run.target {
            self.wrong = Some(Wrong::AnotherGeneration);
        }
        self.count.rotations += 1;
        self.earlier = (self.left.failovers > 0).then(|| self.row.clone());
        self.row = Row {
            grant: self.row.grant,
            erased: false,
            generation: self.row.generation + 1,
            token: reply,
            spare: None,
            intent: None,
            lease: self.row.lease.filter(|holder| *holder != me),
            dead: false,
            was_dead: false,
        };
        Some(Event::Committed)
    }

    fn record(
        &mut self,
        me: Sender,
        run: &Run,
        (failure, settled): (Failure, bool),
        mutant: Option<Mutant>,
    ) -> Event<Token> {
        let mine = (self.row.generation == run.generation || mutant == Some(Mutant::FailureUnguarded))
            && (self.row.intent == run.found
                || matches!(mutant, Some(Mutant::FailureOverAnotherIntent | Mutant::FailureUnguarded)));
        self.give_back(me);
        if !mine || self.row.erased {
            self.count.recorded += 1;
            return Event::Superseded;
        }
        let is_stored = run.found.is_some_and(|note| note.spend == Spend::Stored);
        if failure == Failure::DeadGrant && is_stored && run.spare {
            self.wrong = Some(Wrong::SpareNotTried);
        }
        let untried = is_stored && self.row.spare.is_some();
        if failure == Failure::DeadGrant && untried && mutant != Some(Mutant::NewSpareIgnored) {
            self.count.recorded += 1;
            return Event::Superseded;
        }
        if settled != (failure == Failure::DeadGrant || !run.doubt) {
            self.wrong = Some(Wrong::Settled);
        }
        if failure == Failure::Unknown && run.found.is_some_and(|note| note.attempt < 2) {
            self.wrong = Some(Wrong::AskedOnce);
        }
        self.row.dead = failure == Failure::DeadGrant;
        self.row.was_dead |= self.row.dead;
        if settled {
            self.row.intent = None;
            self.count.recorded += 1;
        } else if let Some(note) = &mut self.row.intent {
            note.unanswered = true;
        }
        Event::Done
    }

    pub(super) fn give_back(&mut self, me: Sender) {
        self.row.lease = self.row.lease.filter(|holder| *holder != me);
    }

    pub(super) fn tell(&mut self, worker: usize, event: Event<Token>, mutant: Option<Mutant>) {
        let Some(mut run) = self.workers[worker].run.take() else {
            return;
        };
        match event {
            Event::Answered(Answer::Unknown) => run.doubt = true,
            Event::Answered(Answer::Dead) => run.doubt = false,
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
        // A process reads the row's intent again only by claiming; what it wrote itself it knows.
        run.sent = false;
        run.state = state;
        run.action = action;
        self.workers[worker].run = Some(run);
    }
}
