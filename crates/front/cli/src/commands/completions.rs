//! `lanyard completions`, `lanyard man`: what a shell and a manual need to know of the command line.

use std::future::{Ready, ready};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Examples;
use crate::arguments::Arguments;
use crate::complete;
use crate::context::Common;
use crate::exit::Failure;
use crate::help::manual;
use crate::output;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Install:
  echo 'source <(lanyard completions bash)' >> ~/.bashrc
  echo 'source <(lanyard completions zsh)' >> ~/.zshrc      (after compinit)
  lanyard completions fish > ~/.config/fish/completions/lanyard.fish

Names of credentials, apps, clients and labels are completed, too.")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write all of them
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for every command into this directory, and create it if needed [default: the main page, on standard
    /// output]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Completions {
    pub(crate) fn run(self, _: &Common) -> Ready<Result<ExitCode, Failure>> {
        let script = complete::registration(self.shell).map_err(Failure::from);
        ready(script.and_then(|script| print(&script)).map(|()| ExitCode::SUCCESS))
    }
}

impl Man {
    pub(crate) fn run(self, common: &Common) -> Ready<Result<ExitCode, Failure>> {
        ready(self.write(common))
    }

    fn write(self, common: &Common) -> Result<ExitCode, Failure> {
        let Some(directory) = &self.dir else {
            let mut text = Vec::new();
            manual::write(&built(), "", &mut text)?;
            print(&text)?;
            return Ok(ExitCode::SUCCESS);
        };
        let pages = write_all(directory)
            .map_err(Failure::io(format!("the pages cannot be written to {}", directory.display())))?;
        if common.json {
            output::json::print(&serde_json::json!({ "directory": directory.display().to_string(), "pages": pages }))?;
        } else {
            output::note(&format!("wrote {pages} pages to {}", directory.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_all(directory: &Path) -> std::io::Result<usize> {
    std::fs::create_dir_all(directory)?;
    write_one(&built(), "", directory)
}

/// The command line, each command with what it inherits.
fn built() -> clap::Command {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    command
}

/// The page of a command, and those of the commands below it.
fn write_one(command: &clap::Command, path: &str, directory: &Path) -> std::io::Result<usize> {
    let name = if path.is_empty() { "lanyard.1".to_owned() } else { format!("lanyard-{}.1", path.replace(' ', "-")) };
    let mut text = Vec::new();
    manual::write(command, path, &mut text)?;
    std::fs::write(directory.join(name), text)?;
    let mut pages = 1;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages += write_one(below, format!("{path} {}", below.get_name()).trim_start(), directory)?;
    }
    Ok(pages)
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    output::written(out.write_all(text).and_then(|()| out.flush()))
}

pub(super) const EXAMPLES: &[Examples] = &[
    ("completions", &["lanyard completions fish > ~/.config/fish/completions/lanyard.fish"]),
    ("man", &["lanyard man | man -l -", "lanyard man --dir ~/.local/share/man/man1"]),
];
