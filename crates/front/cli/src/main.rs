//! The `lanyard` binary.

mod arguments;
mod callback;
mod commands;
mod context;
mod exit;
mod hardening;
mod output;
mod prompt;
mod signals;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    // Before anything secret is in memory.
    hardening::no_core_dumps();
    let arguments = Arguments::parse();
    output::log::start(arguments.verbose);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&error.into()),
    };
    match runtime.block_on(commands::run(arguments)) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}
