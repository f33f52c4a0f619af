//! The `lanyard` binary.

mod arguments;
mod callback;
mod commands;
mod context;
mod exit;
mod hardening;
mod output;
mod passphrase;
mod prompt;
mod signals;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::arguments::Arguments;

fn main() -> ExitCode {
    // Before anything secret is in memory.
    hardening::no_core_dumps();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misread(&error),
    };
    output::log::start(arguments.verbose);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&error.into()),
    };
    let done = runtime.block_on(async {
        let done = commands::run(arguments).await;
        context::close().await;
        done
    });
    match done {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}

/// Prints help, or what is wrong with the command line. `exec` ends with a code of its own then, so that a caller can tell it
/// from the program's.
fn misread(error: &clap::Error) -> ExitCode {
    if let Err(unprintable) = error.print() {
        return exit::report(&unprintable.into());
    }
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let matches = Arguments::command().ignore_errors(true).try_get_matches();
    let is_exec = matches.is_ok_and(|matches| matches.subcommand_name() == Some("exec"));
    ExitCode::from(if is_exec { commands::exec::OWN_FAILURE } else { USAGE })
}

/// The exit code of a command line that cannot be read.
const USAGE: u8 = 2;
