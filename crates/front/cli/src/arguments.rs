//! What stands on the command line.

use clap::{Parser, Subcommand};

use crate::commands::{
    add, api, app, audit, backup, clear, client, completions, demo, doctor, exec, import, key, label, list, login,
    refresh, rename, restore, serve, show, simulator, switch, test, token, tokens,
};
use crate::context::Common;

/// Keeps Cisco Webex credentials alive and hands the right token to the right program.
#[derive(Debug, Parser)]
#[command(name = "lanyard", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,

    /// Log more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register the apps that sign-ins go through, and manage them
    #[command(subcommand)]
    App(app::App),
    /// Sign in to Webex through an app, or sign in again
    Login(login::Login),
    /// Keep a token that you have, or one that is asked for: a bot's, your own, a service app's, a guest's
    #[command(subcommand)]
    Add(add::Add),
    /// Keep tokens that another program obtained, out of its file
    Import(import::Import),
    /// Show all credentials
    List(list::List),
    /// Show one credential
    Show(show::Show),
    /// Test what a credential is, what it may do, and what it sees
    Test(test::Test),
    /// Print an access token and nothing else
    Token(token::Token),
    /// Run a program with an access token in its environment
    Exec(exec::Exec),
    /// Call Webex as a credential, any method and any path
    Api(api::Api),
    /// Renew a credential now
    Refresh(refresh::Refresh),
    /// Show and end the live tokens that Webex knows of a credential's subject
    #[command(subcommand)]
    Tokens(tokens::Tokens),
    /// Give a credential another name
    Rename(rename::Rename),
    /// Give a credential labels, by which lanyard list finds it
    Label(label::Label),
    /// Stop handing out and renewing a credential, without revoking anything
    Disable(switch::Disable),
    /// Hand out and renew a credential again
    Enable(switch::Enable),
    /// Revoke and erase a credential
    Clear(clear::Clear),
    /// Let programs and users of this machine ask the broker, and say what for
    #[command(subcommand)]
    Client(client::Client),
    /// Show what was done and by whom: sign-ins, renewals, hand-outs
    Audit(audit::Audit),
    /// Show or replace the key that the home's secrets stand under
    #[command(subcommand)]
    Key(key::Key),
    /// Copy the store while it is in use, without its key
    Backup(backup::Backup),
    /// Make a home out of a backup, and let it go on
    Restore(restore::Restore),
    /// Check the home and every credential, and say what to do
    Doctor(doctor::Doctor),
    /// Print the completion script of a shell
    Completions(completions::Completions),
    /// Print lanyard's manual page, or write all of them
    Man(completions::Man),
    /// Run the broker: it keeps every credential alive and hands out to programs, until it is stopped
    Serve(serve::Serve),
    /// Run a local Webex to learn and test on
    Simulator(simulator::Simulator),
    /// Tell the whole story against a local Webex, in a home of its own
    Demo(demo::Demo),
}
