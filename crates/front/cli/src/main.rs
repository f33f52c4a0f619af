//! The `lanyard` binary.

mod access;
mod arguments;
mod callback;
mod channel_settings;
mod commands;
mod complete;
mod context;
mod csv;
mod exit;
mod file_text;
mod hardening;
mod help;
mod hidden;
mod numbers;
mod output;
mod passphrase;
mod prompt;
mod signals;
mod suggest;

use std::alloc::System;
use std::io::Write as _;
use std::pin::Pin;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

use clap::{CommandFactory as _, Parser as _};

use lanyard_protocol::visible;

use crate::arguments::Arguments;
use crate::commands::Command;
use crate::exit::Failure;

/// Wipes memory when it is given back: libraries between us and a socket keep copies of what was sent.
#[global_allocator]
static WIPED: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    // Before anything secret is in memory.
    hardening::no_core_dumps();
    if complete::answered() {
        return ExitCode::SUCCESS;
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misread(harmless(error)),
    };
    let json = arguments.common.json;
    if let Some(home) = &arguments.common.home {
        output::pasted::keep_home(home);
    }
    match &arguments.command {
        Command::Serve(serve) => output::log::start_broker(arguments.verbose, serve.log),
        _ => output::log::start(arguments.verbose),
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if !matches!(arguments.command, Command::Serve(_)) {
        // A thread drives the connections of a renewal while the command itself blocks, at a prompt or on a full pipe.
        runtime.worker_threads(1);
    }
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&error.into(), json),
    };
    // Compiled once: what waits in a runtime is woken at several places, and would stand at each of them.
    let done: Pin<Box<dyn Future<Output = Result<ExitCode, Failure>>>> = Box::pin(async {
        let done = Box::pin(arguments.command.run(&arguments.common)).await;
        context::close().await;
        done
    });
    let done = runtime.block_on(done);
    // A command that stops on a signal may leave a prompt behind, on another thread.
    hidden::end();
    // Work on another thread is not waited for: a local Webex that was ended while it started.
    runtime.shutdown_background();
    let is_read = output::log::flush();
    match done {
        Ok(code) => code,
        // To write where nothing reads would keep a broker from ending.
        Err(error) if !is_read => ExitCode::from(error.code()),
        Err(error) => exit::report(&error, json),
    }
}

/// Prints help, or what is wrong with the command line. `exec` ends with a code of its own then, so that a caller can tell it
/// from the program's.
fn misread(error: clap::Error) -> ExitCode {
    let matches = Arguments::command().ignore_errors(true).try_get_matches();
    let command = matches.as_ref().ok().and_then(|matches| matches.subcommand_name());
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let error = suggest::amend(error, command, &words);
    let is_exec = command == Some("exec");
    let code = if is_exec { commands::exec::OWN_FAILURE } else { USAGE };
    if error.use_stderr() && wants_json() {
        let text = masked(error.to_string());
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        exit::tell_program(exit::USAGE, message, Some("see lanyard --help"), code);
        return ExitCode::from(code);
    }
    let plain = error.to_string();
    let text = masked(plain.clone());
    // Masked text has lost its colours.
    let printed = if text == plain { error.print() } else { std::io::stderr().write_all(text.as_bytes()) };
    if let Err(failure) = output::written(printed) {
        return exit::report(&failure, false);
    }
    ExitCode::from(if error.use_stderr() { code } else { 0 })
}

/// Rebuilds the error without hidden characters, because it repeats arguments; or gives the help that was asked for.
fn harmless(error: clap::Error) -> clap::Error {
    let given = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let given: Vec<String> = given.collect();
    let words: Vec<String> = given.iter().map(|argument| visible(argument).into_owned()).collect();
    let error = if words == given { error } else { Arguments::try_parse_from(&words).err().unwrap_or(error) };
    help::instead_of(error, &words)
}

/// A text that repeats arguments, without those that may be tokens: one may have been typed in the wrong place, and a log keeps it.
fn masked(text: String) -> String {
    let arguments = std::env::args_os().skip(1).filter_map(|argument| argument.into_string().ok());
    let values = arguments.flat_map(|argument| {
        let value = argument.split_once('=').map(|(_, value)| value.to_owned());
        value.into_iter().chain([argument])
    });
    values
        .filter(|value| may_be_secret(value) || has_password(value))
        .fold(text, |text, value| text.replace(&value, &format!("({} characters, not shown)", value.chars().count())))
}

/// Whether a text that stands where none is expected may be a token: long, and neither a path, an address nor a sentence.
pub(crate) fn may_be_secret(text: &str) -> bool {
    const SHORTEST: usize = 40;
    text.len() >= SHORTEST && !text.contains(['/', ' ', '=', '@'])
}

/// Whether a text may be an address with a password in it.
fn has_password(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
}

/// Whether JSON is asked for on a command line that cannot be read: before a program's own arguments.
fn wants_json() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// The exit code of a command line that cannot be read.
const USAGE: u8 = 2;
