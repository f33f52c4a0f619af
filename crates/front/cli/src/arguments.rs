//! The command line, as it is declared.

use clap::Parser;

use crate::commands::Command;
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
