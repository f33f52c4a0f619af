//! The protocol's proof: every interleaving of three workers and a faulty world, up to stated bounds.
//!
//! The world is as bad as the bounds allow: workers crash at any point, stand still past the lease and past the deadline of
//! their intent, requests and replies are cut, a client gives up on a request that Webex still carries out later, commits
//! fail, Webex is busy, a person ends the grant. Two workers share a host (and see whether the other's process is there), the
//! third is elsewhere (and goes by deadlines). Webex keeps refresh tokens, rotates them with a window in which it repeats its
//! answer, or rotates strictly.

mod world;

use stateright::{Checker, Model, Property};

use self::world::{Count, Row, Run, Webex, Worker, World};
use super::{Action, Answer, Event, State};
use crate::Generation;

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
