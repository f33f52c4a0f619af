//! `lanyard demo`: the whole story against a local Webex, in a home of its own.

mod crash;
mod kinds;
mod live;
mod stage;
mod story;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use lanyard_home::Home;
use lanyard_simulator::{Options, RefreshBehaviour, Simulator};
use tokio::signal::unix::SignalKind;

use super::Examples;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::signals::{CANNOT_WAIT, Listener};
use stage::{Stage, failed, say};

/// Tour Lanyard against a local Webex, in a temporary home
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Run it once without waiting for input: tokens last three seconds, and it takes less than twenty
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(crate) async fn run(self, _: &Common) -> Result<ExitCode, Failure> {
        // A user who watches has time to see a token renewed; on a pipe there is nothing to wait for.
        let watched = !self.once && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        let life = Duration::from_secs(if watched { 60 } else { 3 });
        // The home goes with this value, whichever way the demo ends.
        let directory = tempfile::Builder::new()
            .prefix("lanyard-demo-")
            .tempdir()
            .map_err(Failure::io("cannot make a home for the demo"))?;
        let mut interrupt = Listener::new(SignalKind::interrupt()).map_err(Failure::io(CANNOT_WAIT))?;
        let mut terminate = Listener::new(SignalKind::terminate()).map_err(Failure::io(CANNOT_WAIT))?;
        let parts = context::parts();
        let options = Options { access_token_ttl: life, refresh: RefreshBehaviour::Rotate, ..Options::default() };
        let simulator = Simulator::start(options, Arc::clone(&parts.clock), Arc::clone(&parts.entropy))
            .await
            .map_err(|error| failed(format!("the local Webex does not start: {error}")))?;
        // Nothing of what `LANYARD_*` says applies here: the home is made with what is always there, a key in a file.
        let home = Home::new(directory.path().join("home"));
        let options = lanyard_home::Options::default();
        let store = lanyard_home::open_or_create(&home.directory, context::store_parts(&parts), options).await?.store;
        let stage = Stage::new(&store, home, simulator.description().clone(), life)?;
        let told = tokio::select! {
            told = story::tell(&stage, watched) => told.map(|()| true),
            () = interrupt.next() => Ok(false),
            () = terminate.next() => Ok(false),
        };
        // An operation goes on without its caller: none may write into the home while that is removed.
        stage.broker.drain().await;
        let closed = store.close().await;
        simulator.stop().await;
        closed?;
        if !told? {
            say("");
            say("Stopped early; nothing is left behind.");
            return Ok(ExitCode::from(130));
        }
        say("");
        say(
            "Every step succeeded. Next: lanyard simulator and the README's next steps, or your own Webex: lanyard app add.",
        );
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) const EXAMPLES: &[Examples] = &[("demo", &["lanyard demo", "lanyard demo --once"])];
