//! The protocol's proof: every interleaving of three workers and a faulty world, up to stated bounds.
//!
//! The world is as bad as the bounds allow: workers crash at any point, give up a run while they live on, stand still past the deadline
//! of their intent and past the margin that follows it, presence files are lost, persons take over, requests and replies are cut, a client gives up on a request that Webex still carries out later, commits
//! fail, Webex is busy, a person ends the grant. Two workers share a host (and see whether the other's process is there), the
//! third is elsewhere (and goes by deadlines). Not expressed are the rules by which a process makes its presence file before its first
//! intent and removes only files that it has locked: a file that is missing is never a sign that its process has ended. Webex keeps refresh tokens, rotates them with a window in which it repeats its
//! answer, or rotates strictly.

mod happening;
mod mutant;
mod traces;
mod webex;
mod world;

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use self::happening::Happening;
use self::mutant::Mutant;
use self::world::{Count, File, Late, Row, Run, Webex, Worker, World};
use super::Action;
use crate::IntentPhase;

/// How Webex treats a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Server {
    Keeps,
    Repeats,
    Strict,
    /// A token can be spent again until the token of its answer is spent; the latest answer ends the earlier ones.
    Latest,
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
    /// A run is given up while its process lives.
    drops: u8,
    /// Webex rejects the app's secret.
    rejections: u8,
    /// A person signs in again.
    sign_ins: u8,
    /// The credential is cleared.
    clearings: u8,
    /// A failover of the database takes the last commit back.
    failovers: u8,
    /// A presence file is not there any more, or another one is.
    files: u8,
    /// A person takes over.
    takeovers: u8,
}

/// No misfortune at all.
const NONE: Bounds = Bounds {
    crashes: 0,
    cuts: 0,
    store_failures: 0,
    pauses: 0,
    refusals: 0,
    revocations: 0,
    runs: 3,
    drops: 0,
    rejections: 0,
    sign_ins: 0,
    clearings: 0,
    failovers: 0,
    files: 0,
    takeovers: 0,
};

#[derive(Clone, Debug)]
struct Rotations {
    server: Server,
    bounds: Bounds,
    mutant: Option<Mutant>,
}

