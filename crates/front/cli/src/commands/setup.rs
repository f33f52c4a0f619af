//! `lanyard setup`: sets up the first credential by asking questions.
//!
//! Each step is a separate command, printed and run as a person would type it.

mod questions;
mod steps;

use std::io::IsTerminal as _;
use std::process::{Command, ExitCode};

use clap::Args;
use lanyard_broker::{List, ListApps};
use lanyard_protocol::oauth::RedirectUri;

use self::questions::Answers;
use self::steps::{Step, Steps};
use super::Examples;
use super::exec::supervise;
use crate::context::{Common, EnvironmentName};
use crate::exit::Failure;
use crate::{output, signals};

/// Set up the first credential by answering questions
#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// Paste the address from the browser's address bar, for a browser on another machine
    #[arg(long, conflicts_with = "device")]
    paste: bool,
    /// Sign in with a code on another device
    #[arg(long)]
    device: bool,
    /// The redirect URI of a new integration
    #[arg(long, value_name = "URL", default_value = "http://localhost:7418/callback", conflicts_with = "device")]
    redirect_uri: RedirectUri,
}

impl Setup {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let environment = common.environment()?;
        if common.json || !std::io::stdin().is_terminal() {
            let answers = Answers::usual(self.how(), self.redirect_uri);
            return Err(Failure::Usage {
                message: "setup requires a terminal, because it asks questions".to_owned(),
                hint: format!(
                    "run its commands: {}; for a bot: lanyard add bot lobby --token-file FILE",
                    Steps::new(&answers, &environment).in_one_line()
                ),
            });
        }
        signals::listen().map_err(Failure::io(signals::CANNOT_WAIT))?;
        let taken = taken(common).await?;
        let answers = Answers::ask(self.how(), self.redirect_uri, &taken)?;
        let steps = Steps::new(&answers, &environment);
        let mut undo: Option<Step> = None;
        for step in steps.steps {
            step.notes.iter().for_each(|note| output::note(note));
            output::note("");
            output::note(&format!("$ {}", step.shown()));
            let code = step.run(common).await?;
            // A failed test does not undo a complete credential.
            if code != ExitCode::SUCCESS && !step.may_fail {
                if let Some(undo) = undo {
                    output::note("");
                    output::note(&format!("setup ended early, so it removes the new app: {}", undo.shown()));
                    undo.run(common).await?;
                }
                return Ok(code);
            }
            // An app with a credential is complete, and is kept.
            undo = step.undo.map(Step::new);
        }
        output::note("");
        output::note("done. Try next:");
        steps.next.iter().for_each(|command| output::note(&format!("  {command}")));
        Ok(ExitCode::SUCCESS)
    }

    fn how(&self) -> Option<&'static str> {
        match (self.paste, self.device) {
            (true, _) => Some("--paste"),
            (_, true) => Some("--device"),
            _ => None,
        }
    }
}

/// Returns the names of all credentials and apps.
async fn taken(common: &Common) -> Result<Vec<String>, Failure> {
    let Some(broker) = common.broker_if_any().await? else { return Ok(Vec::new()) };
    let credentials = broker.perform(List).await?.into_iter().map(|listed| listed.credential.name.to_string());
    let apps = broker.perform(ListApps).await?.into_iter().map(|app| app.name.to_string());
    Ok(credentials.chain(apps).collect())
}

impl Step {
    /// Runs the command in a child process, which has the terminal.
    async fn run(&self, common: &Common) -> Result<ExitCode, Failure> {
        let program = std::env::current_exe().map_err(Failure::io("cannot find this program"))?;
        let mut command = Command::new(program);
        if let Some(home) = &common.home {
            command.arg("--home").arg(home);
        }
        if let Some(url) = &common.webex_url {
            command.arg("--webex-url").arg(url);
        }
        match common.environment {
            Some(EnvironmentName::Commercial) => drop(command.args(["--environment", "commercial"])),
            Some(EnvironmentName::Fedramp) => drop(command.args(["--environment", "fedramp"])),
            None => {}
        }
        command.args(&self.words);
        let ended = supervise(command, std::future::pending()).await?;
        ended.map_err(Failure::io("cannot run lanyard"))
    }
}

pub(super) const EXAMPLES: &[Examples] = &[("setup", &["lanyard setup", "lanyard setup --device"])];
