//! One file per command.

pub(crate) mod add;
pub(crate) mod api;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod channel;
pub(crate) mod clear;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod import;
pub(crate) mod key;
pub(crate) mod label;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod migrate_store;
pub(crate) mod refresh;
pub(crate) mod rename;
pub(crate) mod restore;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod show;
pub(crate) mod simulator;
pub(crate) mod switch;
pub(crate) mod test;
pub(crate) mod token;
pub(crate) mod tokens;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::exit::Failure;

/// Does what the command line asks for.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let common = &arguments.common;
    match arguments.command {
        Command::Setup(command) => command.run(common).await,
        Command::App(command) => command.run(common).await,
        Command::Login(command) => command.run(common).await,
        Command::Add(command) => command.run(common).await,
        Command::Import(command) => command.run(common).await,
        Command::List(command) => command.run(common).await,
        Command::Show(command) => command.run(common).await,
        Command::Test(command) => command.run(common).await,
        Command::Token(command) => command.run(common).await,
        Command::Tokens(command) => command.run(common).await,
        Command::Api(command) => command.run(common).await,
        Command::Exec(command) => command.run(common).await,
        Command::Refresh(command) => command.run(common).await,
        Command::Rename(command) => command.run(common).await,
        Command::Label(command) => command.run(common).await,
        Command::Disable(command) => command.run(common).await,
        Command::Enable(command) => command.run(common).await,
        Command::Clear(command) => command.run(common).await,
        Command::Client(command) => command.run(common).await,
        Command::Audit(command) => command.run(common).await,
        Command::Key(command) => command.run(common).await,
        Command::Backup(command) => command.run(common).await,
        Command::Restore(command) => command.run(common).await,
        Command::Channel(command) => command.run(common).await,
        Command::Events(command) => command.run(common).await,
        Command::Runs(command) => command.run(common).await,
        Command::MigrateStore(command) => command.run(common).await,
        Command::Doctor(command) => command.run(common).await,
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(common),
        Command::Serve(command) => command.run(common).await,
        Command::Simulator(command) => command.run(common).await,
        Command::Demo(command) => command.run().await,
    }
}