impl Model for Rotations {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            webex: Webex {
                live: Some(0),
                repeated: None,
                newest: 0,
                earlier: None,
                of_earlier: 0,
                requests: vec![],
                replies: vec![],
            },
            row: Row {
                grant: 1,
                generation: 1,
                token: 0,
                spare: None,
                intent: None,
                dead: false,
                was_dead: false,
                erased: false,
            },
            workers: std::array::from_fn(|_| Worker { incarnation: 0, run: None }),
            left: self.bounds,
            count: Count::default(),
            undelivered: 0,
            misjudged: 0,
            earlier: None,
            took_back: false,
            wrong: None,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happening>) {
        let left = world.left;
        for (index, worker) in world.workers.iter().enumerate() {
            match &worker.run {
                None if left.runs > 0 => {
                    actions.push(Happening::Begin(index));
                    if left.takeovers > 0 {
                        actions.push(Happening::TakeOver(index));
                    }
                }
                None => {}
                Some(run) => {
                    let waits = run.sent && matches!(run.action, Action::Exchange { .. });
                    if !waits {
                        actions.push(Happening::Perform(index));
                    }
                    let writes = !matches!(run.action, Action::Exchange { .. } | Action::Discard);
                    if left.store_failures > 0 && writes {
                        actions.push(Happening::Fail(index));
                    }
                    if left.crashes > 0 {
                        actions.push(Happening::Crash(index));
                    }
                    if left.drops > 0 {
                        actions.push(Happening::Drop(index));
                    }
                }
            }
        }
        if let Some(note) = world.row.intent {
            if left.pauses > 0 && note.late == Late::InTime && note.phase != IntentPhase::Unanswered {
                actions.push(Happening::DeadlinePasses);
            }
            if left.pauses > 0 && note.late == Late::PastDeadline && note.phase == IntentPhase::Open {
                actions.push(Happening::MarginPasses);
            }
            if left.files > 0 && note.file == File::Its {
                actions.extend([Happening::LoseFile(File::Absent), Happening::LoseFile(File::Another)]);
            }
        }
        for (index, (_, waiting)) in world.webex.requests.iter().enumerate() {
            actions.push(Happening::CarryOut(index));
            if left.refusals > 0 {
                actions.push(Happening::Decline(index));
            }
            if left.rejections > 0 {
                actions.push(Happening::Reject(index));
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
        if left.sign_ins > 0 && !world.row.erased {
            actions.push(Happening::SignIn);
        }
        if left.clearings > 0 && !world.row.erased {
            actions.push(Happening::Clear);
        }
        if left.failovers > 0 && world.earlier.is_some() {
            actions.push(Happening::FailOver);
        }
    }

    fn next_state(&self, last: &World, happening: Happening) -> Option<World> {
        let mut world = last.clone();
        world.happen(happening, self.server, self.mutant)?;
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the only live refresh token is stored or in flight", |_: &Self, world: &World| {
                world.is_safe()
                    || world.took_back
                    || world.webex.live.is_some_and(|live| world.undelivered & (1 << live) != 0)
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
                !world.row.dead
                    || world.webex.live.is_none()
                    || world.misjudged > 1
                    || world.took_back
                    || !world.is_safe()
            }),
            Property::always("every exchange is a rotation or is recorded", |_: &Self, world: &World| {
                let at_work = world.workers.iter().filter(|worker| worker.run.is_some()).count();
                let open = at_work + usize::from(world.row.intent.is_some()) + crashed(world);
                let counted = usize::from(world.count.rotations + world.count.recorded) + open;
                usize::from(world.count.exchanges) <= counted || world.took_back || world.row.erased
            }),
            Property::always("no token of an earlier sign-in comes into the row", |_: &Self, world: &World| {
                let is_old = |token: u8| world.webex.of_earlier & (1 << token) != 0;
                !is_old(world.row.token) && !world.row.spare.is_some_and(is_old)
            }),
            Property::always(
                "a row without an intent has a token that was not spent",
                |model: &Self, world: &World| {
                    // There an answer that nobody hears may end the token of a row that was written after it was asked for.
                    world.is_truly_unspent() || world.took_back || model.server == Server::Latest
                },
            ),
            Property::always("no step does what may never be done", |_: &Self, world: &World| world.wrong.is_none()),
            Property::sometimes("a loss is called dead", |model: &Self, world: &World| {
                // Beyond what is promised: a failover may take back a commit, and the state says so at the next exchange.
                model.bounds.failovers == 0 || model.server == Server::Keeps || (world.took_back && world.row.dead)
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

/// The bounds of a run of the tests. `LANYARD_MODEL=long` raises them, and the run then takes some minutes.
fn bounds() -> Bounds {
    let short = Bounds { crashes: 1, cuts: 1, store_failures: 1, pauses: 2, revocations: 1, ..NONE };
    if std::env::var("LANYARD_MODEL").is_ok_and(|form| form == "long") {
        Bounds { crashes: 2, cuts: 2, refusals: 1, ..short }
    } else {
        short
    }
}

/// Further bounds, each of which allows a few kinds of misfortune and little else.
const APART: [Bounds; 9] = [
    // A deadline, its margin and a window that pass in one run: the fence alone is left.
    Bounds { pauses: 3, ..NONE },
    Bounds { drops: 2, cuts: 1, pauses: 1, ..NONE },
    Bounds { rejections: 1, refusals: 1, cuts: 1, crashes: 1, ..NONE },
    Bounds { sign_ins: 1, pauses: 2, cuts: 1, ..NONE },
    Bounds { clearings: 1, store_failures: 1, pauses: 2, cuts: 1, ..NONE },
    Bounds { failovers: 1, pauses: 1, ..NONE },
    // A process is presumed gone, and the store fails when the answer that came too late is kept.
    Bounds { store_failures: 1, pauses: 3, ..NONE },
    Bounds { files: 1, pauses: 2, crashes: 1, ..NONE },
    // With more there may be three exchanges of one token at once, of whose answers one is stored and one is the spare.
    Bounds { takeovers: 1, pauses: 1, crashes: 1, ..NONE },
];

const SERVERS: [Server; 4] = [Server::Keeps, Server::Repeats, Server::Strict, Server::Latest];

fn explore(server: Server) {
    let checker = Rotations { server, bounds: bounds(), mutant: None }.checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    eprintln!("{server:?}: {} states, depth {}", checker.unique_state_count(), checker.max_depth());
}

/// The first property that does not hold.
fn broken(server: Server, bounds: Bounds, mutant: Option<Mutant>) -> Option<&'static str> {
    let model = Rotations { server, bounds, mutant };
    let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let found = checker.discoveries();
    let always =
        checker.model().properties().into_iter().filter(|property| property.expectation == Expectation::Always);
    let name = always.map(|property| property.name).find(|name| found.contains_key(name))?;
    if mutant.is_none() {
        eprintln!("{}", found[name]);
    }
    Some(name)
}

#[test]
fn a_server_that_keeps() {
    explore(Server::Keeps);
}

#[test]
fn a_server_that_repeats() {
    explore(Server::Repeats);
}

#[test]
fn a_server_that_is_strict() {
    explore(Server::Strict);
}

#[test]
fn a_server_whose_latest_answer_wins() {
    explore(Server::Latest);
}

#[test]
fn misfortunes_apart() {
    for bounds in APART {
        for server in SERVERS {
            assert_eq!(broken(server, bounds, None), None, "{server:?} {bounds:?}");
        }
    }
}

#[test]
fn a_grant_that_a_failover_lost_is_called_dead() {
    let model = Rotations { server: Server::Strict, bounds: Bounds { failovers: 1, ..NONE }, mutant: None };
    let checker = model.checker().threads(2).spawn_bfs().join();
    checker.assert_any_discovery("a loss is called dead");
}
