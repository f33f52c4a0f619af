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
pub(crate) mod devices;
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

use clap::Subcommand;

use crate::context::Common;
use crate::exit::Failure;

/// Declares the commands in groups, as help lists them: `module: Type`. A module has the command's arguments with their help, `run`, and
/// `EXAMPLES`.
macro_rules! commands {
    ($($group:literal { $($module:ident: $($(#[$attribute:meta])? $command:ident)+,)+ })+) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($($($(#[$attribute])? $command($module::$command),)+)+)+
        }

        impl Command {
            /// Does what the command line asks for.
            pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
                match self {
                    $($($(Self::$command(command) => command.run(common).await,)+)+)+
                }
            }
        }

        /// The groups, in the order of the commands: a heading, and its commands.
        pub(crate) const GROUPS: &[(&str, &[&str])] = &[$(($group, &[$($(stringify!($command)),+),+])),+];

        const EXAMPLES: &[&[Examples]] = &[$($($module::EXAMPLES),+),+];
    };
}

commands! {
    "Sign in" {
        setup: Setup,
        login: Login,
        add: #[command(subcommand)] Add,
        import: Import,
        app: #[command(subcommand)] App,
    }
    "Use" {
        list: List,
        show: Show,
        token: Token,
        exec: Exec,
        api: Api,
        test: Test,
    }
    "Do a job" {
        devices: #[command(subcommand)] Devices,
    }
    "Share with a team" {
        serve: Serve,
        client: #[command(subcommand)] Client,
        events: Events,
        channel: #[command(subcommand)] Channel,
        audit: Audit,
        runs: #[command(subcommand)] Runs,
    }
    "Upkeep" {
        doctor: Doctor,
        refresh: Refresh,
        tokens: #[command(subcommand)] Tokens,
        rename: Rename,
        label: Label,
        switch: Disable Enable,
        clear: Clear,
        key: #[command(subcommand)] Key,
        backup: Backup,
        restore: Restore,
        migrate_store: MigrateStore,
    }
    "Learn" {
        demo: Demo,
        simulator: Simulator,
        completions: Completions Man,
    }
}

/// A command by its words, and examples of it.
pub(crate) type Examples = (&'static str, &'static [&'static str]);

/// The examples of a command, by its words.
pub(crate) fn examples(path: &str) -> Option<&'static [&'static str]> {
    EXAMPLES.iter().copied().flatten().find(|(command, _)| *command == path).map(|(_, examples)| *examples)
}
