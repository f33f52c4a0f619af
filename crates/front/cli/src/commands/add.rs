//! `lanyard add`: tokens that a person pastes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_broker::AddToken;
use lanyard_credential::{CredentialName, Kind, Subject};
use lanyard_secret::AccessToken;

use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output, prompt};

#[derive(Debug, Subcommand)]
pub(crate) enum Add {
    /// Keep a bot's token: it lasts until someone regenerates it
    Bot(Paste),
    /// Keep a personal access token: it ends after hours and cannot be renewed
    Personal(Paste),
}

#[derive(Debug, Args)]
pub(crate) struct Paste {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    name: CredentialName,
    /// A file with the token, `-` for standard input [default: a hidden prompt]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Add {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let (kind, Paste { name, token_file }) = match self {
            Self::Bot(paste) => (Kind::Bot, paste),
            Self::Personal(paste) => (Kind::Personal, paste),
        };
        let environment = common.environment()?;
        let text = prompt::secret("access token", "--token-file", token_file.as_deref())?;
        let broker = common.broker_or_new().await?;
        let token = AccessToken::new(text.as_str());
        let credential = broker.call(AddToken { name, kind, environment, token }).await?;
        if common.json {
            output::json::print(&output::json::credential(&credential, &context::parts().clock.now()))?;
            return Ok(ExitCode::SUCCESS);
        }
        let whose = match &credential.subject {
            Subject::Known(subject) => format!("it acts as {}", output::credential::subject(subject)),
            Subject::Unknown(reason) => format!("who it acts as is unknown: {reason}"),
        };
        output::note(&format!("added {}; {whose}", credential.name));
        if kind == Kind::Personal {
            output::note(
                "a personal token ends within hours of being made and cannot be renewed; for lasting access: lanyard login",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
