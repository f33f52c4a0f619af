//! The command line, as it is declared.

use clap::{Parser, Subcommand};

use crate::commands::{
    add, api, app, audit, backup, channel, clear, client, completions, demo, doctor, events, exec, import, key, label,
    list, login, migrate_store, refresh, rename, restore, runs, serve, setup, show, simulator, switch, test, token,
    tokens,
};
use crate::context::Common;

/// Keep Cisco Webex credentials alive, and give the right token to the right program.
#[derive(Debug, Parser)]
#[command(name = "lanyard", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Log more on stderr; repeat for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up the first credential by answering questions
    Setup(setup::Setup),
    /// Manage the apps that you registered at Webex
    #[command(subcommand)]
    App(app::App),
    /// Sign in to Webex through an app, or sign in again
    Login(login::Login),
    /// Add a credential: a bot, a personal token, a service app or a guest
    #[command(subcommand)]
    Add(add::Add),
    /// Import tokens that another program obtained
    Import(import::Import),
    /// Show all credentials
    List(list::List),
    /// Show one credential
    Show(show::Show),
    /// Test which identity a credential is, what it may do, and what it sees
    Test(test::Test),
    /// Print an access token and nothing else
    Token(token::Token),
    /// Run a program with an access token in its environment
    Exec(exec::Exec),
    /// Make any Webex API call with a credential
    Api(api::Api),
    /// Renew a credential now
    Refresh(refresh::Refresh),
    /// List or revoke the live tokens that Webex reports
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    /// Rename a credential
    Rename(rename::Rename),
    /// Add labels to a credential, for lanyard list to filter by
    Label(label::Label),
    /// Stop handing out and renewing a credential, without revoking it
    Disable(switch::Disable),
    /// Hand out and renew a credential again
    Enable(switch::Enable),
    /// Revoke and erase a credential
    Clear(clear::Clear),
    /// Manage the programs and users that may use the broker
    #[command(subcommand)]
    Client(client::Client),
    /// Show the audit log: sign-ins, renewals, hand-outs
    Audit(audit::Audit),
    /// List events: expiries, failures, recoveries
    Events(events::Events),
    /// Manage where events go: webhooks, Alertmanager, Webex spaces, mail
    #[command(subcommand)]
    Channel(channel::Channel),
    /// List, follow and cancel background runs
    #[command(subcommand)]
    Runs(runs::Runs),
    /// Show or replace the key that encrypts the home's secrets
    #[command(subcommand)]
    Key(key::Key),
    /// Back up the store while it is in use, without its key
    Backup(backup::Backup),
    /// Restore a home from a backup, or resume it
    Restore(restore::Restore),
    /// Move the store into a PostgreSQL database
    MigrateStore(migrate_store::MigrateStore),
    /// Check the home and every credential
    Doctor(doctor::Doctor),
    /// Print the completion script of a shell
    Completions(completions::Completions),
    /// Print the manual page, or write all of them
    Man(completions::Man),
    /// Run the broker, which keeps every credential alive and hands out tokens
    Serve(serve::Serve),
    /// Run a local Webex to learn and test on
    Simulator(simulator::Simulator),
    /// Tour Lanyard against a local Webex, in a temporary home
    Demo(demo::Demo),
}
