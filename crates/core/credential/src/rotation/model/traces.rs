//! Runs of the model, written down: `lanyard-broker` has the real store, driver and simulator run them again.
//!
//! `traces.txt` holds the short form. `LANYARD_TRACES=FILE` writes as many to that file as `LANYARD_TRACES_COUNT` says.

use std::fmt::Write as _;

use stateright::Model as _;

use super::world::World;
use super::{Bounds, Happening, NONE, Rotations, Server};
use crate::IntentPhase;
use crate::rotation::Action;

/// Bounds of a trace: everything that the real parts can be made to do at a given step.
const BOUNDS: Bounds = Bounds {
    crashes: 2,
    cuts: 2,
    store_failures: 2,
    pauses: 2,
    refusals: 1,
    rejections: 1,
    runs: 9,
    drops: 1,
    takeovers: 1,
    ..NONE
};

const SERVERS: [Server; 3] = [Server::Keeps, Server::Repeats, Server::Strict];
const SHORT: u64 = 45;
const LONGEST: usize = 60;

#[test]
fn the_traces_are_those_of_the_model() {
    let short = traces(SHORT);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rotation/model/traces.txt");
    if let Some(file) = std::env::var_os("LANYARD_TRACES") {
        let count = std::env::var("LANYARD_TRACES_COUNT").map_or(1000, |count| count.parse().unwrap());
        std::fs::write(file, traces(count)).unwrap();
    } else if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(path, short).unwrap();
    } else {
        assert_eq!(short, include_str!("traces.txt"), "INSTA_UPDATE=always writes it anew");
    }
}

/// Each begins with a line for the server. Each further line is something that happened, and the row after it.
fn traces(count: u64) -> String {
    let mut text = String::new();
    for seed in 0..count {
        let server = SERVERS[usize::try_from(seed % 3).unwrap()];
        writeln!(text, "# {server:?}").unwrap();
        let model = Rotations { server, bounds: BOUNDS, mutant: None };
        let mut world = model.init_states().remove(0);
        let mut random = Random(seed);
        for _ in 0..LONGEST {
            let mut possible = Vec::new();
            model.actions(&world, &mut possible);
            possible.retain(|happening| is_replayable(&world, *happening));
            let (steps, misfortunes): (Vec<_>, Vec<_>) =
                possible.into_iter().partition(|happening| is_step(*happening));
            let is_misfortune = steps.is_empty() || random.next().is_multiple_of(6) && !misfortunes.is_empty();
            let Some(happening) = random.pick(if is_misfortune { &misfortunes } else { &steps }) else { break };
            let sent = sent(&world, happening);
            let Some(next) = model.next_state(&world, happening) else { continue };
            world = next;
            writeln!(text, "{happening:?}: {}{}", row(&world), sent).unwrap();
        }
    }
    text
}

/// The token that is sent, where one is.
fn sent(world: &World, happening: Happening) -> String {
    let Happening::Perform(worker) = happening else { return String::new() };
    let run = world.workers[worker].run.as_ref().filter(|run| matches!(run.action, Action::Exchange { .. }));
    run.map_or(String::new(), |run| format!(" sends {}", run.token))
}

fn row(world: &World) -> String {
    let row = &world.row;
    let intent = row.intent.map_or("-".to_owned(), |note| {
        let presumed = if note.presumed { " presumed" } else { "" };
        format!("{:?} {:?} {}{presumed}", note.phase, note.spend, note.attempt).to_lowercase()
    });
    let spare = if row.spare.is_some() { " spare" } else { "" };
    let dead = if row.dead { " dead" } else { "" };
    format!("{} ({intent}){spare}{dead}", row.generation)
}

/// Whether it is part of a renewal in which nothing goes wrong.
const fn is_step(happening: Happening) -> bool {
    matches!(happening, Happening::Begin(_) | Happening::Perform(_) | Happening::CarryOut(_) | Happening::Deliver(_))
}

fn is_replayable(world: &World, happening: Happening) -> bool {
    match happening {
        // A real process sends nothing any more after its deadline.
        Happening::DeadlinePasses | Happening::MarginPasses => {
            let about_to_send = |run: &super::Run| matches!(run.action, Action::Exchange { .. }) && !run.sent;
            let is_open = world.row.intent.is_some_and(|note| note.phase != IntentPhase::Unanswered);
            is_open && !world.workers.iter().filter_map(|worker| worker.run.as_ref()).any(about_to_send)
        }
        // Nobody renews a grant that is called dead.
        Happening::Begin(_) | Happening::TakeOver(_) => !world.row.dead,
        Happening::WindowCloses
        | Happening::Revoke
        | Happening::SignIn
        | Happening::Clear
        | Happening::FailOver
        | Happening::LoseFile(_) => false,
        _ => true,
    }
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        let count = u64::try_from(among.len()).ok().filter(|count| *count > 0)?;
        among.get(usize::try_from(self.next() % count).ok()?).copied()
    }
}
