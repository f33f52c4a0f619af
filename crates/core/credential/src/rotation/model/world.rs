//! The world of the model: Webex, the row, and the workers that drive the protocol.

use super::{Bounds, Server};
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
    /// A refresh token that replaced another and whose answer no living process has: the one excuse for a loss.
    pub(super) undelivered: Option<Token>,
    /// A deadline passed while its writer was still there.
    pub(super) overslept: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Webex {
    /// The refresh token that works now; `None` once the grant has been ended.
    pub(super) live: Option<Token>,
    /// The token that was replaced last, while its answer is repeated.
    pub(super) repeated: Option<Token>,
    pub(super) newest: Token,
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
    pub(super) generation: u32,
    pub(super) token: Token,
    pub(super) spare: Option<Token>,
    pub(super) intent: Option<Note>,
    pub(super) lease: Option<Sender>,
    pub(super) dead: bool,
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
    /// The row as this run claimed or last wrote it.
    pub(super) generation: u32,
    pub(super) found: Option<Note>,
    /// The refresh token that goes with the intent, read in the same transaction.
    pub(super) token: Token,
    /// Whether the request is under way.
    pub(super) sent: bool,
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
    pub(super) fn judge(&self, worker: usize, note: Note) -> Writer {
        let gone = note.unanswered
            || note.writer == self.me(worker)
            || if same_host(worker, note.writer.worker) { !self.is_current(note.writer) } else { note.overdue };
        if gone { Writer::Gone } else { Writer::Present }
    }

    /// Performs what the worker's run asks for. `None` where the action only waits.
    pub(super) fn perform(&mut self, worker: usize, fails: bool) -> Option<Event<Token>> {
        let me = self.me(worker);
        let run = self.workers[worker].run.clone()?;
        if fails {
            return Some(Event::StoreFailed);
        }
        Some(match run.action {
            Action::Claim => {
                if self.row.lease.is_some_and(|holder| {
                    holder != me && (self.is_current(holder) || !same_host(worker, holder.worker))
                }) {
                    return Some(Event::Held);
                }
                self.row.lease = Some(me);
                let run = self.workers[worker].run.as_mut()?;
                run.generation = self.row.generation;
                run.found = self.row.intent;
                let intent = self.row.intent.map(|note| Found {
                    spend: note.spend,
                    attempt: note.attempt,
                    writer: self.judge(worker, note),
                });
                Event::Claimed(Snapshot {
                    generation: Generation::new(self.row.generation),
                    grant: Grant::new(1),
                    intent,
                    spare: self.row.spare.is_some(),
                    rotates: true,
                })
            }
            Action::Declare { spend, attempt } => {
                let unchanged =
                    self.row.generation == run.generation && self.row.intent == run.found && self.row.lease == Some(me);
                if !unchanged {
                    return Some(Event::Superseded);
                }
                if self.row.intent.is_some() {
                    self.count.recorded += 1;
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
                Event::Declared
            }
            Action::Exchange { .. } => {
                self.webex.requests.push((run.token, Some(me)));
                self.count.exchanges += 1;
                self.workers[worker].run.as_mut()?.sent = true;
                return None;
            }
            Action::Commit | Action::CommitAgain => {
                let reply = *run.state.reply()?;
                if self.row.generation != run.generation {
                    return Some(Event::Overtaken { same_grant: true });
                }
                self.count.rotations += 1;
                self.row = Row {
                    generation: self.row.generation + 1,
                    token: reply,
                    spare: None,
                    intent: None,
                    lease: self.row.lease.filter(|holder| *holder != me),
                    dead: false,
                };
                Event::Committed
            }
            Action::KeepSpare | Action::KeepSpareAgain => {
                self.row.spare = run.state.reply().copied();
                self.count.recorded += 1;
                Event::Done
            }
            Action::Record { failure, settled } => {
                let mine = self.row.generation == run.generation && self.row.intent == run.found;
                self.give_back(me);
                if !mine {
                    self.count.recorded += 1;
                    return Some(Event::Superseded);
                }
                self.row.dead = failure == Failure::DeadGrant;
                if settled {
                    self.row.intent = None;
                    self.count.recorded += 1;
                } else if let Some(note) = &mut self.row.intent {
                    note.unanswered = true;
                }
                Event::Done
            }
            Action::Release => {
                self.give_back(me);
                Event::Done
            }
            Action::Discard | Action::Nothing => Event::Done,
        })
    }

    pub(super) fn give_back(&mut self, me: Sender) {
        self.row.lease = self.row.lease.filter(|holder| *holder != me);
    }

    pub(super) fn tell(&mut self, worker: usize, event: Event<Token>) {
        let Some(mut run) = self.workers[worker].run.take() else {
            return;
        };
        let (state, action) = run.state.step(event);
        if matches!(state, State::Finished(_)) {
            return;
        }
        // A process reads the row's intent again only by claiming; what it wrote itself it knows.
        run.sent = false;
        run.state = state;
        run.action = action;
        self.workers[worker].run = Some(run);
    }

    pub(super) fn carry_out(&mut self, server: Server, token: Token) -> Answer<Token> {
        let webex = &mut self.webex;
        match server {
            _ if webex.live.is_none() => Answer::Dead,
            Server::Keeps if webex.live == Some(token) => Answer::Granted(token),
            Server::Repeats if webex.repeated == Some(token) => webex.live.map_or(Answer::Dead, Answer::Granted),
            Server::Repeats | Server::Strict if webex.live == Some(token) => {
                webex.newest += 1;
                webex.repeated = (server == Server::Repeats).then_some(token);
                webex.live = Some(webex.newest);
                Answer::Granted(webex.newest)
            }
            _ => Answer::Dead,
        }
    }

    /// An answer that nobody will write: the one way to lose a rotated grant.
    pub(super) fn nobody_hears(&mut self, answer: &Answer<Token>, sent: Option<Token>) {
        if let Answer::Granted(token) = answer
            && sent != Some(*token)
        {
            self.undelivered = Some(*token);
        }
    }

    /// Every refresh token that a living process or the store can still use.
    pub(super) fn within_reach(&self, token: Token) -> bool {
        let held = |worker: &Worker| worker.run.as_ref().and_then(|run| run.state.reply()) == Some(&token);
        self.row.token == token
            || self.row.spare == Some(token)
            || self.workers.iter().any(held)
            || self.webex.replies.iter().any(|(to, answer)| self.is_current(*to) && *answer == Answer::Granted(token))
    }

    /// Whether the grant can go on: its live token is at hand, or one that still brings it.
    pub(super) fn is_safe(&self) -> bool {
        let Some(live) = self.webex.live else { return true };
        self.within_reach(live) || self.webex.repeated.is_some_and(|token| self.within_reach(token))
    }
}
