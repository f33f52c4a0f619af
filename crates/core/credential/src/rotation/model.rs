//! The protocol's proof: every interleaving of three workers and a faulty world, up to stated bounds.
//!
//! The world is as bad as the bounds allow: workers crash at any point, stand still past the lease and past the deadline of
//! their intent, requests and replies are cut, a client gives up on a request that Webex still carries out later, commits
//! fail, Webex is busy, a person ends the grant. Two workers share a host (and see whether the other's process is there), the
//! third is elsewhere (and goes by deadlines). Webex keeps refresh tokens, rotates them with a window in which it repeats its
//! answer, or rotates strictly.

use stateright::{Checker, Model, Property};

use super::{Action, Answer, Event, Failure, Found, Snapshot, State, Writer};
use crate::{Generation, Grant, Spend};

/// A refresh token, by its number.
type Token = u8;

const WORKERS: usize = 3;

/// How Webex treats a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Server {
    Keeps,
    Repeats,
    Strict,
}

/// How much of each misfortune a run may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Bounds {
    crashes: u8,
    cuts: u8,
    store_failures: u8,
    pauses: u8,
    refusals: u8,
    revocations: u8,
    runs: u8,
}

#[derive(Clone, Debug)]
struct Rotations {
    server: Server,
    bounds: Bounds,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    webex: Webex,
    row: Row,
    workers: [Worker; WORKERS],
    left: Bounds,
    count: Count,
    /// A refresh token that replaced another and whose answer no living process has: the one excuse for a loss.
    undelivered: Option<Token>,
    /// A deadline passed while its writer was still there.
    overslept: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Webex {
    /// The refresh token that works now; `None` once the grant has been ended.
    live: Option<Token>,
    /// The token that was replaced last, while its answer is repeated.
    repeated: Option<Token>,
    newest: Token,
    /// Requests that were sent and are not yet carried out, with the incarnation that waits for the answer, if any.
    requests: Vec<(Token, Option<Sender>)>,
    /// Answers on their way.
    replies: Vec<(Sender, Answer<Token>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Sender {
    worker: usize,
    incarnation: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    generation: u32,
    token: Token,
    spare: Option<Token>,
    intent: Option<Note>,
    lease: Option<Sender>,
    dead: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Note {
    spend: Spend,
    attempt: u32,
    writer: Sender,
    overdue: bool,
    unanswered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Worker {
    incarnation: u8,
    run: Option<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Run {
    state: State<Token>,
    action: Action,
    /// The row as this run claimed or last wrote it.
    generation: u32,
    found: Option<Note>,
    /// The refresh token that goes with the intent, read in the same transaction.
    token: Token,
    /// Whether the request is under way.
    sent: bool,
}

/// What was done, to be held against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Count {
    exchanges: u8,
    rotations: u8,
    /// Exchanges that the store tells of otherwise: repeated ones, failed ones, overtaken ones.
    recorded: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Happening {
    Begin(usize),
    Perform(usize),
    Fail(usize),
    Crash(usize),
    LeaseEnds,
    DeadlinePasses,
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
}

/// Workers 0 and 1 share a host.
const fn same_host(a: usize, b: usize) -> bool {
    (a < 2) == (b < 2)
}

impl World {
    fn is_current(&self, sender: Sender) -> bool {
        self.workers[sender.worker].incarnation == sender.incarnation
    }

    fn me(&self, worker: usize) -> Sender {
        Sender { worker, incarnation: self.workers[worker].incarnation }
    }

    /// What `worker` can tell about the writer of an intent.
    fn judge(&self, worker: usize, note: Note) -> Writer {
        let gone = note.unanswered
            || note.writer == self.me(worker)
            || if same_host(worker, note.writer.worker) { !self.is_current(note.writer) } else { note.overdue };
        if gone { Writer::Gone } else { Writer::Present }
    }

    /// Performs what the worker's run asks for. `None` where the action only waits.
    fn perform(&mut self, worker: usize, fails: bool) -> Option<Event<Token>> {
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

    fn give_back(&mut self, me: Sender) {
        self.row.lease = self.row.lease.filter(|holder| *holder != me);
    }

    fn tell(&mut self, worker: usize, event: Event<Token>) {
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

    fn carry_out(&mut self, server: Server, token: Token) -> Answer<Token> {
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
    fn nobody_hears(&mut self, answer: &Answer<Token>, sent: Option<Token>) {
        if let Answer::Granted(token) = answer
            && sent != Some(*token)
        {
            self.undelivered = Some(*token);
        }
    }

    /// Every refresh token that a living process or the store can still use.
    fn within_reach(&self, token: Token) -> bool {
        let held = |worker: &Worker| worker.run.as_ref().and_then(|run| run.state.reply()) == Some(&token);
        self.row.token == token
            || self.row.spare == Some(token)
            || self.workers.iter().any(held)
            || self.webex.replies.iter().any(|(to, answer)| self.is_current(*to) && *answer == Answer::Granted(token))
    }

    /// Whether the grant can go on: its live token is at hand, or one that still brings it.
    fn is_safe(&self) -> bool {
        let Some(live) = self.webex.live else { return true };
        self.within_reach(live) || self.webex.repeated.is_some_and(|token| self.within_reach(token))
    }
}

impl Model for Rotations {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            webex: Webex { live: Some(0), repeated: None, newest: 0, requests: vec![], replies: vec![] },
            row: Row { generation: 1, token: 0, spare: None, intent: None, lease: None, dead: false },
            workers: std::array::from_fn(|_| Worker { incarnation: 0, run: None }),
            left: self.bounds,
            count: Count::default(),
            undelivered: None,
            overslept: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happening>) {
        let left = world.left;
        for (index, worker) in world.workers.iter().enumerate() {
            match &worker.run {
                None if left.runs > 0 => actions.push(Happening::Begin(index)),
                None => {}
                Some(run) => {
                    let waits = run.sent && matches!(run.action, Action::Exchange { .. });
                    if !waits {
                        actions.push(Happening::Perform(index));
                    }
                    let writes = !matches!(run.action, Action::Exchange { .. } | Action::Release | Action::Discard);
                    if left.store_failures > 0 && writes {
                        actions.push(Happening::Fail(index));
                    }
                    if left.crashes > 0 {
                        actions.push(Happening::Crash(index));
                    }
                }
            }
        }
        if left.pauses > 0 && world.row.lease.is_some() {
            actions.push(Happening::LeaseEnds);
        }
        if left.pauses > 0 && world.row.intent.is_some_and(|note| !note.overdue) {
            actions.push(Happening::DeadlinePasses);
        }
        for (index, (_, waiting)) in world.webex.requests.iter().enumerate() {
            actions.push(Happening::CarryOut(index));
            if left.refusals > 0 {
                actions.push(Happening::Decline(index));
            }
            if left.cuts > 0 {
                actions.push(Happening::CutRequest(index));
                if waiting.is_some() {
                    actions.push(Happening::GiveUp(index));
                }
            }
        }
        for index in 0..world.webex.replies.len() {
            actions.push(Happening::Deliver(index));
            if left.cuts > 0 {
                actions.push(Happening::CutReply(index));
            }
        }
        if left.pauses > 0 && world.webex.repeated.is_some() {
            actions.push(Happening::WindowCloses);
        }
        if left.revocations > 0 && world.webex.live.is_some() {
            actions.push(Happening::Revoke);
        }
    }

    fn next_state(&self, last: &World, happening: Happening) -> Option<World> {
        let mut world = last.clone();
        match happening {
            Happening::Begin(worker) => {
                world.left.runs -= 1;
                let (state, action) = State::begin(Generation::new(world.row.generation));
                let generation = world.row.generation;
                world.workers[worker].run = Some(Run { state, action, generation, found: None, token: 0, sent: false });
            }
            Happening::Perform(worker) => {
                if let Some(event) = world.perform(worker, false) {
                    world.tell(worker, event);
                }
            }
            Happening::Fail(worker) => {
                world.left.store_failures -= 1;
                if let Some(event) = world.perform(worker, true) {
                    world.tell(worker, event);
                }
            }
            Happening::Crash(worker) => {
                world.left.crashes -= 1;
                if let Some(run) = world.workers[worker].run.take()
                    && let Some(token) = run.state.reply()
                {
                    world.nobody_hears(&Answer::Granted(*token), Some(world.row.token));
                }
                let replies = std::mem::take(&mut world.webex.replies);
                for (to, answer) in replies {
                    if to.worker == worker {
                        world.nobody_hears(&answer, Some(world.row.token));
                    } else {
                        world.webex.replies.push((to, answer));
                    }
                }
                for (_, waiting) in &mut world.webex.requests {
                    *waiting = waiting.filter(|sender| sender.worker != worker);
                }
                world.workers[worker].incarnation += 1;
            }
            Happening::LeaseEnds => {
                world.left.pauses -= 1;
                world.row.lease = None;
            }
            Happening::DeadlinePasses => {
                world.left.pauses -= 1;
                let note = world.row.intent.as_mut()?;
                note.overdue = true;
                let writer = note.writer;
                world.overslept |= world.is_current(writer);
            }
            Happening::CarryOut(index) => {
                let (token, waiting) = world.webex.requests.remove(index);
                let answer = world.carry_out(self.server, token);
                match waiting {
                    Some(sender) => world.webex.replies.push((sender, answer)),
                    None => world.nobody_hears(&answer, Some(token)),
                }
            }
            Happening::Decline(index) => {
                world.left.refusals -= 1;
                let (_, waiting) = world.webex.requests.remove(index);
                if let Some(sender) = waiting {
                    world.webex.replies.push((sender, Answer::Refused));
                }
            }
            Happening::CutRequest(index) => {
                world.left.cuts -= 1;
                let (_, waiting) = world.webex.requests.remove(index);
                if let Some(sender) = waiting {
                    world.tell(sender.worker, Event::Answered(Answer::Unknown));
                }
            }
            Happening::GiveUp(index) => {
                world.left.cuts -= 1;
                let sender = world.webex.requests[index].1.take()?;
                world.tell(sender.worker, Event::Answered(Answer::Unknown));
            }
            Happening::Deliver(index) => {
                let (sender, answer) = world.webex.replies.remove(index);
                world.tell(sender.worker, Event::Answered(answer));
            }
            Happening::CutReply(index) => {
                world.left.cuts -= 1;
                let (sender, answer) = world.webex.replies.remove(index);
                world.nobody_hears(&answer, Some(world.row.token));
                world.tell(sender.worker, Event::Answered(Answer::Unknown));
            }
            Happening::WindowCloses => {
                world.left.pauses -= 1;
                world.webex.repeated = None;
            }
            Happening::Revoke => {
                world.left.revocations -= 1;
                world.webex.live = None;
                world.webex.repeated = None;
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the only live refresh token is stored or in flight", |_: &Self, world: &World| {
                world.is_safe() || (world.undelivered.is_some() && world.undelivered == world.webex.live)
            }),
            Property::always("a server that keeps loses nothing", |model: &Self, world: &World| {
                model.server != Server::Keeps || world.is_safe()
            }),
            Property::always("a server that repeats loses nothing within its window", |model: &Self, world: &World| {
                model.server != Server::Repeats || world.webex.repeated.is_none() || world.is_safe()
            }),
            Property::always("no grant is called dead that the store could revive", |_: &Self, world: &World| {
                let revives = |token| world.webex.live == Some(token) || world.webex.repeated == Some(token);
                !world.row.dead || !(revives(world.row.token) || world.row.spare.is_some_and(revives))
            }),
            Property::always("no grant is called dead while an answer may come in time", |_: &Self, world: &World| {
                !world.row.dead || world.webex.live.is_none() || world.overslept || !world.is_safe()
            }),
            Property::always("every exchange is a rotation or is recorded", |_: &Self, world: &World| {
                let at_work = world.workers.iter().filter(|worker| worker.run.is_some()).count();
                let open = at_work + usize::from(world.row.intent.is_some()) + crashed(world);
                usize::from(world.count.exchanges) <= usize::from(world.count.rotations + world.count.recorded) + open
            }),
            Property::sometimes("a rotation succeeds", |_: &Self, world: &World| world.count.rotations > 0),
            Property::sometimes("a second rotation follows", |_: &Self, world: &World| world.count.rotations > 1),
            Property::sometimes("somebody is overtaken and keeps a spare", |model: &Self, world: &World| {
                world.row.spare.is_some() || model.server == Server::Strict
            }),
            Property::sometimes("a grant that was ended is called dead", |_: &Self, world: &World| {
                world.row.dead && world.webex.live.is_none()
            }),
        ]
    }
}

/// Exchanges whose process died after its intent had been overtaken leave no record of their own.
fn crashed(world: &World) -> usize {
    world.workers.iter().map(|worker| usize::from(worker.incarnation)).sum()
}

/// What a run of the tests explores. `LANYARD_MODEL=long` allows more of everything, and takes some minutes.
fn bounds() -> Bounds {
    let short = Bounds { crashes: 1, cuts: 1, store_failures: 1, pauses: 2, refusals: 0, revocations: 1, runs: 3 };
    if std::env::var("LANYARD_MODEL").is_ok_and(|form| form == "long") {
        Bounds { crashes: 2, cuts: 2, refusals: 1, ..short }
    } else {
        short
    }
}

fn explore(server: Server) -> usize {
    let checker = Rotations { server, bounds: bounds() }.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    eprintln!("{server:?}: {} states, depth {}", checker.unique_state_count(), checker.max_depth());
    checker.unique_state_count()
}

#[test]
fn a_server_that_keeps() {
    assert!(explore(Server::Keeps) > 100_000);
}

#[test]
fn a_server_that_repeats() {
    assert!(explore(Server::Repeats) > 100_000);
}

#[test]
fn a_server_that_is_strict() {
    assert!(explore(Server::Strict) > 100_000);
}
