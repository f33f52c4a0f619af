//! `lanyard simulator`: a local Webex.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lanyard_simulator::{Description, Options, RefreshBehaviour, StartError};
use tokio::signal::unix::SignalKind;

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::numbers;
use crate::output::table::Block;
use crate::signals::{CANNOT_WAIT, Listener};
use crate::{context, output};

/// Run a local Webex to learn and test on
#[derive(Debug, Args)]
pub(crate) struct Simulator {
    /// Where to listen; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,
    /// Allow an address beyond loopback
    #[arg(long)]
    allow_remote: bool,
    /// The seed: the same one gives the same organisation; tokens are always random
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::number)]
    seed: u64,
    /// How many people there are, up to 100,000
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = numbers::between(1, 100_000))]
    people: u32,
    /// The number of devices in its workspaces, up to 20,000
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = numbers::between(0, 20_000))]
    devices: u32,
    /// Simulate random device failures, restarts and sleep
    #[arg(long)]
    lively: bool,
    /// How many organisations there are, up to 1,000; those beyond the first are small
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = numbers::between(1, 1000))]
    organisations: u32,
    /// Limit each user to this many calls a minute for each API; Webex reportedly allows about 300 [default: no limit]
    #[arg(long, value_name = "N", value_parser = numbers::at_least_one)]
    requests_per_minute: Option<NonZeroU32>,
    /// How long an access token lasts, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1_209_599, value_parser = numbers::some_seconds)]
    access_token_ttl: u64,
    /// How long a refresh token lasts, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 7_775_999, value_parser = numbers::some_seconds)]
    refresh_token_ttl: u64,
    /// What a refresh does to the refresh token: keep, rotate (repeats its answer for a minute) or rotate-strict
    #[arg(long, value_name = "BEHAVIOUR", default_value_t = RefreshBehaviour::Keep)]
    refresh: RefreshBehaviour,
    /// A further refresh within this many seconds changes nothing; Webex reportedly does so for a day
    #[arg(long, value_name = "SECONDS", value_parser = numbers::seconds)]
    noop_refresh_window: Option<u64>,
    /// Write everything that a program needs (addresses, client ids, secrets, tokens) to this file, as JSON that only you can read
    #[arg(long, value_name = "FILE")]
    info: Option<PathBuf>,
    /// A redirect URI to register beside the usual loopback ones; may be repeated
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<String>,
}

/// An address to listen on.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "expected ADDRESS:PORT, for example 127.0.0.1:7419")
}

impl Simulator {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let options = Options {
            listen: self.listen,
            allow_remote: self.allow_remote,
            seed: self.seed,
            people: usize::try_from(self.people).unwrap_or(usize::MAX),
            devices: usize::try_from(self.devices).unwrap_or(usize::MAX),
            lively: self.lively,
            requests_per_minute: self.requests_per_minute,
            organisations: usize::try_from(self.organisations).unwrap_or(usize::MAX),
            access_token_ttl: Duration::from_secs(self.access_token_ttl),
            refresh_token_ttl: Duration::from_secs(self.refresh_token_ttl),
            refresh: self.refresh,
            noop_refresh_window: self.noop_refresh_window.map(Duration::from_secs),
            redirect_uris: self.redirect_uris,
            ..Options::default()
        };
        let mut interrupt = Listener::new(SignalKind::interrupt()).map_err(Failure::io(CANNOT_WAIT))?;
        let mut terminate = Listener::new(SignalKind::terminate()).map_err(Failure::io(CANNOT_WAIT))?;
        let parts = context::parts();
        // A large organisation takes a while to make up: on a thread of its own, so that Ctrl-C is heard meanwhile.
        let runtime = tokio::runtime::Handle::current();
        let starting = tokio::task::spawn_blocking(move || {
            runtime.block_on(lanyard_simulator::Simulator::start(options, parts.clock, parts.entropy))
        });
        let started = tokio::select! {
            started = starting => started,
            () = interrupt.next() => return Ok(ExitCode::SUCCESS),
            () = terminate.next() => return Ok(ExitCode::SUCCESS),
        };
        let simulator = started
            .map_err(|error| Failure::Other { message: error.to_string(), hint: None })?
            .map_err(|error| not_started(&error))?;
        let description = simulator.description();
        let text = serde_json::to_string(description)
            .map_err(|error| Failure::Other { message: format!("writing JSON: {error}"), hint: None })?;
        if let Some(file) = &self.info {
            write_whole(file, &text).map_err(Failure::io(format!("cannot write {}", file.display())))?;
        }
        let people = self.info.is_some() || std::io::stdout().is_terminal();
        if people && !common.json {
            output::block(&page(description, self.info.as_deref()))?;
        } else {
            output::line(&text)?;
            output::note(&format!("a local Webex listens at {}; Ctrl-C stops it", description.base_url));
        }
        tokio::select! {
            () = interrupt.next() => {}
            () = terminate.next() => {}
        }
        simulator.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// The page for a person.
fn page(description: &Description, info: Option<&Path>) -> Block {
    let mut rows = vec![
        ("Webex API", description.base_url.clone()),
        ("Developer portal", description.portal_url.clone()),
        ("Control Hub", description.hub_url.clone()),
        ("Sign in as", description.admin.email.clone()),
        ("Password", description.admin.password.clone()),
    ];
    rows.push((
        "Details",
        info.map_or_else(
            || "none were written; lanyard simulator --info webex.json writes them as JSON".to_owned(),
            |file| format!("{}, as JSON", file.display()),
        ),
    ));
    rows.push(("Stop", "Ctrl-C".to_owned()));
    output::table::facts(&rows)
}

/// Writes a file for its owner alone, which no other process sees before it is whole.
fn write_whole(file: &Path, text: &str) -> std::io::Result<()> {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut whole = tempfile::NamedTempFile::new_in(directory)?;
    writeln!(whole, "{text}")?;
    whole.persist(file)?;
    Ok(())
}

/// Why it did not start, and what to do about it.
fn not_started(error: &StartError) -> Failure {
    let (message, hint) = match error {
        StartError::NotLoopback(_) => {
            (error.to_string(), "everyone who can reach it can use it; to allow that: --allow-remote")
        }
        StartError::Listen { source, .. } => {
            (format!("{error}: {source}"), "let it take a free port: --listen 127.0.0.1:0")
        }
        StartError::RedirectUri(_) => (error.to_string(), "write it as http://127.0.0.1:8080/callback"),
    };
    Failure::Other { message, hint: Some(hint.to_owned()) }
}

pub(super) const EXAMPLES: &[Examples] = &[(
    "simulator",
    &["lanyard simulator", "lanyard simulator --listen 127.0.0.1:7480 --info webex.json --people 1000"],
)];
