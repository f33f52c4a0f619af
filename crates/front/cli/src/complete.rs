//! Completion of command lines, as a shell asks for it: commands and options from their declaration, names from the home.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Arg, CommandFactory as _};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};
use lanyard_credential::{AppName, ClientName, CredentialName};
use lanyard_devices::WatchName;
use lanyard_home::Home;
use lanyard_protocol::is_hidden;
use lanyard_store::Names;

use crate::arguments::Arguments;
use crate::context;

/// The variable by which a shell's function asks, with the shell's name.
const VARIABLE: &str = "LANYARD_COMPLETE";

/// Answers a shell; `false` for a command that is to be run. Nothing is ever said on stderr: it would appear between what is typed.
pub(crate) fn answered() -> bool {
    if std::env::var_os(VARIABLE).is_none_or(|shell| shell.is_empty()) {
        return false;
    }
    let directory = std::env::current_dir().ok();
    let environment = CompleteEnv::with_factory(|| with_names(Arguments::command())).var(VARIABLE);
    let environment = environment.bin("lanyard").completer("lanyard");
    environment.try_complete(std::env::args_os(), directory.as_deref()).unwrap_or(true)
}

/// The script that registers completions in a shell.
pub(crate) fn registration(shell: Shell) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string());
    let completer = completer.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::Unsupported))?;
    completer.write_registration(VARIABLE, "lanyard", "lanyard", "lanyard", &mut text)?;
    Ok(text)
}

/// The command line, which has the names of the home wherever one is expected: an argument's type says of what.
fn with_names(command: clap::Command) -> clap::Command {
    let path = command.get_name().to_owned();
    command.mut_args(|argument| named(&path, argument)).mut_subcommands(with_names)
}

fn named(command: &str, argument: Arg) -> Arg {
    let expected = argument.get_value_parser().type_id();
    let of = std::any::TypeId::of::<CredentialName>();
    // `lanyard api` and `--against` tell their words apart themselves.
    if expected == of || matches!((command, argument.get_id().as_str()), ("api", "call") | ("coverage", "against")) {
        argument.add(ArgValueCandidates::new(|| candidates(&names().credentials, "credential")))
    } else if expected == std::any::TypeId::of::<AppName>() {
        argument.add(ArgValueCandidates::new(|| candidates(&names().apps, "app")))
    } else if expected == std::any::TypeId::of::<WatchName>() {
        argument.add(ArgValueCandidates::new(|| candidates(&names().watches, "watch")))
    } else if expected == std::any::TypeId::of::<ClientName>() {
        argument.add(ArgValueCandidates::new(|| candidates(&names().clients, "client")))
    } else if (command, argument.get_id().as_str()) == ("list", "labels") {
        argument.add(ArgValueCandidates::new(|| candidates(names().labels, "label")))
    } else {
        argument
    }
}

fn candidates<N: ToString>(names: impl IntoIterator<Item = N>, what: &'static str) -> Vec<CompletionCandidate> {
    let help = Some(StyledStr::from(what));
    let names = names.into_iter().map(|name| name.to_string()).filter(|name| !name.contains(is_hidden));
    names.map(|name| CompletionCandidate::new(name).help(help.clone())).collect()
}

/// The names in the home that the command line, or the environment, names.
fn names() -> Names {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let home = given_home().map_or_else(context::default_home, |home| Some(Home::new(home)));
    match (runtime, home) {
        (Ok(runtime), Some(home)) => runtime.block_on(Names::read(&home.database())),
        _ => Names::default(),
    }
}

/// `--home DIR` or `--home=DIR` in the words that are typed so far.
fn given_home() -> Option<PathBuf> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let given = words.iter().enumerate().find_map(|(at, word)| {
        if word == "--home" {
            return words.get(at + 1).map(PathBuf::from);
        }
        word.to_str()?.strip_prefix("--home=").map(PathBuf::from)
    });
    given.filter(|home| !home.as_os_str().is_empty())
}
