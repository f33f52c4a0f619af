//! The log, on stderr, for whoever asks for it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What the log is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// People
    Human,
    /// Programs: one JSON object a line
    Json,
}

/// Starts the log of a broker: one fact a line, for people on a terminal and in JSON otherwise, unless `format` says so.
pub(crate) fn start_broker(verbose: u8, format: Option<Format>) {
    let terminal = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter(verbose.saturating_add(1))).with_writer(std::io::stderr);
    match format.unwrap_or(if terminal { Format::Human } else { Format::Json }) {
        Format::Human => log.with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).with_target(false).init(),
        Format::Json => log.json().flatten_event(true).init(),
    }
}

/// Starts the log: warnings by default, more with `-v`, or as `LANYARD_LOG` says.
pub(crate) fn start(verbose: u8) {
    tracing_subscriber::fmt()
        .with_env_filter(filter(verbose))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .without_time()
        .init();
}

fn filter(verbose: u8) -> EnvFilter {
    let default = match verbose {
        0 => "lanyard=warn,lanyard_broker=warn,lanyard_client=warn,lanyard_server=warn,lanyard_store=warn",
        1 => "lanyard=info,lanyard_broker=info,lanyard_client=info,lanyard_server=info,lanyard_store=info",
        2 => "lanyard=info,lanyard_broker=debug,lanyard_client=debug,lanyard_server=debug,lanyard_store=info",
        _ => "trace",
    };
    let wanted = std::env::var("LANYARD_LOG").ok().filter(|wanted| !wanted.is_empty());
    wanted.and_then(|wanted| EnvFilter::try_new(wanted).ok()).unwrap_or_else(|| EnvFilter::new(default))
}
