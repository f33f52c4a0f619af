//! The table of what Lanyard must be, measured: `cargo bench -p lanyard --bench table`.
//!
//! Everything is a ratio between things that were measured in turns, in one run on one machine; no absolute time is asserted.
//! The same binary plays the other parts too, each as a process of its own: the [`floor`] that hand-outs are held against, the
//! [`bare`] client that `lanyard token` is held against, and the writer that dies and leaves a long [log](dying).

mod bare;
mod devices;
mod dying;
mod engines;
mod floor;
mod hand_out;
mod load;
mod machine;
mod nginx;
mod process;
mod proxy;
mod renewals;
mod rotation;
mod rotations;
mod scale;
mod table;
mod token;
mod year;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::table::Table;

/// Measures what Lanyard must be, and prints a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Little of everything, in less than half a minute: whether it runs, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Measure only these
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Vec<What>,
    /// How often two things take turns
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// How many credentials one broker holds
    #[arg(long, value_name = "N")]
    credentials: Option<u32>,
    /// Write the table to a file too, in JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Another binary than the one that was just built
    #[arg(long, value_name = "FILE", default_value = env!("CARGO_BIN_EXE_lanyard"))]
    binary: String,
    /// As cargo calls it
    #[arg(long, hide = true)]
    bench: bool,
}

/// The parts of the table that can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// A token from the socket, against a bare server
    HandOut,
    /// A token from the socket while another credential is rotated
    Rotation,
    /// A call through the proxy, against the call itself and nginx
    Proxy,
    /// `lanyard token` as a process
    Token,
    /// Start and memory with many credentials
    Scale,
    /// Rotations that fall due together
    Rotations,
    /// The store on PostgreSQL, against the one in a file
    Engines,
    /// A reading of many devices, against wxc-sdk
    Devices,
    /// A year of many devices: its size, and the time of questions
    Year,
}

type Measure = fn(&Plan, &mut Table);

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) binary: String,
    /// How often two things take turns.
    pub(crate) rounds: u32,
    /// How long each turn of a load lasts.
    pub(crate) turn: Duration,
    /// How many clients ask at a time, one after the other.
    pub(crate) clients: &'static [usize],
    /// How often a process is run in all.
    pub(crate) runs: u32,
    pub(crate) credentials: u32,
}

fn main() -> ExitCode {
    // The other parts are recognised before anything else: one of them is measured from its first instruction.
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some(bare::PART) => return bare::run(),
        Some(floor::PART) => return floor::run(words),
        Some(dying::PART) => return dying::run(words),
        _ => {}
    }
    let arguments = Arguments::parse();
    let plan = arguments.plan();
    let mut table = Table::new(plan.rounds, arguments.quick);
    let all: [(What, Measure); 9] = [
        (What::HandOut, hand_out::measure),
        (What::Rotation, rotation::measure),
        (What::Proxy, proxy::measure),
        (What::Token, token::measure),
        (What::Scale, scale::measure),
        (What::Rotations, rotations::measure),
        (What::Engines, engines::measure),
        (What::Devices, devices::measure),
        (What::Year, year::measure),
    ];
    table.begin();
    for (what, measure) in all {
        if arguments.only.is_empty() || arguments.only.contains(&what) {
            measure(&plan, &mut table);
        }
    }
    table.end();
    match arguments.json.map(|path| table.write(&path)) {
        None | Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            table::say(&format!("the table was not written: {error}"));
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn plan(&self) -> Plan {
        let binary = self.binary.clone();
        let plan = if self.quick {
            Plan { binary, rounds: 1, turn: Duration::from_millis(200), clients: &[1, 16], runs: 10, credentials: 1000 }
        } else {
            Plan {
                binary,
                rounds: 7,
                turn: Duration::from_secs(1),
                clients: &[1, 16, 64],
                runs: 150,
                credentials: 100_000,
            }
        };
        Plan {
            rounds: self.rounds.unwrap_or(plan.rounds),
            credentials: self.credentials.unwrap_or(plan.credentials),
            ..plan
        }
    }
}
