//! The log, on stderr, for whoever asks for it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts the log: warnings by default, more with `-v`, or as `LANYARD_LOG` says.
pub(crate) fn start(verbose: u8) {
    let default = match verbose {
        0 => "lanyard=warn,lanyard_broker=warn,lanyard_client=warn,lanyard_store=warn",
        1 => "lanyard=info,lanyard_broker=debug,lanyard_client=debug,lanyard_store=info",
        _ => "trace",
    };
    let wanted = std::env::var("LANYARD_LOG").ok().filter(|wanted| !wanted.is_empty());
    let filter = wanted.and_then(|wanted| EnvFilter::try_new(wanted).ok()).unwrap_or_else(|| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .without_time()
        .init();
}
