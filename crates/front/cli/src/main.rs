//! The `lanyard` binary.

mod access;
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

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

use clap::{CommandFactory as _, Parser as _};

use crate::arguments::{Arguments, Command};

/// Wipes memory when it is given back: libraries between us and a socket keep copies of what was sent.
#[global_allocator]
static WIPED: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Before anything secret is in memory.
    hardening::no_core_dumps();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misread(&error),
    };
    let json = arguments.common.json;
    if let Some(home) = &arguments.common.home {
        output::pasted::keep_home(home);
    }
    match &arguments.command {
        Command::Serve(serve) => output::log::start_broker(arguments.verbose, serve.log),
        _ => output::log::start(arguments.verbose),
    }
    // A command waits for one thing at a time; a broker has many to do at once.
    let mut runtime = match arguments.command {
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&error.into(), json),
    };
    let done = runtime.block_on(async {
        let done = commands::run(arguments).await;
        context::close().await;
        done
    });
    // What still runs on another thread is not waited for: a local Webex that was ended while it started.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(error) => exit::report(&error, json),
    }
}

/// Prints help, or what is wrong with the command line. `exec` ends with a code of its own then, so that a caller can tell it
/// from the program's.
fn misread(error: &clap::Error) -> ExitCode {
    let matches = Arguments::command().ignore_errors(true).try_get_matches();
    let is_exec = matches.as_ref().is_ok_and(|matches| matches.subcommand_name() == Some("exec"));
    let code = if is_exec { commands::exec::OWN_FAILURE } else { USAGE };
    if error.use_stderr() && wants_json() {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        exit::tell_program(exit::USAGE, message, Some("see lanyard --help"), code);
        return ExitCode::from(code);
    }
    if let Err(unprintable) = error.print() {
        return exit::report(&unprintable.into(), false);
    }
    ExitCode::from(if error.use_stderr() { code } else { 0 })
}

/// Whether JSON is asked for on a command line that cannot be read: before a program's own arguments.
fn wants_json() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// The exit code of a command line that cannot be read.
const USAGE: u8 = 2;
