//! The happenings in the world of the model.

use super::Server;
use super::mutant::Mutant;
use super::world::{File, Late, Note, Row, Run, World};
use crate::IntentPhase;
use crate::rotation::{Answer, Event, State};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Happening {
    Begin(usize),
    /// A person begins a renewal that does not wait for a writer that is late or cannot be seen.
    TakeOver(usize),
    Perform(usize),
    Fail(usize),
    Crash(usize),
    DeadlinePasses,
    /// The margin passes that follows a deadline.
    MarginPasses,
    /// Others find the presence file of the intent's writer no more, or another one in its place.
    LoseFile(File),
    /// Webex carries out a request.
    CarryOut(usize),
    /// Webex declines a request without looking at it.
    Decline(usize),
    /// A request is lost before Webex sees it.
    CutRequest(usize),
    /// The sender gives up; the request is carried out later.
    GiveUp(usize),
    Deliver(usize),
    CutReply(usize),
    WindowCloses,
    Revoke,
    Drop(usize),
    Reject(usize),
    SignIn,
    Clear,
    FailOver,
}

impl World {
    /// Lets it happen; `None` where it changes nothing.
    pub(super) fn happen(&mut self, happening: Happening, server: Server, mutant: Option<Mutant>) -> Option<()> {
        match happening {
            Happening::Begin(worker) => self.begin(worker, false),
            Happening::TakeOver(worker) => {
                self.left.takeovers -= 1;
                self.begin(worker, true);
            }
            Happening::Perform(worker) => {
                if let Some(event) = self.perform(worker, false, mutant) {
                    self.tell(worker, event, mutant);
                }
            }
            Happening::Fail(worker) => {
                self.left.store_failures -= 1;
                if let Some(event) = self.perform(worker, true, mutant) {
                    self.tell(worker, event, mutant);
                }
            }
            Happening::Crash(worker) => self.crash(worker),
            Happening::Drop(worker) => self.drop_run(worker),
            Happening::Reject(index) => {
                self.left.rejections -= 1;
                let (_, waiting) = self.webex.requests.remove(index);
                if let Some(sender) = waiting {
                    self.webex.replies.push((sender, Answer::WrongClient));
                }
            }
            Happening::SignIn => self.sign_in(),
            Happening::Clear => {
                self.left.clearings -= 1;
                self.row.erased = true;
                self.row.dead = false;
            }
            Happening::FailOver => {
                self.left.failovers -= 1;
                self.row = self.earlier.take()?;
                self.took_back = true;
            }
            Happening::DeadlinePasses => self.time_passes(Late::PastDeadline)?,
            Happening::MarginPasses => self.time_passes(Late::PastMargin)?,
            Happening::LoseFile(file) => {
                self.left.files -= 1;
                self.row.intent.as_mut()?.file = file;
            }
            Happening::CarryOut(index) => {
                let (token, waiting) = self.webex.requests.remove(index);
                let answer = self.carry_out(server, token);
                match waiting {
                    Some(sender) => self.webex.replies.push((sender, answer)),
                    None => self.nobody_hears(&answer, Some(token)),
                }
            }
            Happening::Decline(index) => {
                self.left.refusals -= 1;
                let (_, waiting) = self.webex.requests.remove(index);
                if let Some(sender) = waiting {
                    self.webex.replies.push((sender, Answer::Refused));
                }
            }
            Happening::CutRequest(index) => {
                self.left.cuts -= 1;
                let (_, waiting) = self.webex.requests.remove(index);
                if let Some(sender) = waiting {
                    self.tell(sender.worker, Event::Answered(Answer::Unknown), mutant);
                }
            }
            Happening::GiveUp(index) => {
                self.left.cuts -= 1;
                let sender = self.webex.requests[index].1.take()?;
                self.tell(sender.worker, Event::Answered(Answer::Unknown), mutant);
            }
            Happening::Deliver(index) => {
                let (sender, answer) = self.webex.replies.remove(index);
                self.tell(sender.worker, Event::Answered(answer), mutant);
            }
            Happening::CutReply(index) => {
                self.left.cuts -= 1;
                let (sender, answer) = self.webex.replies.remove(index);
                self.nobody_hears(&answer, Some(self.row.token));
                self.tell(sender.worker, Event::Answered(Answer::Unknown), mutant);
            }
            Happening::WindowCloses => {
                self.left.pauses -= 1;
                self.webex.repeated = None;
            }
            Happening::Revoke => {
                self.left.revocations -= 1;
                self.webex.live = None;
                self.webex.repeated = None;
            }
        }
        Some(())
    }

    fn begin(&mut self, worker: usize, takes_over: bool) {
        self.left.runs -= 1;
        let (state, action) = State::begin();
        let generation = self.row.generation;
        self.workers[worker].run = Some(Run {
            state,
            action,
            takes_over,
            target: generation,
            generation,
            grant: self.row.grant,
            found: None,
            spare: false,
            presumed: false,
            token: 0,
            sent: false,
            doubt: false,
        });
    }

    fn time_passes(&mut self, late: Late) -> Option<()> {
        self.left.pauses -= 1;
        let note = self.row.intent.as_mut()?;
        note.late = late;
        let Note { writer, phase, .. } = *note;
        let is_there = self.is_current(writer) && self.workers[writer.worker].run.is_some();
        let misjudged = match late {
            Late::InTime => false,
            Late::PastDeadline => phase == IntentPhase::Doubted,
            Late::PastMargin => is_there,
        };
        self.misjudged += u8::from(misjudged);
        Some(())
    }

    fn crash(&mut self, worker: usize) {
        self.left.crashes -= 1;
        if let Some(run) = self.workers[worker].run.take()
            && let Some(token) = run.state.reply()
        {
            self.nobody_hears(&Answer::Granted(*token), Some(self.row.token));
        }
        let replies = std::mem::take(&mut self.webex.replies);
        for (to, answer) in replies {
            if to.worker == worker {
                self.nobody_hears(&answer, Some(self.row.token));
            } else {
                self.webex.replies.push((to, answer));
            }
        }
        for (_, waiting) in &mut self.webex.requests {
            *waiting = waiting.filter(|sender| sender.worker != worker);
        }
        self.workers[worker].incarnation += 1;
    }

    fn drop_run(&mut self, worker: usize) {
        self.left.drops -= 1;
        if let Some(run) = self.workers[worker].run.take()
            && let Some(token) = run.state.reply()
        {
            self.nobody_hears(&Answer::Granted(*token), Some(self.row.token));
        }
        let me = self.me(worker);
        let (mine, others) = std::mem::take(&mut self.webex.replies).into_iter().partition(|(to, _)| *to == me);
        self.webex.replies = others;
        let mine: Vec<_> = mine;
        for (_, answer) in mine {
            self.nobody_hears(&answer, Some(self.row.token));
        }
        for (_, waiting) in &mut self.webex.requests {
            *waiting = waiting.filter(|sender| *sender != me);
        }
    }

    fn sign_in(&mut self) {
        self.left.sign_ins -= 1;
        // The record of the sign-in says what became of the exchange before it.
        self.count.recorded += u8::from(self.row.intent.is_some());
        let webex = &mut self.webex;
        webex.of_earlier = (1 << (webex.newest + 1)) - 1;
        webex.earlier = webex.live;
        webex.repeated = None;
        webex.newest += 1;
        webex.live = Some(webex.newest);
        self.undelivered = 0;
        self.row = Row {
            grant: self.row.grant + 1,
            generation: self.row.generation + 1,
            token: webex.newest,
            spare: None,
            intent: None,
            dead: false,
            was_dead: false,
            ..self.row
        };
    }
}
